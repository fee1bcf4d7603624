/** The web app: files in a bucket that only CloudFront can read, and the API under the same name. */
import { CfnOutput, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { Certificate } from "aws-cdk-lib/aws-certificatemanager";
import * as cloudfront from "aws-cdk-lib/aws-cloudfront";
import * as origins from "aws-cdk-lib/aws-cloudfront-origins";
import * as s3 from "aws-cdk-lib/aws-s3";
import type { Construct } from "constructs";

import type { Settings } from "./settings.ts";
import { except } from "./exceptions.ts";
import { FORWARDED_HOST } from "./forwarded-host.ts";
import { ORIGIN_HEADER, originSecret } from "./origin-secret.ts";
import { SINGLE_PAGE } from "./single-page.ts";

/** What the API serves; everything else is a file or a page of the web app. */
const API_PATHS = ["/api/*", "/.well-known/*", "/openapi.json"];

/** Everything comes from this origin. The component library writes styles into the page, hence `unsafe-inline` for those alone. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

export class WebStack extends Stack {
  constructor(scope: Construct, private readonly settings: Settings, apiId: string) {
    super(scope, settings.names.of("web"), { description: "Muster: the web app" });
    const logs = this.logs();
    const bucket = new s3.Bucket(this, "Files", {
      bucketName: settings.names.webBucket(this),
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      encryption: s3.BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      versioned: true,
      lifecycleRules: [{ noncurrentVersionExpiration: Duration.days(30) }],
      serverAccessLogsBucket: logs,
      serverAccessLogsPrefix: "files/",
      removalPolicy: this.removalPolicy,
    });
    const distribution = this.distribution(bucket, logs, apiId);
    new CfnOutput(this, "DistributionDomain", { value: distribution.distributionDomainName });
    new CfnOutput(this, "WebBucket", { value: bucket.bucketName });
  }

  private get removalPolicy(): RemovalPolicy {
    return this.settings.keepsData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY;
  }

  private logs(): s3.Bucket {
    const logs = new s3.Bucket(this, "Logs", {
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      encryption: s3.BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      // CloudFront writes its logs by access control list.
      objectOwnership: s3.ObjectOwnership.OBJECT_WRITER,
      lifecycleRules: [{ expiration: Duration.days(90) }],
      removalPolicy: this.removalPolicy,
    });
    return logs;
  }

  private distribution(bucket: s3.Bucket, logs: s3.Bucket, apiId: string): cloudfront.Distribution {
    const { settings } = this;
    const responseHeadersPolicy = this.securityHeaders();
    const api: cloudfront.BehaviorOptions = {
      origin: new origins.HttpOrigin(`${apiId}.execute-api.${this.region}.${this.urlSuffix}`, {
        originSslProtocols: [cloudfront.OriginSslPolicy.TLS_V1_2],
        customHeaders: { [ORIGIN_HEADER]: originSecret(settings) },
      }),
      viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
      allowedMethods: cloudfront.AllowedMethods.ALLOW_ALL,
      cachePolicy: cloudfront.CachePolicy.CACHING_DISABLED,
      originRequestPolicy: cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
      responseHeadersPolicy,
      functionAssociations: this.atTheEdge("ForwardedHost", "forwarded-host", FORWARDED_HOST),
    };
    const distribution = new cloudfront.Distribution(this, "Distribution", {
      comment: `Muster ${settings.stage}`,
      defaultRootObject: "index.html",
      httpVersion: cloudfront.HttpVersion.HTTP2_AND_3,
      ...(settings.domain && {
        minimumProtocolVersion: cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021,
        domainNames: [settings.domain.name],
        certificate: Certificate.fromCertificateArn(this, "Certificate", settings.domain.certificateArn),
      }),
      enableLogging: true,
      logBucket: logs,
      logFilePrefix: "distribution/",
      defaultBehavior: {
        origin: origins.S3BucketOrigin.withOriginAccessControl(bucket),
        viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
        cachePolicy: cloudfront.CachePolicy.CACHING_OPTIMIZED,
        responseHeadersPolicy,
        functionAssociations: this.atTheEdge("SinglePage", "single-page", SINGLE_PAGE),
      },
      additionalBehaviors: Object.fromEntries(API_PATHS.map((path) => [path, api])),
    });
    except(distribution, "for field teams anywhere", "no firewall of the web");
    if (!settings.domain) except(distribution, "CloudFront's own certificate");
    return distribution;
  }

  /** A function that each request goes through. */
  private atTheEdge(id: string, name: string, code: string): cloudfront.FunctionAssociation[] {
    const fn = new cloudfront.Function(this, id, {
      functionName: this.settings.names.of(name),
      runtime: cloudfront.FunctionRuntime.JS_2_0,
      code: cloudfront.FunctionCode.fromInline(code),
    });
    return [{ eventType: cloudfront.FunctionEventType.VIEWER_REQUEST, function: fn }];
  }

  private securityHeaders(): cloudfront.ResponseHeadersPolicy {
    return new cloudfront.ResponseHeadersPolicy(this, "Headers", {
      responseHeadersPolicyName: this.settings.names.of("security-headers"),
      securityHeadersBehavior: {
        contentSecurityPolicy: { contentSecurityPolicy: CONTENT_SECURITY_POLICY, override: true },
        contentTypeOptions: { override: true },
        frameOptions: { frameOption: cloudfront.HeadersFrameOption.DENY, override: true },
        referrerPolicy: { referrerPolicy: cloudfront.HeadersReferrerPolicy.NO_REFERRER, override: true },
        strictTransportSecurity: { accessControlMaxAge: Duration.days(365), includeSubdomains: true, override: true },
      },
    });
  }
}
