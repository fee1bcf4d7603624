/**
 * A Lambda of Muster: a Rust binary with a role, a log group and a trace of its own.
 *
 * A role begins with nothing but its logs, its traces and what it may never do: change or remove what is in the event table. What a
 * function may do is said where it is made.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";

import { Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import type * as kms from "aws-cdk-lib/aws-kms";
import * as lambda from "aws-cdk-lib/aws-lambda";
import * as logs from "aws-cdk-lib/aws-logs";
import type * as sqs from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";

import type { Muster } from "./context.ts";
import { except } from "./exceptions.ts";

export interface RustFunctionProps {
  readonly muster: Muster;
  /** The binary in `handlers/src/bin`. */
  readonly bin: string;
  /** What the function is called after the stage, if not like the binary. */
  readonly name?: string;
  readonly description: string;
  readonly memoryMiB: number;
  readonly timeout: Duration;
  readonly environment?: Readonly<Record<string, string>>;
  /** Whether it may put new commits into the event table. */
  readonly appends?: boolean;
  /** Where invocations go that nobody waits for and that fail. */
  readonly deadLetters?: sqs.IQueue;
}

/** What nobody may do to the event table: an event is never changed and never removed. */
const CHANGES = ["dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem", "dynamodb:PartiQL*"];

/**
 * What writes the rows of a projection. A task is in as many lists as it has labels and watchers: its places there come and go with
 * its row, in one transaction.
 */
export function rowWrites(projection: string): string[] {
  const places = projection === "task-list" ? ["ConditionCheckItem", "DeleteItem"] : [];
  return ["BatchGetItem", "BatchWriteItem", "PutItem", ...places];
}

export class RustFunction extends Construct {
  readonly fn: lambda.Function;
  /** The function's name, as a plain text. */
  readonly name: string;
  private readonly muster: Muster;
  private readonly role: iam.Role;

  constructor(scope: Construct, id: string, props: RustFunctionProps) {
    super(scope, id);
    const { muster, bin } = props;
    const { settings, watched } = muster;
    this.muster = muster;
    this.name = settings.names.of(props.name ?? bin);

    const directory = join(settings.lambdaDir, bin);
    if (!existsSync(join(directory, "bootstrap"))) {
      throw new Error(`${directory} has no bootstrap: build the Lambdas, or say where they are (-c lambdaDir=…)`);
    }
    const group = new logs.LogGroup(this, "Logs", {
      logGroupName: `/aws/lambda/${this.name}`,
      retention: settings.logRetention,
      removalPolicy: settings.keepsData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    this.role = new iam.Role(this, "Role", {
      assumedBy: new iam.ServicePrincipal("lambda.amazonaws.com"),
      description: `What ${this.name} may do`,
    });
    this.allow(["logs:CreateLogStream", "logs:PutLogEvents"], [group.logGroupArn]);
    this.role.addToPolicy(
      new iam.PolicyStatement({
        sid: "EventsStayAsTheyAre",
        effect: iam.Effect.DENY,
        actions: props.appends ? CHANGES : [...CHANGES, "dynamodb:PutItem"],
        resources: [settings.names.tableArn(Stack.of(this), settings.names.table("events"))],
      }),
    );
    this.fn = new lambda.Function(this, "Function", {
      functionName: this.name,
      description: props.description,
      runtime: lambda.Runtime.PROVIDED_AL2023,
      architecture: lambda.Architecture.ARM_64,
      handler: "bootstrap",
      code: lambda.Code.fromAsset(directory),
      memorySize: props.memoryMiB,
      timeout: props.timeout,
      role: this.role,
      tracing: lambda.Tracing.ACTIVE,
      loggingFormat: lambda.LoggingFormat.JSON,
      // What Lambda says of every invocation is in its metrics already, and would be half of what the logs cost.
      systemLogLevelV2: lambda.SystemLogLevel.WARN,
      logGroup: group,
      ...(props.deadLetters && { deadLetterQueue: props.deadLetters }),
      environment: {
        MUSTER_STAGE: settings.stage,
        MUSTER_TABLE_PREFIX: settings.names.prefix,
        MUSTER_LOG: "info",
        ...props.environment,
      },
    });
    watched.functions.push(this.name);
    except(this.role, "x-ray takes no resource");
    if (!props.deadLetters) except(this.fn, "invoked in step");
  }

  /** Where the keys of people are wrapped; to read with them, see `opensPersonalData`. */
  knowsPersonalKey(key: kms.IKey): void {
    this.fn.addEnvironment("MUSTER_PERSONAL_KEY_ID", key.keyArn);
  }

  /** Reads what is personal in events: with the keys of people, and the key that wraps them. */
  opensPersonalData(key: kms.IKey, ...more: readonly string[]): void {
    this.knowsPersonalKey(key);
    this.allowTable("subject-keys", "GetItem", ...more);
    this.allow(["kms:Decrypt"], [key.keyArn]);
  }

  allow(actions: readonly string[], resources: readonly string[]): void {
    this.role.addToPolicy(new iam.PolicyStatement({ actions: [...actions], resources: [...resources] }));
  }

  /** On a table that is always there. */
  allowTable(table: string, ...actions: readonly string[]): void {
    const { names } = this.muster.settings;
    this.allow(actions.map((action) => `dynamodb:${action}`), [names.tableArn(Stack.of(this), names.table(table))]);
  }

  /** On a table that is always there: to change these attributes of an item, its key among them, and no others. */
  allowAttributes(table: string, ...attributes: readonly string[]): void {
    const { names } = this.muster.settings;
    this.role.addToPolicy(
      new iam.PolicyStatement({
        actions: ["dynamodb:UpdateItem"],
        resources: [names.tableArn(Stack.of(this), names.table(table))],
        conditions: { "ForAllValues:StringEquals": { "dynamodb:Attributes": [...attributes] } },
      }),
    );
  }

  /** On the indexes of a table that is always there. */
  allowIndexes(table: string, ...actions: readonly string[]): void {
    const { names } = this.muster.settings;
    const arn = names.tableArn(Stack.of(this), names.table(table));
    this.allow(actions.map((action) => `dynamodb:${action}`), [`${arn}/index/*`]);
    except(this.role, "indexes of a table");
  }

  /** On every generation of a projection's table. */
  allowProjection(projection: string, ...actions: readonly string[]): void {
    const { names } = this.muster.settings;
    const arn = names.tableArn(Stack.of(this), names.everyGeneration(projection));
    this.allow(actions.map((action) => `dynamodb:${action}`), [arn]);
    except(this.role, "generations of projections");
  }
}
