/**
 * The physical names of a stage's resources.
 *
 * Stacks refer to each other's resources by these names where AWS allows it, and not by exports: an export that is in use cannot be
 * removed, so that a queue could not go before the alarm of another stack had let go of it.
 */
import type { Stack } from "aws-cdk-lib";

export class Names {
  readonly prefix: string;

  constructor(readonly stage: string) {
    this.prefix = `muster-${stage}-`;
  }

  /** Of a stack, queue, topic, function or alarm. */
  of(what: string): string {
    return `${this.prefix}${what}`;
  }

  table(name: string): string {
    return this.of(name);
  }

  /** The table that a projection begins with; `muster rebuild` makes those of later generations. */
  firstGeneration(projection: string): string {
    return this.of(`${projection}-1`);
  }

  /** Every generation of a projection's table. */
  everyGeneration(projection: string): string {
    return this.of(`${projection}-*`);
  }

  projector(projection: string): string {
    return this.of(`projector-${projection}`);
  }

  tableArn(stack: Stack, table: string): string {
    return stack.formatArn({ service: "dynamodb", resource: "table", resourceName: table });
  }

  busArn(stack: Stack): string {
    return stack.formatArn({ service: "events", resource: "event-bus", resourceName: this.of("events") });
  }

  /** The bucket of the web app. Bucket names are the world's, so the account is part of it. */
  webBucket(stack: Stack): string {
    return `${this.prefix}web-${stack.account}-${stack.region}`;
  }

  /** The bucket in which digests are locked. */
  digestBucket(stack: Stack): string {
    return `${this.prefix}digests-${stack.account}-${stack.region}`;
  }
}
