//! A client of the HTTP API that looks closely at every answer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a helper of a test fails the test")]

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, RequestBuilder};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

/// Where the API's own routes begin.
pub const BASE: &str = "/api/v1";

/// Calls a server, as somebody or as nobody.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base_url: String,
    token: Option<String>,
}

impl Client {
    /// Of the server at this address, with nobody signed in. For one test: its connections end with the test's runtime.
    pub fn new(base_url: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        // The server closes a connection on which nothing comes for ten seconds: a request that goes out then is lost.
        let http = http.pool_idle_timeout(Duration::from_secs(5)).build();
        Self { http: http.unwrap(), base_url: base_url.trim_end_matches('/').to_owned(), token: None }
    }

    /// The same server, with this access token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same server, with nobody signed in.
    #[must_use]
    pub fn anonymous(&self) -> Self {
        Self { token: None, ..self.clone() }
    }

    /// The access token.
    pub fn token(&self) -> &str {
        self.token.as_deref().expect("a client that is signed in")
    }

    /// Reads under `/api/v1`.
    pub fn get(&self, path: &str) -> Request {
        self.request("GET", &format!("{BASE}{path}"))
    }

    /// Changes under `/api/v1`.
    pub fn post(&self, path: &str) -> Request {
        self.request("POST", &format!("{BASE}{path}"))
    }

    /// Changes under `/api/v1`.
    pub fn put(&self, path: &str) -> Request {
        self.request("PUT", &format!("{BASE}{path}"))
    }

    /// Changes under `/api/v1`.
    pub fn delete(&self, path: &str) -> Request {
        self.request("DELETE", &format!("{BASE}{path}"))
    }

    /// Any method at any path of the server.
    pub fn request(&self, method: &str, path: &str) -> Request {
        let builder =
            self.http.request(Method::from_bytes(method.as_bytes()).unwrap(), format!("{}{path}", self.base_url));
        let builder = match &self.token {
            Some(token) => builder.header(AUTHORIZATION, format!("Bearer {token}")),
            None => builder,
        };
        Request { builder, what: format!("{method} {path}") }
    }
}

/// A request that is being put together.
#[derive(Debug)]
#[must_use = "nothing is sent before `send`"]
pub struct Request {
    builder: RequestBuilder,
    what: String,
}

impl Request {
    /// A header.
    pub fn header(self, name: &str, value: &str) -> Self {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        Self { builder: self.builder.header(name, value), ..self }
    }

    /// A JSON body.
    pub fn json(self, body: &impl Serialize) -> Self {
        Self { builder: self.builder.json(body), ..self }
    }

    /// Any body of any type.
    pub fn body(self, content_type: &str, body: impl Into<reqwest::Body>) -> Self {
        Self { builder: self.builder.header(CONTENT_TYPE, content_type).body(body), ..self }
    }

    /// Only if it is at this version.
    pub fn if_match(self, version: u64) -> Self {
        self.header("if-match", &format!("\"{version}\""))
    }

    /// Under this name, so that it takes effect once.
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// At this version or a later one.
    pub fn min_version(self, version: u64) -> Self {
        self.header("muster-min-version", &version.to_string())
    }

    /// Sends it. Every answer must have a request id and may not be guessed at by browsers.
    pub async fn send(self) -> Answer {
        let what = self.what;
        let response = self.builder.send().await.unwrap_or_else(|error| panic!("{what}: no answer: {error:?}"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap_or_else(|error| panic!("{what}: half an answer: {error:?}"));
        Answer { status, headers, text, what }
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
    what: String,
}

impl Answer {
    /// It must have this status.
    #[track_caller]
    pub fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{}: {}", self.what, self.text);
        self
    }

    /// The header, which must be there.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).unwrap_or_else(|| panic!("{}: no header {name}", self.what));
        value.to_str().unwrap()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn value(&self) -> Value {
        self.json()
    }

    /// The body as JSON of this shape.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        assert_eq!(self.header("content-type").split(';').next(), Some("application/json"), "{}", self.what);
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{}: {error}: {}", self.what, self.text))
    }

    /// A document with a version: this status, JSON, a request id, and an `ETag` that is the version.
    #[track_caller]
    pub fn document<T: DeserializeOwned>(&self, status: u16) -> T {
        self.is(status);
        assert!(!self.header("x-request-id").is_empty());
        let version = &self.value()["version"];
        assert_eq!(self.header("etag"), format!("\"{version}\""), "{}: the ETag is the version", self.what);
        self.json()
    }

    /// A problem as RFC 9457 describes it, with this status and this code.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        self.is(status);
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.what);
        assert!(!self.header("x-request-id").is_empty());
        assert_eq!(self.header("x-content-type-options"), "nosniff", "{}", self.what);
        let problem: Value = serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{}: {error}", self.what));
        assert_eq!(problem["code"], code, "{}: {problem}", self.what);
        assert_eq!(problem["status"], status, "{}: {problem}", self.what);
        assert_eq!(problem["type"], format!("urn:muster:problem:{code}"), "{}: {problem}", self.what);
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{}: {problem}", self.what);
        problem
    }

    /// The fields that a 422 names: exactly these JSON pointers.
    #[track_caller]
    pub fn wrong_fields(&self, pointers: &[&str]) {
        self.wrong("pointer", pointers);
    }

    /// The query parameters that a 422 names: exactly these.
    #[track_caller]
    pub fn wrong_parameters(&self, parameters: &[&str]) {
        self.wrong("parameter", parameters);
    }

    #[track_caller]
    fn wrong(&self, kind: &str, expected: &[&str]) {
        let problem = self.problem(422, "invalid_request");
        let errors = problem["errors"].as_array().unwrap_or_else(|| panic!("{}: no errors: {problem}", self.what));
        let named: BTreeSet<&str> = errors.iter().filter_map(|error| error[kind].as_str()).collect();
        assert_eq!(named, expected.iter().copied().collect(), "{}: {problem}", self.what);
        assert_eq!(errors.len(), expected.len(), "{}: each is named once: {problem}", self.what);
        let detailed = errors.iter().all(|error| error["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
        assert!(detailed, "{}: {problem}", self.what);
    }

    /// The id in its `Location`, which must be under this path.
    #[track_caller]
    pub fn location_under(&self, path: &str) -> Uuid {
        let location = self.header("location");
        let id = location.strip_prefix(&format!("{BASE}{path}/"));
        id.and_then(|id| id.parse().ok()).unwrap_or_else(|| panic!("{}: Location is {location}", self.what))
    }
}
