//! Digests in an S3 bucket with Object Lock: for as long as the bucket says, nobody changes or removes them, whatever they may do here.
//!
//! One signed `PUT` an hour needs no S3 client: its crate would double what a Lambda of this kind weighs.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4::SigningParams;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use muster_domain::proof::SignedDigest;
use muster_domain::proof::canonical::canonical;
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::digests::DigestArchive;

/// How long a call may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why there is no such bucket to work with.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// The configuration names no region, or no credentials.
    #[error("the configuration has no region or no credentials")]
    Configuration,
    /// The HTTP client cannot be made.
    #[error("no HTTP client")]
    Client(#[from] reqwest::Error),
}

/// Why a digest was not put there.
#[derive(Debug, thiserror::Error)]
#[error("S3 answers {status} to {path}: {said}")]
struct Refused {
    status: StatusCode,
    path: String,
    said: String,
}

/// A bucket with Object Lock.
pub struct LockedBucket {
    client: Client,
    credentials: SharedCredentialsProvider,
    region: String,
    url: String,
}

impl LockedBucket {
    /// The bucket of this name, with this configuration's region, credentials and endpoint.
    pub fn new(config: &SdkConfig, bucket: &str) -> Result<Self, BucketError> {
        let region = config.region().ok_or(BucketError::Configuration)?.as_ref().to_owned();
        let credentials = config.credentials_provider().ok_or(BucketError::Configuration)?;
        let url = match config.endpoint_url() {
            Some(endpoint) => format!("{}/{bucket}", endpoint.trim_end_matches('/')),
            None => format!("https://{bucket}.s3.{region}.amazonaws.com"),
        };
        let client = Client::builder().redirect(Policy::none()).timeout(PATIENCE).build()?;
        Ok(Self { client, credentials, region, url })
    }
}

#[async_trait]
impl DigestArchive for LockedBucket {
    async fn keep(&self, digest: &SignedDigest) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let (path, body) = (format!("/digests/{:012}.json", digest.sequence), canonical(digest)?);
        let (url, checksum) = (format!("{}{path}", self.url), BASE64_STANDARD.encode(Sha256::digest(&body)));
        let headers = [
            ("content-type", "application/json"),
            // What is there stays: the same digest may be given twice.
            ("if-none-match", "*"),
            // S3 takes nothing into a locked bucket without a checksum.
            ("x-amz-checksum-sha256", checksum.as_str()),
        ];
        let identity = self.credentials.provide_credentials().await?.into();
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let params = SigningParams::builder().identity(&identity).region(&self.region).name("s3");
        let params = params.time(SystemTime::now()).settings(settings).build()?.into();
        let signable = SignableRequest::new("PUT", &url, headers.into_iter(), SignableBody::Bytes(&body))?;
        let (instructions, _) = sign(signable, &params)?.into_parts();
        let mut request = self.client.put(&url).body(body.clone());
        for (name, value) in headers.into_iter().chain(instructions.headers()) {
            request = request.header(name, value);
        }
        let answer = request.send().await?;
        match answer.status() {
            status if status.is_success() || status == StatusCode::PRECONDITION_FAILED => Ok(()),
            status => Err(Box::new(Refused { status, path, said: answer.text().await.unwrap_or_default() })),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use aws_config::{BehaviorVersion, Region};
    use aws_credential_types::Credentials;
    use axum::Router;
    use axum::body::Bytes;
    use axum::http::{HeaderMap, Method, StatusCode, Uri};
    use muster_domain::Hash;
    use muster_domain::proof::Digest;

    use super::*;

    type Asked = Arc<Mutex<Vec<(Method, String, HeaderMap, Bytes)>>>;

    /// A bucket that answers with this status, and what it was asked.
    async fn bucket(status: StatusCode) -> (LockedBucket, Asked) {
        let asked = Asked::default();
        let kept = Arc::clone(&asked);
        let answer = async move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            kept.lock().expect("no panic").push((method, uri.path().to_owned(), headers, body));
            (status, "<Error/>")
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new().fallback(answer);
        tokio::spawn(async move { axum::serve(listener, router).await });
        let credentials = Credentials::from_keys("AKIDEXAMPLE", "secret", None);
        let config =
            SdkConfig::builder().behavior_version(BehaviorVersion::latest()).region(Region::new("eu-central-1"));
        let config = config.credentials_provider(SharedCredentialsProvider::new(credentials)).endpoint_url(endpoint);
        (LockedBucket::new(&config.build(), "muster-test-digests").expect("a bucket"), asked)
    }

    fn digest() -> SignedDigest {
        let taken_at = "2026-03-02T08:00:00Z".parse().expect("a time");
        let digest = Digest { sequence: 7, taken_at, leaves: 0, root: Hash::GENESIS, previous: Hash::GENESIS };
        digest.signed("key", "signature".to_owned())
    }

    #[tokio::test]
    async fn a_digest_is_put_once_signed_and_with_its_checksum() {
        let (bucket, asked) = bucket(StatusCode::OK).await;
        bucket.keep(&digest()).await.expect("it is kept");
        let asked = asked.lock().expect("no panic");
        let [(method, path, headers, body)] = &asked[..] else { panic!("one request, not {}", asked.len()) };
        assert_eq!((method, path.as_str()), (&Method::PUT, "/muster-test-digests/digests/000000000007.json"));
        assert_eq!(serde_json::from_slice::<SignedDigest>(body).expect("a digest"), digest());
        assert_eq!(headers["if-none-match"], "*");
        assert_eq!(headers["x-amz-checksum-sha256"], BASE64_STANDARD.encode(Sha256::digest(body)));
        let signed = headers["authorization"].to_str().expect("a text");
        assert!(signed.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"), "{signed}");
        assert!(signed.contains("/eu-central-1/s3/aws4_request, SignedHeaders="), "{signed}");
        for covered in ["host", "if-none-match", "x-amz-checksum-sha256", "x-amz-content-sha256", "x-amz-date"] {
            assert!(signed.contains(covered), "{covered}: {signed}");
        }
    }

    #[tokio::test]
    async fn one_that_is_there_stays_and_any_other_answer_is_a_failure() {
        bucket(StatusCode::PRECONDITION_FAILED).await.0.keep(&digest()).await.expect("it is there");
        let refused = bucket(StatusCode::FORBIDDEN).await.0.keep(&digest()).await.expect_err("a failure").to_string();
        assert_eq!(refused, "S3 answers 403 Forbidden to /digests/000000000007.json: <Error/>");
    }
}
