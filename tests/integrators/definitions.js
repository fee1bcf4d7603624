// TypeScript definitions of everything that Muster sends: made from `schemas/events`, written to `schemas/typescript`.
//
//     node definitions.js           writes them
//     node definitions.js --check   writes nothing, and fails when they are stale
import { readdirSync, readFileSync, mkdirSync, writeFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { fileURLToPath } from "node:url";

import { compile } from "json-schema-to-typescript";

const SCHEMAS = new URL("../../schemas/events/", import.meta.url);
export const FILE = new URL("../../schemas/typescript/muster-events.d.ts", import.meta.url);

const HEAD = `/**
 * The events that Muster sends: made from the JSON Schemas in \`schemas/events\` by \`cargo xtask schemas\`.
 *
 * \`MusterEvent\` is the \`detail\` of a message on EventBridge (\`MusterEventBridgeEvent\`). It is a union that \`type\` and \`schema\` tell
 * apart: in \`if (event.type === "TaskAssigned")\`, \`event.data\` is what such an event says. There will be more types and schemas: pass
 * over what you do not know. What says who a person is comes sealed. \`MusterWebhookTest\` comes to webhooks alone, when one is tried.
 */
`;

const read = (file) => JSON.parse(readFileSync(new URL(file, SCHEMAS), "utf8"));

/** `TaskCreated.v1.json` as `TaskCreatedV1`, sorted by type and schema. */
function shapes() {
  const files = readdirSync(SCHEMAS).flatMap((file) => {
    const [, type, schema] = /^(\w+)\.v(\d+)\.json$/.exec(file) ?? [];
    return type === undefined ? [] : [{ file, type, schema: Number(schema), name: `${type}V${schema}` }];
  });
  return files.sort((one, other) => (one.type < other.type ? -1 : one.type > other.type ? 1 : one.schema - other.schema));
}

/** The same with its references changed. */
function referring(value, rename) {
  if (Array.isArray(value)) return value.map((each) => referring(each, rename));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([word, part]) =>
    word === "$ref" ? [word, `#/$defs/${rename(part.replace("#/$defs/", ""))}`] : [word, referring(part, rename)]));
}

/** All definitions of all schemas, each once. Two that differ under one name are told apart by their owner. */
class Definitions {
  all = {};

  take(owner, { $defs = {}, $schema: _, $id: __, title: ___, ...schema }) {
    const names = new Map(Object.keys($defs).map((name) => [name, name]));
    const rename = (name) => names.get(name);
    const clashes = (name) => {
      const there = this.all[rename(name)];
      return there !== undefined && !isDeepStrictEqual(there, referring($defs[name], rename));
    };
    for (let clash; (clash = Object.keys($defs).find(clashes)) !== undefined;) names.set(clash, `${owner}${clash}`);
    for (const [name, definition] of Object.entries($defs)) this.all[rename(name)] = referring(definition, rename);
    return referring(schema, rename);
  }
}

/** As the compiler likes it: words that each have a meaning of their own (`oneOf` of constants) are a union of the words. */
function liked(schema) {
  if (Array.isArray(schema)) return schema.map(liked);
  if (schema === null || typeof schema !== "object") return schema;
  // Beside a word of its own, a reference would be a new type each time.
  if (schema.$ref !== undefined && Object.keys(schema).length > 1) {
    const { $ref, ...own } = schema;
    return { allOf: [{ $ref }], ...own };
  }
  const { oneOf, ...rest } = schema;
  if (oneOf?.every((each) => each.const !== undefined)) {
    const said = oneOf.map((each) => `- \`${each.const}\`: ${each.description ?? ""}`).join("\n");
    return { ...rest, description: [rest.description, said].filter(Boolean).join("\n\n"), enum: oneOf.map((each) => each.const) };
  }
  return Object.fromEntries(Object.entries(schema).map(([word, part]) => [word, liked(part)]));
}

/** The text of the definitions. */
export async function definitions() {
  const collected = new Definitions();
  const { properties, required, ...envelope } = collected.take("Envelope", read("envelope.json"));
  // These three say which event it is: each has its own.
  const { type: _, schema: __, data: ___, ...common } = properties;
  const told = ["type", "schema", "data"];
  collected.all["RecordedEvent"] = { ...envelope, properties: common, required: required.filter((name) => !told.includes(name)) };
  const all = shapes();
  for (const { file, name } of all) {
    const schema = collected.take(name, read(file));
    if (collected.all[name] !== undefined) throw new Error(`${name} is there twice`);
    collected.all[name] = schema;
  }
  const base = await compile({ $defs: liked(collected.all) }, "Muster", {
    additionalProperties: false,
    bannerComment: HEAD,
    format: true,
    ignoreMinAndMaxItems: true,
    style: { printWidth: 120 },
    unreachableDefinitions: true,
  });
  // The root says nothing, and neither does where each definition stood.
  const kept = base
    .replace(/export (interface Muster \{[^}]*\}|type Muster = [^;]*;)\n*/, "")
    .replace(/( \*\n)? \* This (interface|type) was referenced by `Muster`'s JSON-Schema\n \* via the `definition` "[^"]*"\.\n/g, "")
    .replace(/\/\*\*\n \*\/\n/g, "")
    .replace(/^(export |\/\*\*\n)/gm, "\n$1")
    .replace(/\*\/\n\nexport /g, "*/\nexport ")
    .replace(/\n{3,}/g, "\n\n")
    .trimStart();
  const events = all.map(({ type, schema, name }) => `/** ${type}, schema ${schema}. */
export interface ${name}Event extends RecordedEvent {
  /** What happened. */
  type: "${type}";
  /** The version of the shape of \`data\`. */
  schema: ${schema};
  /** What it says. */
  data: ${name};
}`);
  const union = `/** Any event, told apart by \`type\` and \`schema\`. */
export type MusterEvent =
${all.map(({ name }) => `  | ${name}Event`).join("\n")};

/** The types of event. */
export type MusterEventType = MusterEvent["type"];

/** The events of one type, at every schema. */
export type MusterEventOf<T extends MusterEventType> = Extract<MusterEvent, { type: T }>;

/** A message on EventBridge: \`detail\` is the event, and \`detail-type\` its type. */
export interface MusterEventBridgeEvent<E extends MusterEvent = MusterEvent> {
  version: string;
  /** The message's id: another each time. The event's is \`detail.event_id\`. */
  id: string;
  source: "muster";
  "detail-type": E["type"];
  account: string;
  /** When EventBridge took it in. When the event was recorded is \`detail.recorded_at\`. */
  time: string;
  region: string;
  resources: string[];
  detail: E;
}

/** What a webhook gets when an administrator tries it: no event. */
export interface MusterWebhookTest {
  type: "WebhookTest";
  /** The webhook that is tried. */
  webhook_id: string;
  /** When it was sent. */
  sent_at: string;
}`;
  return `${[kept.trimEnd(), ...events, union].join("\n\n")}\n`;
}

async function main(check) {
  const made = await definitions();
  const path = fileURLToPath(FILE);
  let onDisk = "";
  try {
    onDisk = readFileSync(FILE, "utf8");
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
  if (onDisk === made) return;
  if (check) {
    console.error(`${path} is stale`);
    process.exitCode = 1;
    return;
  }
  mkdirSync(new URL(".", FILE), { recursive: true });
  writeFileSync(FILE, made);
  console.error(`written: ${path}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.includes("--check"));
