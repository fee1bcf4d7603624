//! The two Lambdas over one store, asked as API Gateway asks them.

use std::sync::{Arc, LazyLock};

use aws_lambda_events::sqs::SqsEvent;
use aws_sdk_dynamodb::Client;
use axum::Router;
use http_body_util::BodyExt as _;
use lambda_http::request::LambdaRequest;
use muster_domain::{EventReader, RecordedEvent};
use muster_handlers::clock::SystemClock;
use muster_handlers::http::{Settings, command_router, query_router};
use muster_handlers::lambda::project_queue;
use muster_handlers::wiring::app;
use muster_identity::{ServerSecret, SigningKey, TokenSettings};
use muster_projections::hosted;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::support::{PREFIX, Store, http_event, on_the_bus, queue_event};

/// The two Lambdas over one store.
pub(crate) struct Lambdas {
    command: Router,
    query: Router,
    pub(crate) store: Store,
}

/// What a Lambda answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: http::HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The status and code of a problem, after a look at what every problem has.
    #[track_caller]
    pub(crate) fn problem(&self) -> (u16, &str) {
        let code = self.body["code"].as_str().unwrap_or_default();
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.body);
        assert_eq!(self.body["type"], format!("urn:muster:problem:{code}"));
        assert_eq!(self.body["status"], self.status);
        (self.status, code)
    }
}

impl Lambdas {
    pub(crate) async fn new() -> Self {
        let store = Store::new().await;
        let client = store.client.clone();
        Self::over(store, &client, &Settings::default())
    }

    /// The same, where they reach the store by this client.
    pub(crate) fn over(store: Store, client: &Client, settings: &Settings) -> Self {
        let lambda = || {
            let (key, secret) = (SigningKey::from_pem(&PEM).unwrap(), ServerSecret::from_bytes([7; 32]));
            let tokens = TokenSettings::new("https://muster.test", "https://muster.test");
            Arc::new(app(client, PREFIX, &store.keys(), Arc::new(key), &secret, tokens, settings.clone()).unwrap())
        };
        Self { command: command_router(lambda()), query: query_router(lambda()), store }
    }

    pub(crate) async fn command(&self, event: &Value) -> Answer {
        invoke(&self.command, event).await
    }

    pub(crate) async fn query(&self, event: &Value) -> Answer {
        invoke(&self.query, event).await
    }

    /// Signs somebody up: the account.
    pub(crate) async fn sign_up(&self, name: &str) -> Value {
        let email = format!("{}@example.com", name.to_lowercase());
        let account = json!({ "name": name, "email": email, "password": "correct horse battery" });
        let signed_up = self.command(&post("/api/v1/users/signup", &[], &account)).await;
        assert_eq!(signed_up.status, 201, "{}", signed_up.body);
        signed_up.body
    }

    /// Signs them in; their access token as a header.
    pub(crate) async fn sign_in(&self, name: &str) -> String {
        let email = format!("{}@example.com", name.to_lowercase());
        let credentials = json!({ "email": email, "password": "correct horse battery" });
        let signed_in = self.command(&post("/api/v1/users/login", &[], &credentials)).await;
        assert_eq!(signed_in.status, 200, "{}", signed_in.body);
        format!("Bearer {}", signed_in.body["access_token"].as_str().unwrap())
    }

    /// Signs a new member up and in, after the administrator; their access token as a header.
    pub(crate) async fn bearer(&self) -> String {
        self.sign_up("Owner").await;
        self.sign_up("Ada").await;
        self.sign_in("Ada").await
    }

    /// Lets the directory take this event in.
    pub(crate) async fn project(&self, event: &RecordedEvent) {
        let reader: Arc<dyn EventReader> = Arc::new(self.store.events());
        let mut all = hosted(&self.store.client, PREFIX, &reader).into_iter();
        let directory = all.find(|projection| projection.name() == "directory").unwrap();
        let batch: SqsEvent = serde_json::from_value(queue_event(&[("m", on_the_bus(event).to_string())])).unwrap();
        assert_eq!(project_queue(&*directory, &SystemClock, batch).await.batch_item_failures.len(), 0);
    }
}

/// Both Lambdas have the same secrets.
static PEM: LazyLock<String> = LazyLock::new(|| SigningKey::generate().unwrap().to_pem().unwrap().to_string());

/// As `lambda_http` does it: the event becomes a request, and the router answers it.
async fn invoke(router: &Router, event: &Value) -> Answer {
    let request: LambdaRequest = serde_json::from_value(event.clone()).unwrap();
    let request = lambda_http::Request::from(request);
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
    Answer { status: parts.status.as_u16(), headers: parts.headers, body }
}

pub(crate) fn get(target: &str, headers: &[(&str, &str)]) -> Value {
    http_event("GET", target, headers, None)
}

pub(crate) fn post(target: &str, headers: &[(&str, &str)], body: &Value) -> Value {
    http_event("POST", target, headers, Some(&body.to_string()))
}
