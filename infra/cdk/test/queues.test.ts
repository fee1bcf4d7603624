import { describe, expect, test } from "vitest";

import { consumption, STAGES } from "../lib/settings.ts";
import { list, type Resource, stage } from "./support.ts";

const FOURTEEN_DAYS = 14 * 24 * 3600;

describe.each(STAGES)("the queues of %s", (name) => {
  const built = stage(name);
  const { settings, topology } = built;
  const mappings = built.of("AWS::Lambda::EventSourceMapping");
  const fromQueues = mappings.filter(({ stack, properties }) => sourceQueue(stack, properties) !== undefined);

  function sourceQueue(stack: string, properties: Resource["properties"]): Resource | undefined {
    const source = properties["EventSourceArn"];
    if (source?.["Fn::GetAtt"] === undefined) return undefined;
    const found = built.referred(stack, source);
    return found.type === "AWS::SQS::Queue" ? found : undefined;
  }

  test("are read by one function each: one for each projection and reactor", () => {
    const names = fromQueues.map(({ stack, properties }) => sourceQueue(stack, properties)!.properties["QueueName"]);
    const wanted = [...topology.projections.keys(), ...topology.reactors.keys()].map((each) => `muster-${name}-${each}`);
    expect(names.sort()).toEqual(wanted.sort());
  });

  test("hide a message for six times as long as its function may take", () => {
    for (const { stack, properties } of fromQueues) {
      const queue = sourceQueue(stack, properties)!.properties;
      const timeout = Number(built.referred(stack, properties["FunctionName"]).properties["Timeout"]);
      expect(Number(queue["VisibilityTimeout"]), String(queue["QueueName"])).toBeGreaterThanOrEqual(6 * timeout);
      expect(timeout).toBeGreaterThan(0);
    }
  });

  test("are read in batches of which a part may fail, by so many functions at a time", () => {
    const subscribers = new Map([...topology.projections, ...topology.reactors]);
    for (const { stack, properties } of fromQueues) {
      const short = String(sourceQueue(stack, properties)!.properties["QueueName"]).slice(settings.names.prefix.length);
      const { batchSize, batchWindow, maxConcurrency } = consumption(settings, subscribers.get(short)!.queue);
      expect(properties, short).toMatchObject({
        BatchSize: batchSize,
        MaximumBatchingWindowInSeconds: batchWindow.toSeconds(),
        FunctionResponseTypes: ["ReportBatchItemFailures"],
        ScalingConfig: { MaximumConcurrency: maxConcurrency },
      });
    }
  });

  test("give a message up after its receives, to a queue that keeps it for 14 days", () => {
    for (const { stack, properties } of fromQueues) {
      const queue = sourceQueue(stack, properties)!;
      const { deadLetterTargetArn, maxReceiveCount } = queue.properties["RedrivePolicy"];
      const short = String(queue.properties["QueueName"]).slice(settings.names.prefix.length);
      const shape = (topology.projections.get(short) ?? topology.reactors.get(short))!.queue;
      expect(maxReceiveCount).toBe(name === "e2e" ? 2 : shape.max_receives);
      expect(built.referred(stack, deadLetterTargetArn).properties).toMatchObject({
        QueueName: `muster-${name}-${short}-dead-letters`,
        MessageRetentionPeriod: FOURTEEN_DAYS,
      });
    }
  });

  test("stand behind rules with the patterns of the topology", () => {
    for (const [short, { rule }] of [...topology.projections, ...topology.reactors]) {
      const { stack, properties } = built.one("AWS::Events::Rule", "Name", `muster-${name}-${short}`);
      expect(properties["EventPattern"]).toEqual({
        source: rule.source,
        ...(rule.detailType && { "detail-type": rule.detailType }),
        ...(rule.detail && { detail: rule.detail }),
      });
      expect(properties["Targets"]).toHaveLength(1);
      expect(built.referred(stack, properties["Targets"][0].Arn).properties["QueueName"]).toBe(`muster-${name}-${short}`);
    }
  });

  test("of dead letters are there for every target of every rule, apart from the target", () => {
    const targets = built.of("AWS::Events::Rule").flatMap(({ stack, properties }) =>
      (properties["Targets"] as Resource["properties"][]).map((target) => ({ stack, target })));
    expect(targets.length).toBeGreaterThan(0);
    for (const { stack, target } of targets) {
      const dead = built.referred(stack, target["DeadLetterConfig"]?.Arn);
      expect(dead.type).toBe("AWS::SQS::Queue");
      expect(dead.properties["MessageRetentionPeriod"]).toBe(FOURTEEN_DAYS);
      expect(target["DeadLetterConfig"].Arn).not.toEqual(target["Arn"]);
      expect(target["RetryPolicy"].MaximumEventAgeInSeconds).toBeGreaterThan(0);
    }
  });

  test("are each read by a function, or are where something is given up", () => {
    const given = new Set<string>();
    const give = (stack: string, arn: unknown): void => void given.add(`${stack} ${built.referred(stack, arn).id}`);
    for (const { stack, properties } of built.resources) {
      if (properties["RedrivePolicy"]?.deadLetterTargetArn) give(stack, properties["RedrivePolicy"].deadLetterTargetArn);
      if (properties["DestinationConfig"]?.OnFailure) give(stack, properties["DestinationConfig"].OnFailure.Destination);
      if (properties["DeadLetterConfig"]?.TargetArn) give(stack, properties["DeadLetterConfig"].TargetArn);
      if (properties["Target"]?.DeadLetterConfig) give(stack, properties["Target"].DeadLetterConfig.Arn);
      for (const target of list<Resource["properties"]>(properties["Targets"])) {
        if (target["DeadLetterConfig"]) give(stack, target["DeadLetterConfig"].Arn);
      }
    }
    const read = fromQueues.map(({ stack, properties }) => `${stack} ${sourceQueue(stack, properties)!.id}`);
    expect(built.of("AWS::SQS::Queue").map(({ stack, id }) => `${stack} ${id}`).sort()).toEqual([...read, ...given].sort());
  });

  test("are encrypted, and take nothing that does not come over TLS", () => {
    const refusing = built.of("AWS::SQS::QueuePolicy").filter(({ properties }) =>
      JSON.stringify(properties["PolicyDocument"]).includes('"Condition":{"Bool":{"aws:SecureTransport":"false"}}'));
    const refused = refusing.flatMap(({ stack, properties }) =>
      (properties["Queues"] as unknown[]).map((queue) => built.referred(stack, queue).properties["QueueName"]));
    const all = built.of("AWS::SQS::Queue").map(({ properties }) => properties["QueueName"]);
    expect(refused.sort()).toEqual(name === "e2e" ? [] : all.sort());
    for (const { properties } of built.of("AWS::SQS::Queue")) expect(properties["SqsManagedSseEnabled"]).toBe(true);
  });
});

