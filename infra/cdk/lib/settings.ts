/** What differs between the stages, and what an installation chooses by context (`-c name=value`, or `cdk.json`). */
import { Duration } from "aws-cdk-lib";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import type { Node } from "constructs";

import { Names } from "./names.ts";
import { type Oidc, readOidc } from "./oidc.ts";
import type { QueueShape } from "./topology.ts";

const SIGNUP = ["open", "invitation", "closed"] as const;
const ROLES = ["admin", "manager", "member", "auditor"];
export const STAGES = ["dev", "staging", "prod", "e2e"] as const;
export type StageName = (typeof STAGES)[number];

/** How a queue is read, once the stage has had its say. */
export interface Consumption {
  readonly batchSize: number;
  readonly batchWindow: Duration;
  readonly visibility: Duration;
  /** A sixth of the visibility, as Lambda asks for: a message that is being worked on must not appear again. */
  readonly timeout: Duration;
  readonly maxReceives: number;
  readonly maxConcurrency: number;
}

interface StageSettings {
  /** Whether tables, keys and buckets outlive their stack, and tables refuse to be deleted. */
  readonly keepsData: boolean;
  readonly logRetention: RetentionDays;
  readonly archiveRetention: Duration;
  readonly keyPendingWindow: Duration;
  /** Requests a second to the API, and how many may come at once. */
  readonly throttle: { readonly rate: number; readonly burst: number };
  readonly maxConcurrency: number;
  readonly stream: {
    readonly batchWindow: Duration;
    readonly retries: number;
    readonly maxAge: Duration;
  };
  /** In place of the topology's, where a test waits for the emulator. */
  readonly hurry?: { readonly visibility: Duration; readonly maxReceives: number };
  /** The branch that the stage's pipeline deploys. */
  readonly branch?: string;
  /** Whether queues and topics refuse what does not come over TLS. */
  readonly tlsOnly: boolean;
  /** Whether somebody must approve before the pipeline deploys. */
  readonly approval: boolean;
}

const STREAM = { batchWindow: Duration.seconds(1), retries: 20, maxAge: Duration.hours(6) };

const BY_STAGE: Record<StageName, StageSettings> = {
  dev: {
    keepsData: false,
    logRetention: RetentionDays.ONE_WEEK,
    archiveRetention: Duration.days(14),
    keyPendingWindow: Duration.days(7),
    throttle: { rate: 50, burst: 100 },
    maxConcurrency: 5,
    stream: STREAM,
    tlsOnly: true,
    approval: false,
  },
  staging: {
    keepsData: true,
    logRetention: RetentionDays.ONE_MONTH,
    archiveRetention: Duration.days(90),
    keyPendingWindow: Duration.days(30),
    throttle: { rate: 200, burst: 400 },
    maxConcurrency: 10,
    stream: STREAM,
    tlsOnly: true,
    branch: "dev",
    approval: false,
  },
  prod: {
    keepsData: true,
    logRetention: RetentionDays.ONE_YEAR,
    archiveRetention: Duration.days(365),
    keyPendingWindow: Duration.days(30),
    throttle: { rate: 1_000, burst: 2_000 },
    maxConcurrency: 50,
    stream: STREAM,
    tlsOnly: true,
    branch: "main",
    approval: true,
  },
  e2e: {
    keepsData: false,
    logRetention: RetentionDays.ONE_DAY,
    archiveRetention: Duration.days(1),
    keyPendingWindow: Duration.days(7),
    throttle: { rate: 1_000, burst: 2_000 },
    maxConcurrency: 2,
    stream: { batchWindow: Duration.seconds(0), retries: 3, maxAge: Duration.minutes(5) },
    hurry: { visibility: Duration.seconds(30), maxReceives: 2 },
    // The emulator is reached over plain HTTP, on this computer only.
    tlsOnly: false,
    approval: false,
  },
};

/** Visibility over timeout: what Lambda's documentation asks of a queue that a function reads. */
const VISIBILITY_RATIO = 6;

