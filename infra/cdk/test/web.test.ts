import { describe, expect, test } from "vitest";

import { FORWARDED_HOST } from "../lib/forwarded-host.ts";
import { SINGLE_PAGE } from "../lib/single-page.ts";
import { type Json, render, Stage, stage } from "./support.ts";

const PROD = stage("prod");
const distribution = PROD.of("AWS::CloudFront::Distribution")[0]!.properties["DistributionConfig"] as Json;

/** Disabled caching, as AWS names it. */
const CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad";

describe("the web app's files", () => {
  const files = PROD.one("AWS::S3::Bucket", "BucketName", PROD.of("AWS::S3::Bucket").find(({ stack, id }) =>
    stack === "muster-prod-web" && id.startsWith("Files"))!.properties["BucketName"]);

  test("and all other buckets are closed, encrypted and reached over TLS only", () => {
    for (const { stack, id, properties } of PROD.of("AWS::S3::Bucket")) {
      expect(properties, id).toMatchObject({
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
        BucketEncryption: { ServerSideEncryptionConfiguration: [expect.anything()] },
      });
      const policy = PROD.of("AWS::S3::BucketPolicy").find((each) =>
        each.stack === stack && each.properties["Bucket"].Ref === id)!.properties["PolicyDocument"] as Json;
      expect(policy["Statement"], id).toContainEqual(expect.objectContaining({
        Effect: "Deny",
        Action: "s3:*",
        Principal: { AWS: "*" },
        Condition: { Bool: { "aws:SecureTransport": "false" } },
      }));
    }
  });

  test("are read by the distribution alone", () => {
    const policy = PROD.of("AWS::S3::BucketPolicy").find(({ stack, properties }) =>
      stack === "muster-prod-web" && properties["Bucket"].Ref === files.id)!.properties["PolicyDocument"] as Json;
    const allowed = (policy["Statement"] as Json[]).filter(({ Effect }) => Effect === "Allow");
    expect(allowed.map(({ Action, Principal }) => [Action, Principal])).toEqual([["s3:GetObject", { Service: "cloudfront.amazonaws.com" }]]);
    expect(Object.keys(allowed[0]!["Condition"].StringEquals as object)).toEqual(["AWS:SourceArn"]);
    expect(PROD.of("AWS::CloudFront::OriginAccessControl")[0]!.properties["OriginAccessControlConfig"]).toMatchObject({
      OriginAccessControlOriginType: "s3",
      SigningBehavior: "always",
      SigningProtocol: "sigv4",
    });
  });

  test("are not emptied by a function of the CDK's, nor put there by one", () => {
    for (const name of ["prod", "e2e"] as const) {
      expect(stage(name).resources.filter(({ type }) => type.startsWith("Custom::"))).toEqual([]);
    }
  });
});

