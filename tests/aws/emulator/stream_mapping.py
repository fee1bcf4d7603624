"""DynamoDB stream mappings: partial failures, retries, bisection, record age, failure destination.

The stock poller takes a batch as done when the function reports failures in it, retries an
exception for ever, and invokes on the thread that also polls every queue. Here each mapping has its
own cursor and at most one invocation in flight, so one slow function holds up nobody else and
records keep the order of the stream, which includes the order of each key.
"""

import logging
import threading
import time

from ministack.services import dynamodb, lambda_svc

import failure_destination
from batch_cursor import UNLIMITED, BatchCursor, Limits

FIRST_RETRY_SECONDS = 0.1
LONGEST_RETRY_SECONDS = 1.0
log = logging.getLogger("emulator.stream_mapping")

_cursors = {}
_cursors_lock = threading.Lock()


def install():
    lambda_svc._poll_dynamodb_streams = poll


def poll():
    """One pass over all mappings. True when one of them had something to do."""
    busy = False
    known = set()
    for account, region, mapping in lambda_svc._iter_all_esms():
        known.add(mapping["UUID"])
        account_scope = lambda_svc._request_account_id.set(account)
        region_scope = lambda_svc._request_region.set(region)
        try:
            busy = poll_mapping(mapping) or busy
        finally:
            lambda_svc._request_account_id.reset(account_scope)
            lambda_svc._request_region.reset(region_scope)
    forget_deleted(known)
    return busy


def poll_mapping(mapping):
    """Starts an invocation for the mapping when it is enabled, idle and behind its stream."""
    table = stream_table(mapping)
    if table is None or not mapping.get("Enabled", True) or lambda_svc._esm_inflight.get(mapping["UUID"]):
        return False
    function, config = lambda_svc._get_func_record_for_qualifier(mapping["FunctionName"], mapping.get("Qualifier"))
    if function is None:
        return False
    cursor = cursor_of(mapping, table)
    cursor.skip_expired(dynamodb.stream_start_position(table))
    records = next_records(mapping, table, cursor)
    if not records:
        return False
    execution = lambda_svc._execution_record_for_config(function, config)
    lambda_svc._dispatch_esm_batch(mapping["UUID"], invoke, mapping, execution, cursor, records)
    return True


def stream_table(mapping):
    """The name of the table whose current stream the mapping reads, or None."""
    arn = mapping.get("EventSourceArn", "")
    try:
        source = lambda_svc.parse_arn(arn)
    except lambda_svc.ArnParseError:
        return None
    if source.service != "dynamodb" or source.region != lambda_svc.get_region():
        return None
    named = lambda_svc._dynamodb_stream_table_from_arn_spec(source)
    if named is None:
        return None
    table = dynamodb._tables.get(named[0])
    return named[0] if table and table.get("LatestStreamArn") == arn else None


def cursor_of(mapping, table):
    """The mapping's cursor, which begins where the emulator anchored the mapping when it was created."""
    identity = mapping["UUID"]
    with _cursors_lock:
        if identity not in _cursors:
            lambda_svc._init_stream_position(identity, mapping["EventSourceArn"], mapping.get("StartingPosition"))
            with lambda_svc._dynamodb_stream_positions_lock:
                _cursors[identity] = BatchCursor(lambda_svc._dynamodb_stream_positions[identity])
        return _cursors[identity]


def forget_deleted(known):
    with _cursors_lock:
        for identity in [identity for identity in _cursors if identity not in known]:
            del _cursors[identity]


def next_records(mapping, table, cursor):
    """The records of the part in hand, or of a new batch."""
    size = cursor.part_end - cursor.position if cursor.in_batch else int(mapping.get("BatchSize", 100))
    records = dynamodb.stream_records_since(table, cursor.position, size)
    if records and not cursor.in_batch:
        cursor.begin(cursor.position + len(records))
    return records


def invoke(mapping, function, cursor, records):
    """One invocation and its consequences, on a thread of its own."""
    limits = limits_of(mapping)
    aged = sum(1 for record in records if 0 <= limits.age_seconds < age_of(record))
    if aged:
        settle(mapping, function, cursor, records, cursor.discard_aged(aged), None)
        return
    wanted = lambda_svc._apply_filter_criteria(records, mapping)
    if not wanted:
        cursor.succeeded()
        remember_position(mapping, cursor)
        return
    result = lambda_svc._execute_function(function, {"Records": wanted})
    if result.get("throttle"):
        mapping["LastProcessingResult"] = "PROBLEM: Function call failed"
        time.sleep(FIRST_RETRY_SECONDS)
        return
    failed_at = first_failure(mapping, records, result)
    if failed_at is None:
        cursor.succeeded()
        mapping["LastProcessingResult"] = f"OK - {len(wanted)} records"
        remember_position(mapping, cursor)
        return
    mapping["LastProcessingResult"] = "PROBLEM: Function call failed"
    given_up = cursor.failed(failed_at, limits, age_of(records[0]))
    settle(mapping, function, cursor, records, given_up, result)
    if given_up is None and cursor.invocations:
        time.sleep(min(FIRST_RETRY_SECONDS * 2 ** min(cursor.invocations - 1, 10), LONGEST_RETRY_SECONDS))


def settle(mapping, function, cursor, records, given_up, result):
    """Reports what was given up before the position moves past it for good."""
    if given_up is not None:
        lost = lambda_svc._apply_filter_criteria(records[: given_up.end - given_up.start], mapping)
        if lost:
            log.warning("mapping %s gave up %d records: %s", mapping["UUID"], len(lost), given_up.condition)
            failure_destination.send(mapping, function["config"]["FunctionArn"], lost, given_up, result)
    remember_position(mapping, cursor)


def remember_position(mapping, cursor):
    with lambda_svc._dynamodb_stream_positions_lock:
        lambda_svc._dynamodb_stream_positions[mapping["UUID"]] = cursor.position


def limits_of(mapping):
    return Limits(
        retries=number_or_unlimited(mapping.get("MaximumRetryAttempts")),
        age_seconds=number_or_unlimited(mapping.get("MaximumRecordAgeInSeconds")),
        bisect=str(mapping.get("BisectBatchOnFunctionError", False)).lower() == "true",
    )


def number_or_unlimited(value):
    return UNLIMITED if value is None else int(value)


def age_of(record):
    return time.time() - float(record["dynamodb"]["ApproximateCreationDateTime"])


def first_failure(mapping, records, result):
    """The offset of the first record that is not done, or None.

    A report that names an unknown or empty identifier, or is no report at all, fails the whole batch.
    """
    if result.get("error"):
        return 0
    if "ReportBatchItemFailures" not in (mapping.get("FunctionResponseTypes") or []):
        return None
    answer = result.get("body")
    if answer is None or answer == "" or answer == {}:
        return None
    if not isinstance(answer, dict):
        return 0
    failures = answer.get("batchItemFailures")
    if not failures:
        return None
    offsets = {record["dynamodb"]["SequenceNumber"]: offset for offset, record in enumerate(records)}
    try:
        return min(offsets[failure["itemIdentifier"]] for failure in failures)
    except (KeyError, TypeError):
        return 0
