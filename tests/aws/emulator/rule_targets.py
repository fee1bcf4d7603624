"""Delivery from a rule or a schedule to its target: permissions and the target's dead-letter queue.

Stock logs a target that is missing and drops the event, and asks for no permission. On AWS a
missing target, a missing permission and a message that the queue refuses are not retried: the event
goes to the target's dead-letter queue at once. Nothing else can fail here, since delivery is a call
in this process, so a RetryPolicy has nothing to do. A function as target is invoked asynchronously and has its own retries and its own
dead-letter queue.
"""

import contextvars
import hashlib
import json
import logging

from ministack.core import iam_evaluator
from ministack.services import eventbridge, lambda_svc, sns, sqs

import queue_message
import trace_header

ACTIONS = {"sqs": "sqs:SendMessage", "lambda": "lambda:InvokeFunction", "sns": "sns:Publish"}
_refusals = contextvars.ContextVar("refusals")
log = logging.getLogger("emulator.rule_targets")


class DeliveryFailed(Exception):
    """A target that cannot be reached, with the code that the dead-letter queue is told."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def install():
    stock = eventbridge._invoke_target

    def invoke_target(target, event, rule, view=None):
        try:
            require_reachable(target, rule)
            deliver(stock, target, event, rule, view)
        except DeliveryFailed as failure:
            log.warning("target %s of %s: %s", target.get("Arn"), rule.get("Arn"), failure)
            send_to_dead_letters(target, event, rule, failure, view)

    eventbridge._invoke_target = invoke_target
    eventbridge._dispatch_to_sqs = deliver_to_queue
    eventbridge._dispatch_to_lambda = deliver_to_function


def deliver(stock, target, event, rule, view):
    """Raises what the target refused, which stock catches and only logs."""
    refusals = []
    scope = _refusals.set(refusals)
    try:
        stock(target, event, rule, view)
    finally:
        _refusals.reset(scope)
    if refusals:
        raise DeliveryFailed("SDK_CLIENT_ERROR", str(refusals[0]))


def require_reachable(target, rule):
    """Raises DeliveryFailed when the target does not exist or may not be used."""
    arn = target.get("Arn", "")
    service = arn.split(":")[2] if arn.count(":") >= 5 else ""
    if service not in ACTIONS:
        return
    exists, policy = resource(service, arn)
    if not exists:
        raise DeliveryFailed("NO_RESOURCE", f"{arn} does not exist")
    allowed = role_allows(target, service) if is_schedule(rule) else policy_allows(policy, service, arn, rule)
    if not allowed:
        raise DeliveryFailed("NO_PERMISSIONS", f"{rule.get('Arn')} may not use {arn}")


def resource(service, arn):
    """Whether the target exists, and its resource policy."""
    if service == "sqs":
        queue = sqs._queue_by_arn(arn)
        return queue is not None, queue and queue["attributes"].get("Policy")
    if service == "sns":
        topic = sns._topics.get(arn)
        return topic is not None, topic and topic["attributes"].get("Policy")
    function, _, _ = lambda_svc._get_func_record_for_ref(arn)
    return function is not None, function and function.get("policy")


def is_schedule(rule):
    return ":scheduler:" in rule.get("Arn", "")


def policy_allows(policy, service, arn, rule):
    """A rule is let in by the target's resource policy."""
    context = evaluation("events.amazonaws.com", service, arn, {"aws:sourcearn": rule.get("Arn", "")})
    decision = iam_evaluator.evaluate_resource_policy(policy, context, service="events.amazonaws.com")
    return decision.decision == "Allow"


def role_allows(target, service):
    """A schedule is let in by the role that it assumes."""
    role_arn = target.get("RoleArn", "")
    account = role_arn.split(":")[4] if role_arn.count(":") >= 5 else ""
    statements = [
        statement
        for policy in iam_evaluator._gather_role_policies(role_arn.rsplit("/", 1)[-1], account)
        for statement in policy
    ]
    context = evaluation(role_arn, service, target["Arn"], {})
    return iam_evaluator.evaluate(context, [statements]).decision == "Allow"


def evaluation(principal, service, arn, keys):
    return iam_evaluator.EvalContext(
        principal_arn=principal,
        principal_type="AssumedRole",
        principal_account=lambda_svc.get_account_id(),
        action=ACTIONS[service],
        resource_arn=arn,
        region=lambda_svc.get_region(),
        secure_transport=True,
        service_context=keys,
    )


def send_to_dead_letters(target, event, rule, failure, view):
    """Hands the event to the target's dead-letter queue, with the reason in its attributes."""
    queue_arn = (target.get("DeadLetterConfig") or {}).get("Arn")
    if not queue_arn:
        return
    view = view or eventbridge._pattern_event_view(event)
    attributes = {
        "RULE_ARN": rule.get("Arn", ""),
        "TARGET_ARN": target.get("Arn", ""),
        "ERROR_CODE": failure.code,
        "ERROR_MESSAGE": str(failure),
    }
    try:
        queue_message.send(queue_arn, json.dumps(view.event_with_detail()), attributes, trace_header.current())
    except queue_message.QueueRefused as refusal:
        log.error("event of %s lost: %s", rule.get("Arn"), refusal)


def deliver_to_queue(target, payload, parameters=None):
    try:
        queue_message.send(
            str(target),
            payload,
            trace_header=trace_header.current(),
            group=(parameters or {}).get("MessageGroupId"),
            deduplication=hashlib.sha256(payload.encode()).hexdigest(),
        )
    except queue_message.QueueRefused as refusal:
        _refusals.get().append(refusal)


def deliver_to_function(arn, payload):
    function, config, _ = lambda_svc._get_func_record_for_ref(arn)
    lambda_svc.invoke_async_with_retry(
        lambda_svc._execution_record_for_config(function, config), json.loads(payload)
    )
