/**
 * Event schemas are written in JSON Schema 2020-12; the schema registry of EventBridge knows draft 4 only. This says the same in draft 4, and
 * throws on a word that it has no translation for.
 */

type Schema = Readonly<Record<string, unknown>>;

const SAME = new Set([
  "additionalProperties", "anyOf", "default", "description", "enum", "format", "items", "maxItems", "maxLength", "maximum",
  "minItems", "minLength", "minimum", "oneOf", "allOf", "pattern", "properties", "required", "title", "type", "uniqueItems",
]);
/** Words whose value is a schema, a list of schemas, or a map of them. */
const ONE = new Set(["additionalProperties", "items"]);
const LIST = new Set(["anyOf", "oneOf", "allOf"]);
const MAP = new Set(["properties", "$defs"]);

export function toDraft4(schema: Schema): Schema {
  const result: Record<string, unknown> = {};
  for (const [word, value] of Object.entries(schema)) {
    switch (word) {
      case "$schema":
        result[word] = "http://json-schema.org/draft-04/schema#";
        break;
      case "$id":
        result["id"] = value;
        break;
      case "$ref":
        result[word] = String(value).replace(/^#\/\$defs\//, "#/definitions/");
        break;
      case "$defs":
        result["definitions"] = inside(word, value);
        break;
      case "const":
        result["enum"] = [value];
        break;
      default:
        if (!SAME.has(word)) throw new Error(`no translation into draft 4 of ${word}`);
        result[word] = inside(word, value);
    }
  }
  return result;
}

function inside(word: string, value: unknown): unknown {
  const translate = (part: unknown): unknown => (isSchema(part) ? toDraft4(part) : part);
  if (ONE.has(word)) return translate(value);
  if (LIST.has(word) && Array.isArray(value)) return value.map(translate);
  if (MAP.has(word) && isSchema(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, translate(part)]));
  }
  return value;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
