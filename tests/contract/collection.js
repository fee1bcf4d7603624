// Writes schemas/postman_collection.json: every route of schemas/openapi.json, after a walk (walk.js) that shows it at work.
// With --check it writes nothing, and fails when the file on disk is not what it would write.
import { readFileSync, writeFileSync } from "node:fs";

import Converter from "openapi-to-postmanv2";

import { walk } from "./walk.js";

const schemas = new URL("../../schemas/", import.meta.url);
const target = new URL("postman_collection.json", schemas);

const OPTIONS = {
  folderStrategy: "Tags",
  enableOptionalParameters: false,
  requestParametersResolution: "Schema",
  keepImplicitHeaders: false,
  stackLimit: 20,
};

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

/** Without what changes from run to run, and ready to be sent: what is optional is switched off, ids come from variables. */
function settled({ id, _postman_id, response, item, request, event, ...rest }) {
  const settledRequest = request && { ...request, header: request.header.map(optional), url: { ...request.url, variable: request.url.variable.map(fromVariable) } };
  return { ...rest, ...(settledRequest && { event: [asDocumented(request)], request: settledRequest }), ...(item && { item: item.map(settled).sort(byPath) }) };
}

const optional = (header) => (["Idempotency-Key", "If-Match", "Muster-Min-Version"].includes(header.key) ? { ...header, disabled: true } : header);
const fromVariable = ({ id, ...variable }) => ({ ...variable, value: `{{${variable.key}}}` });

/** What must be true of the answer: its status is one that the document names for the operation, and no failure of the server. */
function asDocumented({ method, url }) {
  const template = `/${url.path.map((part) => part.replace(/^:(.*)$/, "{$1}")).join("/")}`;
  const named = Object.keys(document.paths[template][method.toLowerCase()].responses).map(Number).filter((status) => status < 500);
  const exec = [`pm.test("the answer is as the document says", () => pm.expect(pm.response.code).to.be.oneOf(${JSON.stringify(named)}));`];
  return { listen: "test", script: { type: "text/javascript", exec } };
}

const path = ({ request, name }) => (request ? `${request.url.path.join("/")} ${request.method}` : name);
const byPath = (one, other) => path(one).localeCompare(path(other), "en");

function convert(document) {
  return new Promise((resolve, reject) => {
    Converter.convertV2({ type: "json", data: plain(document) }, OPTIONS, (error, { result, reason, output } = {}) => {
      if (error || !result) reject(error ?? new Error(reason));
      else resolve(output[0].data);
    });
  });
}

const document = JSON.parse(readFileSync(new URL("openapi.json", schemas), "utf8"));
const { info, item } = settled(await convert(document));
const { _postman_id, ...named } = info;
const collection = {
  info: named,
  auth: { type: "bearer", bearer: [{ key: "token", value: "{{access_token}}", type: "string" }] },
  item: [walk, ...item],
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
