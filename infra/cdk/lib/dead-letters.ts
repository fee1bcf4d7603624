/** A queue that ought to be empty: what could not be worked on waits here for an operator, for as long as SQS keeps it. */
import { Duration } from "aws-cdk-lib";
import * as sqs from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";

import type { Muster } from "./context.ts";
import { except } from "./exceptions.ts";

export class DeadLetters extends sqs.Queue {
  constructor(scope: Construct, id: string, muster: Muster, name: string) {
    const queueName = muster.settings.names.of(name);
    super(scope, id, {
      queueName,
      retentionPeriod: Duration.days(14),
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: muster.settings.tlsOnly,
    });
    muster.watched.deadLetters.push(queueName);
    except(this, "end of the line");
    if (!muster.settings.tlsOnly) except(this, "plain HTTP in the emulator");
  }
}
