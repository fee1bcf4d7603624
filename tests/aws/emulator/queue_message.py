"""Sends a message to a queue on behalf of an AWS service inside the emulator."""

from ministack.core import iam_evaluator
from ministack.services import sqs


class QueueRefused(Exception):
    """The queue does not exist or does not take the message."""


def send(queue_arn, body, attributes=None, trace_header=None, group=None, deduplication=None):
    queue = sqs._queue_by_arn(queue_arn)
    if queue is None:
        raise QueueRefused(f"queue {queue_arn} does not exist")
    request = {"QueueUrl": queue["url"], "MessageBody": body, "MessageAttributes": string_attributes(attributes or {})}
    if trace_header:
        request["MessageSystemAttributes"] = {"AWSTraceHeader": {"DataType": "String", "StringValue": trace_header}}
    if queue["is_fifo"]:
        request["MessageGroupId"] = group
        request["MessageDeduplicationId"] = deduplication
    # Services reach a queue over TLS, and background threads have no request that says so.
    iam_evaluator.pin_request_origin("127.0.0.1", True)
    try:
        sqs._act_send_message(request, queue["url"])
    except sqs._Err as refusal:
        raise QueueRefused(f"queue {queue_arn}: {refusal.message}") from refusal


def string_attributes(attributes):
    return {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
