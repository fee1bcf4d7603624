/** From the event table to the read models: the publisher and the guard on its stream, the bus, and a projector for each projection. */
import { CfnOutput, Duration, Stack } from "aws-cdk-lib";
import * as events from "aws-cdk-lib/aws-events";
import type * as kms from "aws-cdk-lib/aws-kms";
import type { Construct } from "constructs";

import type { Muster } from "./context.ts";
import { EventSchemas } from "./event-schemas.ts";
import { EventStream } from "./event-stream.ts";
import { RustFunction } from "./rust-function.ts";
import { consumption } from "./settings.ts";
import { Subscription } from "./subscription.ts";
import type { Projection } from "./topology.ts";

/** How many commits one invocation of the publisher takes. */
const PUBLISHER_BATCH = 100;
/** The guard ought never to be called; when it is, each record matters. */
const GUARD_BATCH = 10;

export interface BusStackProps {
  /** The event table's stream. */
  readonly stream: string;
  readonly personalKey: kms.IKey;
}

export class BusStack extends Stack {
  private readonly bus: events.EventBus;
  private readonly personalKey: kms.IKey;

  constructor(scope: Construct, private readonly muster: Muster, { stream, personalKey }: BusStackProps) {
    const { names, archiveRetention } = muster.settings;
    super(scope, names.of("bus"), { description: "Muster: from the events to the read models" });

    this.personalKey = personalKey;
    this.bus = new events.EventBus(this, "Bus", { eventBusName: names.of(muster.topology.bus) });
    const archive = new events.Archive(this, "Archive", {
      archiveName: names.of(muster.topology.bus),
      description: "Every event that was on the bus",
      sourceEventBus: this.bus,
      eventPattern: { source: ["muster"] },
      retention: archiveRetention,
    });
    new EventSchemas(this, "Schemas", muster.settings);

    this.publisher(stream);
    this.guard(stream);
    for (const [name, projection] of muster.topology.projections) this.projection(name, projection);

    new CfnOutput(this, "BusName", { value: this.bus.eventBusName });
    new CfnOutput(this, "ArchiveArn", { value: archive.archiveArn });
  }

  private publisher(stream: string): void {
    const publisher = new RustFunction(this, "Publisher", {
      muster: this.muster,
      bin: "publisher",
      description: "Puts each new commit's events on the bus",
      memoryMiB: 256,
      timeout: Duration.seconds(30),
      environment: { MUSTER_BUS: this.bus.eventBusName },
    });
    publisher.allow(["events:PutEvents"], [this.bus.eventBusArn]);
    const { failures } = new EventStream(this, "Published", {
      muster: this.muster,
      stream,
      consumer: publisher,
      name: "publisher",
      changes: ["INSERT"],
      batchSize: PUBLISHER_BATCH,
    });
    new CfnOutput(this, "PublisherFailuresUrl", { value: failures.queueUrl });
  }

  private guard(stream: string): void {
    const guard = new RustFunction(this, "Guard", {
      muster: this.muster,
      bin: "guard",
      description: "Reports when something in the event table was changed or removed",
      memoryMiB: 128,
      timeout: Duration.seconds(10),
    });
    new EventStream(this, "Guarded", {
      muster: this.muster,
      stream,
      consumer: guard,
      name: "guard",
      changes: ["MODIFY", "REMOVE"],
      batchSize: GUARD_BATCH,
    });
  }

  private projection(name: string, projection: Projection): void {
    const { settings, watched } = this.muster;
    const projector = new RustFunction(this, `Projector-${name}`, {
      muster: this.muster,
      bin: "projector",
      name: `projector-${name}`,
      description: `Brings the read model ${name} to where the events are`,
      memoryMiB: 256,
      timeout: consumption(settings, projection.queue).timeout,
      environment: { MUSTER_PROJECTION: name },
    });
    // After a gap it reads the missing events; which generations it writes, the control table says.
    projector.allowTable("events", "Query");
    projector.allowTable("control", "GetItem");
    // Whoever takes in that a person was erased makes sure that their key is. Tasks hold nothing personal.
    if (projection.rule.detail === undefined || JSON.stringify(projection.rule.detail).includes('"user"')) {
      projector.opensPersonalData(this.personalKey, "PutItem");
    } else {
      projector.knowsPersonalKey(this.personalKey);
    }
    projector.allowProjection(name, "BatchGetItem", "BatchWriteItem", "PutItem");
    // The order of the feed is written beside its rows.
    if (name === "feed") projector.allowTable("positions", "GetItem", "PutItem", "Query");
    watched.projections.push(name);

    const { queue, deadLetters } = new Subscription(this, `Projection-${name}`, {
      muster: this.muster,
      name,
      bus: this.bus,
      subscriber: projection,
      consumer: projector,
    });
    const output = (what: string, value: string): void => {
      new CfnOutput(this, `${pascal(name)}${what}`, { value });
    };
    output("QueueUrl", queue.queueUrl);
    output("DeadLettersUrl", deadLetters.queueUrl);
    output("ProjectorName", projector.fn.functionName);
  }
}

/** `task-list` as `TaskList`: names of outputs have no hyphens. */
export function pascal(name: string): string {
  return name.split("-").map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}
