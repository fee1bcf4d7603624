"""The endpoints under /_emulator by which a test or a benchmark asks the emulator and steers it.

Their parameters are in the query, their answers are JSON. A handler runs on a thread of its own, so it may wait.
"""

import asyncio
import json
from urllib.parse import parse_qsl

from ministack import app

PREFIX = "/_emulator/"
_handlers = {}


class Refused(Exception):
    """A request that cannot be met: the caller gets 400 and the reason."""


def endpoint(method, path):
    """Registers a function of the query's parameters that gives what to answer."""
    def register(handler):
        _handlers[method, PREFIX + path] = handler
        return handler

    return register


def required(parameters, name):
    if not parameters.get(name):
        raise Refused(f"the parameter {name} is missing")
    return parameters[name]


def install():
    stock = app.app

    async def application(scope, receive, send):
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            await respond(send, *await answer(scope))
        else:
            await stock(scope, receive, send)

    app.app = application


async def answer(scope):
    handler = _handlers.get((scope["method"], scope["path"]))
    if handler is None:
        return 404, {"message": f"{scope['method']} {scope['path']} is no endpoint"}
    parameters = dict(parse_qsl(scope.get("query_string", b"").decode()))
    try:
        return 200, await asyncio.to_thread(handler, parameters)
    except Refused as refusal:
        return 400, {"message": str(refusal)}


async def respond(send, status, answer):
    body = json.dumps(answer).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
