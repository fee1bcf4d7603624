"""Writes down what it got and the trace that it is in, and tells the X-Ray daemon of a step of its own when there is one."""

import json
import os
import socket
import time


def handle(event):
    trace, daemon = os.environ["_X_AMZN_TRACE_ID"], os.environ.get("AWS_XRAY_DAEMON_ADDRESS")
    if daemon:
        send_step(trace, daemon)
    with open(os.environ["RECORD_FILE"], "a") as file:
        file.write(json.dumps({"event": event, "trace": trace, "daemon": daemon}) + "\n")


def send_step(trace, daemon):
    parts = dict(part.split("=") for part in trace.split(";"))
    step = {"id": os.urandom(8).hex(), "trace_id": parts["Root"], "parent_id": parts["Parent"], "type": "subsegment",
            "name": "step", "start_time": time.time(), "end_time": time.time()}
    host, port = daemon.split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"not a segment", (host, int(port)))
        sender.sendto(b'{"format": "json", "version": 1}\n' + json.dumps(step).encode(), (host, int(port)))
