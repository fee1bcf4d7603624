"""Templates keep the properties that the system depends on."""

import json
import unittest
import urllib.error
import urllib.request

from emulator_case import ACCOUNT, REGION, EmulatorCase, attribute, function, queue, reference, role, table

ANY = {"Effect": "Allow", "Action": "*", "Resource": "*"}


class ResourceTypes(EmulatorCase):
    def test_an_unknown_type_is_refused(self):
        with self.assertRaisesRegex(Exception, "Unrecognized resource types: .AWS::Nothing::Here."):
            self.client("cloudformation").create_stack(
                StackName="unknown", TemplateBody=json.dumps({"Resources": {"It": {"Type": "AWS::Nothing::Here"}}}))

    def test_keys_have_the_spec_that_they_ask_for_and_work(self):
        stack = self.deploy("keys", {
            "Signing": {"Type": "AWS::KMS::Key", "Properties": {
                "KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY", "KeyPolicy": {"Version": "2012-10-17", "Statement": [
                    {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}]}}},
            "Mac": {"Type": "AWS::KMS::Key", "Properties": {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}},
        }, {"Signing": reference("Signing"), "Mac": reference("Mac")})
        kms = self.client("kms")
        signing = kms.describe_key(KeyId=stack["Signing"])["KeyMetadata"]
        self.assertEqual((signing["KeySpec"], signing["KeyUsage"]), ("ECC_NIST_P256", "SIGN_VERIFY"))
        mac = kms.describe_key(KeyId=stack["Mac"])["KeyMetadata"]
        self.assertEqual((mac["KeySpec"], mac["KeyUsage"]), ("HMAC_256", "GENERATE_VERIFY_MAC"))

        request = {"KeyId": stack["Signing"], "Message": b"token", "SigningAlgorithm": "ECDSA_SHA_256"}
        signature = kms.sign(**request)["Signature"]
        self.assertTrue(kms.verify(**request, Signature=signature)["SignatureValid"])
        with self.assertRaises(kms.exceptions.KMSInvalidSignatureException):
            kms.verify(**{**request, "Message": b"other"}, Signature=signature)

        request = {"KeyId": stack["Mac"], "Message": b"cursor", "MacAlgorithm": "HMAC_SHA_256"}
        code = kms.generate_mac(**request)["Mac"]
        self.assertEqual(len(code), 32)
        self.assertTrue(kms.verify_mac(**request, Mac=code)["MacValid"])
        with self.assertRaises(kms.exceptions.KMSInvalidMacException):
            kms.verify_mac(**{**request, "Message": b"other"}, Mac=code)

    def test_a_table_keeps_recovery_expiry_stream_and_encryption(self):
        settings = {
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
            "TimeToLiveSpecification": {"AttributeName": "ttl", "Enabled": True},
            "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
            "SSESpecification": {"SSEEnabled": True},
        }
        index = {"IndexName": "by-name", "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                 "Projection": {"ProjectionType": "ALL"}}
        settings["GlobalSecondaryIndexes"] = [index]
        stack = self.deploy("table-settings", {"Table": table(**settings)}, {"Table": reference("Table")})
        dynamodb = self.client("dynamodb")
        description = dynamodb.describe_table(TableName=stack["Table"])["Table"]
        self.assertEqual(description["StreamSpecification"], {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})
        self.assertEqual(description["SSEDescription"]["Status"], "ENABLED")
        self.assertEqual(description["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST")
        self.assertEqual(description["GlobalSecondaryIndexes"][0]["IndexArn"], f"{description['TableArn']}/index/by-name")
        self.assertEqual(self.expiry(stack["Table"]), {"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"})
        self.assertEqual(self.recovery(stack["Table"]), "ENABLED")
        # and an update that removes both removes both
        del settings["PointInTimeRecoverySpecification"], settings["TimeToLiveSpecification"]
        self.update("table-settings", {"Table": table(**settings)})
        self.assertEqual(self.expiry(stack["Table"])["TimeToLiveStatus"], "DISABLED")
        self.assertEqual(self.recovery(stack["Table"]), "DISABLED")

    def test_a_global_table_keeps_recovery_and_expiry(self):
        properties = table(TimeToLiveSpecification={"AttributeName": "ttl", "Enabled": True}, Replicas=[
            {"Region": REGION, "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True}}])
        stack = self.deploy("global", {"Table": {**properties, "Type": "AWS::DynamoDB::GlobalTable"}}, {"Table": reference("Table")})
        self.assertEqual(self.expiry(stack["Table"]), {"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"})
        self.assertEqual(self.recovery(stack["Table"]), "ENABLED")

    def expiry(self, name):
        return self.client("dynamodb").describe_time_to_live(TableName=name)["TimeToLiveDescription"]

    def recovery(self, name):
        backups = self.client("dynamodb").describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        return backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]

    def test_a_queue_keeps_its_timeouts_and_redrive(self):
        policy = {"Version": "2012-10-17", "Statement": [{
            "Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}
        stack = self.deploy("queues", {
            "Dead": queue(MessageRetentionPeriod=1209600),
            "Main": queue(VisibilityTimeout=180, RedrivePolicy={
                "deadLetterTargetArn": attribute("Dead", "Arn"), "maxReceiveCount": 5}),
            "Policy": {"Type": "AWS::SQS::QueuePolicy", "Properties": {"Queues": [reference("Main")], "PolicyDocument": policy}},
        }, {"Main": reference("Main"), "DeadArn": attribute("Dead", "Arn"), "Dead": reference("Dead")})
        attributes = self.client("sqs").get_queue_attributes(QueueUrl=stack["Main"], AttributeNames=["All"])["Attributes"]
        self.assertEqual(attributes["VisibilityTimeout"], "180")
        redrive = json.loads(attributes["RedrivePolicy"])
        self.assertEqual((redrive["deadLetterTargetArn"], int(redrive["maxReceiveCount"])), (stack["DeadArn"], 5))
        self.assertEqual(json.loads(attributes["Policy"])["Statement"][0]["Effect"], "Deny")
        # a policy that asks for TLS lets requests over the loopback through
        self.client("sqs").send_message(QueueUrl=stack["Main"], MessageBody="hello")
        self.assertEqual(self.receive(stack["Main"])[0]["Body"], "hello")

    def test_a_bucket_that_asks_for_tls_takes_requests_over_the_loopback(self):
        # given a bucket with the policy of the CDK bootstrap
        policy = {"Version": "2012-10-17", "Statement": [{
            "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": ["arn:aws:s3:::assets", "arn:aws:s3:::assets/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}
        stack = self.deploy("assets", {
            "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "assets"}},
            "Policy": {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": reference("Bucket"), "PolicyDocument": policy}},
            "Role": role(ANY), "Caller": function("api_caller"),
        }, {"Caller": reference("Caller")})
        # when a role writes and reads it then both are allowed
        place = {"Bucket": "assets", "Key": "one"}
        for operation, more in (("PutObject", {"Body": "content"}), ("GetObject", {}), ("DeleteObject", {})):
            call = {"service": "s3", "operation": operation, "parameters": {**place, **more}}
            answer = self.client("lambda").invoke(FunctionName=stack["Caller"], Payload=json.dumps(call))
            self.assertEqual(json.loads(answer["Payload"].read()), {"outcome": "allowed"}, operation)

    def test_a_mapping_keeps_its_settings(self):
        settings = {
            "BatchSize": 100, "MaximumBatchingWindowInSeconds": 1, "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "ScalingConfig": {"MaximumConcurrency": 2}, "FilterCriteria": {"Filters": [{"Pattern": "{\"body\":{\"a\":[1]}}"}]}}
        stack = self.deploy("mapping", {
            "Queue": queue(), "Role": role(ANY), "Function": function("echo"),
            "Mapping": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {
                "FunctionName": reference("Function"), "EventSourceArn": attribute("Queue", "Arn"), **settings}},
        }, {"Mapping": reference("Mapping")})
        mapping = self.client("lambda").get_event_source_mapping(UUID=stack["Mapping"])
        self.assertEqual({name: mapping[name] for name in settings}, settings)

    def test_a_schedule_keeps_its_time_zone_target_and_dead_letters(self):
        target = {"Arn": attribute("Queue", "Arn"), "RoleArn": attribute("Role", "Arn"), "Input": "{\"sweep\":true}",
                  "DeadLetterConfig": {"Arn": attribute("Dead", "Arn")}, "RetryPolicy": {"MaximumRetryAttempts": 3}}
        stack = self.deploy("schedule", {
            "Queue": queue(), "Dead": queue(), "Role": role(ANY),
            "Group": {"Type": "AWS::Scheduler::ScheduleGroup", "Properties": {"Name": "sweeps"}},
            "Schedule": {"Type": "AWS::Scheduler::Schedule", "Properties": {
                "Name": "sweep", "GroupName": reference("Group"), "ScheduleExpression": "rate(1 minute)",
                "ScheduleExpressionTimezone": "Europe/Zurich", "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": target}},
        }, {"DeadArn": attribute("Dead", "Arn"), "QueueArn": attribute("Queue", "Arn")})
        schedule = self.client("scheduler").get_schedule(Name="sweep", GroupName="sweeps")
        self.assertEqual(schedule["ScheduleExpressionTimezone"], "Europe/Zurich")
        self.assertEqual(schedule["Target"]["Arn"], stack["QueueArn"])
        self.assertEqual(schedule["Target"]["Input"], "{\"sweep\":true}")
        self.assertEqual(schedule["Target"]["DeadLetterConfig"], {"Arn": stack["DeadArn"]})
        self.assertEqual(schedule["Target"]["RetryPolicy"], {"MaximumRetryAttempts": 3})

    def test_a_composite_alarm_is_created_changed_and_deleted(self):
        def composite(rule):
            return {
                "One": {"Type": "AWS::CloudWatch::Alarm", "Properties": {
                    "AlarmName": "one", "Namespace": "Muster", "MetricName": "Lag", "Statistic": "Maximum", "Period": 60,
                    "EvaluationPeriods": 1, "Threshold": 5, "ComparisonOperator": "GreaterThanThreshold",
                    "TreatMissingData": "notBreaching"}},
                "All": {"Type": "AWS::CloudWatch::CompositeAlarm", "DependsOn": "One", "Properties": {"AlarmName": "all", "AlarmRule": rule}},
            }

        stack = self.deploy("alarms", composite("ALARM(one)"), {"Arn": attribute("All", "Arn"), "Name": reference("All")})
        self.assertEqual(stack, {"Arn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:all", "Name": "all"})
        self.assertEqual([alarm["AlarmRule"] for alarm in self.composite_alarms()], ["ALARM(one)"])
        single = self.client("cloudwatch").describe_alarms(AlarmNames=["one"])["MetricAlarms"][0]
        self.assertEqual((single["Threshold"], single["TreatMissingData"]), (5.0, "notBreaching"))
        self.update("alarms", composite("NOT ALARM(one)"))
        self.assertEqual([alarm["AlarmRule"] for alarm in self.composite_alarms()], ["NOT ALARM(one)"])
        self.remove("alarms")
        self.assertEqual(self.composite_alarms(), [])

    def composite_alarms(self):
        return self.client("cloudwatch").describe_alarms(AlarmTypes=["CompositeAlarm"]).get("CompositeAlarms", [])

    def test_registries_and_schemas_have_their_attributes_and_go_away(self):
        stack = self.deploy("schemas", {
            "Registry": {"Type": "AWS::EventSchemas::Registry", "Properties": {"RegistryName": "muster"}},
            "Schema": {"Type": "AWS::EventSchemas::Schema", "Properties": {
                "RegistryName": attribute("Registry", "RegistryName"), "SchemaName": "muster@Task",
                "Type": "JSONSchemaDraft4", "Content": "{}"}},
        }, {"Registry": reference("Registry"), "Name": attribute("Schema", "SchemaName"), "Version": attribute("Schema", "SchemaVersion"),
            "Arn": attribute("Schema", "SchemaArn")})
        prefix = f"arn:aws:schemas:{REGION}:{ACCOUNT}"
        self.assertEqual(stack, {"Registry": f"{prefix}:registry/muster", "Name": "muster@Task", "Version": "1",
                                 "Arn": f"{prefix}:schema/muster/muster@Task"})
        self.remove("schemas")

    def test_an_http_api_answers_a_preflight_as_its_cors_configuration_says(self):
        stack = self.deploy("api", {"Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {
            "Name": "api", "ProtocolType": "HTTP", "CorsConfiguration": {
                "AllowOrigins": ["https://app.example.com"], "AllowMethods": ["POST"], "AllowHeaders": ["content-type"],
                "MaxAge": 600}}},
            "Stage": {"Type": "AWS::ApiGatewayV2::Stage", "Properties": {
                "ApiId": reference("Api"), "StageName": "$default", "AutoDeploy": True}}}, {"Api": reference("Api")})
        allowed = self.preflight(stack["Api"], "https://app.example.com")
        self.assertEqual(allowed["Access-Control-Allow-Origin"], "https://app.example.com")
        self.assertEqual(allowed["Access-Control-Allow-Methods"], "POST")
        self.assertEqual(allowed["Access-Control-Max-Age"], "600")
        self.assertIsNone(self.preflight(stack["Api"], "https://other.example.com")["Access-Control-Allow-Origin"])

    def preflight(self, api, origin):
        request = urllib.request.Request(
            f"{self.endpoint}/_aws/execute-api/{api}/$default/tasks", method="OPTIONS",
            headers={"Origin": origin, "Access-Control-Request-Method": "POST"})
        try:
            with urllib.request.urlopen(request) as response:
                return response.headers
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.headers

    def test_topics_logs_mail_dashboards_and_distributions_keep_their_settings(self):
        dashboard = json.dumps({"widgets": [{"type": "text", "x": 0, "y": 0, "width": 6, "height": 3, "properties": {"markdown": "Lag"}}]})
        stack = self.deploy("rest", {
            "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "alarms"}},
            "Queue": queue(), "Dead": queue(),
            "Subscription": {"Type": "AWS::SNS::Subscription", "Properties": {
                "TopicArn": reference("Topic"), "Protocol": "sqs", "Endpoint": attribute("Queue", "Arn"),
                "RawMessageDelivery": True, "FilterPolicy": {"kind": ["page"]},
                "RedrivePolicy": {"deadLetterTargetArn": attribute("Dead", "Arn")}}},
            "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "muster", "RetentionInDays": 30}},
            "Metric": {"Type": "AWS::Logs::MetricFilter", "Properties": {
                "LogGroupName": reference("Logs"), "FilterPattern": "ERROR", "MetricTransformations": [
                    {"MetricName": "Errors", "MetricNamespace": "Muster", "MetricValue": "1"}]}},
            "Mail": {"Type": "AWS::SES::EmailIdentity", "Properties": {"EmailIdentity": "muster@example.com"}},
            "MailSettings": {"Type": "AWS::SES::ConfigurationSet", "Properties": {"Name": "muster"}},
            "Dashboard": {"Type": "AWS::CloudWatch::Dashboard", "Properties": {"DashboardName": "muster", "DashboardBody": dashboard}},
            "Site": {"Type": "AWS::S3::Bucket"},
            "Access": {"Type": "AWS::CloudFront::OriginAccessControl", "Properties": {"OriginAccessControlConfig": {
                "Name": "site", "OriginAccessControlOriginType": "s3", "SigningBehavior": "always", "SigningProtocol": "sigv4"}}},
            "Distribution": {"Type": "AWS::CloudFront::Distribution", "Properties": {"DistributionConfig": {
                "Enabled": True, "DefaultRootObject": "index.html",
                "Origins": [{"Id": "site", "DomainName": attribute("Site", "RegionalDomainName"), "S3OriginConfig": {},
                             "OriginAccessControlId": reference("Access")}],
                "DefaultCacheBehavior": {"TargetOriginId": "site", "ViewerProtocolPolicy": "redirect-to-https",
                                         "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6"}}}},
        }, {"Topic": reference("Topic"), "Subscription": reference("Subscription"), "DeadArn": attribute("Dead", "Arn"),
            "Distribution": reference("Distribution")})
        subscription = self.client("sns").get_subscription_attributes(SubscriptionArn=stack["Subscription"])["Attributes"]
        self.assertEqual(subscription["RawMessageDelivery"], "true")
        self.assertEqual(json.loads(subscription["FilterPolicy"]), {"kind": ["page"]})
        self.assertEqual(json.loads(subscription["RedrivePolicy"]), {"deadLetterTargetArn": stack["DeadArn"]})
        groups = self.client("logs").describe_log_groups(logGroupNamePrefix="muster")["logGroups"]
        self.assertEqual([group["retentionInDays"] for group in groups], [30])
        filters = self.client("logs").describe_metric_filters(logGroupName="muster")["metricFilters"]
        self.assertEqual([(item["filterPattern"], item["metricTransformations"][0]["metricName"]) for item in filters], [("ERROR", "Errors")])
        mail = self.client("sesv2")
        self.assertEqual(mail.get_email_identity(EmailIdentity="muster@example.com")["IdentityType"], "EMAIL_ADDRESS")
        self.assertEqual(mail.get_configuration_set(ConfigurationSetName="muster")["ConfigurationSetName"], "muster")
        self.assertEqual(
            json.loads(self.client("cloudwatch").get_dashboard(DashboardName="muster")["DashboardBody"]), json.loads(dashboard))
        configuration = self.client("cloudfront").get_distribution(Id=stack["Distribution"])["Distribution"]["DistributionConfig"]
        self.assertEqual(configuration["DefaultRootObject"], "index.html")
        self.assertEqual(configuration["DefaultCacheBehavior"]["ViewerProtocolPolicy"], "redirect-to-https")


if __name__ == "__main__":
    unittest.main()
