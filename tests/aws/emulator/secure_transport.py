"""Counts a request over the loopback as secure transport.

The emulator is reached over plain HTTP on 127.0.0.1 only. Policies that deny requests without TLS,
such as that of the CDK bootstrap bucket and of every queue and topic with `enforceSSL`, would
otherwise deny everything.
"""

import ipaddress

from ministack import app
from ministack.core import iam_evaluator


def install():
    def pin(source_ip, secure):
        iam_evaluator.pin_request_origin(source_ip, secure or is_loopback(source_ip))

    app.pin_request_origin = pin


def is_loopback(address):
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
