// A body that a schema takes, as somebody would write it: what must be there, in words of the field.

/** What a text says, by the name of its field; in `{{…}}` what Postman puts in. */
const WORDS = {
  challenge: "{{challenge}}",
  code: "123456",
  name: "Lift crew",
  reason: "Waiting for a relay",
  refresh_token: "{{refresh_token}}",
  state: "{{state}}",
  text: "Switch the current off",
  time: "09:30",
  time_zone: "Europe/Berlin",
  title: "Check the brakes of lift 7",
  token: "{{reset_token}}",
  url: "https://example.com/hooks/muster",
};

/** A password that is to be chosen has a least length; the one that somebody has is in the environment. */
const password = ({ minLength }) => (minLength === undefined ? "{{password}}" : "{{$guid}}");

/** What the schema of this field takes. */
export function example(document, schema, name) {
  if (schema.$ref !== undefined) return example(document, schema.$ref.slice(2).split("/").reduce((part, key) => part[key], document), name);
  const some = schema.oneOf?.find((one) => one.type !== "null");
  if (some !== undefined) return example(document, some, name);
  if (schema.enum !== undefined) return schema.enum[0];
  const type = [schema.type].flat()[0];
  if (type === "object") return Object.fromEntries((schema.required ?? []).map((field) => [field, example(document, schema.properties[field], field)]));
  if (type === "array") return [example(document, schema.items, name)];
  if (type === "boolean") return true;
  if (type === "integer") return schema.minimum ?? 1;
  if (schema.format === "uuid") return `{{${name}}}`;
  if (schema.format === "date-time") return "{{in_a_week}}";
  if (schema.format === "email") return "{{email}}";
  if (schema.format === "password") return password(schema);
  const words = WORDS[name] ?? schema.example ?? schema.examples?.[0];
  if (words === undefined) throw new Error(`example.js has no words for the field ${name}`);
  return words;
}
