"""A unittest case with a running emulator of its own, and the means to deploy a template into it."""

import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse
import urllib.request
import zipfile

import botocore.session
from botocore.config import Config

HERE = os.path.dirname(os.path.abspath(__file__))
REGION = "us-east-1"
ACCOUNT = "000000000000"
PATIENCE_SECONDS = 30


def until(condition, what, seconds=PATIENCE_SECONDS):
    """The first true value of `condition`, asked again until the time is up."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"{seconds} s passed without {what}")


class Launcher:
    """The launcher as a process, with its standard input held open."""

    def __init__(self, directory):
        self.ready_file = os.path.join(directory, "ready.json")
        self.log_file = os.path.join(directory, "emulator.log")
        with open(self.log_file, "w") as log:
            self.process = subprocess.Popen(
                [sys.executable, os.path.join(HERE, "launch.py"), "--port", "0", "--ready-file", self.ready_file,
                 "--state-dir", os.path.join(directory, "state")],
                stdin=subprocess.PIPE, stderr=log,
            )
        try:
            until(lambda: os.path.exists(self.ready_file) or self.process.poll() is not None, "a ready file")
            with open(self.ready_file) as file:
                self.endpoint = json.load(file)["endpoint"]
        except BaseException:
            self.stop()
            raise

    def stop(self):
        """Closes standard input, and kills by id what does not end by that."""
        self.process.stdin.close()
        try:
            return self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            return self.process.wait()


class EmulatorCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(prefix="emulator-test-")
        cls.addClassCleanup(directory.cleanup)
        cls.directory = directory.name
        cls.launcher = Launcher(cls.directory)
        cls.addClassCleanup(cls.launcher.stop)
        cls.endpoint = cls.launcher.endpoint
        cls.session = botocore.session.Session()
        cls.session.set_credentials("test", "test")
        cls.client("s3").create_bucket(Bucket="code")
        for name in ("stream_recorder", "invocation_recorder", "api_caller", "echo", "child_starter"):
            cls.client("s3").put_object(Bucket="code", Key=name, Body=package(name))

    @classmethod
    def client(cls, service):
        return cls.session.create_client(
            service, region_name=REGION, endpoint_url=cls.endpoint,
            config=Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}),
        )

    def deploy(self, stack, resources, outputs=None):
        """Creates the stack, removes it after the test, and gives its outputs."""
        formation = self.client("cloudformation")
        template = {"Resources": resources, "Outputs": {key: {"Value": value} for key, value in (outputs or {}).items()}}
        formation.create_stack(StackName=stack, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_NAMED_IAM"])
        self.addCleanup(self.remove, stack)
        return self.settled(stack, "CREATE_COMPLETE")

    def update(self, stack, resources):
        self.client("cloudformation").update_stack(
            StackName=stack, TemplateBody=json.dumps({"Resources": resources}), Capabilities=["CAPABILITY_NAMED_IAM"]
        )
        self.settled(stack, "UPDATE_COMPLETE")

    def settled(self, stack, wanted):
        formation = self.client("cloudformation")

        def finished():
            description = formation.describe_stacks(StackName=stack)["Stacks"][0]
            return None if description["StackStatus"].endswith("IN_PROGRESS") else description

        description = until(finished, f"{stack} settling")
        if description["StackStatus"] != wanted:
            events = formation.describe_stack_events(StackName=stack)["StackEvents"]
            self.fail([event.get("ResourceStatusReason") for event in events if event.get("ResourceStatusReason")])
        return {output["OutputKey"]: output["OutputValue"] for output in description.get("Outputs", [])}

    def remove(self, stack):
        formation = self.client("cloudformation")
        formation.delete_stack(StackName=stack)

        def gone():
            try:
                return formation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"
            except formation.exceptions.ClientError:
                return True

        until(gone, f"{stack} gone")

    @classmethod
    def ask(cls, method, path, **parameters):
        """The answer of one of the emulator's own endpoints."""
        query = urllib.parse.urlencode(parameters)
        request = urllib.request.Request(f"{cls.endpoint}/_emulator/{path}?{query}", method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as response:
            return json.load(response)

    def record_file(self, name=""):
        """Where a function of this test writes down what it got."""
        return os.path.join(self.directory, f"{self._testMethodName}{name}.jsonl")

    def records(self, name=""):
        try:
            with open(self.record_file(name)) as file:
                return [json.loads(line) for line in file.read().splitlines()]
        except FileNotFoundError:
            return []

    def receive(self, queue, count=1):
        """Exactly `count` messages, each deleted when read."""
        client = self.client("sqs")
        messages = []

        def enough():
            answer = client.receive_message(
                QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"]
            )
            for message in answer.get("Messages", []):
                client.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                messages.append(message)
            return len(messages) >= count

        until(enough, f"{count} messages")
        self.assertEqual(len(messages), count)
        return messages


def package(name):
    """A deployable archive of one of the functions here."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        with open(os.path.join(HERE, "functions", "bootstrap.py")) as source:
            add(file, "bootstrap", f"#!{sys.executable}\n{source.read()}")
        with open(os.path.join(HERE, "functions", f"{name}.py")) as source:
            add(file, "handler.py", source.read())
    return archive.getvalue()


def add(archive, name, text):
    entry = zipfile.ZipInfo(name)
    entry.external_attr = 0o755 << 16
    archive.writestr(entry, text)


def role(*statements):
    """A role for functions, with the statements as its only policy."""
    trust = {"Effect": "Allow", "Principal": {"Service": ["lambda.amazonaws.com", "scheduler.amazonaws.com"]},
             "Action": "sts:AssumeRole"}
    properties = {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]}}
    if statements:
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        properties["Policies"] = [{"PolicyName": "grants", "PolicyDocument": document}]
    return {"Type": "AWS::IAM::Role", "Properties": properties}


def function(code, role_name="Role", tracing="PassThrough", **environment):
    return {"Type": "AWS::Lambda::Function", "Properties": {
        "TracingConfig": {"Mode": tracing},
        "Runtime": "provided.al2023", "Handler": "bootstrap", "Timeout": 10, "Role": attribute(role_name, "Arn"),
        "Code": {"S3Bucket": "code", "S3Key": code}, "Environment": {"Variables": environment}}}


def table(**more):
    return {"Type": "AWS::DynamoDB::Table", "Properties": {
        "BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}], **more}}


def http_api(function_name="Function"):
    """An HTTP API whose every request goes to the function."""
    integration = {"ApiId": reference("Api"), "IntegrationType": "AWS_PROXY", "PayloadFormatVersion": "2.0",
                   "IntegrationUri": attribute(function_name, "Arn")}
    target = {"Fn::Sub": "integrations/${Integration}"}
    return {
        "Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": "api", "ProtocolType": "HTTP"}},
        "Integration": {"Type": "AWS::ApiGatewayV2::Integration", "Properties": integration},
        "Route": {"Type": "AWS::ApiGatewayV2::Route", "Properties": {
            "ApiId": reference("Api"), "RouteKey": "$default", "Target": target}},
        "Stage": {"Type": "AWS::ApiGatewayV2::Stage", "Properties": {
            "ApiId": reference("Api"), "StageName": "$default", "AutoDeploy": True}},
    }


def queue(**properties):
    return {"Type": "AWS::SQS::Queue", "Properties": properties}


def attribute(resource, name):
    return {"Fn::GetAtt": [resource, name]}


def reference(resource):
    return {"Ref": resource}
