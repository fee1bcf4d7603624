import { describe, expect, test } from "vitest";

import { type Json, list, render, stage } from "./support.ts";

const PROD = stage("prod");

/** `muster-prod-events` out of an ARN of a table, index or stream; the rendered resource itself if it is none. */
function short(resource: unknown): string {
  const text = render(resource);
  const table = /:table\/muster-prod-(.+)$/.exec(text);
  if (table) return table[1]!;
  if (/StreamArn/.test(text)) return "the stream";
  return text;
}

/** What a function may do: by resource, the actions of all statements that allow something. */
function grants(name: string, about: RegExp): Record<string, string[]> {
  const owner = PROD.functions().get(`muster-prod-${name}`)!;
  const result: Record<string, string[]> = {};
  for (const statement of PROD.statements(owner).filter(({ Effect }) => Effect === "Allow")) {
    for (const resource of list<unknown>(statement["Resource"] as unknown)) {
      const actions = list<string>(statement["Action"]).filter((action) => about.test(action));
      if (actions.length > 0) {
        const of = short(resource);
        result[of] = [...(result[of] ?? []), ...actions.map((action) => action.split(":")[1]!)].sort();
      }
    }
  }
  return result;
}

/** With places in lists, which come and go with the row. */
const PLACES = ["BatchGetItem", "BatchWriteItem", "ConditionCheckItem", "DeleteItem", "PutItem"];
const ROWS = ["BatchGetItem", "BatchWriteItem", "PutItem"];
/** Reads the keys of people, and erases them. */
const KEYS = { "subject-keys": ["GetItem", "PutItem"] };
/** Gives events their places in the feed. */
const ORDER = { "positions": ["GetItem", "PutItem", "Query"] };
/** Those that add events: they take commands, or react to what has happened. */
const WRITERS = ["command-api", "recurrence", "recurrence-sweeper", "reminders"];
const STREAM = { "the stream": ["DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"] };

