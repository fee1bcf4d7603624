/** What the clock makes of tasks: series that have stopped go on, and deadlines are reminded of. */
import { CfnOutput, Duration, Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import type * as kms from "aws-cdk-lib/aws-kms";
import * as scheduler from "aws-cdk-lib/aws-scheduler";
import { Construct } from "constructs";

import type { Muster } from "./context.ts";
import { DeadLetters } from "./dead-letters.ts";
import { RustFunction } from "./rust-function.ts";

/** How often a function is called. */
interface Rhythm {
  /** What the schedule is called after the stage. */
  readonly name: string;
  readonly description: string;
  /** As the scheduler writes it, such as `rate(1 hour)`. */
  readonly rate: string;
  /** After so long the next call comes anyway. */
  readonly every: Duration;
  readonly retries: number;
}

export class TaskClock extends Construct {
  constructor(
    scope: Construct,
    id: string,
    private readonly muster: Muster,
    private readonly personalKey: kms.IKey,
    private readonly group: scheduler.ScheduleGroup,
  ) {
    super(scope, id);
    this.recurrenceSweeper();
    this.reminders();
  }

  private recurrenceSweeper(): void {
    const scope = new Construct(this, "Recurrence");
    const sweeper = new RustFunction(scope, "Sweeper", {
      muster: this.muster,
      bin: "recurrence-sweeper",
      description: "Finds series that have stopped, and makes what comes next",
      memoryMiB: 512,
      // It reads the whole event table: as long as Lambda allows.
      timeout: Duration.minutes(15),
      appends: true,
      deadLetters: new DeadLetters(scope, "Failed", this.muster, "recurrence-sweeper-failures"),
    });
    sweeper.allowTable("events", "PutItem", "Query", "Scan");
    // Whether whoever is to do it is still there.
    sweeper.opensPersonalData(this.personalKey);
    new CfnOutput(Stack.of(this), "RecurrenceSweeperName", { value: sweeper.fn.functionName });
    this.call(scope, sweeper, "recurrence-sweeper", {
      name: "sweep-recurrence",
      description: "Calls the sweeper of series",
      rate: "rate(1 hour)",
      every: Duration.hours(1),
      retries: 5,
    });
  }

  private reminders(): void {
    const scope = new Construct(this, "Reminders");
    const reminders = new RustFunction(scope, "Function", {
      muster: this.muster,
      bin: "reminders",
      description: "Notes that it is time to remind of deadlines",
      memoryMiB: 256,
      timeout: Duration.seconds(50),
      appends: true,
      deadLetters: new DeadLetters(scope, "Failed", this.muster, "reminders-failures"),
    });
    reminders.allowTable("events", "PutItem", "Query");
    reminders.allowTable("control", "GetItem");
    reminders.allowProjection("task-list", "Query");
    // Tasks hold nothing personal.
    reminders.knowsPersonalKey(this.personalKey);
    new CfnOutput(Stack.of(this), "RemindersName", { value: reminders.fn.functionName });
    this.call(scope, reminders, "reminders", {
      name: "remind",
      description: "Calls what reminds of deadlines",
      rate: "rate(1 minute)",
      every: Duration.minutes(1),
      retries: 0,
    });
  }

  /** Lets the scheduler call a function, and keeps what it could not deliver. */
  private call(scope: Construct, called: RustFunction, name: string, rhythm: Rhythm): void {
    const undelivered = new DeadLetters(scope, "Undelivered", this.muster, `${name}-undelivered`);
    const role = new iam.Role(scope, "Role", {
      description: `What the schedule ${rhythm.name} may do`,
      assumedBy: new iam.ServicePrincipal("scheduler.amazonaws.com", {
        conditions: { StringEquals: { "aws:SourceAccount": Stack.of(this).account, "aws:SourceArn": this.group.scheduleGroupArn } },
      }),
    });
    role.addToPolicy(new iam.PolicyStatement({ actions: ["lambda:InvokeFunction"], resources: [called.fn.functionArn] }));
    role.addToPolicy(new iam.PolicyStatement({ actions: ["sqs:SendMessage"], resources: [undelivered.queueArn] }));
    const schedule = new scheduler.CfnSchedule(scope, "Schedule", {
      name: this.muster.settings.names.of(rhythm.name),
      groupName: this.group.scheduleGroupName,
      description: rhythm.description,
      scheduleExpression: rhythm.rate,
      flexibleTimeWindow: { mode: "OFF" },
      target: {
        arn: called.fn.functionArn,
        roleArn: role.roleArn,
        retryPolicy: { maximumEventAgeInSeconds: rhythm.every.toSeconds(), maximumRetryAttempts: rhythm.retries },
        deadLetterConfig: { arn: undelivered.queueArn },
      },
    });
    // The schedule may be called as soon as it is there.
    schedule.node.addDependency(role);
  }
}
