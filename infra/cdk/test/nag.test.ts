import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { App, Aspects, Stack } from "aws-cdk-lib";
import { Bucket } from "aws-cdk-lib/aws-s3";
import { AwsSolutionsChecks, ServerlessChecks } from "cdk-nag";
import { describe, expect, test } from "vitest";

import { reasons } from "../lib/exceptions.ts";
import { STAGES } from "../lib/settings.ts";
import { Stage, stage } from "./support.ts";

interface Line {
  readonly rule: string;
  readonly resource: string;
  readonly outcome: string;
  readonly reason: string;
}

/** What cdk-nag wrote beside the templates: a line for each rule and each resource that it is about. */
function lines(app: App, pack = ""): Line[] {
  const reports = readdirSync(app.outdir).filter((file) => file.startsWith(pack) && file.endsWith("NagReport.csv"));
  return reports.flatMap((file) => {
    const rows = readFileSync(join(app.outdir, file), "utf8").trimEnd().split("\n").slice(1);
    return rows.map((row) => {
      const [rule, resource, outcome, reason] = row.slice(1).split('","') as [string, string, string, string];
      // The resource that a wildcard is about stands before the reason.
      return { rule, resource, outcome, reason: reason.replace(/^(\[[^\]]*\] )+/, "") };
    });
  });
}

/** Also a rule that could not make up its mind is a finding. */
const findings = (app: App): string[] =>
  lines(app)
    .filter(({ outcome }) => outcome !== "Compliant" && outcome !== "Suppressed" && outcome !== "N/A")
    .map(({ rule, resource, outcome }) => `${rule} ${resource}: ${outcome}`);

describe("cdk-nag, with the packs AwsSolutions and Serverless", () => {
  test.each(STAGES)("finds nothing in %s that has no reason beside it", (name) => {
    const { app } = stage(name);
    expect(lines(app, "AwsSolutions").length).toBeGreaterThan(100);
    expect(lines(app, "Serverless").length).toBeGreaterThan(50);
    expect(findings(app)).toEqual([]);
  });

  test("finds something where there is something", () => {
    const app = new App();
    Aspects.of(app).add(new AwsSolutionsChecks());
    Aspects.of(app).add(new ServerlessChecks());
    new Bucket(new Stack(app, "careless"), "Open");
    app.synth();
    expect(findings(app)).toEqual([
      "AwsSolutions-S1 careless/Open/Resource: Non-Compliant",
      "AwsSolutions-S10 careless/Open/Resource: Non-Compliant",
    ]);
  });

  test("is given no reason that nothing needs", () => {
    const used = STAGES.flatMap((name) => lines(stage(name).app)).filter(({ outcome }) => outcome === "Suppressed");
    expect([...new Set(used.map(({ reason }) => reason))].sort()).toEqual(reasons().sort());
  });

  test("finds nothing with a domain of one's own, origins and an address for alarms either", () => {
    const chosen = new Stage("prod", {
      domainName: "tasks.example.com",
      certificateArn: "arn:aws:acm:us-east-1:111122223333:certificate/11111111-2222-3333-4444-555555555555",
      corsOrigins: "https://other.example.com",
      alarmEmail: "operators@example.com",
    });
    expect(findings(chosen.app)).toEqual([]);
  });
});