/** Which keys there are, and what each is for, by the names that they have after the stage. */
export interface SigningKeys {
  /** Those that there are. */
  readonly all: readonly string[];
  /** The one that signs. */
  readonly signing: string;
  /** Those whose tokens are good: the one that signs among them. */
  readonly accepted: readonly string[];
}

/** What an installation chooses. */
interface Choices {
  /** Where the built Lambdas are: `<lambdaDir>/<bin>/bootstrap`. */
  readonly lambdaDir: string;
  /** The address that messages come from; SES asks its owner to confirm it. */
  readonly mailFrom: string;
  /** Who gets the alarms by e-mail. Nobody if it is not set. */
  readonly alarmEmail: string | undefined;
  /** Origins of browsers that may call the API beside the web app's own. */
  readonly corsOrigins: readonly string[];
  /** Who may sign up: whoever likes to, whoever was invited, or nobody. */
  readonly signup: (typeof SIGNUP)[number];
  /** The roles whose people do nothing before they have a second factor. */
  readonly requireSecondFactor: readonly string[];
  /** Hours after which a session ends that nobody refreshes. As in the code if it is not set. */
  readonly sessionIdleHours: string | undefined;
  /** The outside issuers that people sign in with. Nobody does if it is not set. */
  readonly oidc: Oidc | undefined;
  /** The keys that access tokens are signed with: more than one while they are exchanged (docs/runbook.md#rotate-keys). */
  readonly signingKeys: SigningKeys;
  /** The name, after the stage, of what CloudFront shows the API: another one is another secret (docs/runbook.md#what-cloudfront-shows). */
  readonly originSecret: string;
  /** Where people see Muster: letters lead there. The API's own address if it is not set. */
  readonly publicUrl: string | undefined;
  /** The CodeCommit repository that the pipelines watch. */
  readonly repository: string;
  /** Whether the example of a subscriber is made, too. */
  readonly exampleSubscriber: boolean;
  /** The web app's own name and the certificate for it (in us-east-1). CloudFront's own name if they are not set. */
  readonly domain: { readonly name: string; readonly certificateArn: string } | undefined;
}

export interface Settings extends StageSettings, Choices {
  readonly stage: StageName;
  readonly names: Names;
}

/** Reads the context of an app. Throws on a stage that there is not, and on half a domain. */
export function readSettings(node: Node, defaults: Pick<Settings, "lambdaDir">): Settings {
  const text = (name: string): string | undefined => {
    const value: unknown = node.tryGetContext(name);
    if (value === undefined || value === "") return undefined;
    if (typeof value !== "string") throw new Error(`The context ${name} is to be a text.`);
    return value;
  };
  const stage = STAGES.find((known) => known === text("stage"));
  if (stage === undefined) throw new Error(`Say which stage: -c stage=${STAGES.join("|")}`);
  const mailFrom = text("mailFrom");
  if (mailFrom === undefined) throw new Error("Say who messages come from: -c mailFrom=muster@example.com");
  const site = domain(text("domainName"), text("certificateArn"));
  return {
    ...BY_STAGE[stage],
    stage,
    names: new Names(stage),
    lambdaDir: text("lambdaDir") ?? process.env["MUSTER_LAMBDA_DIR"] ?? defaults.lambdaDir,
    mailFrom,
    alarmEmail: text("alarmEmail"),
    corsOrigins: list(node, "corsOrigins"),
    signup: signup(text("signup")),
    requireSecondFactor: roles(list(node, "requireSecondFactor")),
    sessionIdleHours: hours(text("sessionIdleHours")),
    oidc: readOidc(node.tryGetContext("oidc"), node.tryGetContext("oidcSecrets")),
    signingKeys: signingKeys(list(node, "signingKeys"), text("signingKey"), list(node, "acceptedKeys")),
    originSecret: originSecret(text("originSecret")),
    repository: text("repository") ?? "muster",
    publicUrl: publicUrl(text("publicUrl")) ?? (site && `https://${site.name}`),
    exampleSubscriber: flag(node, "exampleSubscriber"),
    domain: site,
  };
}

