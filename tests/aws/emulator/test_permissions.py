"""What a function may do is what its role grants, and no more."""

import json
import unittest

from emulator_case import EmulatorCase, attribute, function, reference, role, table


def allow(action, resource):
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def deny(action, resource):
    return {"Effect": "Deny", "Action": action, "Resource": resource}


def key(spec, usage):
    return {"Type": "AWS::KMS::Key", "Properties": {"KeySpec": spec, "KeyUsage": usage}}


INDEX = {"IndexName": "by-name", "KeySchema": [{"AttributeName": "name", "KeyType": "HASH"}],
         "Projection": {"ProjectionType": "ALL"}}
INDEXED = {"AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "name", "AttributeType": "S"}],
           "GlobalSecondaryIndexes": [INDEX]}
OUTPUTS = {name: reference(name) for name in ("Function", "Table", "Signing", "Mac")}


class Permissions(EmulatorCase):
    def arrange(self, *statements):
        return self.deploy("permissions", self.resources(*statements), OUTPUTS)

    def resources(self, *statements):
        return {"Table": table(**INDEXED), "Signing": key("ECC_NIST_P256", "SIGN_VERIFY"), "Mac": key("HMAC_256", "GENERATE_VERIFY_MAC"),
                "Role": role(*statements), "Function": function("api_caller")}

    def outcome(self, stack, service, operation, **parameters):
        answer = self.client("lambda").invoke(FunctionName=stack["Function"], Payload=json.dumps(
            {"service": service, "operation": operation, "parameters": parameters}))
        body = json.loads(answer["Payload"].read())
        self.assertNotIn("FunctionError", answer, body)
        return body["outcome"]

    def put(self, stack):
        return self.outcome(stack, "dynamodb", "PutItem", TableName=stack["Table"], Item={"pk": {"S": "1"}, "name": {"S": "n"}})

    def transact(self, stack):
        item = {"Put": {"TableName": stack["Table"], "Item": {"pk": {"S": "2"}}}}
        return self.outcome(stack, "dynamodb", "TransactWriteItems", TransactItems=[item])

    def query(self, stack, **index):
        name = "name" if index else "pk"
        return self.outcome(stack, "dynamodb", "Query", TableName=stack["Table"], KeyConditionExpression="#k = :k",
                            ExpressionAttributeNames={"#k": name}, ExpressionAttributeValues={":k": {"S": "n"}}, **index)

    def sign(self, stack):
        return self.outcome(stack, "kms", "Sign", KeyId=stack["Signing"], Message="token", SigningAlgorithm="ECDSA_SHA_256")

    def generate_mac(self, stack):
        return self.outcome(stack, "kms", "GenerateMac", KeyId=stack["Mac"], Message="cursor", MacAlgorithm="HMAC_SHA_256")

    def test_a_role_without_grants_may_do_nothing(self):
        stack = self.arrange()
        self.assertEqual(
            [self.put(stack), self.transact(stack), self.query(stack), self.sign(stack), self.generate_mac(stack)],
            ["AccessDeniedException"] * 5)

    def test_a_removed_grant_is_gone(self):
        stack = self.arrange(allow("dynamodb:PutItem", attribute("Table", "Arn")))
        self.assertEqual([self.put(stack), self.transact(stack)], ["allowed", "allowed"])
        self.update("permissions", self.resources())
        self.assertEqual([self.put(stack), self.transact(stack)], ["AccessDeniedException"] * 2)

    def test_an_explicit_deny_on_a_table_wins(self):
        stack = self.arrange(allow("dynamodb:*", "*"), deny("dynamodb:PutItem", attribute("Table", "Arn")))
        self.assertEqual(
            [self.put(stack), self.transact(stack), self.query(stack)],
            ["AccessDeniedException", "AccessDeniedException", "allowed"])

    def test_a_table_grant_does_not_cover_its_index(self):
        stack = self.arrange(allow("dynamodb:Query", attribute("Table", "Arn")))
        self.assertEqual([self.query(stack), self.query(stack, IndexName="by-name")], ["allowed", "AccessDeniedException"])

    def test_an_index_grant_covers_the_index_alone(self):
        index = {"Fn::Sub": "${Table.Arn}/index/by-name"}
        stack = self.arrange(allow("dynamodb:Query", index))
        self.assertEqual([self.query(stack), self.query(stack, IndexName="by-name")], ["AccessDeniedException", "allowed"])

    def test_signing_is_granted_for_one_key(self):
        stack = self.arrange(allow(["kms:Sign", "kms:GenerateMac"], attribute("Signing", "Arn")))
        self.assertEqual([self.sign(stack), self.generate_mac(stack)], ["allowed", "AccessDeniedException"])

    def test_macs_are_granted_for_one_key(self):
        stack = self.arrange(allow(["kms:Sign", "kms:GenerateMac"], attribute("Mac", "Arn")))
        self.assertEqual([self.sign(stack), self.generate_mac(stack)], ["AccessDeniedException", "allowed"])

    def test_mail_is_granted_for_one_sender(self):
        identity = {"Fn::Sub": "arn:aws:ses:${AWS::Region}:${AWS::AccountId}:identity/muster@example.com"}
        stack = self.arrange(allow("ses:SendEmail", identity))
        self.client("sesv2").create_email_identity(EmailIdentity="muster@example.com")
        self.client("sesv2").create_email_identity(EmailIdentity="other@example.com")
        outcomes = [self.send(stack, f"{sender}@example.com") for sender in ("muster", "other")]
        self.assertEqual(outcomes, ["allowed", "AccessDeniedException"])

    def send(self, stack, sender):
        text = {"Data": "text"}
        return self.outcome(stack, "sesv2", "SendEmail", FromEmailAddress=sender, Destination={"ToAddresses": ["ada@example.com"]},
                            Content={"Simple": {"Subject": text, "Body": {"Text": text}}})


if __name__ == "__main__":
    unittest.main()
