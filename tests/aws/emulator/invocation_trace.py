"""Gives each invocation its trace header, and records the function's own segment, as the Lambda service does.

Stock makes up a root for every invocation of a traced function and takes none over. Here the header of
the request, or the trace header of the event on a bus, is carried on. The thread that polls streams and queues has
neither, so each batch begins a trace: on AWS the traces of a queue's messages are linked to the batch's, and each
message keeps its own header.
"""

import contextvars
import re
import secrets
import time

from ministack import app
from ministack.core.lambda_runtime import ProvidedWorker
from ministack.services import lambda_svc

import trace_header
import xray_daemon

HEADER = b"x-amzn-trace-id"
ROOT = re.compile("1-[0-9a-f]{8}-[0-9a-f]{24}")

_requested = contextvars.ContextVar("requested_trace", default=None)


def install():
    stock_application = app.app
    stock_environment = lambda_svc._provided_worker_env
    stock_invoke = ProvidedWorker.invoke

    async def application(scope, receive, send):
        if scope["type"] == "http":
            _requested.set(header_of(scope))
        await stock_application(scope, receive, send)

    def environment(config, *arguments):
        traced = {"AWS_XRAY_DAEMON_ADDRESS": xray_daemon.address()} if is_active(config) else {}
        return {**stock_environment(config, *arguments), **traced}

    def invoke(self, event, request_id, **options):
        inbound = parsed(trace_header.current() or _requested.get())
        own = own_trace(self.config, inbound)
        begun, failed = time.time(), True
        try:
            result = stock_invoke(self, event, request_id, **{**options, "trace_id": written(own)})
            failed = result.get("status") != "ok"
            return result
        finally:
            if is_active(self.config) and own["Sampled"] == "1":
                xray_daemon.record(segment(self.func_name, own, inbound, begun, failed))

    app.app = application
    lambda_svc._provided_worker_env = environment
    ProvidedWorker.invoke = invoke


def header_of(scope):
    return next((value.decode("latin-1") for name, value in scope["headers"] if name.lower() == HEADER), None)


def is_active(config):
    return (config.get("TracingConfig") or {}).get("Mode") == "Active"


def parsed(header):
    """The parts of a trace header, or nothing when it names no root."""
    parts = dict(part.strip().partition("=")[::2] for part in (header or "").split(";"))
    return parts if ROOT.fullmatch(parts.get("Root", "")) else {}


def own_trace(config, inbound):
    """What the function is told. Without active tracing it is what came in, or an unsampled root."""
    if inbound and not is_active(config):
        return inbound
    sampled = inbound.get("Sampled") if inbound.get("Sampled") in ("0", "1") else None
    return {
        "Root": inbound.get("Root") or f"1-{int(time.time()):08x}-{secrets.token_hex(12)}",
        "Parent": secrets.token_hex(8),
        "Sampled": sampled or ("1" if is_active(config) else "0"),
    }


def written(trace):
    return ";".join(f"{name}={value}" for name, value in trace.items())


def segment(function, own, inbound, begun, failed):
    document = {
        "id": own["Parent"], "trace_id": own["Root"], "name": function, "origin": "AWS::Lambda::Function",
        "start_time": begun, "end_time": time.time(),
    }
    if inbound.get("Parent"):
        document["parent_id"] = inbound["Parent"]
    if failed:
        document["fault"] = True
    return document
