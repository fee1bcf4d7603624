/**
 * What CloudFront shows the API with each request. The API's own address is open to everybody: without it, anybody could write in
 * `X-Forwarded-For` whom they call for. CloudFormation reads it into the functions and the distribution: it is in no template.
 */
import { RemovalPolicy, SecretValue } from "aws-cdk-lib";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import type { Construct } from "constructs";

import { except } from "./exceptions.ts";
import type { Settings } from "./settings.ts";

/** The header that it is in, as `handlers/src/lambda/address.rs` looks for it. */
export const ORIGIN_HEADER = "muster-origin";

/** Makes it; what the functions are told of it. Another name in the context `originSecret` is another secret (docs/runbook.md). */
export function makeOriginSecret(scope: Construct, { names, originSecret }: Settings): string {
  const secret = new Secret(scope, `Secret-${originSecret}`, {
    secretName: names.of(originSecret),
    description: "Shown by CloudFront to the HTTP API",
    // As much as 256 bits.
    generateSecretString: { passwordLength: 43, excludePunctuation: true },
    removalPolicy: RemovalPolicy.DESTROY,
  });
  except(secret, "exchanged by a deployment");
  return secret.secretValue.unsafeUnwrap();
}

/** The same for another stack: by its name and not by an export, so that it can be exchanged. */
export function originSecret({ names, originSecret: name }: Settings): string {
  return SecretValue.secretsManager(names.of(name)).unsafeUnwrap();
}
