"""What the X-Ray daemon of a Lambda environment takes: segment documents by UDP, kept for the one who asks."""

import collections
import json
import logging
import socket
import threading

import control

LONGEST_DATAGRAM = 65535
BUFFER_BYTES = 4 * 1024 * 1024
KEPT_SEGMENTS = 100_000
log = logging.getLogger("emulator.xray_daemon")

_segments = collections.deque(maxlen=KEPT_SEGMENTS)
_listener = None


def install():
    global _listener
    _listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    _listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
    _listener.bind(("127.0.0.1", 0))
    threading.Thread(target=receive, daemon=True, name="xray-daemon").start()


def address():
    """Where functions send their segments: host:port."""
    host, port = _listener.getsockname()
    return f"{host}:{port}"


def record(segment):
    _segments.append(segment)


def receive():
    while True:
        datagram = _listener.recv(LONGEST_DATAGRAM)
        try:
            record(segment_in(datagram))
        except ValueError as error:
            log.warning("a datagram that is no segment: %s: %r", error, datagram[:200])


def segment_in(datagram):
    """The document behind the daemon's header line."""
    header, _, document = datagram.partition(b"\n")
    if json.loads(header) != {"format": "json", "version": 1}:
        raise ValueError("unknown header")
    segment = json.loads(document)
    if not isinstance(segment, dict):
        raise ValueError("the document is no object")
    return segment


@control.endpoint("GET", "xray/segments")
def segments(parameters):
    """All segments, the oldest first; those of one trace when it is named."""
    wanted = parameters.get("trace_id")
    return [segment for segment in list(_segments) if wanted in (None, segment.get("trace_id"))]


@control.endpoint("DELETE", "xray/segments")
def forget(_parameters):
    _segments.clear()
    return {}
