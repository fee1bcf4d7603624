"""FilterCriteria of event source mappings, by the emulator's own EventBridge matcher.

The stock filter knows six operators and drops a pattern that it cannot read, which lets every record through.
"""

import json

from ministack.services import eventbridge, lambda_svc


def install():
    stock = lambda_svc._apply_filter_criteria

    def matching(records, mapping):
        patterns = filter_patterns(mapping)
        if not patterns:
            return records
        if any("kinesis" in record for record in records):
            return stock(records, mapping)
        return [record for record in records if any(matches(pattern, record) for pattern in patterns)]

    lambda_svc._apply_filter_criteria = matching


def filter_patterns(mapping):
    filters = (mapping.get("FilterCriteria") or {}).get("Filters") or []
    return [entry["Pattern"] for entry in filters if entry.get("Pattern")]


def matches(pattern, record):
    """Whether a record passes one pattern. A pattern that cannot be read lets nothing through."""
    alternatives = eventbridge._compiled_pattern(pattern)
    if alternatives is None:
        return False
    decoded = with_decoded_body(record)
    return any(eventbridge._matches_detail(decoded, alternative) for alternative in alternatives)


def with_decoded_body(record):
    """A queue record is matched with its body as JSON, when it is JSON."""
    if not isinstance(record.get("body"), str):
        return record
    try:
        return {**record, "body": json.loads(record["body"])}
    except ValueError:
        return record
