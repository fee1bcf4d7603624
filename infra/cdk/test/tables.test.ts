import { describe, expect, test } from "vitest";

import { STAGES } from "../lib/settings.ts";
import type { TableShape } from "../lib/topology.ts";
import { type Json, render, stage } from "./support.ts";

/** What the topology says of a table, in the words of the template. */
function expected(shape: TableShape): Json {
  const key = (names: readonly (string | undefined)[]): Json[] =>
    names.filter((name) => name !== undefined).map((name, at) => ({ AttributeName: name, KeyType: at === 0 ? "HASH" : "RANGE" }));
  return {
    key: key(["pk", shape.sk && "sk"]),
    indexes: shape.indexes.map((index) => ({
      IndexName: index.name,
      KeySchema: key([index.pk.name, index.sk.name]),
      Projection: index.holds ? { ProjectionType: "INCLUDE", NonKeyAttributes: [...index.holds] } : { ProjectionType: "ALL" },
    })),
    stream: shape.stream,
    ttl: shape.ttl,
    types: Object.fromEntries([
      ["pk", shape.pk],
      ...(shape.sk ? [["sk", shape.sk]] : []),
      ...shape.indexes.flatMap(({ pk, sk }) => [[pk.name, pk.type], [sk.name, sk.type]]),
    ]),
  };
}

describe.each(STAGES)("the tables of %s", (name) => {
  const { of, settings, topology } = bind(name);

  test("are those of the topology, with its keys, indexes, streams and expiry, and no others", () => {
    const wanted = Object.fromEntries([
      ...[...topology.tables].map(([table, shape]) => [`muster-${name}-${table}`, expected(shape)]),
      ...[...topology.projections].map(([table, projection]) => [`muster-${name}-${table}-1`, expected(projection.table)]),
    ]);
    const there = Object.fromEntries(of("AWS::DynamoDB::Table").map(({ properties }) => [
      properties["TableName"],
      {
        key: properties["KeySchema"],
        indexes: properties["GlobalSecondaryIndexes"] ?? [],
        stream: properties["StreamSpecification"]?.StreamViewType,
        ttl: properties["TimeToLiveSpecification"]?.AttributeName,
        types: Object.fromEntries(
          (properties["AttributeDefinitions"] as Json[]).map((each) => [each["AttributeName"], each["AttributeType"]]),
        ),
      },
    ]));
    expect(there).toEqual(wanted);
  });

  test("are paid by request, encrypted, and can be put back to any moment", () => {
    for (const { properties } of of("AWS::DynamoDB::Table")) {
      expect(properties, String(properties["TableName"])).toMatchObject({
        BillingMode: "PAY_PER_REQUEST",
        SSESpecification: { SSEEnabled: true },
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      });
    }
  });

  test("outlive their stack where data is kept, and refuse to be deleted", () => {
    expect(settings.keepsData).toBe(name === "staging" || name === "prod");
    for (const { properties, whole } of of("AWS::DynamoDB::Table")) {
      expect(properties["DeletionProtectionEnabled"] ?? false).toBe(settings.keepsData);
      expect(whole["DeletionPolicy"]).toBe(settings.keepsData ? "Retain" : "Delete");
    }
  });

  test("let nobody change or remove an event", () => {
    const policies = of("AWS::DynamoDB::Table").filter(({ properties }) => properties["ResourcePolicy"] !== undefined);
    expect(policies.map(({ properties }) => properties["TableName"])).toEqual([`muster-${name}-events`]);
    const [statement] = policies[0]!.properties["ResourcePolicy"].PolicyDocument.Statement as [Json];
    expect(statement).toMatchObject({ Effect: "Deny", Principal: { AWS: "*" } });
    expect(statement["Action"]).toEqual([
      "dynamodb:BatchWriteItem",
      "dynamodb:DeleteItem",
      "dynamodb:PartiQLDelete",
      "dynamodb:PartiQLInsert",
      "dynamodb:PartiQLUpdate",
      "dynamodb:UpdateItem",
    ].sort((a, b) => (statement["Action"] as string[]).indexOf(a) - (statement["Action"] as string[]).indexOf(b)));
    expect(render(statement["Resource"])).toMatch(new RegExp(`:table/muster-${name}-events$`));
  });
});

describe("the keys that tokens are made with", () => {
  test.each([
    ["prod", 30, "Retain"],
    ["e2e", 7, "Delete"],
  ] as const)("sign and seal, and wait before they go, in %s", (name, days, policy) => {
    const keys = stage(name).of("AWS::KMS::Key").filter(({ stack }) => stack === `muster-${name}-data`);
    expect(keys.map(({ properties }) => [properties["KeySpec"], properties["KeyUsage"], properties["PendingWindowInDays"]])).toEqual([
      ["ECC_NIST_P256", "SIGN_VERIFY", days],
      ["HMAC_256", "GENERATE_VERIFY_MAC", days],
      ["SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", days],
      // Of digests.
      ["ECC_NIST_P256", "SIGN_VERIFY", days],
    ]);
    expect(keys.map(({ whole }) => whole["DeletionPolicy"])).toEqual([policy, policy, policy, policy]);
  });
});

function bind(name: (typeof STAGES)[number]) {
  const built = stage(name);
  return { of: built.of.bind(built), settings: built.settings, topology: built.topology };
}

describe("the bucket of digests", () => {
  const bucket = (name: (typeof STAGES)[number]): Json =>
    stage(name).of("AWS::S3::Bucket").find(({ properties }) => render(properties["BucketName"]).includes("-digests-"))!.properties;

  test("lets nobody change or remove what is in it: on prod for ten years, whoever they are", () => {
    expect(bucket("prod")).toMatchObject({
      ObjectLockEnabled: true,
      ObjectLockConfiguration: { ObjectLockEnabled: "Enabled", Rule: { DefaultRetention: { Mode: "COMPLIANCE", Days: 3650 } } },
      VersioningConfiguration: { Status: "Enabled" },
      PublicAccessBlockConfiguration: { BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true },
    });
    expect(bucket("dev")["ObjectLockConfiguration"].Rule.DefaultRetention).toEqual({ Mode: "GOVERNANCE", Days: 1 });
  });
});
