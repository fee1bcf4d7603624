/** A topic with a key of its own: the key that AWS manages for SNS lets no service publish. */
import { RemovalPolicy, Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import * as kms from "aws-cdk-lib/aws-kms";
import * as sns from "aws-cdk-lib/aws-sns";
import { Construct } from "constructs";

import { except } from "./exceptions.ts";
import type { Settings } from "./settings.ts";

export interface EncryptedTopicProps {
  readonly settings: Settings;
  readonly name: string;
  readonly displayName: string;
  /** The services that publish here, such as `cloudwatch.amazonaws.com`. */
  readonly publishers: readonly string[];
}

export class EncryptedTopic extends Construct {
  readonly topic: sns.Topic;
  readonly key: kms.Key;

  constructor(scope: Construct, id: string, { settings, name, displayName, publishers }: EncryptedTopicProps) {
    super(scope, id);
    const topicName = settings.names.of(name);
    this.key = new kms.Key(this, "Key", {
      description: `Encrypts the messages of ${topicName}`,
      enableKeyRotation: true,
      pendingWindow: settings.keyPendingWindow,
      // Messages are gone in moments; nothing is lost with the key.
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.topic = new sns.Topic(this, "Topic", { topicName, displayName, masterKey: this.key, enforceSSL: settings.tlsOnly });
    if (!settings.tlsOnly) except(this.topic, "plain HTTP in the emulator");
    for (const service of publishers) {
      // EventBridge promises no condition that its calls would meet.
      const conditions = service === "events.amazonaws.com" ? {} : { StringEquals: { "aws:SourceAccount": Stack.of(this).account } };
      const principal = new iam.ServicePrincipal(service, { conditions });
      this.key.addToResourcePolicy(
        new iam.PolicyStatement({
          principals: [principal],
          actions: ["kms:Decrypt", "kms:GenerateDataKey"],
          resources: ["*"], // In a key's policy, this key.
        }),
      );
      this.topic.addToResourcePolicy(
        new iam.PolicyStatement({ principals: [principal], actions: ["sns:Publish"], resources: [this.topic.topicArn] }),
      );
    }
  }
}