const TABLES: Record<string, Record<string, string[]>> = {
  "command-api": {
    events: ["PutItem", "Query"],
    reservations: ["DeleteItem", "GetItem", "PutItem", "Scan"],
    credentials: ["DeleteItem", "GetItem", "PutItem", "UpdateItem"],
    sessions: ["DeleteItem", "GetItem", "PutItem", "UpdateItem"],
    "sessions/index/*": ["Query"],
    "one-time-tokens": ["DeleteItem", "GetItem", "PutItem", "Scan"],
    "api-tokens": ["DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"],
    "outside-identities": ["DeleteItem", "GetItem", "PutItem"],
    "outside-identities/index/*": ["Query"],
    invitations: ["DeleteItem", "GetItem", "PutItem", "Scan", "UpdateItem"],
    "saved-filters": ["DeleteItem", "GetItem", "PutItem"],
    webhooks: ["DeleteItem", "GetItem", "PutItem", "Query"],
    "webhook-deliveries": ["GetItem", "PutItem", "Query"],
    "access-log": ["PutItem"],
    origins: ["BatchGetItem", "PutItem"],
    "access-log/index/*": ["Query"],
    control: ["GetItem"],
    "subject-keys": ["GetItem", "PutItem"],
    "directory-*": ["DeleteItem", "GetItem"],
    "task-list-*": ["BatchGetItem", "GetItem", "Query"],
    "audit-log-*": ["GetItem", "Query"],
  },
  "query-api": {
    events: ["Query"],
    sessions: ["GetItem"],
    "sessions/index/*": ["Query"],
    "api-tokens": ["GetItem", "Query", "UpdateItem"],
    "outside-identities/index/*": ["Query"],
    "saved-filters": ["GetItem"],
    "access-log": ["PutItem", "Query"],
    "access-log/index/*": ["Query"],
    origins: ["BatchGetItem"],
    "invitations/index/*": ["Query"],
    control: ["GetItem"],
    digests: ["GetItem", "Query"],
    "positions": ["Query"],
    "subject-keys": ["GetItem"],
    "task-list-*": ["BatchGetItem", "GetItem", "Query"],
    "audit-log-*": ["GetItem", "Query"],
    "directory-*": ["GetItem", "Query"],
    "task-past-*": ["GetItem", "Query"],
    "feed-*": ["GetItem", "Query"],
  },
  publisher: STREAM,
  guard: STREAM,
  "projector-task-list": { events: ["Query"], control: ["GetItem"], "task-list-*": PLACES },
  "projector-audit-log": { events: ["Query"], control: ["GetItem"], ...KEYS, "audit-log-*": ROWS },
  "projector-directory": { events: ["Query"], control: ["GetItem"], ...KEYS, "directory-*": ROWS },
  "projector-task-past": { events: ["Query"], control: ["GetItem"], "task-past-*": ROWS },
  "projector-feed": { events: ["Query"], control: ["GetItem"], ...KEYS, "feed-*": ROWS, ...ORDER },
  sweeper: {
    events: ["Query", "Scan"],
    control: ["GetItem"],
    ...ORDER,
    ...KEYS,
    "task-list-*": [...PLACES, "Scan"],
    "audit-log-*": [...ROWS, "Scan"],
    "directory-*": [...ROWS, "Scan"],
    "feed-*": [...ROWS, "Scan"],
    "task-past-*": [...ROWS, "Scan"],
  },
  digester: { events: ["Scan"], digests: ["BatchGetItem", "BatchWriteItem", "GetItem", "PutItem", "Query"] },
  notifier: {
    events: ["Query"],
    "subject-keys": ["GetItem"],
    deliveries: ["DeleteItem", "PutItem"],
    "held-letters": ["DeleteItem", "PutItem", "Scan"],
  },
  recurrence: { events: ["PutItem", "Query"], "subject-keys": ["GetItem"] },
  "recurrence-sweeper": { events: ["PutItem", "Query", "Scan"], "subject-keys": ["GetItem"] },
  reminders: { events: ["PutItem", "Query"], control: ["GetItem"], "task-list-*": ["Query"] },
  webhooks: {
    events: ["Query"],
    webhooks: ["GetItem", "Query", "UpdateItem"],
    "webhook-deliveries": ["PutItem"],
    "webhook-deliveries/index/*": ["Query"],
  },
};

