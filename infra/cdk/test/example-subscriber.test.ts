import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { TransactionCanceledException } from "@aws-sdk/client-dynamodb";
import { describe, expect, test, vi } from "vitest";

import { type Counts, take } from "../example-subscriber/completions.ts";
import { takeBatch } from "../example-subscriber/handler.ts";
import { TableOfCounts } from "../example-subscriber/table.ts";
import { type Json, render, Stage } from "./support.ts";

/** What the table does, in memory. */
class MemoryCounts implements Counts {
  readonly days = new Map<string, number>();
  private readonly counted = new Set<string>();

  countOnce(eventId: string, day: string): Promise<boolean> {
    if (this.counted.has(eventId)) return Promise.resolve(false);
    this.counted.add(eventId);
    this.days.set(day, (this.days.get(day) ?? 0) + 1);
    return Promise.resolve(true);
  }
}

const ID = "6d757374-6572-5000-8000-6576656e7400";

function message(version: number, to: string, change: Json = {}): string {
  const detail = {
    event_id: `6d757374-6572-5000-8000-${String(version).padStart(12, "0")}`,
    stream: { type: "task", id: ID },
    version,
    type: "TaskStatusChanged",
    schema: 1,
    recorded_at: "2026-03-02T08:00:00.120Z",
    actor: { type: "user", id: ID },
    command_id: ID,
    correlation_id: "request-1",
    data: { from: "in_progress", to, at: "2026-03-02T08:00:00Z" },
    ...change,
  };
  return JSON.stringify({ source: "muster", "detail-type": detail.type, detail });
}

const batch = (...bodies: string[]) => ({ Records: bodies.map((body, number) => ({ messageId: `m${String(number)}`, body })) }) as never;

describe("the example of a subscriber", () => {
  test("counts each completion once, however often and in whatever order it comes", async () => {
    const counts = new MemoryCounts();
    const [first, second] = [message(3, "completed"), message(5, "completed")];
    expect(await takeBatch(batch(second, first, second, first, first), counts)).toEqual({ batchItemFailures: [] });
    expect(await take(first, counts)).toBe(false);
    expect([...counts.days]).toEqual([["2026-03-02", 2]]);
  });

  test("counts nothing else", async () => {
    const counts = new MemoryCounts();
    expect(await take(message(3, "todo"), counts)).toBe(false);
    expect([...counts.days]).toEqual([]);
  });

  test("gives back what it does not know, and takes the rest", async () => {
    const said = vi.spyOn(console, "error").mockImplementation(() => undefined);
    const counts = new MemoryCounts();
    const strange = [message(4, "completed", { schema: 2 }), message(5, "completed", { type: "TaskHeld" }), "no JSON", "{}"];
    const { batchItemFailures } = await takeBatch(batch(message(3, "completed"), ...strange), counts);
    expect(batchItemFailures).toEqual(["m1", "m2", "m3", "m4"].map((itemIdentifier) => ({ itemIdentifier })));
    expect([...counts.days]).toEqual([["2026-03-02", 1]]);
    expect(said).toHaveBeenCalledTimes(4);
    said.mockRestore();
  });

  test("writes the event and the day in one transaction, and sees in its failure that the event was counted", async () => {
    const sent: Json[] = [];
    const canceled = (code: string): Error =>
      new TransactionCanceledException({ $metadata: {}, message: "", CancellationReasons: [{ Code: code }, { Code: "None" }] });
    const answers = [undefined, canceled("ConditionalCheckFailed"), canceled("TransactionConflict")];
    const send = (command: { input: Json }): Promise<object> => {
      sent.push(command.input);
      const answer = answers.shift();
      return answer === undefined ? Promise.resolve({}) : Promise.reject(answer);
    };
    const counts = new TableOfCounts({ send } as never, "counts", () => Date.UTC(2026, 0, 1));
    expect(await counts.countOnce("e1", "2026-01-01")).toBe(true);
    expect(await counts.countOnce("e1", "2026-01-01")).toBe(false);
    await expect(counts.countOnce("e1", "2026-01-01")).rejects.toThrow(TransactionCanceledException);
    expect(sent[0]!["TransactItems"]).toEqual([
      {
        Put: {
          TableName: "counts",
          Item: { pk: { S: "event#e1" }, ttl: { N: String(Date.UTC(2026, 2, 2) / 1000) } },
          ConditionExpression: "attribute_not_exists(pk)",
        },
      },
      {
        Update: {
          TableName: "counts",
          Key: { pk: { S: "day#2026-01-01" } },
          UpdateExpression: "ADD completed :one",
          ExpressionAttributeValues: { ":one": { N: "1" } },
        },
      },
    ]);
  });
});