describe("the event table's stream", () => {
  const built = stage("prod");
  const readers = built.of("AWS::Lambda::EventSourceMapping")
    .filter(({ properties }) => JSON.stringify(properties["EventSourceArn"]).includes("StreamArn"));
  const reader = (fn: string): Resource =>
    readers.find(({ stack, properties }) => built.referred(stack, properties["FunctionName"]).properties["FunctionName"] === fn)!;

  test("has two readers, as many as DynamoDB allows", () => {
    expect(readers).toHaveLength(2);
  });

  test.each([
    ["publisher", 100, '{"eventName":["INSERT"]}'],
    ["guard", 10, '{"eventName":["MODIFY","REMOVE"]}'],
  ])("is read by the %s, in batches of %i, of which it takes %s", (fn, batch, pattern) => {
    const { stack, properties } = reader(`muster-prod-${fn}`);
    expect(properties).toMatchObject({
      StartingPosition: "TRIM_HORIZON",
      BatchSize: batch,
      MaximumBatchingWindowInSeconds: 1,
      BisectBatchOnFunctionError: true,
      MaximumRetryAttempts: 20,
      MaximumRecordAgeInSeconds: 6 * 3600,
      FunctionResponseTypes: ["ReportBatchItemFailures"],
      FilterCriteria: { Filters: [{ Pattern: pattern }] },
    });
    const failures = built.referred(stack, properties["DestinationConfig"].OnFailure.Destination);
    expect(failures.properties["QueueName"]).toBe(`muster-prod-${fn}-failures`);
  });
});
