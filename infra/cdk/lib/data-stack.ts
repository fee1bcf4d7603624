/** What is kept: the tables of the topology, and the keys that tokens are made with. */
import { CfnOutput, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import * as dynamodb from "aws-cdk-lib/aws-dynamodb";
import * as iam from "aws-cdk-lib/aws-iam";
import * as kms from "aws-cdk-lib/aws-kms";
import * as s3 from "aws-cdk-lib/aws-s3";
import type { Construct } from "constructs";

import type { Muster } from "./context.ts";
import { except } from "./exceptions.ts";
import type { AttributeKind, TableShape } from "./topology.ts";

/** For how many days the table of personal keys can be put back. An erasure is complete after that. */
const KEYS_RECOVERABLE_DAYS = 7;

/** For how long nobody, the root of the account included, removes a digest of a stage that keeps its data. */
const DIGESTS_LOCKED = Duration.days(3650);

export class DataStack extends Stack {
  /** The event table's stream. */
  readonly stream: string;
  /** The key that signs. */
  readonly signingKey: kms.Key;
  /** The others whose tokens are good. */
  readonly acceptedKeys: readonly kms.Key[];
  readonly serverKey: kms.Key;
  /** Wraps the keys under which the personal data of people is sealed. */
  readonly personalKey: kms.Key;
  /** Signs the digests over the heads of all histories. It is no key of tokens: auditors keep its public half for years. */
  readonly digestKey: kms.Key;

  constructor(scope: Construct, private readonly muster: Muster) {
    const { settings, topology } = muster;
    super(scope, settings.names.of("data"), { description: "Muster: the tables and the keys" });

    const tables = new Map([...topology.tables].map(([name, shape]) => [name, this.table(settings.names.table(name), shape)]));
    for (const [name, { table }] of topology.projections) this.table(settings.names.firstGeneration(name), table);

    const stream = tables.get("events")?.tableStreamArn;
    if (stream === undefined) throw new Error("topology.json: the table events is to have a stream");
    this.stream = stream;

    // KMS does not rotate keys that sign: a new key takes the place of the old one (docs/runbook.md#rotate-keys).
    const { all, signing, accepted } = settings.signingKeys;
    const signingKeys = new Map(all.map((name) => [name, this.signing(name)]));
    this.signingKey = signingKeys.get(signing)!;
    this.acceptedKeys = accepted.filter((name) => name !== signing).map((name) => signingKeys.get(name)!);
    this.serverKey = this.key("server", "Seals refresh tokens", kms.KeySpec.HMAC_256, kms.KeyUsage.GENERATE_VERIFY_MAC);
    this.personalKey = this.key("personal", "Wraps the keys of personal data", kms.KeySpec.SYMMETRIC_DEFAULT, kms.KeyUsage.ENCRYPT_DECRYPT);
    this.digestKey = this.key("digest", "Signs the digests of histories (ES256)", kms.KeySpec.ECC_NIST_P256, kms.KeyUsage.SIGN_VERIFY);
    this.digestBucket();
    new CfnOutput(this, "SigningKeyArn", { value: this.signingKey.keyArn });
  }

  private get removalPolicy(): RemovalPolicy {
    return this.muster.settings.keepsData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY;
  }

  /** What is put there stays as it is: that is what makes a digest good that is said to have been removed. */
  private digestBucket(): void {
    const { settings } = this.muster;
    const bucket = new s3.Bucket(this, "Digests", {
      bucketName: settings.names.digestBucket(this),
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      encryption: s3.BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      versioned: true,
      objectLockEnabled: true,
      objectLockDefaultRetention: settings.keepsData
        ? s3.ObjectLockRetention.compliance(DIGESTS_LOCKED)
        : s3.ObjectLockRetention.governance(Duration.days(1)),
      removalPolicy: this.removalPolicy,
    });
    except(bucket, "written once an hour");
  }

  private signing(name: string): kms.Key {
    const key = this.key(name, "Signs access tokens (ES256)", kms.KeySpec.ECC_NIST_P256, kms.KeyUsage.SIGN_VERIFY);
    // Exported whether the API's stack uses it or not: one that it uses no longer can then go with the next deployment.
    this.exportValue(key.keyArn);
    return key;
  }

  private key(name: string, description: string, keySpec: kms.KeySpec, keyUsage: kms.KeyUsage): kms.Key {
    const { settings } = this.muster;
    return new kms.Key(this, `Key-${name}`, {
      alias: settings.names.of(name),
      description: `Muster ${settings.stage}: ${description}`,
      keySpec,
      keyUsage,
      // KMS rotates the keys that encrypt, and goes on to decrypt with those of before.
      ...(keyUsage === kms.KeyUsage.ENCRYPT_DECRYPT && { enableKeyRotation: true }),
      pendingWindow: settings.keyPendingWindow,
      removalPolicy: this.removalPolicy,
    });
  }

  private table(tableName: string, shape: TableShape): dynamodb.Table {
    const { settings, watched } = this.muster;
    const isEvents = tableName === settings.names.table("events");
    const table = new dynamodb.Table(this, tableName.slice(settings.names.prefix.length), {
      tableName,
      partitionKey: { name: "pk", type: KINDS[shape.pk] },
      ...(shape.sk && { sortKey: { name: "sk", type: KINDS[shape.sk] } }),
      billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
      ...(shape.stream && { stream: dynamodb.StreamViewType[shape.stream] }),
      ...(shape.ttl && { timeToLiveAttribute: shape.ttl }),
      pointInTimeRecoverySpecification: {
        pointInTimeRecoveryEnabled: true,
        // So long an erased key could be brought back.
        ...(tableName === settings.names.table("subject-keys") && { recoveryPeriodInDays: KEYS_RECOVERABLE_DAYS }),
      },
      encryption: dynamodb.TableEncryption.AWS_MANAGED,
      deletionProtection: settings.keepsData,
      removalPolicy: this.removalPolicy,
      ...(isEvents && { resourcePolicy: this.eventsStayAsTheyAre(tableName) }),
    });
    for (const { name, pk, sk, holds } of shape.indexes) {
      table.addGlobalSecondaryIndex({
        indexName: name,
        partitionKey: { name: pk.name, type: KINDS[pk.type] },
        sortKey: { name: sk.name, type: KINDS[sk.type] },
        projectionType: holds ? dynamodb.ProjectionType.INCLUDE : dynamodb.ProjectionType.ALL,
        ...(holds && { nonKeyAttributes: [...holds] }),
      });
    }
    watched.tables.push({ name: tableName, indexes: shape.indexes.map(({ name }) => name) });
    return table;
  }

  /** Nobody in the account, an administrator included, changes or removes an event without taking this policy away first. */
  private eventsStayAsTheyAre(tableName: string): iam.PolicyDocument {
    return new iam.PolicyDocument({
      statements: [
        new iam.PolicyStatement({
          sid: "EventsStayAsTheyAre",
          effect: iam.Effect.DENY,
          principals: [new iam.AnyPrincipal()],
          actions: [
            "dynamodb:UpdateItem",
            "dynamodb:DeleteItem",
            "dynamodb:BatchWriteItem",
            "dynamodb:PartiQLInsert",
            "dynamodb:PartiQLUpdate",
            "dynamodb:PartiQLDelete",
          ],
          resources: [this.muster.settings.names.tableArn(this, tableName)],
        }),
      ],
    });
  }
}

const KINDS: Record<AttributeKind, dynamodb.AttributeType> = {
  S: dynamodb.AttributeType.STRING,
  N: dynamodb.AttributeType.NUMBER,
};
