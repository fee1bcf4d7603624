"""Asks for the right to send a message on the sender's identity, as SES does, instead of on everything."""

import json

from ministack.core import iam_actions

OUTBOUND = "/v2/email/outbound-emails"


def install():
    stock = iam_actions._ses_v2_resource_arn

    def resource(method, path, body, region, account):
        sender = sender_of(body) if method == "POST" and path.rstrip("/") == OUTBOUND else None
        return f"arn:aws:ses:{region}:{account}:identity/{sender}" if sender else stock(method, path, body, region, account)

    iam_actions._ses_v2_resource_arn = resource


def sender_of(body):
    try:
        return json.loads(body).get("FromEmailAddress")
    except ValueError:
        return None
