/** What happens by the clock: the sweeper finds read models that are behind their events, and brings them up. */
import { CfnOutput, Duration, Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import type * as kms from "aws-cdk-lib/aws-kms";
import * as scheduler from "aws-cdk-lib/aws-scheduler";
import type { Construct } from "constructs";

import type { Muster } from "./context.ts";
import { DeadLetters } from "./dead-letters.ts";
import { RustFunction, rowWrites } from "./rust-function.ts";

export class ScheduleStack extends Stack {
  constructor(scope: Construct, muster: Muster, personalKey: kms.IKey) {
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
      sweeper.allowProjection(name, ...rowWrites(name), "Scan");
    }

    // It erases the keys of those whose erasure was cut off.
    sweeper.opensPersonalData(personalKey, "PutItem");

    new CfnOutput(this, "SweeperName", { value: sweeper.fn.functionName });

    const undelivered = new DeadLetters(this, "Undelivered", muster, "sweeper-undelivered");
    const group = new scheduler.ScheduleGroup(this, "Group", { scheduleGroupName: settings.names.of("schedules") });
    const role = new iam.Role(this, "Role", {
      description: "What the schedules may do",
      assumedBy: new iam.ServicePrincipal("scheduler.amazonaws.com", {
        conditions: { StringEquals: { "aws:SourceAccount": this.account, "aws:SourceArn": group.scheduleGroupArn } },
      }),
    });
    role.addToPolicy(new iam.PolicyStatement({ actions: ["lambda:InvokeFunction"], resources: [sweeper.fn.functionArn] }));
    role.addToPolicy(new iam.PolicyStatement({ actions: ["sqs:SendMessage"], resources: [undelivered.queueArn] }));
    const schedule = new scheduler.CfnSchedule(this, "Sweep", {
      name: settings.names.of("sweep"),
      groupName: group.scheduleGroupName,
      description: "Calls the sweeper",
      scheduleExpression: "rate(1 hour)",
      flexibleTimeWindow: { mode: "OFF" },
      target: {
        arn: sweeper.fn.functionArn,
        roleArn: role.roleArn,
        // After an hour the next one comes anyway.
        retryPolicy: { maximumEventAgeInSeconds: Duration.hours(1).toSeconds(), maximumRetryAttempts: 5 },
        deadLetterConfig: { arn: undelivered.queueArn },
      },
    });
    // The schedule may be called as soon as it is there.
    schedule.node.addDependency(role);
  }
}
