// Writes schemas/postman_collection.json: every route of schemas/openapi.json, after a walk (walk.js) that shows it at work. They can be
// sent one after another, all of them (journey.js).
// With --check it writes nothing, and fails when the file on disk is not what it would write.
import { readFileSync, writeFileSync } from "node:fs";

import Converter from "openapi-to-postmanv2";

import { example } from "./example.js";
import { AFTER, AGAIN, IN_PATHS, LAST_FOLDER, LEAVES, NEEDS, SAYS, whom } from "./journey.js";
import { walk } from "./walk.js";

const schemas = new URL("../../schemas/", import.meta.url);
const target = new URL("postman_collection.json", schemas);
const document = JSON.parse(readFileSync(new URL("openapi.json", schemas), "utf8"));

const OPTIONS = {
  folderStrategy: "Tags",
  enableOptionalParameters: false,
  requestParametersResolution: "Schema",
  keepImplicitHeaders: false,
  stackLimit: 20,
};

/** Before each request: a time that is always to come. */
const ALWAYS = ['pm.collectionVariables.set("in_a_week", new Date(Date.now() + 7 * 24 * 60 * 60 * 1000).toISOString());'];

/**
 * A schema that leaves the converter no choice, for it would throw dice: what may be null is what it is otherwise, of several words the
 * first is taken, a map has one entry, and no text is made up for a pattern.
 */
function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  const { pattern, type, oneOf, additionalProperties, ...rest } = value;
  const some = Array.isArray(oneOf) ? oneOf.filter((one) => one.type !== "null") : undefined;
  if (some?.length === 1) return plain({ ...rest, ...some[0] });
  const kept = Object.fromEntries(Object.entries({ ...rest, oneOf: some }).map(([key, each]) => [key, plain(each)]));
  // Unless it is a field of this name.
  if (typeof pattern === "object") kept.pattern = plain(pattern);
  if (typeof additionalProperties === "object") kept.properties = { ...kept.properties, key: plain(additionalProperties) };
  if (Array.isArray(kept.enum)) kept.enum = kept.enum.slice(0, 1);
  if (type !== undefined) kept.type = Array.isArray(type) ? type.find((one) => one !== "null") : plain(type);
  return JSON.parse(JSON.stringify(kept));
}

/** A request as journey.js names it: `GET /api/v1/tasks/{task_id}`. */
const called = ({ method, url }) => `${method} ${template(url)}`;
const template = (url) => `/${parts(url).join("/")}`;
const parts = (url) => url.path.map((part) => part.replace(/^:(.*)$/, "{$1}"));
const operation = ({ method, url }) => document.paths[template(url)][method.toLowerCase()];

/** Without what changes from run to run, and in the order in which all can be sent. */
function settled({ name, description, item }) {
  const requests = item.map(({ protocolProfileBehavior, request }) => ({
    name: request.name,
    protocolProfileBehavior,
    event: [{ listen: "test", script: { type: "text/javascript", exec: [...tests(request), ...leaves(request)] } }],
    request: ready(request, name),
  }));
  return { name, description, item: inOrder(requests) };
}

/** A request ready to be sent: what is optional is switched off, ids come from variables, and the body is one that the schema takes. */
function ready({ name, description, method, header, url }, folder) {
  const { security, requestBody } = operation({ method, url });
  const schema = requestBody?.content["application/json"].schema;
  const body = schema && { ...example(document, schema), ...SAYS[called({ method, url })] };
  return {
    name,
    description,
    // Whoever signs in shows no token: it may be an old one.
    ...(isOpen(security) && { auth: { type: "noauth" } }),
    method,
    header: header.map(optional),
    url: { ...url, variable: url.variable.map((variable) => fromVariable(variable, folder)) },
    ...(body && { body: { mode: "raw", raw: JSON.stringify(body, null, 2), options: { raw: { language: "json" } } } }),
  };
}

/** Whether nobody need be signed in for it, and no token is of use. */
const isOpen = (security) => security !== undefined && security.every((way) => Object.keys(way).length === 0);

const optional = (header) => (["Idempotency-Key", "If-Match", "Muster-Min-Version"].includes(header.key) ? { ...header, disabled: true } : header);

