import { existsSync, readFileSync } from "node:fs";

import { describe, expect, test } from "vitest";

import { ALARM_KINDS, description } from "../lib/alarms.ts";
import { STAGES } from "../lib/settings.ts";
import { type Json, type Resource, Stage, stage } from "./support.ts";

const RUNBOOK = new URL("../../../docs/runbook.md", import.meta.url);

/** What an alarm looks at, as a text: `AWS/SQS ApproximateAgeOfOldestMessage QueueName=muster-prod-task-list`. */
function subject({ properties }: Resource): string {
  const dimensions = ((properties["Dimensions"] ?? []) as Json[]).map(({ Name, Value }) => `${String(Name)}=${String(Value?.["Fn::ImportValue"] ? "…" : Value)}`);
  return [properties["Namespace"], properties["MetricName"], ...dimensions.sort()].join(" ");
}

/** The dead-letter queues that the runbook's table has a row for. `<projection>` stands for each of them. */
function documented(projections: readonly string[]): Set<string> {
  const section = /^### Dead letters\n(.*?)^### /ms.exec(readFileSync(RUNBOOK, "utf8"))?.[1] ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("| `"));
  const named = rows.flatMap((row) => [...row.split("|")[1]!.matchAll(/`([^`]+)`/g)].map((match) => match[1]!));
  return new Set(named.flatMap((queue) => queue.includes("<projection>") ? projections.map((each) => queue.replace("<projection>", each)) : [queue]));
}

describe.each(STAGES)("the alarms of %s", (name) => {
  const built = stage(name);
  const alarms = built.of("AWS::CloudWatch::Alarm");
  const subjects = new Set(alarms.map(subject));
  const missing = (wanted: readonly string[]): string[] => wanted.filter((each) => !subjects.has(each));

  test("look after every function's errors and throttles", () => {
    const functions = [...built.functions().keys()];
    expect(functions.length).toBeGreaterThanOrEqual(9);
    expect(missing(functions.flatMap((fn) => ["Errors", "Throttles"].map((what) => `AWS/Lambda ${what} FunctionName=${fn}`)))).toEqual([]);
  });

  test("look after the depth of every dead-letter queue, and the age of every other one", () => {
    const read = new Set(built.of("AWS::Lambda::EventSourceMapping").flatMap(({ stack, properties }) => {
      const queue = properties["EventSourceArn"]?.["Fn::GetAtt"] && built.referred(stack, properties["EventSourceArn"]);
      return queue ? [String(queue.properties["QueueName"])] : [];
    }));
    const queues = built.of("AWS::SQS::Queue").map(({ properties }) => String(properties["QueueName"]));
    expect(missing(queues.map((queue) => read.has(queue)
      ? `AWS/SQS ApproximateAgeOfOldestMessage QueueName=${queue}`
      : `AWS/SQS ApproximateNumberOfMessagesVisible QueueName=${queue}`))).toEqual([]);
  });

  test.runIf(existsSync(RUNBOOK))("send to a row of the runbook for every dead-letter queue", () => {
    const prefix = `muster-${name}-dead-letters-`;
    const names = alarms.map(({ properties }) => String(properties["AlarmName"]));
    const queues = names.filter((alarm) => alarm.startsWith(prefix)).map((alarm) => alarm.slice(prefix.length));
    expect(queues).toEqual(expect.arrayContaining(["task-list-dead-letters", "webhooks-failures", "publisher-failures"]));
    const rows = documented([...built.topology.projections.keys()]);
    expect(queues.filter((queue) => !rows.has(queue))).toEqual([]);
  });

  test("look after every rule on the bus", () => {
    const rules = built.of("AWS::Events::Rule").filter(({ properties }) => properties["EventBusName"] !== undefined);
    expect(rules.length).toBeGreaterThanOrEqual(4);
    expect(missing(rules.map(({ properties }) =>
      `AWS/Events FailedInvocations EventBusName=muster-${name}-events RuleName=${String(properties["Name"])}`))).toEqual([]);
  });

  test("look after the throttled reads and writes of every table and index", () => {
    const wanted = built.of("AWS::DynamoDB::Table").flatMap(({ properties }) => {
      const table = `TableName=${String(properties["TableName"])}`;
      const indexes = ((properties["GlobalSecondaryIndexes"] ?? []) as Json[]).map(({ IndexName }) => `GlobalSecondaryIndexName=${String(IndexName)} ${table}`);
      return [table, ...indexes].flatMap((each) => ["ReadThrottleEvents", "WriteThrottleEvents"].map((what) => `AWS/DynamoDB ${what} ${each}`));
    });
    expect(missing(wanted)).toEqual([]);
  });

  test("look after every projection, by the metrics that its functions write", () => {
    const projections = [...built.topology.projections.keys()];
    expect(missing(projections.flatMap((each) => ["ProjectionLag", "ProjectionBehind", "EventsParked"].map((what) =>
      `Muster ${what} projection=${each} stage=${name}`)))).toEqual([]);
  });

  test("look after the API, the stream, the publisher and the event table", () => {
    expect(missing([
      "AWS/ApiGateway 5xx ApiId=…",
      "AWS/ApiGateway Latency ApiId=…",
      `AWS/Lambda IteratorAge FunctionName=muster-${name}-publisher`,
      `AWS/Lambda IteratorAge FunctionName=muster-${name}-guard`,
      `Muster EventsRefused stage=${name}`,
      `Muster EventTableChanged stage=${name}`,
      `Muster DigestsTaken stage=${name}`,
      `Muster HistoriesContradicted stage=${name}`,
    ])).toEqual([]);
  });

  test("all go to one topic, say what they mean and where to read on, and are quiet while nothing is reported", () => {
    const topics = new Set(alarms.map(({ properties }) => JSON.stringify([properties["AlarmActions"], properties["OKActions"]])));
    expect(topics.size).toBe(1);
    const descriptions = new Set(Object.keys(ALARM_KINDS).map((kind) => description(kind as keyof typeof ALARM_KINDS)));
    for (const { properties } of alarms) {
      expect(descriptions).toContain(properties["AlarmDescription"]);
      // Of digests, that nothing is reported is what is wrong.
      const silence = properties["AlarmName"] === `muster-${name}-digest-missing` ? "breaching" : "notBreaching";
      expect(properties["TreatMissingData"]).toBe(silence);
    }
    expect(new Set(alarms.map(({ properties }) => properties["AlarmDescription"]))).toEqual(descriptions);
  });

  test("may publish to their topic, and use its key", () => {
    const key = built.of("AWS::KMS::Key").find(({ stack }) => stack.endsWith("-observability"))!;
    expect(JSON.stringify(key.properties["KeyPolicy"])).toContain("cloudwatch.amazonaws.com");
    const policy = built.of("AWS::SNS::TopicPolicy").find(({ stack }) => stack.endsWith("-observability"))!;
    expect(JSON.stringify(policy.properties["PolicyDocument"])).toContain("cloudwatch.amazonaws.com");
  });
});

describe("an alarm", () => {
  const alarm = (name: string): Json => stage("prod").one("AWS::CloudWatch::Alarm", "AlarmName", `muster-prod-${name}`).properties;

  test.each([
    ["api-errors", "Sum", undefined, 1, "GreaterThanOrEqualToThreshold", 1],
    ["api-latency", undefined, "p99", 2_000, "GreaterThanThreshold", 3],
    ["stream-behind-publisher", "Maximum", undefined, 60_000, "GreaterThanThreshold", 2],
    ["queue-behind-task-list", "Maximum", undefined, 300, "GreaterThanThreshold", 1],
    ["dead-letters-task-list-dead-letters", "Maximum", undefined, 1, "GreaterThanOrEqualToThreshold", 1],
    ["projection-lag-task-list", undefined, "p99", 30_000, "GreaterThanThreshold", 3],
    ["event-table-changed", "Sum", undefined, 1, "GreaterThanOrEqualToThreshold", 1],
  ])("%s rings by its own measure", (name, statistic, extended, threshold, comparison, minutes) => {
    const properties = alarm(name);
    expect(properties["Statistic"]).toBe(statistic);
    expect(properties["ExtendedStatistic"]).toBe(extended);
    expect(properties).toMatchObject({ Threshold: threshold, ComparisonOperator: comparison, DatapointsToAlarm: minutes, Period: 60 });
  });

  test("rings when no digest was taken for two hours", () => {
    expect(alarm("digest-missing")).toMatchObject({
      Statistic: "Sum", Period: 3600, EvaluationPeriods: 2, Threshold: 1, ComparisonOperator: "LessThanThreshold",
    });
  });

  test("reaches an address by e-mail where one is given", () => {
    expect(stage("prod").of("AWS::SNS::Subscription")).toEqual([]);
    const told = new Stage("dev", { alarmEmail: "operators@example.com" }).of("AWS::SNS::Subscription");
    expect(told.map(({ properties }) => [properties["Protocol"], properties["Endpoint"]])).toEqual([["email", "operators@example.com"]]);
    const undelivered = { "Fn::GetAtt": [expect.stringMatching(/^Undelivered/), "Arn"] };
    expect(told[0]!.properties["RedrivePolicy"]).toEqual({ deadLetterTargetArn: undelivered });
  });
});

test.runIf(existsSync(RUNBOOK))("the runbook has no row for a dead-letter queue that no stage has", () => {
  const stages = [...STAGES.map(stage), new Stage("dev", { exampleSubscriber: "true", alarmEmail: "operators@example.com" })];
  const queues = new Set(stages.flatMap((built) =>
    built.of("AWS::SQS::Queue").map(({ properties }) => String(properties["QueueName"]).replace(`muster-${built.name}-`, ""))));
  const rows = documented([...stages[0]!.topology.projections.keys()]);
  expect(rows.size).toBeGreaterThanOrEqual(25);
  expect([...rows].filter((row) => !queues.has(row))).toEqual([]);
});

describe("the kinds of alarms", () => {
  test("have titles whose anchors are their names", () => {
    for (const [kind, { title, sentence }] of Object.entries(ALARM_KINDS)) {
      expect(title.toLowerCase().replaceAll(" ", "-")).toBe(kind);
      expect(sentence).toMatch(/^[A-Z][^.]*\.$/);
    }
  });

  test.runIf(existsSync(RUNBOOK))("each have their section in the runbook", () => {
    const headings = readFileSync(RUNBOOK, "utf8").split("\n").flatMap((line) => /^#{2,4} (.+?)\s*$/.exec(line)?.[1] ?? []);
    expect(Object.values(ALARM_KINDS).map(({ title }) => title).filter((title) => !headings.includes(title))).toEqual([]);
  });
});

describe("the dashboard", () => {
  test("shows every function, queue and projection", () => {
    const body = JSON.stringify(stage("prod").of("AWS::CloudWatch::Dashboard")[0]!.properties["DashboardBody"]);
    const names = [
      ...stage("prod").functions().keys(),
      ...stage("prod").of("AWS::SQS::Queue").map(({ properties }) => String(properties["QueueName"])),
      ...stage("prod").topology.projections.keys(),
    ];
    expect(names.filter((name) => !body.includes(name))).toEqual([]);
  });
});
