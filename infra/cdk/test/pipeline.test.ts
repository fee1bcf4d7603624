import { readFileSync } from "node:fs";

import { describe, expect, test } from "vitest";

import { type Json, render, type Resource, stage } from "./support.ts";

const pipeline = (name: "staging" | "prod"): Json => stage(name).of("AWS::CodePipeline::Pipeline")[0]!.properties;

function steps(name: "staging" | "prod"): [string, string[]][] {
  return (pipeline(name)["Stages"] as Json[]).map(({ Name, Actions }) =>
    [String(Name), (Actions as Json[]).map((action) => String(action["ActionTypeId"].Provider))]);
}

describe("the pipeline", () => {
  test("is there for staging and prod, and for no other stage", () => {
    expect(stage("dev").of("AWS::CodePipeline::Pipeline")).toEqual([]);
    expect(stage("e2e").of("AWS::CodePipeline::Pipeline")).toEqual([]);
    expect(stage("staging").of("AWS::CodePipeline::Pipeline")).toHaveLength(1);
    expect(stage("prod").of("AWS::CodePipeline::Pipeline")).toHaveLength(1);
  });

  test("brings dev to staging, and main to prod once somebody has approved", () => {
    const deploy: [string, string[]] = ["Deploy", ["CodeBuild", "CodeBuild"]];
    expect(steps("staging")).toEqual([["Source", ["CodeCommit"]], ["Build", ["CodeBuild"]], deploy]);
    expect(steps("prod")).toEqual([["Source", ["CodeCommit"]], ["Build", ["CodeBuild"]], ["Approve", ["Manual"]], deploy]);
    const branch = (name: "staging" | "prod"): unknown => pipeline(name)["Stages"][0].Actions[0].Configuration.BranchName;
    expect([branch("staging"), branch("prod")]).toEqual(["dev", "main"]);
    expect(pipeline("prod")["PipelineType"]).toBe("V2");
  });

  test.each(["staging", "prod"] as const)("to %s starts when its branch is pushed to", (name) => {
    const pattern = rules(name).find((each) => each["source"][0] === "aws.codecommit")!;
    expect(pattern["detail"]).toMatchObject({ event: ["referenceCreated", "referenceUpdated"], referenceName: [name === "prod" ? "main" : "dev"] });
  });

  test("to staging runs each Monday, too, and to prod only when somebody pushes", () => {
    const scheduled = (name: "staging" | "prod"): Json[] => stage(name).of("AWS::Events::Rule").map(({ properties }) => properties).filter((each) =>
      JSON.stringify(each["Targets"]).includes("codepipeline") && each["ScheduleExpression"] !== undefined);
    expect(scheduled("staging").map((each) => each["ScheduleExpression"])).toEqual(["cron(0 4 ? * MON *)"]);
    expect(scheduled("prod")).toEqual([]);
  });

  test("tells of runs that failed, that succeeded, and that wait for an approval", () => {
    const built = stage("prod");
    const states = built.of("AWS::Events::Rule").filter(({ properties }) => properties["EventPattern"].source[0] === "aws.codepipeline");
    expect(states.map(({ properties }) => properties["EventPattern"].detail.state)).toEqual([["FAILED", "CANCELED", "STOPPED"], ["SUCCEEDED"], ["STARTED"]]);
    expect(states[2]!.properties["EventPattern"].detail.stage).toEqual(["Approve"]);
    for (const { stack, properties } of states) {
      expect(built.referred(stack, properties["Targets"][0].Arn).properties["TopicName"]).toBe("muster-prod-pipeline");
    }
  });

  test("keeps its artifacts encrypted with a key of its own", () => {
    const built = stage("prod");
    const { Location, EncryptionKey } = pipeline("prod")["ArtifactStore"];
    const bucket = built.referred("muster-pipeline-prod", Location).properties;
    expect(bucket["BucketEncryption"].ServerSideEncryptionConfiguration[0].ServerSideEncryptionByDefault.SSEAlgorithm).toBe("aws:kms");
    expect(built.referred("muster-pipeline-prod", EncryptionKey.Id).properties["EnableKeyRotation"]).toBe(true);
  });

  test("builds on arm64, without privileges, and keeps its logs", () => {
    const projects = stage("prod").of("AWS::CodeBuild::Project");
    expect(projects.map(({ properties }) => properties["Name"])).toEqual([
      "muster-prod-pipeline-build",
      "muster-prod-pipeline-deploy",
      "muster-prod-pipeline-publishweb",
    ]);
    for (const { properties } of projects) {
      expect(properties["Environment"]).toMatchObject({ Type: "ARM_CONTAINER", PrivilegedMode: false });
      expect(properties["LogsConfig"].CloudWatchLogs.Status).toBe("ENABLED");
      expect(properties["EncryptionKey"]).toEqual({ "Fn::GetAtt": [expect.stringMatching(/^Key/), "Arn"] });
    }
    expect(projects[0]!.properties["Source"].BuildSpec).toBe("infra/cdk/buildspec.yml");
  });

  test("asks for advisories and runs every test before anything is built to be deployed", () => {
    const commands = readFileSync(new URL("../buildspec.yml", import.meta.url), "utf8").split("\n").map((line) => line.trim());
    const at = (command: string): number => commands.findIndex((line) => line.startsWith(`- ${command}`));
    const order = ["cargo deny check advisories", "cargo xtask test", "cargo lambda build --profile lambda --arm64", "npm test", "npm run synth", "cfn-lint"].map(at);
    expect(order.every((line) => line >= 0)).toBe(true);
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });

  test("deploys every stack of its stage but itself, as the roles of cdk bootstrap", () => {
    const project = stage("prod").one("AWS::CodeBuild::Project", "Name", "muster-prod-pipeline-deploy");
    expect(render(project.properties["Source"].BuildSpec)).toContain("cdk deploy --app cdk.out --require-approval never --no-notices 'muster-prod-*'");
    expect(stage("prod").stacks.map(({ stackName }) => stackName).filter((name) => !name.startsWith("muster-prod-"))).toEqual(["muster-pipeline-prod"]);
    const beyond = stage("prod").statements(project).filter(({ Action }) => !/^(logs|codebuild|s3|kms):/.test([Action].flat()[0] as string));
    expect(beyond.map(({ Action }) => Action)).toEqual(["sts:AssumeRole"]);
    const roles = [beyond[0]!["Resource"]].flat().map(render);
    expect(roles.map((role) => /:role\/cdk-hnb659fds-(.+)-role-/.exec(role)?.[1]).sort()).toEqual(["deploy", "file-publishing", "lookup"]);
  });

  test("puts the web app's files into their bucket and may touch nothing else there", () => {
    const project = stage("prod").one("AWS::CodeBuild::Project", "Name", "muster-prod-pipeline-publishweb");
    const onFiles = stage("prod").statements(project).filter(({ Resource }) => render([Resource].flat()[0]).includes(":s3:::muster-prod-web-"));
    expect(onFiles.map(({ Action }) => Action)).toEqual(["s3:ListBucket", "s3:PutObject"]);
  });
});

function rules(name: "staging" | "prod"): Json[] {
  return stage(name).of("AWS::Events::Rule").map(({ properties }: Resource) => properties["EventPattern"] as Json);
}
