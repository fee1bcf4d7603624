/** A stage's stacks as CloudFormation would get them, with functions that are only the names of binaries. */
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { App, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";

import { build } from "../lib/muster.ts";
import { readSettings, type Settings, type StageName } from "../lib/settings.ts";
import { loadTopology, type Topology } from "../lib/topology.ts";

export type Json = Readonly<Record<string, any>>;

export interface Resource {
  readonly stack: string;
  readonly id: string;
  readonly type: string;
  readonly properties: Json;
  readonly whole: Json;
}

const BINARIES = ["command-api", "query-api", "publisher", "projector", "guard", "sweeper", "digester", "notifier", "webhooks"];

let lambdas: string | undefined;

/** A directory with an empty `bootstrap` for each binary. */
export function lambdaDir(): string {
  if (lambdas === undefined) {
    lambdas = mkdtempSync(join(tmpdir(), "muster-lambdas-"));
    for (const bin of BINARIES) {
      mkdirSync(join(lambdas, bin));
      writeFileSync(join(lambdas, bin, "bootstrap"), "");
    }
  }
  return lambdas;
}

const FLAGS: Json = JSON.parse(readFileSync(new URL("../cdk.json", import.meta.url), "utf8")).context;

export class Stage {
  readonly app: App;
  readonly settings: Settings;
  readonly topology: Topology = loadTopology();
  readonly stacks: readonly Stack[];
  readonly resources: readonly Resource[];
  readonly outputs: Readonly<Record<string, Json>>;

  constructor(readonly name: StageName, context: Json = {}) {
    this.app = new App({ context: { ...FLAGS, stage: name, ...context } });
    this.settings = readSettings(this.app.node, { lambdaDir: lambdaDir() });
    build(this.app, this.settings, this.topology);
    this.stacks = this.app.node.children.filter(Stack.isStack);
    const templates = this.stacks.map((stack) => [stack.stackName, Template.fromStack(stack).toJSON() as Json] as const);
    this.resources = templates.flatMap(([stack, template]) =>
      Object.entries(template["Resources"] as Record<string, Json>).map(([id, whole]) => ({
        stack,
        id,
        type: String(whole["Type"]),
        properties: (whole["Properties"] ?? {}) as Json,
        whole,
      })),
    );
    this.outputs = Object.assign({}, ...templates.map(([, template]) => template["Outputs"] ?? {}));
  }

  of(type: string): Resource[] {
    return this.resources.filter((resource) => resource.type === type);
  }

  /** The one resource of this type of which this property has this value. */
  one(type: string, property: string, value: unknown): Resource {
    const found = this.of(type).filter(({ properties }) => properties[property] === value);
    if (found.length !== 1) throw new Error(`${String(found.length)} of ${type} with ${property} = ${String(value)}`);
    return found[0]!;
  }

  /** What a reference within a stack points to. */
  referred(stack: string, value: any): Resource {
    const id = value?.Ref ?? value?.["Fn::GetAtt"]?.[0];
    const found = this.resources.find((resource) => resource.stack === stack && resource.id === id);
    if (found === undefined) throw new Error(`${stack} has nothing like ${JSON.stringify(value)}`);
    return found;
  }

  /** Functions by name. */
  functions(): Map<string, Resource> {
    return new Map(this.of("AWS::Lambda::Function").map((each) => [String(each.properties["FunctionName"]), each]));
  }

  /** Every statement that a function's role, or another resource's role, has. */
  statements(owner: Resource): Json[] {
    const role = this.referred(owner.stack, owner.properties["Role"] ?? owner.properties["ServiceRole"]);
    return this.of("AWS::IAM::Policy")
      .filter(({ stack, properties }) =>
        stack === owner.stack && (properties["Roles"] as Json[]).some((each) => each["Ref"] === role.id))
      .flatMap(({ properties }) => properties["PolicyDocument"].Statement as Json[]);
  }
}

const STAGES = new Map<StageName, Stage>();

/** A stage with the context of `cdk.json`; the same one for all tests. */
export function stage(name: StageName): Stage {
  const known = STAGES.get(name) ?? new Stage(name);
  STAGES.set(name, known);
  return known;
}

export function list<T>(value: T | readonly T[] | undefined): T[] {
  return value === undefined ? [] : Array.isArray(value) ? [...(value as T[])] : [value as T];
}

/** A value with its references as text: `arn:<AWS::Partition>:dynamodb:…`. */
export function render(value: any): string {
  if (typeof value === "string") return value;
  if (value?.Ref !== undefined) return `<${String(value.Ref)}>`;
  if (value?.["Fn::GetAtt"] !== undefined) return `<${list<string>(value["Fn::GetAtt"]).join(".")}>`;
  if (value?.["Fn::ImportValue"] !== undefined) return `<import ${render(value["Fn::ImportValue"])}>`;
  if (value?.["Fn::Join"] !== undefined) {
    const [separator, parts] = value["Fn::Join"] as [string, unknown[]];
    return parts.map(render).join(separator);
  }
  return JSON.stringify(value);
}
