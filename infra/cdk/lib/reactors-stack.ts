/** What happens because of an event, outside of the read models: people are told, and other programs. */
import { CfnOutput, Duration, Stack } from "aws-cdk-lib";
import * as events from "aws-cdk-lib/aws-events";
import type * as kms from "aws-cdk-lib/aws-kms";
import * as ses from "aws-cdk-lib/aws-ses";
import type { Construct } from "constructs";

import type { Muster } from "./context.ts";
import { DeadLetters } from "./dead-letters.ts";
import { EncryptedTopic } from "./encrypted-topic.ts";
import { mailResources } from "./mail.ts";
import { RustFunction } from "./rust-function.ts";
import { Scheduled } from "./scheduled.ts";
import { consumption } from "./settings.ts";
import { Subscription } from "./subscription.ts";
import type { Subscriber } from "./topology.ts";
import { Webhooks } from "./webhooks.ts";

export class ReactorsStack extends Stack {
  constructor(scope: Construct, private readonly muster: Muster, private readonly personalKey: kms.IKey) {
    const { names } = muster.settings;
    super(scope, names.of("reactors"), { description: "Muster: telling people and other programs" });
    for (const [name, reactor] of muster.topology.reactors) {
      switch (name) {
        case "notifier":
          this.notifier(reactor);
          break;
        case "webhooks":
          new Webhooks(this, "Webhooks", muster, personalKey, reactor);
          break;
        default:
          throw new Error(`topology.json: no stack knows the reactor ${name}`);
      }
    }
  }

  private notifier(reactor: Subscriber): void {
    const { settings } = this.muster;
    const { topic, key } = new EncryptedTopic(this, "Notifications", {
      settings,
      name: "notifications",
      displayName: "Muster",
      publishers: [],
    });
    const configuration = new ses.ConfigurationSet(this, "Mail", {
      configurationSetName: settings.names.of("mail"),
      tlsPolicy: ses.ConfigurationSetTlsPolicy.REQUIRE,
      reputationMetrics: true,
      suppressionReasons: ses.SuppressionReasons.BOUNCES_AND_COMPLAINTS,
    });
    new ses.EmailIdentity(this, "Sender", {
      identity: ses.Identity.email(settings.mailFrom),
      configurationSet: configuration,
    });
    const notifier = new RustFunction(this, "Notifier", {
      muster: this.muster,
      bin: "notifier",
      description: "Tells people what concerns them",
      memoryMiB: 128,
      timeout: consumption(settings, reactor.queue).timeout,
      environment: { MUSTER_MAIL_FROM: settings.mailFrom, MUSTER_TOPIC_ARN: topic.topicArn },
      // Of calls by the clock: what its queue brings goes back to the queue.
      deadLetters: new DeadLetters(this, "Failed", this.muster, "notifier-failures"),
    });
    // It reads the histories of the task and of the person; a delivery that was not sent after all is given up.
    notifier.allowTable("events", "Query");
    notifier.opensPersonalData(this.personalKey);
    notifier.allowTable("deliveries", "DeleteItem", "PutItem");
    notifier.allowTable("held-letters", "DeleteItem", "PutItem", "Scan");
    notifier.allow(["sns:Publish"], [topic.topicArn]);
    notifier.allow(["kms:Decrypt", "kms:GenerateDataKey"], [key.keyArn]);
    notifier.allow(["ses:SendEmail"], mailResources(this, settings));

    const { queue, deadLetters } = new Subscription(this, "Subscription", {
      muster: this.muster,
      name: "notifier",
      bus: events.EventBus.fromEventBusArn(this, "Bus", settings.names.busArn(this)),
      subscriber: reactor,
      consumer: notifier,
    });
    new Scheduled(this, "HeldLetters", {
      muster: this.muster,
      name: "held-letters",
      description: "Has the letters sent that were held back",
      every: Duration.minutes(5),
      fn: notifier.fn,
    });
    new CfnOutput(this, "NotifierQueueUrl", { value: queue.queueUrl });
    new CfnOutput(this, "NotifierDeadLettersUrl", { value: deadLetters.queueUrl });
    new CfnOutput(this, "NotifierName", { value: notifier.fn.functionName });
    new CfnOutput(this, "NotificationsTopicArn", { value: topic.topicArn });
  }
}
