import { readFileSync } from "node:fs";

import { describe, expect, test } from "vitest";

import { list, render, Stage, stage } from "./support.ts";

const PROD = stage("prod");

describe("the HTTP API", () => {
  test("asks the query side what is only read, and the command side all else", () => {
    const routes = PROD.of("AWS::ApiGatewayV2::Route").map(({ stack, properties }) => {
      const integration = PROD.referred(stack, { Ref: properties["Target"]["Fn::Join"][1][1].Ref });
      const fn = PROD.referred(stack, integration.properties["IntegrationUri"]);
      return [properties["RouteKey"], fn.properties["FunctionName"]];
    });
    expect(Object.fromEntries(routes)).toEqual({
      "GET /{proxy+}": "muster-prod-query-api",
      "HEAD /{proxy+}": "muster-prod-query-api",
      "ANY /{proxy+}": "muster-prod-command-api",
      "GET /api/v1/profile/second-factor": "muster-prod-command-api",
      "HEAD /api/v1/profile/second-factor": "muster-prod-command-api",
      "GET /api/v1/profile/export": "muster-prod-command-api",
      "HEAD /api/v1/profile/export": "muster-prod-command-api",
      "GET /api/v1/users/{user_id}/export": "muster-prod-command-api",
      "HEAD /api/v1/users/{user_id}/export": "muster-prod-command-api",
    });
  });

  test("is throttled, and logs each request as JSON with its id", () => {
    const [api] = PROD.of("AWS::ApiGatewayV2::Stage");
    expect(api!.properties).toMatchObject({
      StageName: "$default",
      AutoDeploy: true,
      DefaultRouteSettings: { ThrottlingRateLimit: 1_000, ThrottlingBurstLimit: 2_000 },
    });
    const { DestinationArn, Format } = api!.properties["AccessLogSettings"];
    const line = JSON.parse(String(Format)) as Record<string, string>;
    expect(line).toMatchObject({ requestId: "$context.requestId", status: "$context.status", routeKey: "$context.routeKey" });
    // What may hold a secret is in no log.
    expect(Object.values(line).filter((value) => /authorizer|header|query|body/i.test(value))).toEqual([]);
    expect(PROD.referred(api!.stack, DestinationArn).properties["RetentionInDays"]).toBe(365);
  });

  test("is open to other origins only where they are listed", () => {
    expect(PROD.of("AWS::ApiGatewayV2::Api")[0]!.properties["CorsConfiguration"]).toBeUndefined();
    const open = new Stage("dev", { corsOrigins: ["https://tasks.example.com"] });
    expect(open.of("AWS::ApiGatewayV2::Api")[0]!.properties["CorsConfiguration"]).toMatchObject({
      AllowOrigins: ["https://tasks.example.com"],
      AllowCredentials: true,
      AllowMethods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
      AllowHeaders: ["authorization", "content-type", "idempotency-key", "if-match", "muster-min-version", "x-request-id"],
      ExposeHeaders: expect.arrayContaining(["etag", "link", "location", "muster-warning", "ratelimit", "retry-after", "x-request-id"]),
      MaxAge: 3_600,
    });
  });

  test("lets other origins ask with what the local program lets them ask with", () => {
    const open = new Stage("dev", { corsOrigins: ["https://tasks.example.com"] });
    const { AllowMethods, AllowHeaders, ExposeHeaders } = open.of("AWS::ApiGatewayV2::Api")[0]!.properties["CorsConfiguration"];
    const local = readFileSync(new URL("../../../handlers/src/http/cors.rs", import.meta.url), "utf8");
    for (const list of [AllowMethods, AllowHeaders, ExposeHeaders] as string[][]) expect(local).toContain(`"${list.join(", ")}"`);
  });
});

