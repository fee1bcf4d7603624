"""The record that a stream mapping sends to its OnFailure destination: which records were given up, and why."""

import json
import logging
import time
import uuid

from ministack.services import sns

import queue_message

SHARD = "shardId-00000000000000000000-00000000"
log = logging.getLogger("emulator.failure_destination")


def send(mapping, function_arn, records, given_up, result):
    """Sends the failure record. A destination that refuses it is logged, and the stream goes on."""
    destination = ((mapping.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")
    if not destination:
        log.warning("mapping %s gave up %d records and has no destination", mapping["UUID"], len(records))
        return
    body = json.dumps(failure_record(mapping, function_arn, records, given_up, result))
    try:
        if ":sns:" in destination:
            sns._fanout(destination, str(uuid.uuid4()), body, "", "", {})
        else:
            queue_message.send(destination, body)
    except queue_message.QueueRefused as refusal:
        log.error("mapping %s: failure record lost: %s", mapping["UUID"], refusal)


def failure_record(mapping, function_arn, records, given_up, result):
    first, last = records[0]["dynamodb"], records[-1]["dynamodb"]
    record = {
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "functionArn": function_arn,
            "condition": given_up.condition,
            "approximateInvokeCount": given_up.invocations,
        },
        "version": "1.0",
        "timestamp": timestamp(time.time()),
        "DDBStreamBatchInfo": {
            "shardId": SHARD,
            "startSequenceNumber": first["SequenceNumber"],
            "endSequenceNumber": last["SequenceNumber"],
            "approximateArrivalOfFirstRecord": timestamp(first["ApproximateCreationDateTime"]),
            "approximateArrivalOfLastRecord": timestamp(last["ApproximateCreationDateTime"]),
            "batchSize": len(records),
            "streamArn": mapping["EventSourceArn"],
        },
    }
    if result is not None:
        record["responseContext"] = {"statusCode": 200, "executedVersion": "$LATEST"}
        if result.get("error"):
            record["responseContext"]["functionError"] = result.get("function_error") or "Unhandled"
    return record


def timestamp(epoch):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(float(epoch)))