describe("a role", () => {
  test("is there for each function, and for no two", () => {
    const functions = [...PROD.functions()];
    expect(functions.map(([name]) => name.slice("muster-prod-".length)).sort()).toEqual(Object.keys(TABLES).sort());
    const roles = functions.map(([, { stack, properties }]) => `${stack} ${render(properties["Role"])}`);
    expect(new Set(roles).size).toBe(functions.length);
  });

  test.each(Object.entries(TABLES))("of %s allows these requests to these tables, and no others", (name, tables) => {
    expect(grants(name, /^dynamodb:/)).toEqual(tables);
  });

  test.each([...PROD.functions().keys()])("of %s may never change or remove an event", (name) => {
    const denied = PROD.statements(PROD.functions().get(name)!).filter(({ Effect }) => Effect === "Deny");
    expect(denied).toHaveLength(1);
    expect(render(denied[0]!["Resource"])).toMatch(/:table\/muster-prod-events$/);
    const actions = ["BatchWriteItem", "DeleteItem", "PartiQL*", "UpdateItem"];
    const expected = WRITERS.includes(name.slice("muster-prod-".length)) ? actions : [...actions, "PutItem"];
    expect([...list<string>(denied[0]!["Action"])].sort()).toEqual(expected.map((action) => `dynamodb:${action}`).sort());
  });

  test("lets the query side note when an API token was used, and change nothing else of it", () => {
    const statements = PROD.statements(PROD.functions().get("muster-prod-query-api")!);
    const updates = statements.filter((statement) => list<string>(statement["Action"]).includes("dynamodb:UpdateItem"));
    const allowed = updates.filter(({ Effect }) => Effect === "Allow");
    expect(allowed.map(({ Resource, Condition }) => [short(Resource), Condition])).toEqual([
      ["api-tokens", { "ForAllValues:StringEquals": { "dynamodb:Attributes": ["pk", "sk", "last_used_at"] } }],
    ]);
  });

  test("of the command side and of the reactors alone can add an event", () => {
    const writers = Object.keys(TABLES).filter((name) => grants(name, /^dynamodb:(Put|Update|Delete|Batch.*Write|PartiQL)/)["events"]);
    expect(writers).toEqual(WRITERS);
  });

  test("may add to its own log, and do nothing else to any", () => {
    for (const [name, owner] of PROD.functions()) {
      const about = PROD.statements(owner).filter((statement) => list<string>(statement["Action"]).some((action) => /^(logs:|\*)/.test(action)));
      const group = PROD.one("AWS::Logs::LogGroup", "LogGroupName", `/aws/lambda/${name}`);
      expect(about.map(({ Action, Resource }) => [Action, render(Resource)]), name)
        .toEqual([[["logs:CreateLogStream", "logs:PutLogEvents"], `<${group.id}.Arn>`]]);
    }
  });

  test("covers a whole service for traces only", () => {
    for (const [name, owner] of PROD.functions()) {
      const wide = PROD.statements(owner).filter((statement) => list<unknown>(statement["Resource"] as unknown).includes("*"));
      expect(wide.map(({ Action }: Json) => Action), name).toEqual([["xray:PutTelemetryRecords", "xray:PutTraceSegments"]]);
    }
  });

  test("lets the command side sign and seal, and the query side read the public key", () => {
    const actions = (name: string): string[] => Object.values(grants(name, /^kms:/)).flat().sort();
    expect(actions("command-api")).toEqual(["Decrypt", "GenerateDataKey", "GenerateMac", "GetPublicKey", "Sign"]);
    expect(actions("query-api")).toEqual(["Decrypt", "GetPublicKey"]);
    expect(actions("projector-directory")).toEqual(["Decrypt"]);
    expect(actions("projector-task-list")).toEqual([]);
    expect(actions("publisher")).toEqual([]);
    // The secrets of webhooks; the table where the keys of people are is not among its tables.
    expect(actions("webhooks")).toEqual(["Decrypt"]);
  });

  test("lets the digester alone sign digests, put them into their bucket, and open nothing that is personal", () => {
    expect(grants("digester", /^kms:/)).toEqual({ [Object.keys(grants("digester", /^kms:/))[0]!]: ["GetPublicKey", "Sign"] });
    expect(Object.keys(grants("digester", /^kms:/))[0]).toMatch(/Keydigest/);
    for (const name of Object.keys(TABLES)) {
      const granted = Object.entries(grants(name, /^s3:/));
      expect(granted.map(([, actions]) => actions), name).toEqual(name === "digester" ? [["PutObject"]] : []);
      if (name === "digester") expect(granted[0]![0]).toMatch(/:s3:::muster-prod-digests-.*\/digests\/\*$/);
      const keys = Object.keys(grants(name, /^kms:Sign$/));
      expect(keys.some((key) => key.includes("Keydigest")), name).toBe(name === "digester");
    }
  });

  test("lets the publisher alone put events, on Muster's bus", () => {
    const bus = `<${PROD.of("AWS::Events::EventBus")[0]!.id}.Arn>`;
    for (const name of Object.keys(TABLES)) {
      expect(grants(name, /^events:/), name).toEqual(name === "publisher" ? { [bus]: ["PutEvents"] } : {});
    }
  });

  test("lets the notifier and the command side send from the stage's address, the notifier publish to its topic, and nobody else", () => {
    const senders: Record<string, string[]> = {
      notifier: ["Publish", "SendEmail", "SendEmail"],
      "command-api": ["SendEmail", "SendEmail"],
    };
    for (const name of Object.keys(TABLES)) {
      const granted = grants(name, /^(ses|sns):/);
      expect(Object.values(granted).flat().sort(), name).toEqual(senders[name] ?? []);
      const mail = Object.keys(granted).filter((resource) => /:(identity\/muster@example\.com|configuration-set\/muster-prod-mail)$/.test(resource));
      expect(mail, name).toHaveLength(name in senders ? 2 : 0);
    }
  });
});
