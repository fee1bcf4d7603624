/**
 * An example of a subscriber, for integrators to begin with: a rule on Muster's bus, a queue with its dead letters behind it, and a small
 * function in TypeScript that counts the tasks that are completed each day. It is made when the context says `exampleSubscriber`, and
 * nothing of Muster needs it. Of Muster it knows the name of the bus and the type definitions: in an account of one's own it is the same.
 */
import { fileURLToPath } from "node:url";

import { CfnOutput, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import * as dynamodb from "aws-cdk-lib/aws-dynamodb";
import * as events from "aws-cdk-lib/aws-events";
import * as targets from "aws-cdk-lib/aws-events-targets";
import * as iam from "aws-cdk-lib/aws-iam";
import * as lambda from "aws-cdk-lib/aws-lambda";
import { NodejsFunction, OutputFormat } from "aws-cdk-lib/aws-lambda-nodejs";
import * as logs from "aws-cdk-lib/aws-logs";
import * as sqs from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";

import type { Muster } from "./context.ts";
import { DeadLetters } from "./dead-letters.ts";
import { except } from "./exceptions.ts";

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

const TIMEOUT = Duration.seconds(20);

export class ExampleSubscriberStack extends Stack {
  constructor(scope: Construct, private readonly muster: Muster) {
    const { names } = muster.settings;
    super(scope, names.of("example-subscriber"), { description: "An example of a subscriber to Muster's events" });
    const table = this.table();
    const fn = this.fn(table);
    const { queue, deadLetters } = this.subscribe(fn);
    new CfnOutput(this, "CountsTable", { value: table.tableName });
    new CfnOutput(this, "ExampleSubscriberQueueUrl", { value: queue.queueUrl });
    new CfnOutput(this, "ExampleSubscriberDeadLettersUrl", { value: deadLetters.queueUrl });
  }

  private table(): dynamodb.Table {
    return new dynamodb.Table(this, "Counts", {
      tableName: this.muster.settings.names.of("example-counts"),
      partitionKey: { name: "pk", type: dynamodb.AttributeType.STRING },
      billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
      timeToLiveAttribute: "ttl",
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      encryption: dynamodb.TableEncryption.AWS_MANAGED,
      removalPolicy: RemovalPolicy.DESTROY,
    });
  }

  private fn(table: dynamodb.Table): lambda.Function {
    const { settings, watched } = this.muster;
    const name = settings.names.of("example-subscriber");
    const logGroup = new logs.LogGroup(this, "Logs", {
      logGroupName: `/aws/lambda/${name}`,
      retention: settings.logRetention,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new iam.Role(this, "Role", {
      assumedBy: new iam.ServicePrincipal("lambda.amazonaws.com"),
      description: `What ${name} may do`,
    });
    role.addToPolicy(new iam.PolicyStatement({
      actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
      resources: [logGroup.logGroupArn],
    }));
    role.addToPolicy(new iam.PolicyStatement({
      actions: ["dynamodb:PutItem", "dynamodb:UpdateItem"],
      resources: [table.tableArn],
    }));
    const fn = new NodejsFunction(this, "Function", {
      functionName: name,
      description: "Counts the tasks that are completed each day",
      entry: path("../example-subscriber/handler.ts"),
      projectRoot: path("../"),
      depsLockFilePath: path("../package-lock.json"),
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      memorySize: 256,
      timeout: TIMEOUT,
      role,
      logGroup,
      tracing: lambda.Tracing.ACTIVE,
      loggingFormat: lambda.LoggingFormat.JSON,
      systemLogLevelV2: lambda.SystemLogLevel.WARN,
      environment: { TABLE: table.tableName },
      bundling: { format: OutputFormat.ESM, target: "node24", sourceMap: true },
    });
    watched.functions.push(name);
    except(role, "x-ray takes no resource");
    except(fn, "invoked in step");
    return fn;
  }

  private subscribe(fn: lambda.Function): { queue: sqs.Queue; deadLetters: sqs.Queue } {
    const { settings, watched } = this.muster;
    const name = settings.names.of("example-subscriber");
    const deadLetters = new DeadLetters(this, "DeadLetters", this.muster, "example-subscriber-dead-letters");
    const queue = new sqs.Queue(this, "Queue", {
      queueName: name,
      // A message that is being worked on must not appear again.
      visibilityTimeout: Duration.seconds(6 * TIMEOUT.toSeconds()),
      retentionPeriod: Duration.days(4),
      deadLetterQueue: { queue: deadLetters, maxReceiveCount: 5 },
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: settings.tlsOnly,
    });
    watched.queues.push(name);
    if (!settings.tlsOnly) except(queue, "plain HTTP in the emulator");

    new events.Rule(this, "Rule", {
      ruleName: name,
      description: "Tasks that were completed",
      eventBus: events.EventBus.fromEventBusArn(this, "Bus", settings.names.busArn(this)),
      eventPattern: {
        source: ["muster"],
        detailType: ["TaskStatusChanged"],
        detail: { data: { to: ["completed"] } },
      },
      targets: [
        new targets.SqsQueue(queue, {
          deadLetterQueue: new DeadLetters(this, "Undelivered", this.muster, "example-subscriber-undelivered"),
          maxEventAge: Duration.hours(24),
          retryAttempts: 185,
        }),
      ],
    });
    watched.rules.push(name);

    queue.grantConsumeMessages(fn);
    const mapping = new lambda.EventSourceMapping(this, "Mapping", {
      target: fn,
      eventSourceArn: queue.queueArn,
      batchSize: 10,
      maxConcurrency: 2,
      reportBatchItemFailures: true,
    });
    except(mapping, "queues have their own dead letters");
    return { queue, deadLetters };
  }
}