describe("the stack of the example", () => {
  const built = new Stage("prod", { exampleSubscriber: "true" });
  const stack = "muster-prod-example-subscriber";
  const own = built.resources.filter((resource) => resource.stack === stack);

  test("is made only when somebody asks for it", () => {
    expect(own.length).toBeGreaterThan(8);
    expect(new Stage("dev").stacks.map(({ stackName }) => stackName)).not.toContain("muster-dev-example-subscriber");
    expect(() => new Stage("dev", { exampleSubscriber: "perhaps" })).toThrow("exampleSubscriber is to be true or false");
  });

  test("takes completed tasks from Muster's bus into a queue with dead letters", () => {
    const rule = built.one("AWS::Events::Rule", "Name", stack).properties;
    expect(rule["EventPattern"]).toEqual({
      source: ["muster"],
      "detail-type": ["TaskStatusChanged"],
      detail: { data: { to: ["completed"] } },
    });
    const [target] = rule["Targets"] as Json[];
    const queue = built.referred(stack, target!["Arn"]).properties;
    expect(queue["QueueName"]).toBe(stack);
    expect(built.referred(stack, queue["RedrivePolicy"].deadLetterTargetArn).properties["QueueName"]).toBe(`${stack}-dead-letters`);
    expect(built.referred(stack, target!["DeadLetterConfig"].Arn).properties["QueueName"]).toBe(`${stack}-undelivered`);
  });

  test("has a function that may write its counts and read its queue, and nothing of Muster's", () => {
    const fn = built.one("AWS::Lambda::Function", "FunctionName", stack);
    expect(fn.properties).toMatchObject({ Runtime: "nodejs24.x", Architectures: ["arm64"], Timeout: 20 });
    const actions = built.statements(fn).map(({ Action, Resource }) => [[Action].flat().sort(), render(Resource)] as const);
    const tables = actions.filter(([names]) => names.some((name) => String(name).startsWith("dynamodb:")));
    expect(tables.map(([names]) => names)).toEqual([["dynamodb:PutItem", "dynamodb:UpdateItem"]]);
    expect(tables[0]![1]).toMatch(/^<Counts/);
    const [mapping] = own.filter(({ type }) => type === "AWS::Lambda::EventSourceMapping");
    expect(mapping!.properties["FunctionResponseTypes"]).toEqual(["ReportBatchItemFailures"]);
  });

  test("has its alarms", () => {
    const alarms = built.of("AWS::CloudWatch::Alarm").map(({ properties }) => JSON.stringify(properties));
    for (const about of [stack, `${stack}-dead-letters`, `${stack}-undelivered`]) {
      expect(alarms.some((alarm) => alarm.includes(`"${about}"`)), about).toBe(true);
    }
  });

  test("is bundled into one file without the parts that Lambda has", () => {
    const assets = readdirSync(built.app.outdir).filter((name) => name.startsWith("asset."));
    const bundles = assets.flatMap((asset) =>
      readdirSync(join(built.app.outdir, asset)).filter((file) => file === "index.mjs").map((file) => join(built.app.outdir, asset, file)));
    expect(bundles).toHaveLength(1);
    const text = readFileSync(bundles[0]!, "utf8");
    expect(text).toContain('from "@aws-sdk/client-dynamodb"');
    expect(text).toContain("attribute_not_exists(pk)");
    expect(text.length).toBeLessThan(20_000);
  });

  test("gives cdk-nag nothing to find", () => {
    built.app.synth();
    const reports = readdirSync(built.app.outdir).filter((file) => file.endsWith("example-subscriber-NagReport.csv"));
    expect(reports.length).toBeGreaterThan(0);
    const findings = reports.flatMap((file) => readFileSync(join(built.app.outdir, file), "utf8").trimEnd().split("\n").slice(1))
      .filter((line) => !/","(Compliant|Suppressed|N\/A)",/.test(line));
    expect(findings).toEqual([]);
  });
});