describe("the functions of the API", () => {
  const environment = (from: Stage, name: string): Record<string, string> =>
    from.functions().get(name)!.properties["Environment"].Variables as Record<string, string>;

  test.each(["command-api", "query-api"])("believe one proxy, and limit as the code says: %s", (name) => {
    const variables = environment(PROD, `muster-prod-${name}`);
    expect(variables).toMatchObject({ MUSTER_TRUSTED_PROXIES: "1", MUSTER_ALLOWED_ORIGINS: "" });
    expect(Object.keys(variables).filter((variable) => variable.startsWith("MUSTER_RATE_LIMIT"))).toEqual([]);
  });

  test("know the outside issuers, and only the one that signs people in has the secrets", () => {
    const provider = { id: "company", client_secret: { env: "COMPANY_SECRET" } };
    const context = { oidc: { providers: [provider] }, oidcSecrets: { COMPANY_SECRET: "muster/company" } };
    const outside = new Stage("dev", context);
    const [commands, queries] = ["command-api", "query-api"].map((name) => environment(outside, `muster-dev-${name}`));
    for (const variables of [commands!, queries!]) {
      expect(JSON.parse(variables["MUSTER_OIDC"]!)).toEqual({ providers: [provider] });
    }
    // CloudFormation puts the secret in: it is in no template.
    expect(commands).toMatchObject({ COMPANY_SECRET: "{{resolve:secretsmanager:muster/company:SecretString:::}}" });
    expect(queries).not.toHaveProperty("COMPANY_SECRET");
    expect(environment(PROD, "muster-prod-command-api")).not.toHaveProperty("MUSTER_OIDC");
  });

  test("take the cookie from the origins that are listed", () => {
    const open = new Stage("dev", { corsOrigins: ["https://tasks.example.com"] });
    expect(environment(open, "muster-dev-command-api")).toMatchObject({ MUSTER_ALLOWED_ORIGINS: "https://tasks.example.com" });
  });
});

describe("while signing keys are exchanged", () => {
  const names = ["signing", "signing-2"];
  const both = { signingKeys: names, signingKey: "signing-2" };
  const exchanged = new Stage("prod", both);
  const functions = ["command-api", "query-api"];

  /** The keys of the data stack by the names of their aliases. */
  const keys = (from: Stage): Record<string, string> => Object.fromEntries(
    from.of("AWS::KMS::Alias").map(({ stack, properties }) =>
      [String(properties["AliasName"]).replace("alias/muster-prod-", ""), from.referred(stack, properties["TargetKeyId"]).id]),
  );

  /** The key that a value of the API's stack names, as the data stack exports it. */
  const named = (value: unknown): string => /ExportsOutputFnGetAtt(Key[A-Za-z0-9]+?)Arn/.exec(render(value))![1]!;
  const variables = (from: Stage, name: string) => from.functions().get(`muster-prod-${name}`)!.properties["Environment"].Variables;

  test.each(functions)("%s publishes and accepts both, and knows which of them signs", (name) => {
    const { MUSTER_SIGNING_KEY_ID: signing, MUSTER_ACCEPTED_KEY_IDS: accepted } = variables(exchanged, name);
    expect([named(signing), named(accepted)]).toEqual([keys(exchanged)["signing-2"], keys(exchanged)["signing"]]);
  });

  test("both may be read by both, and the one that signs is used by the command side alone", () => {
    const granted = (name: string, action: string): string[] => {
      const statements = exchanged.statements(exchanged.functions().get(`muster-prod-${name}`)!);
      const with_ = statements.filter((statement) => [statement["Action"]].flat().includes(action));
      return with_.flatMap((statement) => [statement["Resource"]].flat()).map(named).sort();
    };
    const { signing, "signing-2": next } = keys(exchanged) as Record<string, string>;
    for (const name of functions) expect(granted(name, "kms:GetPublicKey")).toEqual([signing, next].sort());
    expect(granted("command-api", "kms:Sign")).toEqual([next]);
    expect(granted("query-api", "kms:Sign")).toEqual([]);
  });

  test("one that nobody accepts any more is exported still, so that it can go afterwards", () => {
    const retired = new Stage("prod", { ...both, acceptedKeys: ["signing-2"] });
    for (const name of functions) {
      const { MUSTER_SIGNING_KEY_ID: signing, MUSTER_ACCEPTED_KEY_IDS: accepted } = variables(retired, name);
      expect([named(signing), accepted]).toEqual([keys(retired)["signing-2"], ""]);
    }
    const exports = Object.values(retired.outputs).map(({ Export }) => String(Export?.Name ?? ""));
    for (const key of [keys(retired)["signing"], keys(retired)["signing-2"]]) {
      expect(exports.filter((name) => name.includes(key!))).toHaveLength(1);
    }
    const alone = new Stage("prod", { signingKeys: ["signing-2"] });
    expect(Object.keys(keys(alone)).sort()).toEqual(["digest", "personal", "server", "signing-2"]);
  });

  test("nothing of them is there when there is one", () => {
    for (const name of functions) expect(variables(PROD, name).MUSTER_ACCEPTED_KEY_IDS).toBe("");
  });
});

