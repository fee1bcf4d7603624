/** Webhooks: the function that calls their receivers, for events as they come and for what is due. */
import { CfnOutput, Duration, Stack } from "aws-cdk-lib";
import * as events from "aws-cdk-lib/aws-events";
import * as iam from "aws-cdk-lib/aws-iam";
import type * as kms from "aws-cdk-lib/aws-kms";
import * as scheduler from "aws-cdk-lib/aws-scheduler";
import { Construct } from "constructs";

import type { Muster } from "./context.ts";
import { DeadLetters } from "./dead-letters.ts";
import { RustFunction } from "./rust-function.ts";
import { consumption } from "./settings.ts";
import { Subscription } from "./subscription.ts";
import type { Subscriber } from "./topology.ts";

/** How often what is due is sent: the first pause of a delivery that failed is ten seconds. */
const EVERY = "rate(1 minute)";

export class Webhooks extends Construct {
  constructor(scope: Construct, id: string, muster: Muster, personalKey: kms.IKey, reactor: Subscriber) {
    super(scope, id);
    const { settings } = muster;
    const sender = new RustFunction(this, "Sender", {
      muster,
      bin: "webhooks",
      description: "Calls the receivers of webhooks",
      memoryMiB: 256,
      timeout: consumption(settings, reactor.queue).timeout,
      deadLetters: new DeadLetters(this, "Failed", muster, "webhooks-failures"),
    });
    // It is in no network of ours: what it can reach is the Internet. It unwraps the secrets of webhooks, and has no way to the keys of people.
    sender.knowsPersonalKey(personalKey);
    sender.allow(["kms:Decrypt"], [personalKey.keyArn]);
    sender.allowTable("events", "Query");
    sender.allowTable("webhooks", "GetItem", "Query", "UpdateItem");
    sender.allowTable("webhook-deliveries", "PutItem");
    sender.allowIndexes("webhook-deliveries", "Query");

    const { queue, deadLetters } = new Subscription(this, "Subscription", {
      muster,
      name: "webhooks",
      bus: events.EventBus.fromEventBusArn(this, "Bus", settings.names.busArn(Stack.of(this))),
      subscriber: reactor,
      consumer: sender,
    });
    this.schedule(muster, sender);
    new CfnOutput(Stack.of(this), "WebhooksQueueUrl", { value: queue.queueUrl });
    new CfnOutput(Stack.of(this), "WebhooksDeadLettersUrl", { value: deadLetters.queueUrl });
    new CfnOutput(Stack.of(this), "WebhooksName", { value: sender.fn.functionName });
  }

  private schedule(muster: Muster, sender: RustFunction): void {
    const { names } = muster.settings;
    const undelivered = new DeadLetters(this, "Unscheduled", muster, "webhooks-unscheduled");
    const group = new scheduler.ScheduleGroup(this, "Group", { scheduleGroupName: names.of("webhooks") });
    const role = new iam.Role(this, "ScheduleRole", {
      description: "What the schedule of webhooks may do",
      assumedBy: new iam.ServicePrincipal("scheduler.amazonaws.com", {
        conditions: { StringEquals: { "aws:SourceAccount": Stack.of(this).account, "aws:SourceArn": group.scheduleGroupArn } },
      }),
    });
    role.addToPolicy(new iam.PolicyStatement({ actions: ["lambda:InvokeFunction"], resources: [sender.fn.functionArn] }));
    role.addToPolicy(new iam.PolicyStatement({ actions: ["sqs:SendMessage"], resources: [undelivered.queueArn] }));
    const schedule = new scheduler.CfnSchedule(this, "Due", {
      name: names.of("webhooks-due"),
      groupName: group.scheduleGroupName,
      description: "Sends the deliveries of webhooks that are due",
      scheduleExpression: EVERY,
      flexibleTimeWindow: { mode: "OFF" },
      target: {
        arn: sender.fn.functionArn,
        roleArn: role.roleArn,
        // After a minute the next one comes anyway.
        retryPolicy: { maximumEventAgeInSeconds: Duration.minutes(1).toSeconds(), maximumRetryAttempts: 1 },
        deadLetterConfig: { arn: undelivered.queueArn },
      },
    });
    // The schedule may be called as soon as it is there.
    schedule.node.addDependency(role);
  }
}
