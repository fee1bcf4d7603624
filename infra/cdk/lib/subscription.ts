/**
 * How a function gets events: a rule on the bus, a queue behind it, and a mapping that hands the queue's messages to the function in batches
 * of which it may fail a part. What the rule cannot deliver and what the function cannot take each have a queue of dead letters.
 */
import { Duration } from "aws-cdk-lib";
import * as events from "aws-cdk-lib/aws-events";
import * as targets from "aws-cdk-lib/aws-events-targets";
import * as lambda from "aws-cdk-lib/aws-lambda";
import * as sqs from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";

import type { Muster } from "./context.ts";
import { DeadLetters } from "./dead-letters.ts";
import { except } from "./exceptions.ts";
import type { RustFunction } from "./rust-function.ts";
import { consumption } from "./settings.ts";
import type { Subscriber } from "./topology.ts";

export interface SubscriptionProps {
  readonly muster: Muster;
  readonly name: string;
  readonly bus: events.IEventBus;
  readonly subscriber: Subscriber;
  readonly consumer: RustFunction;
}

export class Subscription extends Construct {
  readonly queue: sqs.Queue;
  readonly deadLetters: sqs.Queue;

  constructor(scope: Construct, id: string, { muster, name, bus, subscriber, consumer }: SubscriptionProps) {
    super(scope, id);
    const { settings, watched } = muster;
    const { rule, queue: shape } = subscriber;
    const reading = consumption(settings, shape);
    const fullName = settings.names.of(name);

    this.deadLetters = new DeadLetters(this, "DeadLetters", muster, `${name}-dead-letters`);
    this.queue = new sqs.Queue(this, "Queue", {
      queueName: fullName,
      visibilityTimeout: reading.visibility,
      retentionPeriod: Duration.days(4),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: reading.maxReceives },
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: settings.tlsOnly,
    });
    watched.queues.push(fullName);
    if (!settings.tlsOnly) except(this.queue, "plain HTTP in the emulator");

    new events.Rule(this, "Rule", {
      ruleName: fullName,
      description: `The events that ${consumer.name} takes`,
      eventBus: bus,
      eventPattern: {
        source: [...rule.source],
        ...(rule.detailType && { detailType: [...rule.detailType] }),
        ...(rule.detail && { detail: { ...rule.detail } }),
      },
      targets: [
        new targets.SqsQueue(this.queue, {
          deadLetterQueue: new DeadLetters(this, "Undelivered", muster, `${name}-undelivered`),
          maxEventAge: Duration.hours(24),
          retryAttempts: 185,
        }),
      ],
    });
    watched.rules.push(fullName);

    this.queue.grantConsumeMessages(consumer.fn);
    const mapping = new lambda.EventSourceMapping(this, "Mapping", {
      target: consumer.fn,
      eventSourceArn: this.queue.queueArn,
      batchSize: reading.batchSize,
      maxBatchingWindow: reading.batchWindow,
      maxConcurrency: reading.maxConcurrency,
      reportBatchItemFailures: true,
    });
    except(mapping, "queues have their own dead letters");
  }
}
