/** The events' JSON Schemas in the registry of EventBridge, for whoever subscribes to the bus. */
import { readdirSync, readFileSync } from "node:fs";

import * as schemas from "aws-cdk-lib/aws-eventschemas";
import { Construct } from "constructs";

import { toDraft4 } from "./draft4.ts";
import type { Settings } from "./settings.ts";

const DIRECTORY = new URL("../../../schemas/events/", import.meta.url);

/** `TaskAssigned.v1` and its schema, for every version of every event. */
export function eventSchemas(): Map<string, Record<string, unknown>> {
  const files = readdirSync(DIRECTORY).filter((file) => /\.v\d+\.json$/.test(file)).sort();
  return new Map(files.map((file) => {
    const schema: unknown = JSON.parse(readFileSync(new URL(file, DIRECTORY), "utf8"));
    return [file.replace(/\.json$/, ""), schema as Record<string, unknown>];
  }));
}

export class EventSchemas extends Construct {
  constructor(scope: Construct, id: string, { names }: Settings) {
    super(scope, id);
    const registry = new schemas.CfnRegistry(this, "Registry", {
      registryName: names.of("events"),
      description: "The data of Muster's events, as they are on the bus in detail.data",
    });
    for (const [name, schema] of eventSchemas()) {
      new schemas.CfnSchema(this, name, {
        registryName: registry.attrRegistryName,
        schemaName: `muster@${name}`,
        type: "JSONSchemaDraft4",
        ...(typeof schema["description"] === "string" && { description: schema["description"] }),
        content: JSON.stringify(toDraft4(schema)),
      });
    }
  }
}
