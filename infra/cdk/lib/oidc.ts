/**
 * The outside issuers of OpenID Connect that people sign in with: the document that the local program takes as a file, in the context
 * `oidc`. The program reads all of it and refuses to start on what is wrong; here it is asked only what a deployment decides.
 */
import { SecretValue } from "aws-cdk-lib";

export interface Oidc {
  /** The document, as the program reads it. There is no secret in it. */
  readonly document: string;
  /** The environment variables with Muster's secrets at the issuers: the program's name for each, and the name of its secret in Secrets Manager. */
  readonly secrets: Readonly<Record<string, string>>;
}

/** Reads the contexts `oidc` and `oidcSecrets`. Throws when a secret is named that is nowhere, or somewhere that a Lambda cannot reach. */
export function readOidc(document: unknown, secrets: unknown): Oidc | undefined {
  const parsed = object("oidc", document);
  const named = object("oidcSecrets", secrets) ?? {};
  if (parsed === undefined) return undefined;
  const wanted = providers(parsed).flatMap((provider) => variable(provider["client_secret"]));
  const missing = wanted.filter((name) => typeof named[name] !== "string");
  if (missing.length > 0) throw new Error(`Say in the context oidcSecrets which secret of Secrets Manager is in ${missing.join(", ")}.`);
  return { document: JSON.stringify(parsed), secrets: Object.fromEntries(wanted.map((name) => [name, String(named[name])])) };
}

/** The environment of the function that signs people in. CloudFormation reads the secrets: they are in no template. */
export function secretVariables({ secrets }: Oidc): Record<string, string> {
  return Object.fromEntries(
    Object.entries(secrets).map(([name, secret]) => [name, SecretValue.secretsManager(secret).unsafeUnwrap()]),
  );
}

type Members = Readonly<Record<string, unknown>>;

/** An object in `cdk.json`, or JSON on the command line. */
function object(name: string, value: unknown): Members | undefined {
  if (value === undefined || value === "") return undefined;
  const parsed: unknown = typeof value === "string" ? JSON.parse(value) : value;
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) throw new Error(`The context ${name} is to be an object.`);
  return parsed as Members;
}

function providers(document: Members): readonly Members[] {
  const list = document["providers"];
  if (!Array.isArray(list)) throw new Error("The context oidc is to have a list of providers.");
  return list as Members[];
}

function variable(place: unknown): string[] {
  if (place === undefined || place === null) return [];
  const name = (place as Members)["env"];
  if (typeof name !== "string") throw new Error("A Lambda has no files: client_secret is to name a variable, as env.");
  return [name];
}