describe("each schedule", () => {
  const schedules = new Map(
    PROD.of("AWS::Scheduler::Schedule").map((schedule) => [String(schedule.properties["Name"]), schedule]),
  );
  const hourly = ["digester", "sweeper"];
  const cases: [string, string, string, number, number, string, string[]][] = [
    ["muster-prod-digest", "digester", "cron(0 * * * ? *)", 5, 3600, "sweeper-undelivered", hourly],
    ["muster-prod-held-letters", "notifier", "rate(5 minutes)", 2, 300, "held-letters-undelivered", ["notifier"]],
    ["muster-prod-remind", "reminders", "rate(1 minute)", 0, 60, "reminders-undelivered", ["reminders"]],
    ["muster-prod-sweep", "sweeper", "rate(1 hour)", 5, 3600, "sweeper-undelivered", hourly],
    ["muster-prod-sweep-recurrence", "recurrence-sweeper", "rate(1 hour)", 5, 3600, "recurrence-sweeper-undelivered", ["recurrence-sweeper"]],
    ["muster-prod-webhooks-due", "webhooks", "rate(1 minute)", 1, 60, "webhooks-unscheduled", ["webhooks"]],
  ];

  test("is known here", () => {
    expect([...schedules.keys()].sort()).toEqual(cases.map(([name]) => name).sort());
  });

  test.each(cases)("%s calls %s at a %s, and keeps what it could not deliver", (name, fn, rate, attempts, age, undelivered) => {
    const { stack, properties } = schedules.get(name)!;
    expect(properties).toMatchObject({
      ScheduleExpression: rate,
      FlexibleTimeWindow: { Mode: "OFF" },
      Target: { RetryPolicy: { MaximumRetryAttempts: attempts, MaximumEventAgeInSeconds: age } },
    });
    expect(PROD.referred(stack, properties["Target"].Arn).properties["FunctionName"]).toBe(`muster-prod-${fn}`);
    expect(PROD.referred(stack, properties["Target"].DeadLetterConfig.Arn).properties["QueueName"]).toBe(`muster-prod-${undelivered}`);
    const called = PROD.functions().get(`muster-prod-${fn}`)!;
    expect(PROD.referred(stack, called.properties["DeadLetterConfig"].TargetArn).properties["QueueName"]).toBe(`muster-prod-${fn}-failures`);
  });

  test.each(cases)("%s may call %s and its like, and nothing else", (name, _fn, _rate, _attempts, _age, _undelivered, functions) => {
    const { stack, properties } = schedules.get(name)!;
    const role = PROD.referred(stack, properties["Target"].RoleArn);
    const policies = PROD.of("AWS::IAM::Policy").filter((policy) =>
      policy.stack === stack && (policy.properties["Roles"] as { Ref: string }[]).some(({ Ref }) => Ref === role.id));
    const statements = policies.flatMap((policy) => policy.properties["PolicyDocument"].Statement);
    const undelivered = PROD.referred(stack, properties["Target"].DeadLetterConfig.Arn);
    expect(statements.map(({ Action, Resource }) => [Action, list<unknown>(Resource).map(render)])).toEqual([
      ["lambda:InvokeFunction", functions.map((fn) => `<${PROD.functions().get(`muster-prod-${fn}`)!.id}.Arn>`)],
      ["sqs:SendMessage", [`<${undelivered.id}.Arn>`]],
    ]);
  });
});
