/** A function that reads the event table's stream, from its beginning, and the queue of what it could not take. */
import * as lambda from "aws-cdk-lib/aws-lambda";
import { SqsDlq } from "aws-cdk-lib/aws-lambda-event-sources";
import type * as sqs from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";

import type { Muster } from "./context.ts";
import { DeadLetters } from "./dead-letters.ts";
import type { RustFunction } from "./rust-function.ts";

export interface EventStreamProps {
  readonly muster: Muster;
  readonly stream: string;
  readonly consumer: RustFunction;
  /** The queue of failures is called after this. */
  readonly name: string;
  /** The changes that the function is called for. */
  readonly changes: readonly ("INSERT" | "MODIFY" | "REMOVE")[];
  readonly batchSize: number;
}

export class EventStream extends Construct {
  readonly failures: sqs.Queue;

  constructor(scope: Construct, id: string, { muster, stream, consumer, name, changes, batchSize }: EventStreamProps) {
    super(scope, id);
    const { batchWindow, retries, maxAge } = muster.settings.stream;
    this.failures = new DeadLetters(this, "Failures", muster, `${name}-failures`);
    consumer.allow(
      ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"],
      [stream],
    );
    new lambda.EventSourceMapping(this, "Mapping", {
      target: consumer.fn,
      eventSourceArn: stream,
      startingPosition: lambda.StartingPosition.TRIM_HORIZON,
      batchSize,
      maxBatchingWindow: batchWindow,
      bisectBatchOnError: true,
      retryAttempts: retries,
      maxRecordAge: maxAge,
      reportBatchItemFailures: true,
      onFailure: new SqsDlq(this.failures),
      filters: [lambda.FilterCriteria.filter({ eventName: lambda.FilterRule.or(...changes) })],
    });
  }
}
