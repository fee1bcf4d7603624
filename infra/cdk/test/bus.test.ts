import { describe, expect, test } from "vitest";

import { toDraft4 } from "../lib/draft4.ts";
import { eventSchemas } from "../lib/event-schemas.ts";
import { render, stage } from "./support.ts";

describe("the bus", () => {
  test.each([
    ["dev", 14],
    ["staging", 90],
    ["prod", 365],
    ["e2e", 1],
  ] as const)("of %s keeps every event of Muster's for %i days", (name, days) => {
    const built = stage(name);
    const [archive, ...others] = built.of("AWS::Events::Archive");
    expect(others).toEqual([]);
    expect(archive!.properties).toMatchObject({ ArchiveName: `muster-${name}-events`, RetentionDays: days, EventPattern: { source: ["muster"] } });
    expect(built.referred(archive!.stack, archive!.properties["SourceArn"]).properties["Name"]).toBe(`muster-${name}-events`);
  });

  test("has the schema of every version of every event in its registry", () => {
    const registered = stage("prod").of("AWS::EventSchemas::Schema").map(({ properties }) => properties);
    expect(registered.map(({ SchemaName }) => SchemaName).sort()).toEqual([...eventSchemas().keys()].map((name) => `muster@${name}`).sort());
    expect(new Set(registered.map(({ Type }) => Type))).toEqual(new Set(["JSONSchemaDraft4"]));
    const assigned = registered.find(({ SchemaName }) => SchemaName === "muster@TaskAssigned.v1")!;
    expect(JSON.parse(String(assigned["Content"]))).toMatchObject({
      $schema: "http://json-schema.org/draft-04/schema#",
      id: "urn:muster:event:TaskAssigned:1",
      properties: { to: { $ref: "#/definitions/UserId" } },
      definitions: { UserId: { type: "string", format: "uuid" } },
    });
  });

  test("gives its names to whoever tests from outside", () => {
    const outputs = Object.keys(stage("e2e").outputs).filter((name) => !name.startsWith("Exports"));
    expect(outputs.sort()).toEqual([
      "AlarmsTopicArn", "ApiId", "ApiUrl", "ArchiveArn", "AuditLogDeadLettersUrl", "AuditLogProjectorName", "AuditLogQueueUrl", "BusName",
      "DigesterName", "DirectoryDeadLettersUrl", "DirectoryProjectorName", "DirectoryQueueUrl", "DistributionDomain",
      "FeedDeadLettersUrl", "FeedProjectorName", "FeedQueueUrl", "NotificationsTopicArn",
      "NotifierDeadLettersUrl", "NotifierName", "NotifierQueueUrl", "PublisherFailuresUrl", "SigningKeyArn", "SweeperName",
      "TaskListDeadLettersUrl", "TaskListProjectorName", "TaskListQueueUrl",
      "TaskPastDeadLettersUrl", "TaskPastProjectorName", "TaskPastQueueUrl", "WebBucket",
      "WebhooksDeadLettersUrl", "WebhooksName", "WebhooksQueueUrl",
    ]);
  });
});

describe("a schema in draft 4", () => {
  test("says the same in older words", () => {
    const schema = {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      $id: "urn:x",
      $defs: { Colour: { oneOf: [{ const: "red", type: "string" }, { const: "blue", type: "string" }] } },
      properties: { const: { $ref: "#/$defs/Colour" }, tags: { type: "array", items: { $ref: "#/$defs/Colour" } } },
      additionalProperties: false,
    };
    expect(toDraft4(schema)).toEqual({
      $schema: "http://json-schema.org/draft-04/schema#",
      id: "urn:x",
      definitions: { Colour: { oneOf: [{ enum: ["red"], type: "string" }, { enum: ["blue"], type: "string" }] } },
      properties: { const: { $ref: "#/definitions/Colour" }, tags: { type: "array", items: { $ref: "#/definitions/Colour" } } },
      additionalProperties: false,
    });
  });

  test("is not made of words that draft 4 does not have", () => {
    expect(() => toDraft4({ properties: { size: { exclusiveMinimum: 0 } } })).toThrow("exclusiveMinimum");
  });
});

describe("mail", () => {
  test("is sent over TLS, from the installation's address", () => {
    const built = stage("prod");
    const [configuration] = built.of("AWS::SES::ConfigurationSet");
    expect(configuration!.properties).toMatchObject({ Name: "muster-prod-mail", DeliveryOptions: { TlsPolicy: "REQUIRE" } });
    const [identity] = built.of("AWS::SES::EmailIdentity");
    expect(identity!.properties["EmailIdentity"]).toBe("muster@example.com");
    expect(render(identity!.properties["ConfigurationSetAttributes"].ConfigurationSetName)).toBe(`<${configuration!.id}>`);
  });

  test("and every topic is encrypted with a key that is rotated", () => {
    const built = stage("prod");
    expect(built.of("AWS::SNS::Topic").map(({ properties }) => properties["TopicName"]).sort()).toEqual([
      "muster-prod-alarms",
      "muster-prod-notifications",
      "muster-prod-pipeline",
    ]);
    for (const { stack, properties } of built.of("AWS::SNS::Topic")) {
      expect(built.referred(stack, properties["KmsMasterKeyId"]).properties["EnableKeyRotation"]).toBe(true);
    }
  });
});
