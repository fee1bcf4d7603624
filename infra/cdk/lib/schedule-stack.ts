/**
 * What happens by the clock: the sweeper finds read models that are behind their events, and brings them up; the digester takes a digest
 * over the heads of all histories.
 */
import { CfnOutput, Duration, Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import type * as kms from "aws-cdk-lib/aws-kms";
import * as scheduler from "aws-cdk-lib/aws-scheduler";
import type { Construct } from "constructs";

import type { Muster } from "./context.ts";
import { DeadLetters } from "./dead-letters.ts";
import { except } from "./exceptions.ts";
import { RustFunction } from "./rust-function.ts";

export class ScheduleStack extends Stack {
  constructor(scope: Construct, private readonly muster: Muster, personalKey: kms.IKey, digestKey: kms.IKey) {
    const { settings, topology } = muster;
    super(scope, settings.names.of("schedule"), { description: "Muster: what happens by the clock" });

    const sweeper = new RustFunction(this, "Sweeper", {
      muster,
      bin: "sweeper",
      description: "Compares the heads of all histories with the read models, and brings up what is behind",
      memoryMiB: 512,
      // It reads the whole event table: as long as Lambda allows.
      timeout: Duration.minutes(15),
      deadLetters: new DeadLetters(this, "Failed", muster, "sweeper-failures"),
    });
    sweeper.allowTable("events", "Query", "Scan");
    sweeper.allowTable("control", "GetItem");
    for (const name of topology.projections.keys()) {
      sweeper.allowProjection(name, "BatchGetItem", "BatchWriteItem", "PutItem", "Scan");
    }

    sweeper.allowTable("positions", "GetItem", "PutItem", "Query");

    // It erases the keys of those whose erasure was cut off.
    sweeper.opensPersonalData(personalKey, "PutItem");

    const digester = this.digester(digestKey);
    new CfnOutput(this, "SweeperName", { value: sweeper.fn.functionName });
    new CfnOutput(this, "DigesterName", { value: digester.fn.functionName });

    const undelivered = new DeadLetters(this, "Undelivered", muster, "sweeper-undelivered");
    const group = new scheduler.ScheduleGroup(this, "Group", { scheduleGroupName: settings.names.of("schedules") });
    const role = new iam.Role(this, "Role", {
      description: "What the schedules may do",
      assumedBy: new iam.ServicePrincipal("scheduler.amazonaws.com", {
        conditions: { StringEquals: { "aws:SourceAccount": this.account, "aws:SourceArn": group.scheduleGroupArn } },
      }),
    });
    role.addToPolicy(new iam.PolicyStatement({ actions: ["lambda:InvokeFunction"], resources: [sweeper.fn.functionArn, digester.fn.functionArn] }));
    role.addToPolicy(new iam.PolicyStatement({ actions: ["sqs:SendMessage"], resources: [undelivered.queueArn] }));
    const schedule = (id: string, name: string, description: string, expression: string, fn: RustFunction): void => {
      const made = new scheduler.CfnSchedule(this, id, {
        name: settings.names.of(name),
        groupName: group.scheduleGroupName,
        description,
        scheduleExpression: expression,
        flexibleTimeWindow: { mode: "OFF" },
        target: {
          arn: fn.fn.functionArn,
          roleArn: role.roleArn,
          // After an hour the next one comes anyway.
          retryPolicy: { maximumEventAgeInSeconds: Duration.hours(1).toSeconds(), maximumRetryAttempts: 5 },
          deadLetterConfig: { arn: undelivered.queueArn },
        },
      });
      // The schedule may be called as soon as it is there.
      made.node.addDependency(role);
    };
    schedule("Sweep", "sweep", "Calls the sweeper", "rate(1 hour)", sweeper);
    schedule("Digest", "digest", "Calls the digester at each full hour (UTC)", "cron(0 * * * ? *)", digester);
  }

  private digester(digestKey: kms.IKey): RustFunction {
    const { settings } = this.muster;
    const bucket = settings.names.digestBucket(this);
    const digester = new RustFunction(this, "Digester", {
      muster: this.muster,
      bin: "digester",
      description: "Takes a signed digest over the heads of all histories",
      memoryMiB: 512,
      // It reads the whole event table: as long as Lambda allows.
      timeout: Duration.minutes(15),
      environment: { MUSTER_DIGEST_KEY_ID: digestKey.keyArn, MUSTER_DIGEST_BUCKET: bucket },
      deadLetters: new DeadLetters(this, "DigesterFailed", this.muster, "digester-failures"),
    });
    digester.allowTable("events", "Scan");
    digester.allowTable("digests", "BatchGetItem", "BatchWriteItem", "GetItem", "PutItem", "Query");
    digester.allow(["kms:GetPublicKey", "kms:Sign"], [digestKey.keyArn]);
    const objects = this.formatArn({ service: "s3", region: "", account: "", resource: bucket, resourceName: "digests/*" });
    digester.allow(["s3:PutObject"], [objects]);
    except(digester, "digests in their bucket");
    return digester;
  }
}