describe("the distribution", () => {
  test("sends the API's paths to the API, and keeps none of its answers", () => {
    const behaviours = distribution["CacheBehaviors"] as Json[];
    expect(behaviours.map(({ PathPattern }) => PathPattern)).toEqual(["/api/*", "/.well-known/*", "/openapi.json"]);
    for (const behaviour of behaviours) {
      expect(behaviour).toMatchObject({ CachePolicyId: CACHING_DISABLED, ViewerProtocolPolicy: "https-only" });
      expect(behaviour["AllowedMethods"]).toContain("POST");
      const origin = (distribution["Origins"] as Json[]).find(({ Id }) => Id === behaviour["TargetOriginId"])!;
      expect(render(origin["DomainName"])).toMatch(/\.execute-api\./);
      expect(origin["CustomOriginConfig"]).toMatchObject({ OriginProtocolPolicy: "https-only", OriginSSLProtocols: ["TLSv1.2"] });
    }
  });

  test("shows the API that it is the one that calls, by a secret that is in no template", () => {
    const [secret, ...others] = PROD.of("AWS::SecretsManager::Secret");
    expect(others).toEqual([]);
    expect(secret).toMatchObject({
      stack: "muster-prod-api",
      properties: { Name: "muster-prod-origin", GenerateSecretString: { PasswordLength: 43, ExcludePunctuation: true } },
    });
    for (const { Id, DomainName, OriginCustomHeaders } of distribution["Origins"] as Json[]) {
      const shown = [{ HeaderName: "muster-origin", HeaderValue: "{{resolve:secretsmanager:muster-prod-origin:SecretString:::}}" }];
      expect(OriginCustomHeaders, Id).toEqual(render(DomainName).includes(".execute-api.") ? shown : undefined);
    }
    const exchanged = new Stage("dev", { originSecret: "origin-2" });
    expect(exchanged.of("AWS::SecretsManager::Secret").map(({ properties }) => properties["Name"])).toEqual(["muster-dev-origin-2"]);
    expect(render(exchanged.of("AWS::CloudFront::Distribution")[0]!.properties["DistributionConfig"].Origins))
      .toContain("{{resolve:secretsmanager:muster-dev-origin-2:SecretString:::}}");
    expect(() => new Stage("dev", { originSecret: "signing" })).toThrow("not signing");
  });

  test("tells the API which name was called, so that pages of its own name may use the cookie", () => {
    const fn = PROD.one("AWS::CloudFront::Function", "Name", "muster-prod-forwarded-host");
    expect(fn.properties).toMatchObject({ FunctionCode: FORWARDED_HOST, FunctionConfig: { Runtime: "cloudfront-js-2.0" } });
    for (const behaviour of distribution["CacheBehaviors"] as Json[]) {
      expect(behaviour["FunctionAssociations"]).toEqual([
        { EventType: "viewer-request", FunctionARN: { "Fn::GetAtt": [fn.id, "FunctionARN"] } },
      ]);
    }
    const handler = new Function(`${FORWARDED_HOST}; return handler;`)() as (event: unknown) => { headers: Json };
    const headers = { host: { value: "d111.cloudfront.net" }, "x-forwarded-host": { value: "made.up" } };
    expect(handler({ request: { headers } }).headers["x-forwarded-host"]).toEqual({ value: "d111.cloudfront.net" });
  });

  test("leads files and pages to TLS, and logs who asked", () => {
    expect(distribution["DefaultCacheBehavior"]).toMatchObject({ ViewerProtocolPolicy: "redirect-to-https", Compress: true });
    expect(distribution).toMatchObject({ DefaultRootObject: "index.html", Logging: { Prefix: "distribution/" } });
    // An error page would also take the place of the API's own problems.
    expect(distribution["CustomErrorResponses"]).toBeUndefined();
  });

  test("says in every answer what a browser may do with it", () => {
    const { SecurityHeadersConfig } = PROD.of("AWS::CloudFront::ResponseHeadersPolicy")[0]!.properties["ResponseHeadersPolicyConfig"] as Json;
    expect(SecurityHeadersConfig).toMatchObject({
      ContentTypeOptions: { Override: true },
      FrameOptions: { FrameOption: "DENY" },
      ReferrerPolicy: { ReferrerPolicy: "no-referrer" },
      StrictTransportSecurity: { AccessControlMaxAgeSec: 365 * 24 * 3600, IncludeSubdomains: true },
    });
    const policy = String(SecurityHeadersConfig.ContentSecurityPolicy.ContentSecurityPolicy);
    expect(policy).toContain("default-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    // No script may be written into the page.
    expect(policy.split("; ").filter((part) => part.includes("unsafe"))).toEqual(["style-src 'self' 'unsafe-inline'"]);
    for (const behaviour of [distribution["DefaultCacheBehavior"] as Json, ...(distribution["CacheBehaviors"] as Json[])]) {
      expect(behaviour["ResponseHeadersPolicyId"]).toEqual(distribution["DefaultCacheBehavior"].ResponseHeadersPolicyId);
    }
  });

  test("has a name and TLS 1.2 of its own where there is a certificate", () => {
    const own = new Stage("staging", {
      domainName: "tasks.example.com",
      certificateArn: "arn:aws:acm:us-east-1:111122223333:certificate/11111111-2222-3333-4444-555555555555",
    });
    expect(own.of("AWS::CloudFront::Distribution")[0]!.properties["DistributionConfig"]).toMatchObject({
      Aliases: ["tasks.example.com"],
      ViewerCertificate: { MinimumProtocolVersion: "TLSv1.2_2021", SslSupportMethod: "sni-only" },
    });
  });
});

describe("a path", () => {
  const handler = new Function(`${SINGLE_PAGE}; return handler;`)() as (event: unknown) => { uri: string };

  test.each([
    ["/", "/index.html"],
    ["/tasks", "/index.html"],
    ["/tasks/0190/history", "/index.html"],
    ["/v1.2/tasks", "/index.html"],
    ["/index.html", "/index.html"],
    ["/assets/app-4f3a.js", "/assets/app-4f3a.js"],
    ["/favicon.ico", "/favicon.ico"],
  ])("%s is answered with %s", (path, answer) => {
    expect(handler({ request: { uri: path } }).uri).toBe(answer);
  });

  test("is handled by that function at the edge", () => {
    const fn = PROD.one("AWS::CloudFront::Function", "Name", "muster-prod-single-page");
    expect(fn.properties).toMatchObject({ FunctionCode: SINGLE_PAGE, FunctionConfig: { Runtime: "cloudfront-js-2.0" } });
    expect(distribution["DefaultCacheBehavior"].FunctionAssociations).toEqual([
      { EventType: "viewer-request", FunctionARN: { "Fn::GetAtt": [fn.id, "FunctionARN"] } },
    ]);
  });
});
