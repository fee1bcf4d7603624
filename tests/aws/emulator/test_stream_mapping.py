"""Stream mappings as a whole: table, stream, function, failure queue."""

import json
import unittest

from emulator_case import EmulatorCase, attribute, function, queue, reference, role, table, until

STREAM_GRANTS = {"Effect": "Allow", "Action": ["dynamodb:*", "sqs:SendMessage"], "Resource": "*"}


def mapping(function_name="Function", **properties):
    return {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {
        "FunctionName": reference(function_name), "EventSourceArn": attribute("Table", "StreamArn"),
        "StartingPosition": "TRIM_HORIZON", "BatchSize": 10, **properties}}


class StreamMapping(EmulatorCase):
    def arrange(self, mappings, functions, enabled=False):
        """A stack with one table and its stream, and the mappings switched off until the items are there."""
        stack = self.id().rsplit(".", 1)[-1].replace("_", "-")[:60]
        resources = {
            "Table": table(StreamSpecification={"StreamViewType": "NEW_IMAGE"}),
            "Failures": queue(), "Role": role(STREAM_GRANTS), **functions,
            **{name: {**value, "Properties": {**value["Properties"], "Enabled": enabled}} for name, value in mappings.items()},
        }
        outputs = {"Table": reference("Table"), "Failures": reference("Failures"), "Stream": attribute("Table", "StreamArn")}
        outputs.update({f"{name}Id": attribute(name, "Id") for name in mappings})
        return self.deploy(stack, resources, outputs)

    def put(self, table_name, names, keys=3):
        """Puts items whose names tell their place, spread over keys, each key more than once."""
        for place, name in enumerate(names):
            item = {"pk": {"S": f"key-{place % keys}"}, "name": {"S": name}, "place": {"N": str(place)}}
            self.client("dynamodb").put_item(TableName=table_name, Item=item)

    def enable(self, *mappings):
        for identity in mappings:
            self.client("lambda").update_event_source_mapping(UUID=identity, Enabled=True)

    def handled(self, name=""):
        return [item for batch in self.records(name) for item in batch["handled"]]

    def sequence_numbers(self, stream):
        client = self.client("dynamodbstreams")
        shard = client.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"][0]["ShardId"]
        iterator = client.get_shard_iterator(StreamArn=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
        records = client.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
        return shard, {record["dynamodb"]["NewImage"]["name"]["S"]: record["dynamodb"]["SequenceNumber"] for record in records}

    def poison_is_isolated(self, failure, **more):
        # given ten items, the fifth of which the function cannot handle
        names = [f"item-{place}" for place in range(10)]
        stack = self.arrange(
            {"Mapping": mapping(
                BisectBatchOnFunctionError=True, MaximumRetryAttempts=2,
                DestinationConfig={"OnFailure": {"Destination": attribute("Failures", "Arn")}}, **more)},
            {"Function": function("stream_recorder", POISON="item-4", FAILURE=failure, RECORD_FILE=self.record_file())},
        )
        self.put(stack["Table"], names)
        # when the mapping runs
        self.enable(stack["MappingId"])
        # then all others arrive once, in the order of the stream
        until(lambda: len(self.handled()) >= 9, "the other nine items")
        self.assertEqual(self.handled(), [name for name in names if name != "item-4"])
        # and the poison alone was tried once and twice more, and is named in the failure queue
        alone = [batch for batch in self.records() if batch["received"] == ["item-4"]]
        self.assertEqual(len(alone), 3)
        failure_record = json.loads(self.receive(stack["Failures"])[0]["Body"])
        shard, numbers = self.sequence_numbers(stack["Stream"])
        information = failure_record["DDBStreamBatchInfo"]
        self.assertEqual(information["shardId"], shard)
        self.assertEqual(information["startSequenceNumber"], numbers["item-4"])
        self.assertEqual(information["endSequenceNumber"], numbers["item-4"])
        self.assertEqual(information["batchSize"], 1)
        self.assertEqual(information["streamArn"], stack["Stream"])
        self.assertEqual(failure_record["requestContext"]["condition"], "RetryAttemptsExhausted")
        self.assertEqual(failure_record["requestContext"]["approximateInvokeCount"], 3)

    def test_a_poison_record_is_bisected_out_when_the_function_throws(self):
        self.poison_is_isolated("throw")

    def test_a_poison_record_is_bisected_out_when_the_function_reports_it(self):
        self.poison_is_isolated("report", FunctionResponseTypes=["ReportBatchItemFailures"])

    def test_a_reported_failure_is_tried_again_from_that_record_on(self):
        # given a function that reports the third of five once
        names = [f"item-{place}" for place in range(5)]
        stack = self.arrange(
            {"Mapping": mapping(FunctionResponseTypes=["ReportBatchItemFailures"])},
            {"Function": function("stream_recorder", POISON="item-2", FAILURE="report", FAILS="1", RECORD_FILE=self.record_file())},
        )
        self.put(stack["Table"], names)
        # when the mapping runs
        self.enable(stack["MappingId"])
        until(lambda: len(self.handled()) >= 5, "all five items")
        # then the second batch begins with the reported record
        self.assertEqual([batch["received"] for batch in self.records()], [names, names[2:]])
        self.assertEqual(self.handled(), names)

    def test_a_failing_batch_without_a_limit_is_tried_until_it_succeeds(self):
        stack = self.arrange(
            {"Mapping": mapping()},
            {"Function": function("stream_recorder", POISON="item-0", FAILURE="throw", FAILS="4", RECORD_FILE=self.record_file())},
        )
        self.put(stack["Table"], ["item-0", "item-1"])
        self.enable(stack["MappingId"])
        until(lambda: len(self.handled()) >= 2, "both items")
        self.assertEqual([batch["handled"] for batch in self.records()], [[], [], [], [], ["item-0", "item-1"]])

    def test_a_batch_is_given_up_when_its_records_are_too_old(self):
        stack = self.arrange(
            {"Mapping": mapping(
                MaximumRecordAgeInSeconds=2,
                DestinationConfig={"OnFailure": {"Destination": attribute("Failures", "Arn")}})},
            {"Function": function("stream_recorder", POISON="item-0", FAILURE="throw", RECORD_FILE=self.record_file())},
        )
        self.put(stack["Table"], ["item-0"])
        self.enable(stack["MappingId"])
        failure_record = json.loads(self.receive(stack["Failures"])[0]["Body"])
        self.assertEqual(failure_record["requestContext"]["condition"], "MaxRecordAgeExceeded")
        self.assertEqual(failure_record["DDBStreamBatchInfo"]["batchSize"], 1)
        # and the stream goes on
        self.put(stack["Table"], ["item-1"])
        until(lambda: self.handled() == ["item-1"], "the next item")

    def test_a_filter_drops_what_it_must(self):
        pattern = json.dumps({"eventName": ["INSERT"], "dynamodb": {"NewImage": {"name": {"S": [{"wildcard": "keep-*-ok"}]}}}})
        stack = self.arrange(
            {"Mapping": mapping(FilterCriteria={"Filters": [{"Pattern": pattern}]})},
            {"Function": function("stream_recorder", RECORD_FILE=self.record_file())},
        )
        # when new items come, and then one is changed
        self.put(stack["Table"], ["keep-1-ok", "drop-1", "keep-2-no", "keep-3-ok"], keys=4)
        self.put(stack["Table"], ["keep-4-ok"], keys=4)
        self.put(stack["Table"], [f"other-{n}" for n in range(4)] + ["keep-5-ok"], keys=5)
        self.enable(stack["MappingId"])
        # then only the new ones whose name fits arrive; the last item took key-4, which is new
        until(lambda: "keep-5-ok" in self.handled(), "the last item")
        self.assertEqual(self.handled(), ["keep-1-ok", "keep-3-ok", "keep-5-ok"])

    def test_mappings_of_one_stream_do_not_hold_each_other_up(self):
        # given one mapping that fails for ever and one that works
        names = [f"item-{place}" for place in range(6)]
        stack = self.arrange(
            {"Stuck": mapping("StuckFunction", BatchSize=2), "Healthy": mapping("HealthyFunction", BatchSize=2)},
            {"StuckFunction": function("stream_recorder", POISON="item-2", FAILURE="throw", RECORD_FILE=self.record_file("stuck")),
             "HealthyFunction": function("stream_recorder", RECORD_FILE=self.record_file("healthy"))},
        )
        self.put(stack["Table"], names)
        self.enable(stack["StuckId"], stack["HealthyId"])
        # then the healthy one reads all while the other stands where it fails
        until(lambda: len(self.records("stuck")) >= 4, "retries of the stuck mapping")
        until(lambda: len(self.handled("healthy")) >= 6, "all items")
        self.assertEqual(self.handled("healthy"), names)
        self.assertEqual(self.handled("stuck"), ["item-0", "item-1"])

    def test_each_key_keeps_its_order_under_failures(self):
        # given two hundred items over seven keys and a record that fails three times
        names = [f"item-{place:03}" for place in range(200)]
        stack = self.arrange(
            {"Mapping": mapping(BatchSize=25, BisectBatchOnFunctionError=True, MaximumRetryAttempts=5)},
            {"Function": function("stream_recorder", POISON="item-060", FAILURE="throw", FAILS="3", RECORD_FILE=self.record_file())},
            enabled=True,
        )
        # when they are written while the mapping runs
        self.put(stack["Table"], names, keys=7)
        until(lambda: len(self.handled()) >= 200, "all items")
        # then every one arrives once, each key in the order of its writes
        for key in range(7):
            arrived = [name for name in self.handled() if int(name[-3:]) % 7 == key]
            self.assertEqual(arrived, names[key::7])


if __name__ == "__main__":
    unittest.main()
