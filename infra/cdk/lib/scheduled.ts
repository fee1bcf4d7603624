/** A function that the clock calls, and where a call goes that could not be made. */
import { type Duration, Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import type * as lambda from "aws-cdk-lib/aws-lambda";
import * as scheduler from "aws-cdk-lib/aws-scheduler";
import { Construct } from "constructs";

import type { Muster } from "./context.ts";
import { DeadLetters } from "./dead-letters.ts";

export interface Call {
  readonly muster: Muster;
  /** What it is called, after the stage. */
  readonly name: string;
  readonly description: string;
  readonly every: Duration;
  readonly fn: lambda.IFunction;
}

export class Scheduled extends Construct {
  constructor(scope: Construct, id: string, { muster, name, description, every, fn }: Call) {
    super(scope, id);
    const { names } = muster.settings;
    const undelivered = new DeadLetters(this, "Undelivered", muster, `${name}-undelivered`);
    const group = new scheduler.ScheduleGroup(this, "Group", { scheduleGroupName: names.of(name) });
    const role = new iam.Role(this, "Role", {
      description: `What the schedule ${name} may do`,
      assumedBy: new iam.ServicePrincipal("scheduler.amazonaws.com", {
        conditions: { StringEquals: { "aws:SourceAccount": Stack.of(this).account, "aws:SourceArn": group.scheduleGroupArn } },
      }),
    });
    role.addToPolicy(new iam.PolicyStatement({ actions: ["lambda:InvokeFunction"], resources: [fn.functionArn] }));
    role.addToPolicy(new iam.PolicyStatement({ actions: ["sqs:SendMessage"], resources: [undelivered.queueArn] }));
    const schedule = new scheduler.CfnSchedule(this, "Schedule", {
      name: names.of(name),
      groupName: group.scheduleGroupName,
      description,
      scheduleExpression: `rate(${every.toMinutes()} minutes)`,
      flexibleTimeWindow: { mode: "OFF" },
      target: {
        arn: fn.functionArn,
        roleArn: role.roleArn,
        // After that the next one comes anyway.
        retryPolicy: { maximumEventAgeInSeconds: every.toSeconds(), maximumRetryAttempts: 2 },
        deadLetterConfig: { arn: undelivered.queueArn },
      },
    });
    // The schedule may be called as soon as it is there.
    schedule.node.addDependency(role);
  }
}
