"""Carries the `TraceHeader` of a PutEvents entry to the queues that the event reaches.

Stock drops it. It is not part of the event: AWS hands it to a queue as the system attribute AWSTraceHeader.
"""

import contextvars
import json

from ministack.services import eventbridge

_current = contextvars.ContextVar("trace_header", default=None)


def current():
    """The trace header of the entry that is being delivered, or None."""
    return _current.get()


def install():
    stock = eventbridge._put_events

    def put_events(request, **options):
        entries = request.get("Entries", [])
        if len(entries) > 10 or not any(entry.get("TraceHeader") for entry in entries):
            return stock(request, **options)
        failed, results, answer = 0, [], None
        for entry in entries:
            scope = _current.set(entry.get("TraceHeader"))
            try:
                answer = stock({**request, "Entries": [entry]}, **options)
            finally:
                _current.reset(scope)
            body = json.loads(answer[2])
            failed += body["FailedEntryCount"]
            results += body["Entries"]
        return answer[0], answer[1], json.dumps({"FailedEntryCount": failed, "Entries": results}).encode()

    eventbridge._put_events = put_events
