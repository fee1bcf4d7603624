"""A Lambda runtime in the standard library: asks the Runtime API for events and calls `handler.handle`."""

import json
import os
import traceback
import urllib.request

import handler

API = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"


def post(path, answer):
    request = urllib.request.Request(f"{API}/{path}", json.dumps(answer).encode(), method="POST")
    urllib.request.urlopen(request).read()


while True:
    with urllib.request.urlopen(f"{API}/next") as response:
        identity = response.headers["Lambda-Runtime-Aws-Request-Id"]
        os.environ["_X_AMZN_TRACE_ID"] = response.headers.get("Lambda-Runtime-Trace-Id", "")
        event = json.load(response)
    try:
        post(f"{identity}/response", handler.handle(event))
    except Exception as error:
        traceback.print_exc()
        post(f"{identity}/error", {"errorType": type(error).__name__, "errorMessage": str(error)})
