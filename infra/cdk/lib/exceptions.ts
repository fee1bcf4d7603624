/**
 * Where cdk-nag is not followed, and why. A finding that no entry covers fails the synthesis, and an entry that covers nothing fails a test.
 */
import { type NagPackSuppression, NagSuppressions } from "cdk-nag";
import type { IConstruct } from "constructs";

const ALLOWED_BY_TOKEN =
  "Every route asks the one policy table in identity/, with a token of Muster's own that the Lambda verifies; an authorizer could only do the first half of that.";

const EXCEPTIONS = {
  "x-ray takes no resource": [
    {
      id: "AwsSolutions-IAM5",
      appliesTo: ["Resource::*"],
      reason: "The statement is xray:PutTraceSegments and PutTelemetryRecords, which know no resources; a test looks that nothing else is in it.",
    },
  ],
  "generations of projections": [
    {
      id: "AwsSolutions-IAM5",
      appliesTo: [{ regex: "/^Resource::arn:.*:table/muster-[a-z0-9]+-[a-z-]+-\\*$/g" }],
      reason: "A rebuild makes the table of the next generation while the system runs; the wildcard covers the generations of one projection.",
    },
  ],
  "indexes of a table": [
    {
      id: "AwsSolutions-IAM5",
      appliesTo: [{ regex: "/^Resource::arn:.*:table/muster-[a-z0-9]+-[a-z-]+/index/\\*$/g" }],
      reason: "Every index of one table, which the function may read anyway.",
    },
  ],
  "exchanged by a deployment": [
    {
      id: "AwsSolutions-SMG4",
      reason: "CloudFront and the functions have a copy of it that a deployment puts there; one that changed by itself would fit neither. The runbook says how it is exchanged.",
    },
  ],
  "written once an hour": [
    {
      id: "AwsSolutions-S1",
      reason: "One function puts one object an hour and nobody else has a right to the bucket; what happens to it is in CloudTrail, and Object Lock lets nobody change it.",
    },
  ],
  "digests in their bucket": [
    {
      id: "AwsSolutions-IAM5",
      appliesTo: [{ regex: "/^Resource::arn:.*:s3:::muster-[a-z0-9]+-digests-.*\\/digests\\/\\*$/g" }],
      reason: "Each digest is an object of its own, under one prefix of one bucket, to which the function can do nothing but put.",
    },
  ],
  "invoked in step": [
    {
      id: "Serverless-LambdaDLQ",
      reason: "The function is called by API Gateway, which waits, or by a mapping, which has the failure queue: there are no asynchronous invocations whose failure could get lost.",
    },
  ],
  "queues have their own dead letters": [
    {
      id: "Serverless-LambdaEventSourceMappingDestination",
      reason: "The source is an SQS queue: what fails goes to its dead-letter queue by its redrive policy. Lambda takes no destination here.",
    },
  ],
  "end of the line": [
    { id: "AwsSolutions-SQS3", reason: "This is a dead-letter queue: what is in it waits for an operator, who is told by an alarm." },
    { id: "Serverless-SQSRedrivePolicy", reason: "This is a dead-letter queue: what is in it waits for an operator, who is told by an alarm." },
  ],
  "plain HTTP in the emulator": [
    { id: "AwsSolutions-SQS4", reason: "Only in the stage e2e, which lives in an emulator that is reached over plain HTTP on one computer." },
    { id: "AwsSolutions-SNS3", reason: "Only in the stage e2e, which lives in an emulator that is reached over plain HTTP on one computer." },
  ],
  "authorization in the handler": [{ id: "AwsSolutions-APIG4", reason: ALLOWED_BY_TOKEN }],
  "for field teams anywhere": [{ id: "AwsSolutions-CFR1", reason: "Field teams travel: no country is shut out." }],
  "no firewall of the web": [
    {
      id: "AwsSolutions-CFR2",
      reason: "The files are static and the API is throttled by itself; a web ACL with a fixed monthly price is left to the installation.",
    },
  ],
  "CloudFront's own certificate": [
    {
      id: "AwsSolutions-CFR4",
      reason: "Without a domain of its own the distribution has CloudFront's certificate, whose lowest protocol cannot be set. With domainName and certificateArn it is TLS 1.2.",
    },
  ],
  "artifacts and builds": [
    {
      id: "AwsSolutions-IAM5",
      reason: "The roles of a pipeline read and write objects of the artifacts' bucket, whose names CodePipeline chooses, and reports and logs under the project's own name.",
    },
  ],
  "files of the web app": [
    {
      id: "AwsSolutions-IAM5",
      reason: "The step puts and removes files of the web app in its own bucket, whatever they are called; logs and artifacts are under names that AWS chooses.",
    },
  ],
} as const satisfies Record<string, readonly NagPackSuppression[]>;

export type Exception = keyof typeof EXCEPTIONS;

/** Says that these exceptions hold for a construct and all that is in it. */
export function except(construct: IConstruct, ...names: readonly Exception[]): void {
  const suppressions = names.flatMap((name): readonly NagPackSuppression[] => EXCEPTIONS[name]);
  NagSuppressions.addResourceSuppressions(construct, suppressions.map((each) => ({ ...each })), true);
}

/** Every reason there is. */
export function reasons(): string[] {
  return [...new Set(Object.values(EXCEPTIONS).flatMap((all) => all.map(({ reason }) => reason)))];
}
