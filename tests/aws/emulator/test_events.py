"""Rules, targets, dead letters, archives and trace headers."""

import datetime
import json
import unittest

from emulator_case import EmulatorCase, attribute, function, queue, reference, role, until

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
DETAIL = {"stream": {"type": "task", "id": "t-1"}, "version": 3}


def bus():
    return {"Type": "AWS::Events::EventBus", "Properties": {"Name": "events"}}


def rule(target, pattern=None, **settings):
    return {"Type": "AWS::Events::Rule", "Properties": {
        "EventBusName": reference("Bus"), "EventPattern": pattern or {"source": ["muster"]},
        "Targets": [{"Id": "Target0", "Arn": target, **settings}]}}


def rules_may_send(to, of="Rule"):
    """The policy by which a queue takes the messages of one rule."""
    return {"Type": "AWS::SQS::QueuePolicy", "Properties": {"Queues": [reference(to)], "PolicyDocument": {
        "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage",
            "Resource": attribute(to, "Arn"), "Condition": {"ArnEquals": {"aws:SourceArn": attribute(of, "Arn")}}}]}}}


class Delivery(EmulatorCase):
    def publish(self, **more):
        entry = {"EventBusName": "events", "Source": "muster", "DetailType": "task.created", "Detail": json.dumps(DETAIL),
                 "Resources": ["arn:aws:muster:::task/t-1"], **more}
        answer = self.client("events").put_events(Entries=[entry])
        self.assertEqual(answer["FailedEntryCount"], 0)
        return answer["Entries"][0]["EventId"]

    def test_a_queue_gets_the_whole_envelope_and_the_trace_header(self):
        stack = self.deploy("delivery", {"Bus": bus(), "Queue": queue(), "Rule": rule(attribute("Queue", "Arn")),
                                         "Policy": rules_may_send("Queue")}, {"Queue": reference("Queue")})
        identity = self.publish(TraceHeader=TRACE)
        message = self.receive(stack["Queue"])[0]
        event = json.loads(message["Body"])
        self.assertEqual(set(event), {
            "version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"})
        self.assertEqual(
            (event["id"], event["detail-type"], event["source"], event["resources"], event["detail"]),
            (identity, "task.created", "muster", ["arn:aws:muster:::task/t-1"], DETAIL))
        self.assertEqual(message["Attributes"]["AWSTraceHeader"], TRACE)
        # and without a header there is none
        self.publish()
        self.assertNotIn("AWSTraceHeader", self.receive(stack["Queue"])[0]["Attributes"])

    def test_each_entry_keeps_its_own_trace_header(self):
        stack = self.deploy("traces", {"Bus": bus(), "Queue": queue(), "Rule": rule(attribute("Queue", "Arn")),
                                       "Policy": rules_may_send("Queue")}, {"Queue": reference("Queue")})
        entry = {"EventBusName": "events", "Source": "muster", "DetailType": "d", "Detail": "{}"}
        answer = self.client("events").put_events(Entries=[
            {**entry, "Detail": "{\"n\":1}", "TraceHeader": TRACE}, {**entry, "EventBusName": "events", "Source": "aws.forbidden"},
            {**entry, "Detail": "{\"n\":2}"}])
        self.assertEqual(answer["FailedEntryCount"], 1)
        self.assertEqual([result.get("ErrorCode") for result in answer["Entries"]], [None, "NotAuthorizedForSourceException", None])
        headers = {json.loads(message["Body"])["detail"]["n"]: message["Attributes"].get("AWSTraceHeader")
                   for message in self.receive(stack["Queue"], 2)}
        self.assertEqual(headers, {1: TRACE, 2: None})

    def undelivered(self, resources, code, detail=DETAIL):
        stack = self.deploy("undelivered", {"Bus": bus(), "Dead": queue(), "Letters": rules_may_send("Dead"), **resources},
                            {"Dead": reference("Dead"), "Rule": attribute("Rule", "Arn")})
        identity = self.publish(TraceHeader=TRACE, Detail=json.dumps(detail))
        message = self.receive(stack["Dead"])[0]
        attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
        self.assertEqual((attributes["ERROR_CODE"], attributes["RULE_ARN"]), (code, stack["Rule"]))
        event = json.loads(message["Body"])
        self.assertEqual((event["id"], event["detail"]), (identity, detail))
        self.assertEqual(message["Attributes"]["AWSTraceHeader"], TRACE)

    def test_an_event_for_a_missing_queue_goes_to_the_dead_letters(self):
        missing = "arn:aws:sqs:us-east-1:000000000000:missing"
        self.undelivered({"Rule": rule(missing, DeadLetterConfig={"Arn": attribute("Dead", "Arn")})}, "NO_RESOURCE")

    def test_an_event_for_a_queue_that_does_not_let_the_rule_in_goes_to_the_dead_letters(self):
        self.undelivered({"Queue": queue(), "Rule": rule(
            attribute("Queue", "Arn"), DeadLetterConfig={"Arn": attribute("Dead", "Arn")})}, "NO_PERMISSIONS")

    def test_an_event_for_a_function_that_does_not_let_the_rule_in_goes_to_the_dead_letters(self):
        self.undelivered({"Role": role(), "Function": function("echo"), "Rule": rule(
            attribute("Function", "Arn"), DeadLetterConfig={"Arn": attribute("Dead", "Arn")})}, "NO_PERMISSIONS")

    def test_an_event_that_the_queue_refuses_goes_to_the_dead_letters(self):
        self.undelivered({
            "Queue": queue(MaximumMessageSize=1024), "Policy": rules_may_send("Queue"),
            "Rule": rule(attribute("Queue", "Arn"), DeadLetterConfig={"Arn": attribute("Dead", "Arn")})},
            "SDK_CLIENT_ERROR", {**DETAIL, "filler": "x" * 2000})

    def test_a_function_that_lets_the_rule_in_is_called(self):
        stack = self.deploy("function-target", {
            "Bus": bus(), "Role": role(), "Function": function("echo"), "Rule": rule(attribute("Function", "Arn")),
            "Permission": {"Type": "AWS::Lambda::Permission", "Properties": {
                "Action": "lambda:InvokeFunction", "FunctionName": reference("Function"), "Principal": "events.amazonaws.com",
                "SourceArn": attribute("Rule", "Arn")}}}, {"Function": reference("Function")})
        self.publish()
        logs = self.client("logs")

        def reported():
            try:
                events = logs.filter_log_events(logGroupName=f"/aws/lambda/{stack['Function']}")["events"]
            except logs.exceptions.ResourceNotFoundException:
                return False
            return any(event["message"].startswith("REPORT") for event in events)

        until(reported, "an invocation")

    def test_an_archive_replays_the_events_that_its_pattern_took(self):
        # given an archive of task events and a rule on the bus
        stack = self.deploy("archive", {
            "Bus": bus(), "Queue": queue(), "Rule": rule(attribute("Queue", "Arn")), "Policy": rules_may_send("Queue"),
            "Archive": {"Type": "AWS::Events::Archive", "Properties": {
                "ArchiveName": "all", "SourceArn": attribute("Bus", "Arn"), "RetentionDays": 7,
                "EventPattern": {"detail": {"stream": {"type": ["task"]}}}}},
        }, {"Queue": reference("Queue"), "Archive": attribute("Archive", "Arn"), "Bus": attribute("Bus", "Arn")})
        start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=1)
        taken = self.publish()
        self.publish(Detail=json.dumps({"stream": {"type": "user"}}))
        self.receive(stack["Queue"], 2)
        # when it is replayed
        self.client("events").start_replay(
            ReplayName="again", EventSourceArn=stack["Archive"], EventStartTime=start,
            EventEndTime=start + datetime.timedelta(minutes=2), Destination={"Arn": stack["Bus"]})
        # then only the task event reaches the rule, marked as replayed
        event = json.loads(self.receive(stack["Queue"])[0]["Body"])
        self.assertEqual((event["id"], event["replay-name"], event["detail"]), (taken, "again", DETAIL))

    def schedule(self, role_statements):
        soon = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%S")
        return self.deploy("schedules", {
            "Queue": queue(), "Dead": queue(), "Role": role(*role_statements),
            "Schedule": {"Type": "AWS::Scheduler::Schedule", "Properties": {
                "ScheduleExpression": f"at({soon})", "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": {
                    "Arn": attribute("Queue", "Arn"), "RoleArn": attribute("Role", "Arn"), "Input": "{\"sweep\":true}",
                    "DeadLetterConfig": {"Arn": attribute("Dead", "Arn")}}}},
        }, {"Queue": reference("Queue"), "Dead": reference("Dead")})

    def test_a_schedule_reaches_its_target_by_its_role(self):
        stack = self.schedule([{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}])
        self.assertEqual(json.loads(self.receive(stack["Queue"])[0]["Body"]), {"sweep": True})

    def test_a_schedule_without_permission_goes_to_its_dead_letters(self):
        stack = self.schedule([{"Effect": "Allow", "Action": "sqs:ReceiveMessage", "Resource": "*"}])
        message = self.receive(stack["Dead"])[0]
        self.assertEqual(message["MessageAttributes"]["ERROR_CODE"]["StringValue"], "NO_PERMISSIONS")


if __name__ == "__main__":
    unittest.main()
