// What integrators are given: the TypeScript definitions and the AsyncAPI document. `cargo xtask integrators` runs this.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import { Parser } from "@asyncapi/parser";

import { definitions, FILE } from "./definitions.js";

const HERE = dirname(fileURLToPath(import.meta.url));
const SCHEMAS = join(HERE, "../../schemas");
// Beside this file, so that what is in it finds the definitions.
const scratch = mkdtempSync(join(HERE, "scratch-"));
after(() => rmSync(scratch, { recursive: true }));

const STRICT = [
  "--noEmit", "--strict", "--noUncheckedIndexedAccess", "--exactOptionalPropertyTypes", "--target", "es2022", "--module", "nodenext",
  "--moduleResolution", "nodenext", "--allowImportingTsExtensions", "--types", "",
];

/** What the compiler says of these files; nothing, if it has nothing against them. */
function compiled(...files) {
  try {
    return execFileSync(join(HERE, "node_modules/.bin/tsc"), [...STRICT, ...files], { cwd: HERE, encoding: "utf8" });
  } catch (error) {
    return error.stdout;
  }
}

/** Every example of every event that was ever sent. */
function golden() {
  return readdirSync(join(SCHEMAS, "golden")).flatMap((file) => {
    const { aggregate, type, schema, examples } = JSON.parse(readFileSync(join(SCHEMAS, "golden", file), "utf8"));
    return Object.entries(examples).map(([name, data]) => ({ file, name, event: recorded(aggregate, type, schema, data) }));
  });
}

const ID = "6d757374-6572-5000-8000-6576656e7400";

function recorded(aggregate, type, schema, data) {
  return {
    event_id: ID,
    stream: { type: aggregate, id: ID },
    version: 7,
    type,
    schema,
    recorded_at: "2026-03-02T08:00:00.120Z",
    actor: { type: "user", id: ID },
    command_id: ID,
    correlation_id: "request-1",
    data,
  };
}

test("the definitions on disk are fresh", async () => {
  assert.ok((await definitions()) === readFileSync(FILE, "utf8"), "schemas/typescript is stale; run cargo xtask schemas");
});

test("a program that uses the definitions compiles, and its mistakes are found", () => {
  assert.equal(compiled("example.ts"), "");
});

test("the compiler does find mistakes", () => {
  const wrong = join(scratch, "wrong.ts");
  writeFileSync(wrong, `import type { MusterEvent } from "../../../schemas/typescript/muster-events.d.ts";
export const title = (event: MusterEvent): string => event.type === "TaskCreated" ? event.data.titel : "";
`);
  assert.match(compiled(wrong), /wrong\.ts\(2,\d+\): error TS2551: Property 'titel' does not exist/);
});

test("every golden example is an event of its type to the compiler", () => {
  const examples = golden();
  assert.ok(examples.length >= 60, `${examples.length} examples`);
  const lines = examples.map(({ event, file, name }, number) =>
    `/** The ${name} example of ${file}. */\nexport const event${number}: MusterEventOf<"${event.type}"> & { schema: ${event.schema} } = ${JSON.stringify(event)};`);
  const path = join(scratch, "golden.ts");
  const head = `import type { MusterEventOf } from "../../../schemas/typescript/muster-events.d.ts";`;
  writeFileSync(path, [head, ...lines].join("\n"));
  assert.equal(compiled(path), "");
});

test("a test of a webhook is to the compiler what it is in the AsyncAPI document", () => {
  const { messages } = JSON.parse(readFileSync(join(SCHEMAS, "asyncapi.json"), "utf8")).components;
  const { properties, required } = messages["Webhook.WebhookTest"].payload;
  assert.deepEqual(Object.keys(properties).sort(), [...required].sort());
  const values = { const: properties.type.const, uuid: ID, "date-time": "2026-03-02T08:00:00.120Z" };
  const example = Object.fromEntries(required.map((field) => [field, values[properties[field].format ?? "const"]]));
  const path = join(scratch, "webhook-test.ts");
  writeFileSync(path, `import type { MusterWebhookTest } from "../../../schemas/typescript/muster-events.d.ts";
export const test: MusterWebhookTest = ${JSON.stringify(example)};
`);
  assert.equal(compiled(path), "");
});

test("the AsyncAPI document is one to those who wrote the specification", async () => {
  const text = readFileSync(join(SCHEMAS, "asyncapi.json"), "utf8");
  const { document, diagnostics } = await new Parser().parse(text);
  const errors = diagnostics.filter(({ severity }) => severity === 0);
  assert.deepEqual(errors.map(({ path, message }) => `${path.join("/")}: ${message}`), []);
  assert.equal(document.version(), "3.0.0");
  const files = readdirSync(join(SCHEMAS, "events")).filter((file) => file !== "envelope.json");
  const events = document.channels().get("events");
  assert.deepEqual(events.messages().all().map((message) => `${message.id()}.json`).sort(), files.sort());
  const assigned = events.messages().get("TaskAssigned.v1");
  assert.equal(assigned.payload().properties()["type"].const(), "TaskAssigned");
  const webhooks = document.channels().get("webhooks");
  assert.deepEqual(webhooks.messages().all().map((message) => message.id()).sort(), [...events.messages().all().map((message) => message.id()), "WebhookTest"].sort());
  assert.ok(webhooks.messages().get("TaskAssigned.v1").headers().properties()["Muster-Signature"] !== undefined);
  // What is personal goes over the bus sealed, and outside not at all.
  const registered = (channel) => Object.keys(channel.messages().get("UserRegistered.v2").payload().properties()["data"].properties());
  assert.ok(registered(events).includes("email") && !registered(webhooks).includes("email"));
  assert.deepEqual(document.channels().get("feed").messages().all().map((message) => message.id()), ["FeedPage"]);
  assert.deepEqual(document.operations().all().map((operation) => operation.action()), ["send", "send", "send"]);
});
