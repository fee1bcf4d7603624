//! Calls to an issuer: bounded in time and size, without redirects, over TLS unless the issuer runs on this computer.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, StatusCode, Url};
use serde::de::DeserializeOwned;

/// How long a call may take. Two in a row end within the patience of a Lambda.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long it may take to reach the issuer.
const TO_CONNECT: Duration = Duration::from_secs(2);
/// The most bytes of an answer: key sets and tokens are a few KiB.
const MAX_BYTES: usize = 256 * 1024;

/// Calls one issuer.
#[derive(Clone, Debug)]
pub(super) struct Http {
    client: Client,
}

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No answer, or not all of it, in time.
    #[error("there was no answer")]
    NoAnswer(#[source] reqwest::Error),
    /// More than anybody needs.
    #[error("the answer is larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// Not what was asked for.
    #[error("the answer has the status {0}")]
    Status(StatusCode),
    /// Not JSON of the shape that the standard says.
    #[error("the answer is not as the standard says")]
    Shape(#[source] serde_json::Error),
}

impl Http {
    /// For an issuer elsewhere, or on this computer.
    pub(super) fn new(is_local: bool) -> Result<Self, reqwest::Error> {
        let client = Client::builder().redirect(Policy::none()).timeout(PATIENCE).connect_timeout(TO_CONNECT);
        let client = client.https_only(!is_local).user_agent("muster").referer(false);
        let client = if is_local { client.no_proxy() } else { client };
        Ok(Self { client: client.build()? })
    }

    /// A question.
    pub(super) fn get(&self, url: &Url) -> RequestBuilder {
        self.client.get(url.clone())
    }

    /// A form.
    pub(super) fn post(&self, url: &Url, form: &[(&str, &str)]) -> RequestBuilder {
        self.client.post(url.clone()).form(form)
    }
}

/// Sends it, and reads all of the answer, whatever its status.
pub(super) async fn answer(request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), CallError> {
    let no_answer = |error: reqwest::Error| CallError::NoAnswer(error.without_url());
    let mut response = request.header("accept", "application/json").send().await.map_err(no_answer)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(no_answer)? {
        if body.len() + chunk.len() > MAX_BYTES {
            return Err(CallError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok((response.status(), body))
}

/// Sends it, and reads the answer, which must be a success.
pub(super) async fn json<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, CallError> {
    match answer(request).await? {
        (status, body) if status == StatusCode::OK => parse(&body),
        (status, _) => Err(CallError::Status(status)),
    }
}

/// An answer's body as this.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, CallError> {
    serde_json::from_slice(body).map_err(CallError::Shape)
}
