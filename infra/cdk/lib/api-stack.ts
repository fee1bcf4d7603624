/** The HTTP API: questions go to a function that cannot write events, everything else to the one that can. */
import { CfnOutput, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import * as apigateway from "aws-cdk-lib/aws-apigateway";
import * as gateway from "aws-cdk-lib/aws-apigatewayv2";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import type * as kms from "aws-cdk-lib/aws-kms";
import * as logs from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";

import type { Muster } from "./context.ts";
import { except } from "./exceptions.ts";
import { mailResources } from "./mail.ts";
import { secretVariables } from "./oidc.ts";
import { makeOriginSecret } from "./origin-secret.ts";
import { RustFunction } from "./rust-function.ts";
import type { Settings } from "./settings.ts";

/** API Gateway waits 30 seconds; nobody in front of a form waits for half of that. */
const TIMEOUT = Duration.seconds(10);

/** Questions, but about credentials, of which the query side may read nothing. */
const ABOUT_CREDENTIALS = ["/api/v1/profile/second-factor", "/api/v1/profile/export", "/api/v1/users/{user_id}/export"];

export interface ApiStackProps {
  /** The key that signs access tokens. */
  readonly signingKey: kms.IKey;
  /** Others whose tokens are good, while keys are exchanged. */
  readonly acceptedKeys: readonly kms.IKey[];
  readonly serverKey: kms.IKey;
  readonly personalKey: kms.IKey;
}

export class ApiStack extends Stack {
  readonly api: gateway.HttpApi;
  /** What CloudFront shows. */
  private readonly origin: string;

  constructor(scope: Construct, private readonly muster: Muster, private readonly keys: ApiStackProps) {
    const { names } = muster.settings;
    super(scope, names.of("api"), { description: "Muster: the HTTP API" });

    this.api = this.httpApi();
    this.origin = makeOriginSecret(this, muster.settings);
    const commands = this.commandApi();
    const queries = this.queryApi();
    this.api.addRoutes({
      path: "/{proxy+}",
      methods: [gateway.HttpMethod.GET, gateway.HttpMethod.HEAD],
      integration: new HttpLambdaIntegration("Queries", queries.fn),
    });
    this.api.addRoutes({
      path: "/{proxy+}",
      methods: [gateway.HttpMethod.ANY],
      integration: new HttpLambdaIntegration("Commands", commands.fn),
    });
    const credentials = new HttpLambdaIntegration("Credentials", commands.fn);
    for (const path of ABOUT_CREDENTIALS) {
      this.api.addRoutes({ path, methods: [gateway.HttpMethod.GET, gateway.HttpMethod.HEAD], integration: credentials });
    }
    except(this.api, "authorization in the handler");
    new CfnOutput(this, "ApiId", { value: this.api.apiId });
    new CfnOutput(this, "ApiUrl", { value: this.api.apiEndpoint });
  }

  private commandApi(): RustFunction {
    const { names, mailFrom, oidc, publicUrl } = this.muster.settings;
    const { signingKey, serverKey, personalKey } = this.keys;
    const commands = new RustFunction(this, "CommandApi", {
      muster: this.muster,
      bin: "command-api",
      description: "Takes commands, and signs people in and out",
      // Hashing a password wants processor time, which Lambda gives by memory.
      memoryMiB: 1024,
      timeout: TIMEOUT,
      appends: true,
      environment: {
        MUSTER_ISSUER: names.of("").slice(0, -1),
        ...this.publicKeys(),
        MUSTER_SERVER_KEY_ID: serverKey.keyArn,
        MUSTER_MAIL_FROM: mailFrom,
        MUSTER_PUBLIC_URL: publicUrl ?? this.api.apiEndpoint,
        ...http(this.muster.settings, this.origin),
        ...(oidc && secretVariables(oidc)),
      },
    });
    commands.allowTable("events", "PutItem", "Query");
    // Scan: once, to begin the roster of administrators in a store that is older than it.
    commands.allowTable("reservations", "DeleteItem", "GetItem", "PutItem", "Scan");
    commands.allowTable("credentials", "DeleteItem", "GetItem", "PutItem", "UpdateItem");
    // DeleteItem, and Scan below: of who is erased, nothing is left.
    commands.allowTable("sessions", "DeleteItem", "GetItem", "PutItem", "UpdateItem");
    commands.allowIndexes("sessions", "Query");
    commands.allowTable("one-time-tokens", "DeleteItem", "GetItem", "PutItem", "Scan");
    commands.allowTable("api-tokens", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem");
    commands.allowTable("outside-identities", "DeleteItem", "GetItem", "PutItem");
    commands.allowIndexes("outside-identities", "Query");
    commands.allowTable("invitations", "DeleteItem", "GetItem", "PutItem", "Scan", "UpdateItem");
    commands.allowTable("saved-filters", "DeleteItem", "GetItem", "PutItem");
    commands.allowTable("access-log", "PutItem");
    commands.allowTable("origins", "BatchGetItem", "PutItem");
    // It sets webhooks up, and asks for deliveries; another function sends them.
    commands.allowTable("webhooks", "DeleteItem", "GetItem", "PutItem", "Query");
    commands.allowTable("webhook-deliveries", "GetItem", "PutItem", "Query");
    commands.allowTable("control", "GetItem");
    // Who the caller is, what became of the task, what a closed account leaves behind, and that nothing is left of who is erased.
    commands.allowProjection("directory", "DeleteItem", "GetItem");
    commands.allowProjection("task-list", "BatchGetItem", "GetItem", "Query");
    // What is held of a person.
    commands.allowProjection("audit-log", "GetItem", "Query");
    commands.allowIndexes("access-log", "Query");
    this.allowPublicKeys(commands);
    commands.allow(["kms:Sign"], [signingKey.keyArn]);
    commands.allow(["kms:GenerateMac"], [serverKey.keyArn]);
    commands.opensPersonalData(personalKey, "PutItem");
    commands.allow(["kms:GenerateDataKey"], [personalKey.keyArn]);
    commands.allow(["ses:SendEmail"], mailResources(this, this.muster.settings));
    return commands;
  }

  private queryApi(): RustFunction {
    const { settings, topology } = this.muster;
    const queries = new RustFunction(this, "QueryApi", {
      muster: this.muster,
      bin: "query-api",
      description: "Answers questions",
      memoryMiB: 512,
      timeout: TIMEOUT,
      environment: {
        MUSTER_ISSUER: settings.names.of("").slice(0, -1),
        ...this.publicKeys(),
        ...http(settings, this.origin),
      },
    });
    queries.allowTable("events", "Query");
    queries.allowTable("sessions", "GetItem");
    queries.allowIndexes("sessions", "Query");
    queries.allowTable("api-tokens", "GetItem", "Query");
    // When a token was last used; what it is good for only the command side can say.
    queries.allowAttributes("api-tokens", "pk", "sk", "last_used_at");
    queries.allowIndexes("outside-identities", "Query");
    queries.allowTable("saved-filters", "GetItem");
    // What was refused is written down, and that the audit was read.
    queries.allowTable("access-log", "PutItem", "Query");
    queries.allowIndexes("access-log", "Query");
    queries.allowTable("origins", "BatchGetItem");
    queries.allowIndexes("invitations", "Query");
    queries.allowTable("control", "GetItem");
    queries.allowTable("digests", "GetItem", "Query");
    queries.allowTable("positions", "Query");
    for (const name of topology.projections.keys()) queries.allowProjection(name, "GetItem", "Query");
    // A list of tasks finds where they stand, and reads what they are.
    queries.allowProjection("task-list", "BatchGetItem");
    this.allowPublicKeys(queries);
    queries.opensPersonalData(this.keys.personalKey);
    return queries;
  }

  /** Which keys the functions publish, and accept tokens of. */
  private publicKeys(): Record<string, string> {
    const { signingKey, acceptedKeys } = this.keys;
    return {
      MUSTER_SIGNING_KEY_ID: signingKey.keyArn,
      MUSTER_ACCEPTED_KEY_IDS: acceptedKeys.map((key) => key.keyArn).join(","),
    };
  }

  private allowPublicKeys(fn: RustFunction): void {
    const { signingKey, acceptedKeys } = this.keys;
    fn.allow(["kms:GetPublicKey"], [signingKey, ...acceptedKeys].map((key) => key.keyArn));
  }

  private httpApi(): gateway.HttpApi {
    const { names, corsOrigins, throttle, logRetention, keepsData } = this.muster.settings;
    const api = new gateway.HttpApi(this, "Api", {
      apiName: names.of("api"),
      createDefaultStage: false,
      ...(corsOrigins.length > 0 && {
        corsPreflight: {
          allowOrigins: [...corsOrigins],
          // A star stands for no method where a request comes with the cookie.
          allowMethods: METHODS,
          allowHeaders: ["authorization", "content-type", "idempotency-key", "if-match", "muster-min-version", "x-request-id"],
          exposeHeaders: [
            "content-disposition", "etag", "link", "location", "muster-warning", "ratelimit", "ratelimit-policy", "retry-after",
            "www-authenticate", "x-request-id",
          ],
          allowCredentials: !corsOrigins.includes("*"),
          maxAge: Duration.hours(1),
        },
      }),
    });
    const group = new logs.LogGroup(this, "AccessLogs", {
      logGroupName: `/muster/${this.muster.settings.stage}/api-access`,
      retention: logRetention,
      removalPolicy: keepsData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    new gateway.HttpStage(this, "Stage", {
      httpApi: api,
      autoDeploy: true,
      throttle: { rateLimit: throttle.rate, burstLimit: throttle.burst },
      accessLogSettings: {
        destination: new gateway.LogGroupLogDestination(group),
        format: apigateway.AccessLogFormat.custom(JSON.stringify(ACCESS_LOG)),
      },
    });
    return api;
  }
}

/** What both functions are told of the way to them: the web app's CloudFront, and nobody else, says for whom it calls. */
function http(settings: Settings, origin: string): Record<string, string> {
  const { stage, corsOrigins, domain, signup, requireSecondFactor, sessionIdleHours, oidc } = settings;
  const origins = [...corsOrigins, ...(domain ? [`https://${domain.name}`] : [])];
  return {
    MUSTER_TRUSTED_PROXIES: "1",
    MUSTER_ORIGIN_SECRET: origin,
    MUSTER_ALLOWED_ORIGINS: origins.join(","),
    MUSTER_SIGNUP: signup,
    ...(requireSecondFactor.length > 0 && { MUSTER_REQUIRE_SECOND_FACTOR: requireSecondFactor.join(",") }),
    ...(sessionIdleHours !== undefined && { MUSTER_SESSION_IDLE_HOURS: sessionIdleHours }),
    ...(oidc && { MUSTER_OIDC: oidc.document }),
    ...(stage === "e2e" && NO_LIMITS),
  };
}

/** The tests in the emulator all call from one address. */
const NO_LIMITS = {
  MUSTER_RATE_LIMIT_CALLER: "0",
  MUSTER_RATE_LIMIT_ADDRESS: "0",
  MUSTER_RATE_LIMIT_ATTEMPTS: "0",
  MUSTER_RATE_LIMIT_ATTEMPTS_FROM_ADDRESS: "0",
  MUSTER_RATE_LIMIT_ATTEMPTS_AT_ACCOUNT: "0",
};

/** What pages of other origins may send, as the local program has it (`handlers/src/http/cors.rs`). */
const METHODS = [
  gateway.CorsHttpMethod.GET,
  gateway.CorsHttpMethod.HEAD,
  gateway.CorsHttpMethod.POST,
  gateway.CorsHttpMethod.PUT,
  gateway.CorsHttpMethod.PATCH,
  gateway.CorsHttpMethod.DELETE,
];

/** A line of the access log. No query, no headers: they may hold what is nobody's business. */
const ACCESS_LOG = {
  requestId: "$context.requestId",
  requestTime: "$context.requestTime",
  sourceIp: "$context.identity.sourceIp",
  method: "$context.httpMethod",
  path: "$context.path",
  routeKey: "$context.routeKey",
  status: "$context.status",
  responseLength: "$context.responseLength",
  responseLatency: "$context.responseLatency",
  integrationLatency: "$context.integrationLatency",
  integrationError: "$context.integrationErrorMessage",
};
