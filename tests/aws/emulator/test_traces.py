"""Trace headers of invocations, and the segments that X-Ray would get."""

import json
import secrets
import unittest
import urllib.request

from emulator_case import EmulatorCase, attribute, function, http_api, queue, reference, role, table, until

PARENT = "53995c3f42cd8ad8"
OWN = r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=1"
GRANTS = {"Effect": "Allow", "Action": ["dynamodb:*", "sqs:*"], "Resource": "*"}


def parts(header):
    return dict(part.split("=") for part in header.split(";"))


class Traces(EmulatorCase):
    def setUp(self):
        self.root = f"1-5759e988-{secrets.token_hex(12)}"
        self.header = f"Root={self.root};Parent={PARENT};Sampled=1"

    def arrange(self, tracing="Active", resources=None, outputs=()):
        stack = self.id().rsplit(".", 1)[-1].replace("_", "-")[:60]
        recorder = function("invocation_recorder", tracing=tracing, RECORD_FILE=self.record_file())
        return self.deploy(stack, {"Role": role(GRANTS), "Function": recorder, **(resources or {})},
                           {name: reference(name) for name in ("Function", *outputs)})

    def request(self, api, **headers):
        request = urllib.request.Request(f"{self.endpoint}/_aws/execute-api/{api}/$default/tasks", headers=headers)
        with urllib.request.urlopen(request) as response:
            self.assertEqual(response.status, 200)

    def record(self):
        return until(self.records, "an invocation")[0]

    def segments(self, trace, count):
        """The segments of one trace by name, once all are there."""
        found = until(lambda: self.enough(trace, count), f"{count} segments")
        self.assertEqual(len(found), count)
        return {segment["name"]: segment for segment in found}

    def enough(self, trace, count):
        found = self.ask("GET", "xray/segments", trace_id=trace)
        return found if len(found) >= count else None

    def test_a_request_with_a_trace_is_carried_on_under_a_segment_of_the_function(self):
        stack = self.arrange(resources=http_api(), outputs=["Api"])
        self.request(stack["Api"], **{"X-Amzn-Trace-Id": self.header})
        # then the function is in the caller's trace, and is the parent of what it does
        trace = self.record()["trace"]
        self.assertRegex(trace, OWN)
        self.assertEqual(parts(trace)["Root"], self.root)
        self.assertNotEqual(parts(trace)["Parent"], PARENT)
        # and X-Ray has the function's segment and the step that the function sent
        segments = self.segments(self.root, 2)
        own, step = segments[stack["Function"]], segments["step"]
        self.assertEqual((own["id"], own["parent_id"], own["origin"]), (parts(trace)["Parent"], PARENT, "AWS::Lambda::Function"))
        self.assertLess(own["start_time"], own["end_time"])
        self.assertNotIn("fault", own)
        self.assertEqual(step["parent_id"], own["id"])

    def test_a_request_without_a_trace_begins_one(self):
        stack = self.arrange(resources=http_api(), outputs=["Api"])
        self.request(stack["Api"])
        self.request(stack["Api"], **{"X-Amzn-Trace-Id": "Root=no root"})
        traces = [record["trace"] for record in self.records()]
        for trace in traces:
            self.assertRegex(trace, OWN)
            self.assertNotIn("parent_id", self.segments(parts(trace)["Root"], 2)[stack["Function"]])
        self.assertNotEqual(parts(traces[0])["Root"], parts(traces[1])["Root"])

    def test_a_caller_that_does_not_sample_decides_for_the_function(self):
        stack = self.arrange(resources=http_api(), outputs=["Api"])
        self.request(stack["Api"], **{"X-Amzn-Trace-Id": self.header.replace("Sampled=1", "Sampled=0")})
        trace = parts(self.record()["trace"])
        self.assertEqual((trace["Root"], trace["Sampled"]), (self.root, "0"))
        # and the function's step, which it sends whatever was decided, is all that there is
        self.assertEqual(list(self.segments(self.root, 1)), ["step"])

    def test_a_function_without_active_tracing_is_not_sampled(self):
        stack = self.arrange("PassThrough", http_api(), ["Api"])
        self.request(stack["Api"])
        record = self.record()
        self.assertEqual((parts(record["trace"])["Sampled"], record["daemon"]), ("0", None))
        self.request(stack["Api"], **{"X-Amzn-Trace-Id": self.header})
        self.assertEqual(self.records()[1]["trace"], self.header)

    def test_a_failed_invocation_is_a_fault(self):
        stack = self.deploy("fault", {"Role": role(), "Function": function("invocation_recorder", tracing="Active")},
                            {"Function": reference("Function")})
        answer = self.client("lambda").invoke(FunctionName=stack["Function"], Payload="{}")
        self.assertEqual(answer["FunctionError"], "Unhandled")
        self.assertEqual([segment["fault"] for segment in self.ask("GET", "xray/segments") if segment["name"] == stack["Function"]],
                         [True])

    def test_a_stream_batch_begins_a_trace(self):
        stack = self.arrange(resources={
            "Table": table(StreamSpecification={"StreamViewType": "NEW_IMAGE"}),
            "Mapping": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {
                "FunctionName": reference("Function"), "EventSourceArn": attribute("Table", "StreamArn"),
                "StartingPosition": "TRIM_HORIZON"}}}, outputs=["Table"])
        self.client("dynamodb").put_item(TableName=stack["Table"], Item={"pk": {"S": "1"}})
        trace = self.record()["trace"]
        self.assertRegex(trace, OWN)
        self.assertNotIn("parent_id", self.segments(parts(trace)["Root"], 2)[stack["Function"]])

    def test_a_message_keeps_the_trace_of_its_event_and_its_batch_begins_another(self):
        # given a bus whose rule sends to a queue that a function reads
        stack = self.arrange(resources={
            "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "traced"}}, "Queue": queue(),
            "Rule": {"Type": "AWS::Events::Rule", "Properties": {
                "EventBusName": reference("Bus"), "EventPattern": {"source": ["muster"]},
                "Targets": [{"Id": "Queue", "Arn": attribute("Queue", "Arn")}]}},
            "Policy": {"Type": "AWS::SQS::QueuePolicy", "Properties": {
                "Queues": [reference("Queue")], "PolicyDocument": {"Version": "2012-10-17", "Statement": [{
                    "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage",
                    "Resource": attribute("Queue", "Arn")}]}}},
            "Mapping": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {
                "FunctionName": reference("Function"), "EventSourceArn": attribute("Queue", "Arn")}}})
        # when an event comes with a trace header
        self.client("events").put_events(Entries=[{
            "EventBusName": "traced", "Source": "muster", "DetailType": "d", "Detail": json.dumps({"n": 1}), "TraceHeader": self.header}])
        # then its message has it, and the batch is in a trace of its own
        record = self.record()
        self.assertEqual(record["event"]["Records"][0]["attributes"]["AWSTraceHeader"], self.header)
        self.assertRegex(record["trace"], OWN)
        self.assertNotEqual(parts(record["trace"])["Root"], self.root)
        self.assertEqual(self.segments(parts(record["trace"])["Root"], 2)[stack["Function"]]["id"], parts(record["trace"])["Parent"])

    def test_a_function_that_a_rule_calls_is_in_the_trace_of_the_event(self):
        self.arrange(resources={
            "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "calling"}},
            "Rule": {"Type": "AWS::Events::Rule", "Properties": {
                "EventBusName": reference("Bus"), "EventPattern": {"source": ["muster"]},
                "Targets": [{"Id": "Function", "Arn": attribute("Function", "Arn")}]}},
            "Permission": {"Type": "AWS::Lambda::Permission", "Properties": {
                "Action": "lambda:InvokeFunction", "FunctionName": reference("Function"), "Principal": "events.amazonaws.com"}}})
        self.client("events").put_events(Entries=[{
            "EventBusName": "calling", "Source": "muster", "DetailType": "d", "Detail": "{}", "TraceHeader": self.header}])
        self.assertEqual(parts(self.record()["trace"])["Root"], self.root)

    def test_segments_can_be_forgotten(self):
        stack = self.arrange()
        self.client("lambda").invoke(FunctionName=stack["Function"], Payload="{}")
        self.segments(parts(self.record()["trace"])["Root"], 2)
        self.ask("DELETE", "xray/segments")
        self.assertEqual(self.ask("GET", "xray/segments"), [])


if __name__ == "__main__":
    unittest.main()
