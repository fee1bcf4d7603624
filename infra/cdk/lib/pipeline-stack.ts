/**
 * From a push to the stage: CodePipeline takes the branch from CodeCommit, builds and tests it, waits for somebody where the stage wants that,
 * deploys the stacks that were built, and puts the web app's files where they belong.
 *
 * It is deployed by hand, once: a pipeline that changed itself could take its own approval away.
 */
import { Aws, CfnOutput, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import * as codebuild from "aws-cdk-lib/aws-codebuild";
import * as codecommit from "aws-cdk-lib/aws-codecommit";
import * as codepipeline from "aws-cdk-lib/aws-codepipeline";
import * as actions from "aws-cdk-lib/aws-codepipeline-actions";
import * as events from "aws-cdk-lib/aws-events";
import * as targets from "aws-cdk-lib/aws-events-targets";
import * as iam from "aws-cdk-lib/aws-iam";
import * as kms from "aws-cdk-lib/aws-kms";
import * as logs from "aws-cdk-lib/aws-logs";
import * as s3 from "aws-cdk-lib/aws-s3";
import { EmailSubscription } from "aws-cdk-lib/aws-sns-subscriptions";
import type { Construct } from "constructs";

import type { Muster } from "./context.ts";
import { DeadLetters } from "./dead-letters.ts";
import { EncryptedTopic } from "./encrypted-topic.ts";
import { type Exception, except } from "./exceptions.ts";

/** The qualifier of the roles that `cdk bootstrap` makes. */
const BOOTSTRAP = "hnb659fds";

const NODE = { "runtime-versions": { nodejs: 20 } };

export class PipelineStack extends Stack {
  private readonly key: kms.Key;
  private readonly undelivered: DeadLetters;

  constructor(scope: Construct, private readonly muster: Muster, branch: string) {
    const { settings } = muster;
    // Not `muster-<stage>-…`: the pipeline deploys what is called so, and leaves itself out.
    super(scope, `muster-pipeline-${settings.stage}`, { description: `Muster: from the branch ${branch} to ${settings.stage}` });
    this.key = new kms.Key(this, "Key", {
      description: `Encrypts the artifacts of Muster's pipeline to ${settings.stage}`,
      enableKeyRotation: true,
      pendingWindow: settings.keyPendingWindow,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.undelivered = new DeadLetters(this, "Undelivered", muster, "pipeline-undelivered");

    const repository = codecommit.Repository.fromRepositoryName(this, "Repository", settings.repository);
    const source = new codepipeline.Artifact("Source");
    const built = new codepipeline.Artifact("Built");
    const pipeline = new codepipeline.Pipeline(this, "Pipeline", {
      pipelineName: settings.names.of("pipeline"),
      pipelineType: codepipeline.PipelineType.V2,
      executionMode: codepipeline.ExecutionMode.QUEUED,
      artifactBucket: this.artifacts(),
    });
    pipeline.addStage({
      stageName: "Source",
      actions: [
        new actions.CodeCommitSourceAction({
          actionName: "CodeCommit",
          repository,
          branch,
          output: source,
          // The rule below starts the pipeline: one that has a queue for what it could not deliver.
          trigger: actions.CodeCommitTrigger.NONE,
        }),
      ],
    });
    pipeline.addStage({
      stageName: "Build",
      actions: [new actions.CodeBuildAction({ actionName: "BuildAndTest", project: this.build(), input: source, outputs: [built] })],
    });
    if (settings.approval) {
      pipeline.addStage({
        stageName: "Approve",
        actions: [
          new actions.ManualApprovalAction({
            actionName: "Approve",
            additionalInformation: `All tests hold. Deploy the branch ${branch} to ${settings.stage}?`,
          }),
        ],
      });
    }
    pipeline.addStage({
      stageName: "Deploy",
      actions: [
        new actions.CodeBuildAction({ actionName: "Stacks", project: this.deploy(), input: built, runOrder: 1 }),
        new actions.CodeBuildAction({ actionName: "WebApp", project: this.publishWeb(), input: built, runOrder: 2 }),
      ],
    });
    except(pipeline, "artifacts and builds");
    this.startOnPush(repository, branch, pipeline);
    // Where nobody has to approve it: what is known of the crates that we use changes while nobody pushes.
    if (!settings.approval) this.startWeekly(pipeline);
    this.notify(pipeline);
  }

  private artifacts(): s3.Bucket {
    const options = {
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      lifecycleRules: [{ expiration: Duration.days(90) }],
      removalPolicy: RemovalPolicy.RETAIN,
    };
    const accessLogs = new s3.Bucket(this, "AccessLogs", { ...options, encryption: s3.BucketEncryption.S3_MANAGED });
    return new s3.Bucket(this, "Artifacts", {
      ...options,
      encryption: s3.BucketEncryption.KMS,
      encryptionKey: this.key,
      bucketKeyEnabled: true,
      serverAccessLogsBucket: accessLogs,
    });
  }

  private project(
    id: string,
    description: string,
    buildSpec: codebuild.BuildSpec,
    options: { readonly computeType: codebuild.ComputeType; readonly timeout: Duration; readonly exception: Exception },
  ): codebuild.PipelineProject {
    const { settings } = this.muster;
    const group = new logs.LogGroup(this, `${id}Logs`, {
      logGroupName: `/muster/${settings.stage}/pipeline-${id.toLowerCase()}`,
      retention: settings.logRetention,
      removalPolicy: RemovalPolicy.RETAIN,
    });
    const project = new codebuild.PipelineProject(this, id, {
      projectName: settings.names.of(`pipeline-${id.toLowerCase()}`),
      description,
      environment: { buildImage: codebuild.LinuxArmBuildImage.AMAZON_LINUX_2023_STANDARD_3_0, computeType: options.computeType },
      environmentVariables: { MUSTER_STAGE: { value: settings.stage } },
      buildSpec,
      encryptionKey: this.key,
      timeout: options.timeout,
      logging: { cloudWatch: { logGroup: group } },
    });
    except(project, options.exception);
    return project;
  }

  private build(): codebuild.PipelineProject {
    return this.project(
      "Build",
      "Builds the Lambdas, runs every test and synthesises the stacks",
      codebuild.BuildSpec.fromSourceFilename("infra/cdk/buildspec.yml"),
      { computeType: codebuild.ComputeType.LARGE, timeout: Duration.hours(2), exception: "artifacts and builds" },
    );
  }

  /** Deploys as the roles of `cdk bootstrap` do; for itself it may do nothing but become them. */
  private deploy(): codebuild.PipelineProject {
    const { stage } = this.muster.settings;
    const project = this.project(
      "Deploy",
      "Deploys the stacks that were built",
      codebuild.BuildSpec.fromObject({
        version: "0.2",
        phases: {
          install: { ...NODE, commands: ["npm ci --omit=optional"] },
          build: { commands: [`npx cdk deploy --app cdk.out --require-approval never --no-notices 'muster-${stage}-*'`] },
        },
      }),
      { computeType: codebuild.ComputeType.SMALL, timeout: Duration.hours(1), exception: "artifacts and builds" },
    );
    const role = (name: string): string =>
      this.formatArn({
        service: "iam",
        region: "",
        resource: "role",
        resourceName: `cdk-${BOOTSTRAP}-${name}-role-${Aws.ACCOUNT_ID}-${Aws.REGION}`,
      });
    project.addToRolePolicy(
      new iam.PolicyStatement({
        actions: ["sts:AssumeRole"],
        resources: [role("deploy"), role("file-publishing"), role("lookup")],
      }),
    );
    return project;
  }

  /** The page itself is asked for anew each time, and every other file has its hash in its name: nothing needs to be invalidated. */
  private publishWeb(): codebuild.PipelineProject {
    const { names } = this.muster.settings;
    const bucket = names.webBucket(this);
    const project = this.project(
      "PublishWeb",
      "Puts the web app's files into their bucket",
      codebuild.BuildSpec.fromObject({
        version: "0.2",
        phases: {
          build: {
            commands: [
              'if [ ! -d web ]; then echo "This build has no web app."; exit 0; fi',
              `aws s3 sync web s3://${bucket} --exclude index.html --cache-control "public, max-age=31536000, immutable"`,
              `aws s3 cp web/index.html s3://${bucket}/index.html --cache-control "no-cache"`,
            ],
          },
        },
      }),
      { computeType: codebuild.ComputeType.SMALL, timeout: Duration.minutes(15), exception: "files of the web app" },
    );
    const arn = this.formatArn({ service: "s3", region: "", account: "", resource: bucket });
    project.addToRolePolicy(new iam.PolicyStatement({ actions: ["s3:ListBucket"], resources: [arn] }));
    project.addToRolePolicy(new iam.PolicyStatement({ actions: ["s3:PutObject"], resources: [`${arn}/*`] }));
    return project;
  }

  private startOnPush(repository: codecommit.IRepository, branch: string, pipeline: codepipeline.Pipeline): void {
    repository.onCommit("OnPush", {
      description: `Starts the pipeline when something is pushed to ${branch}`,
      branches: [branch],
      target: new targets.CodePipeline(pipeline, { deadLetterQueue: this.undelivered, retryAttempts: 20, maxEventAge: Duration.hours(2) }),
    });
  }

  private startWeekly(pipeline: codepipeline.Pipeline): void {
    new events.Rule(this, "Weekly", {
      description: "Starts the pipeline each Monday, so that it asks for new advisories",
      schedule: events.Schedule.cron({ weekDay: "MON", hour: "4", minute: "0" }),
      targets: [new targets.CodePipeline(pipeline, { deadLetterQueue: this.undelivered, retryAttempts: 20, maxEventAge: Duration.hours(2) })],
    });
  }

  private notify(pipeline: codepipeline.Pipeline): void {
    const { settings } = this.muster;
    const { topic } = new EncryptedTopic(this, "Runs", {
      settings,
      name: "pipeline",
      displayName: `Muster's pipeline to ${settings.stage}`,
      publishers: ["events.amazonaws.com"],
    });
    if (settings.alarmEmail !== undefined) {
      topic.addSubscription(new EmailSubscription(settings.alarmEmail, { deadLetterQueue: this.undelivered }));
    }
    for (const [id, detailType, detail, words] of [
      ["Failed", "CodePipeline Pipeline Execution State Change", { state: ["FAILED", "CANCELED", "STOPPED"] }, "did not get through"],
      ["Succeeded", "CodePipeline Pipeline Execution State Change", { state: ["SUCCEEDED"] }, "is done"],
      ["Waiting", "CodePipeline Stage Execution State Change", { stage: ["Approve"], state: ["STARTED"] }, "waits for an approval"],
    ] as const) {
      if (id === "Waiting" && !settings.approval) continue;
      const run = events.EventField.fromPath("$.detail.execution-id");
      const state = events.EventField.fromPath("$.detail.state");
      new events.Rule(this, id, {
        description: `Tells when a run of the pipeline ${words}`,
        eventPattern: {
          source: ["aws.codepipeline"],
          detailType: [detailType],
          detail: { pipeline: [pipeline.pipelineName], ...detail },
        },
        targets: [
          new targets.SnsTopic(topic, {
            message: events.RuleTargetInput.fromText(`Muster's pipeline to ${settings.stage} ${words}: run ${run}, ${state}.`),
            deadLetterQueue: this.undelivered,
            retryAttempts: 20,
            maxEventAge: Duration.hours(2),
          }),
        ],
      });
    }
    new CfnOutput(this, "PipelineTopicArn", { value: topic.topicArn });
  }
}
