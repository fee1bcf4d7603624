import { describe, expect, test } from "vitest";

import { STAGES } from "../lib/settings.ts";
import { render, stage } from "./support.ts";

const RETENTION = { dev: 7, staging: 30, prod: 365, e2e: 1 };

/** Not the secret, but where CloudFormation finds it. */
const ORIGIN_SECRET = /^\{\{resolve:secretsmanager:<Secretorigin[0-9A-F]+>:SecretString:::\}\}$/;

describe.each(STAGES)("the functions of %s", (name) => {
  const built = stage(name);

  test("are arm64 binaries that are traced and write JSON into a log group of their own", () => {
    for (const [fn, { stack, properties }] of built.functions()) {
      expect(properties, fn).toMatchObject({
        Architectures: ["arm64"],
        Runtime: "provided.al2023",
        Handler: "bootstrap",
        TracingConfig: { Mode: "Active" },
        LoggingConfig: { LogFormat: "JSON", SystemLogLevel: "WARN" },
      });
      const group = built.referred(stack, properties["LoggingConfig"].LogGroup);
      expect(group.properties).toMatchObject({ LogGroupName: `/aws/lambda/${fn}`, RetentionInDays: RETENTION[name] });
    }
  });

  test("know their stage and their tables", () => {
    for (const { properties } of built.functions().values()) {
      expect(properties["Environment"].Variables).toMatchObject({
        MUSTER_STAGE: name,
        MUSTER_TABLE_PREFIX: `muster-${name}-`,
        MUSTER_LOG: "info",
      });
    }
  });

  test("have no log group without a retention", () => {
    for (const { id, properties } of built.of("AWS::Logs::LogGroup")) {
      expect(properties["RetentionInDays"], id).toBe(RETENTION[name]);
    }
  });
});

describe("each function", () => {
  const built = stage("prod");
  const variables = (fn: string): Record<string, unknown> => {
    const { MUSTER_STAGE, MUSTER_TABLE_PREFIX, MUSTER_LOG, ...own } = built.functions().get(`muster-prod-${fn}`)!.properties["Environment"].Variables;
    expect([MUSTER_STAGE, MUSTER_TABLE_PREFIX, MUSTER_LOG]).toEqual(["prod", "muster-prod-", "info"]);
    return Object.fromEntries(Object.entries(own as object).map(([key, value]) => [key, render(value)]));
  };

  test.each([
    ["command-api", 1024, 10],
    ["query-api", 512, 10],
    ["publisher", 256, 30],
    ["guard", 128, 10],
    ["projector-task-list", 256, 30],
    ["projector-audit-log", 256, 30],
    ["projector-directory", 256, 30],
    ["projector-task-past", 256, 30],
    ["projector-feed", 256, 30],
    ["notifier", 128, 30],
    ["webhooks", 256, 120],
    ["sweeper", 512, 900],
    ["digester", 512, 900],
    ["recurrence", 256, 30],
    ["recurrence-sweeper", 512, 900],
    ["reminders", 256, 50],
  ])("%s has %i MB and %i seconds", (fn, memory, timeout) => {
    const { properties } = built.functions().get(`muster-prod-${fn}`)!;
    expect([properties["MemorySize"], properties["Timeout"]]).toEqual([memory, timeout]);
  });

  test("is told what it needs, and no more", () => {
    expect(variables("command-api")).toEqual({
      MUSTER_ISSUER: "muster-prod",
      MUSTER_SIGNING_KEY_ID: expect.stringMatching(/Keysigning/),
      MUSTER_ACCEPTED_KEY_IDS: "",
      MUSTER_SERVER_KEY_ID: expect.stringMatching(/Keyserver/),
      MUSTER_MAIL_FROM: "muster@example.com",
      MUSTER_PUBLIC_URL: expect.stringMatching(/^<Api.*\.ApiEndpoint>$/),
      MUSTER_TRUSTED_PROXIES: "1",
      MUSTER_ORIGIN_SECRET: expect.stringMatching(ORIGIN_SECRET),
      MUSTER_ALLOWED_ORIGINS: "",
      MUSTER_SIGNUP: "open",
      MUSTER_PERSONAL_KEY_ID: expect.stringMatching(/Keypersonal/),
    });
    const personal = { MUSTER_PERSONAL_KEY_ID: variables("command-api")["MUSTER_PERSONAL_KEY_ID"] };
    expect(variables("query-api")).toEqual({
      MUSTER_ISSUER: "muster-prod",
      MUSTER_SIGNING_KEY_ID: variables("command-api")["MUSTER_SIGNING_KEY_ID"],
      MUSTER_ACCEPTED_KEY_IDS: "",
      MUSTER_TRUSTED_PROXIES: "1",
      MUSTER_ORIGIN_SECRET: variables("command-api")["MUSTER_ORIGIN_SECRET"],
      MUSTER_ALLOWED_ORIGINS: "",
      MUSTER_SIGNUP: "open",
      ...personal,
    });
    expect(variables("publisher")).toEqual({ MUSTER_BUS: `<${built.of("AWS::Events::EventBus")[0]!.id}>` });
    expect(variables("projector-audit-log")).toEqual({ MUSTER_PROJECTION: "audit-log", ...personal });
    expect(variables("guard")).toEqual({});
    for (const name of ["sweeper", "recurrence", "recurrence-sweeper", "reminders"]) expect(variables(name)).toEqual(personal);
    expect(variables("digester")).toEqual({
      MUSTER_DIGEST_KEY_ID: expect.stringMatching(/Keydigest/),
      MUSTER_DIGEST_BUCKET: expect.stringMatching(/^muster-prod-digests-/),
    });
    expect(variables("webhooks")).toEqual(personal);
    expect(variables("notifier")).toEqual({
      ...personal,
      MUSTER_MAIL_FROM: "muster@example.com",
      MUSTER_TOPIC_ARN: expect.stringMatching(/^<Notifications/),
    });
  });

  test("that is missing stops the synthesis", async () => {
    const { Stage } = await import("./support.ts");
    expect(() => new Stage("dev", { lambdaDir: "/nowhere" })).toThrow("/nowhere/publisher has no bootstrap");
  });
});
