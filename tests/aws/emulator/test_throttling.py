"""A function without concurrency: what its callers, its queue and its stream see."""

import json
import unittest
import urllib.error
import urllib.request

from emulator_case import EmulatorCase, attribute, function, http_api, queue, reference, role, table, until

GRANTS = {"Effect": "Allow", "Action": ["dynamodb:*", "sqs:*"], "Resource": "*"}


def mapping(source, **properties):
    return {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {
        "FunctionName": reference("Function"), "EventSourceArn": source, **properties}}


class Throttling(EmulatorCase):
    def arrange(self, resources, *outputs):
        stack = self.id().rsplit(".", 1)[-1].replace("_", "-")[:60]
        recorder = function("invocation_recorder", RECORD_FILE=self.record_file())
        return self.deploy(stack, {"Role": role(GRANTS), "Function": recorder, **resources},
                           {name: reference(name) for name in ("Function", *outputs)})

    def throttle(self, stack):
        self.client("lambda").put_function_concurrency(FunctionName=stack["Function"], ReservedConcurrentExecutions=0)

    def release(self, stack):
        self.client("lambda").delete_function_concurrency(FunctionName=stack["Function"])

    def state(self, stack):
        return self.client("lambda").list_event_source_mappings(FunctionName=stack["Function"])["EventSourceMappings"][0]

    def test_an_invocation_is_refused_until_the_function_is_released(self):
        stack = self.arrange({})
        client = self.client("lambda")
        self.throttle(stack)
        with self.assertRaises(client.exceptions.TooManyRequestsException) as refusal:
            client.invoke(FunctionName=stack["Function"], Payload="{}")
        answer = refusal.exception.response
        self.assertEqual(answer["ResponseMetadata"]["HTTPStatusCode"], 429)
        self.assertEqual((answer["Error"]["Message"], answer["Reason"]),
                         ("Rate Exceeded.", "ReservedFunctionConcurrentInvocationLimitExceeded"))
        self.assertEqual(self.records(), [])
        self.release(stack)
        client.invoke(FunctionName=stack["Function"], Payload="{}")
        self.assertEqual(len(self.records()), 1)

    def test_a_caller_of_an_http_api_is_told_that_the_service_is_unavailable(self):
        stack = self.arrange(http_api(), "Api")
        url = f"{self.endpoint}/_aws/execute-api/{stack['Api']}/$default/tasks"
        self.throttle(stack)
        with self.assertRaises(urllib.error.HTTPError) as refusal:
            urllib.request.urlopen(url)
        with refusal.exception as answer:
            self.assertEqual((answer.code, json.load(answer)), (503, {"message": "Service Unavailable"}))
        self.release(stack)
        with urllib.request.urlopen(url) as answer:
            self.assertEqual(answer.status, 200)

    def test_a_message_returns_to_its_queue_and_counts_its_receives(self):
        stack = self.arrange({"Queue": queue(VisibilityTimeout=1), "Mapping": mapping(attribute("Queue", "Arn"))}, "Queue")
        self.throttle(stack)
        self.client("sqs").send_message(QueueUrl=stack["Queue"], MessageBody="waits")
        # when it was received in vain, and the function is released
        until(lambda: self.state(stack)["LastProcessingResult"] == "FAILED", "a throttled batch")
        self.assertEqual(self.records(), [])
        self.release(stack)
        # then it comes again
        record = until(self.records, "the message")[0]["event"]["Records"][0]
        self.assertEqual(record["body"], "waits")
        self.assertGreaterEqual(int(record["attributes"]["ApproximateReceiveCount"]), 2)

    def test_a_message_that_was_received_too_often_goes_to_the_dead_letters(self):
        stack = self.arrange({
            "Dead": queue(), "Mapping": mapping(attribute("Queue", "Arn")),
            "Queue": queue(VisibilityTimeout=0, RedrivePolicy={"deadLetterTargetArn": attribute("Dead", "Arn"), "maxReceiveCount": 2}),
        }, "Queue", "Dead")
        self.throttle(stack)
        self.client("sqs").send_message(QueueUrl=stack["Queue"], MessageBody="given up")
        self.assertEqual(self.receive(stack["Dead"])[0]["Body"], "given up")
        self.assertEqual(self.records(), [])

    def test_a_stream_waits(self):
        stack = self.arrange({
            "Table": table(StreamSpecification={"StreamViewType": "NEW_IMAGE"}),
            "Mapping": mapping(attribute("Table", "StreamArn"), StartingPosition="TRIM_HORIZON", MaximumRetryAttempts=0),
        }, "Table")
        self.throttle(stack)
        self.client("dynamodb").put_item(TableName=stack["Table"], Item={"pk": {"S": "waits"}})
        # when it was tried in vain, and the function is released
        until(lambda: self.state(stack)["LastProcessingResult"].startswith("PROBLEM"), "a throttled batch")
        self.assertEqual(self.records(), [])
        self.release(stack)
        # then the batch comes, though a failure would have used up its only attempt
        record = until(self.records, "the record")[0]["event"]["Records"][0]
        self.assertEqual(record["dynamodb"]["Keys"], {"pk": {"S": "waits"}})

if __name__ == "__main__":
    unittest.main()
