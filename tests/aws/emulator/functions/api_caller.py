"""Makes the AWS call that the event names, with the function's own role, and answers with how it went."""

import os

import botocore.exceptions
import botocore.session


def handle(event):
    print("calling", event["service"], event["operation"])
    client = botocore.session.get_session().create_client(
        event["service"], region_name=os.environ["AWS_REGION"], endpoint_url=os.environ["AWS_ENDPOINT_URL"]
    )
    try:
        client._make_api_call(event["operation"], event["parameters"])
    except botocore.exceptions.ClientError as error:
        return {"outcome": error.response["Error"]["Code"]}
    return {"outcome": "allowed"}
