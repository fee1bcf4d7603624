"""A function without concurrency answers as on AWS: PutFunctionConcurrency with 0 throttles every invocation.

Stock has the 429 of a direct invocation, with a message of its own, which an HTTP API hands on to its caller. A queue's
mapping of such a function does not even receive, so that no message ever runs out of receives. A REST API would answer
500 on AWS; it is not told apart here.
"""

import json

from ministack.services import lambda_svc


def install():
    stock_throttle = lambda_svc._throttle_response
    stock_proxy = lambda_svc.lambda_execute_result_to_api_proxy_response
    stock_concurrency = lambda_svc._sqs_esm_concurrency

    def throttle(reason_code, msg, retry_after=1):
        return stock_throttle(reason_code, "Rate Exceeded.", retry_after)

    def proxy(result):
        return (service_unavailable(), None) if result.get("throttle") else stock_proxy(result)

    def concurrency(*arguments):
        return max(1, stock_concurrency(*arguments))

    lambda_svc._throttle_response = throttle
    lambda_svc.lambda_execute_result_to_api_proxy_response = proxy
    lambda_svc._sqs_esm_concurrency = concurrency


def service_unavailable():
    return {"statusCode": 503, "headers": {"Content-Type": "application/json"}, "body": json.dumps({"message": "Service Unavailable"})}