function fromVariable({ id, ...variable }, folder) {
  const { key } = variable;
  return { ...variable, value: IN_PATHS[key] ?? `{{${key === "user_id" ? whom(folder) : key}}}` };
}

/** What must be true of the answer. */
function tests(request) {
  const { responses, security } = operation(request);
  const named = Object.keys(responses).map(Number).filter((status) => status < 500);
  if (NEEDS[called(request)] === undefined) return [test("it is done", named.filter((status) => status < 300))];
  // Where a token is shown, the session lives.
  return [test("the answer is one that the document names", isOpen(security) ? named : named.filter((status) => status !== 401))];
}

const test = (name, statuses) => `pm.test("${name}", () => pm.expect(pm.response.code).to.be.oneOf(${JSON.stringify(statuses)}));`;

/** What the answer leaves for the requests after it. */
function leaves(request) {
  const left = Object.entries(LEAVES[called(request)] ?? {});
  if (left.length === 0) return [];
  const set = left.map(([variable, path]) => `  pm.collectionVariables.set("${variable}", answer.${path});`);
  return ["if (pm.response.code < 300) {", "  const answer = pm.response.json();", ...set, "}"];
}

/** On each path what makes a thing first, then what reads and changes it, then what is below it, and what takes it away last. */
function inOrder(requests) {
  const rank = { POST: 1, GET: 2, PUT: 3, PATCH: 4, DELETE: 6 };
  const below = 5;
  const key = ({ request: { method, url } }) => [...parts(url).flatMap((part) => [below, part]), rank[method]];
  const before = (one, other) => {
    const [mine, theirs] = [key(one), key(other)];
    const place = mine.findIndex((part, n) => part !== theirs[n]);
    return mine[place] < theirs[place] ? -1 : 1;
  };
  const sorted = requests.toSorted(before);
  const at = (name) => sorted.findIndex(({ request }) => called(request) === name);
  const here = ([name]) => at(name) !== -1;
  for (const [moved, after] of AFTER.filter(here)) {
    const [request] = sorted.splice(at(moved), 1);
    sorted.splice(at(after) + 1, 0, request);
  }
  for (const [again, after] of AGAIN.filter(here)) sorted.splice(at(after) + 1, 0, sorted[at(again)]);
  return sorted;
}

function convert() {
  return new Promise((resolve, reject) => {
    Converter.convertV2({ type: "json", data: plain(document) }, OPTIONS, (error, { result, reason, output } = {}) => {
      if (error || !result) reject(error ?? new Error(reason));
      else resolve(output[0].data);
    });
  });
}

const { info: { _postman_id, ...info }, item } = await convert();
const order = [...document.tags.map((tag) => tag.name).filter((name) => name !== LAST_FOLDER), LAST_FOLDER];
const folders = item.map(settled).sort((one, other) => order.indexOf(one.name) - order.indexOf(other.name));
const there = new Set(folders.flatMap((each) => each.item.map(({ request }) => called(request))));
const gone = [...AFTER.flat(), ...AGAIN.flat(), ...[LEAVES, SAYS, NEEDS].flatMap(Object.keys)].filter((name) => !there.has(name));
if (gone.length > 0) throw new Error(`journey.js speaks of what is not in the document: ${gone.join(", ")}`);
const collection = {
  info,
  auth: { type: "bearer", bearer: [{ key: "token", value: "{{access_token}}", type: "string" }] },
  event: [{ listen: "prerequest", script: { type: "text/javascript", exec: ALWAYS } }],
  item: [walk, ...folders],
};
const fresh = `${JSON.stringify(collection, null, 2)}\n`;
let onDisk = "";
try {
  onDisk = readFileSync(target, "utf8");
} catch {
  // It is not there yet.
}
if (onDisk !== fresh && process.argv.includes("--check")) {
  console.error("schemas/postman_collection.json is stale; run cargo xtask schemas");
  process.exitCode = 1;
} else if (onDisk !== fresh) {
  writeFileSync(target, fresh);
  console.log("written: schemas/postman_collection.json");
}
