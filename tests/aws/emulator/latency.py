"""Makes one service slow for a rehearsal: its answers leave later, and nobody else waits.

The work is done when the request comes, so a caller that gives up does not know that it took effect. A service is
known by the name that its requests are signed for; what the emulator's services do among themselves is not slowed.
"""

import asyncio
import re
import time

from ministack import app

import control

LOOK_SECONDS = 0.05
SIGNED_FOR = re.compile(rb"Credential=[^/]+/[0-9]{8}/[^/]+/([^/]+)/aws4_request")

_milliseconds = {}


def install():
    stock = app.app

    async def application(scope, receive, send):
        await stock(scope, receive, send_later(send, signed_for(scope)) if _milliseconds else send)

    app.app = application


def signed_for(scope):
    """The service's name in the signature, or None."""
    header = next((value for name, value in scope.get("headers", []) if name.lower() == b"authorization"), b"")
    signature = SIGNED_FOR.search(header)
    return signature and signature[1].decode()


def send_later(send, service):
    async def later(message):
        if message["type"] == "http.response.start":
            await hold_back(service)
        await send(message)

    return later


async def hold_back(service):
    """Waits as long as the service is slow now, so that an answer that waits leaves when it no longer is."""
    begun = time.monotonic()
    while (left := begun + _milliseconds.get(service, 0) / 1000 - time.monotonic()) > 0:
        await asyncio.sleep(min(left, LOOK_SECONDS))


@control.endpoint("GET", "latency")
def latencies(_parameters):
    return dict(_milliseconds)


@control.endpoint("POST", "latency")
def set_latency(parameters):
    service, wanted = control.required(parameters, "service"), control.required(parameters, "milliseconds")
    if not wanted.isdecimal():
        raise control.Refused(f"{wanted} is no number of milliseconds")
    if int(wanted):
        _milliseconds[service] = int(wanted)
    else:
        _milliseconds.pop(service, None)
    return dict(_milliseconds)