/** `true` or `false` in `cdk.json`, or as a text on the command line. */
function flag(node: Node, name: string): boolean {
  const value: unknown = node.tryGetContext(name);
  if (value === undefined || value === "" || value === false || value === "false") return false;
  if (value === true || value === "true") return true;
  throw new Error(`The context ${name} is to be true or false.`);
}

/** How a queue of this shape is read in a stage. */
export function consumption({ hurry, maxConcurrency }: Settings, shape: QueueShape): Consumption {
  const visibility = hurry?.visibility ?? Duration.seconds(shape.visibility_timeout_seconds);
  return {
    batchSize: shape.batch_size,
    batchWindow: hurry ? Duration.seconds(0) : Duration.seconds(shape.batch_window_seconds),
    visibility,
    timeout: Duration.seconds(Math.floor(visibility.toSeconds() / VISIBILITY_RATIO)),
    maxReceives: hurry?.maxReceives ?? shape.max_receives,
    maxConcurrency,
  };
}

/** A list in `cdk.json`, or a text with commas on the command line. */
function list(node: Node, name: string): string[] {
  const value: unknown = node.tryGetContext(name);
  if (value === undefined) return [];
  const items: unknown = typeof value === "string" ? value.split(",") : value;
  if (!Array.isArray(items)) throw new Error(`The context ${name} is to be a list.`);
  return items.map((item: unknown) => {
    if (typeof item !== "string") throw new Error(`The context ${name} is to be a list of texts.`);
    return item.trim();
  }).filter((item) => item !== "");
}

/** One key, unless more are named. Which of several signs has to be said: a deployment that took another would end every token. */
function signingKeys(all: readonly string[], signing: string | undefined, accepted: readonly string[]): SigningKeys {
  const there = all.length > 0 ? all : ["signing"];
  if (there.length > 1 && signing === undefined) throw new Error("Say which of the signingKeys signs: -c signingKey=…");
  const keys = { all: there, signing: signing ?? there[0]!, accepted: accepted.length > 0 ? accepted : there };
  const strange = [keys.signing, ...keys.accepted].find((name) => !there.includes(name));
  if (strange !== undefined) throw new Error(`${strange} is none of the signingKeys: ${there.join(", ")}`);
  if (!keys.accepted.includes(keys.signing)) throw new Error(`${keys.signing} signs, so it is to be among the acceptedKeys.`);
  const unfit = there.find((name) => !/^signing(-[0-9]{1,4})?$/.test(name));
  if (unfit !== undefined) throw new Error(`A signing key is called signing, signing-2, signing-3 …, not ${unfit}.`);
  return keys;
}

function originSecret(name = "origin"): string {
  if (!/^origin(-[0-9]{1,4})?$/.test(name)) throw new Error(`The secret of the origin is called origin, origin-2, origin-3 …, not ${name}.`);
  return name;
}

function signup(policy = "open"): Settings["signup"] {
  const known = SIGNUP.find((known) => known === policy);
  if (known === undefined) throw new Error(`The context signup is to be ${SIGNUP.join(", ")}.`);
  return known;
}

function roles(names: readonly string[]): readonly string[] {
  const strange = names.find((name) => !ROLES.includes(name));
  if (strange !== undefined) throw new Error(`The context requireSecondFactor is to have roles: ${ROLES.join(", ")}; not ${strange}.`);
  return names;
}

function hours(text: string | undefined): string | undefined {
  if (text !== undefined && !(/^[0-9]{1,3}$/.test(text) && Number(text) >= 1 && Number(text) <= 720)) {
    throw new Error("The context sessionIdleHours is to be a number from 1 to 720.");
  }
  return text;
}

function publicUrl(url: string | undefined): string | undefined {
  if (url !== undefined && !/^https?:\/\/[^?#]+$/.test(url)) {
    throw new Error("The context publicUrl is to be an address such as https://tasks.example.com.");
  }
  return url;
}

function domain(name: string | undefined, certificateArn: string | undefined): Settings["domain"] {
  if (name === undefined && certificateArn === undefined) return undefined;
  if (name === undefined || certificateArn === undefined) {
    throw new Error("domainName and certificateArn go together.");
  }
  return { name, certificateArn };
}
