//! The programs as Lambda runs them: against the Runtime API, with the services that they use behind endpoints.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test")]

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use muster_embedded::SocketHandle;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, UnixStream};
use tokio::process::Command;
use tokio::sync::mpsc;

use super::{PREFIX, Store, kms};

pub(crate) const COMMAND_API: &str = env!("CARGO_BIN_EXE_command-api");
pub(crate) const QUERY_API: &str = env!("CARGO_BIN_EXE_query-api");
pub(crate) const PUBLISHER: &str = env!("CARGO_BIN_EXE_publisher");
pub(crate) const PROJECTOR: &str = env!("CARGO_BIN_EXE_projector");
pub(crate) const GUARD: &str = env!("CARGO_BIN_EXE_guard");
pub(crate) const SWEEPER: &str = env!("CARGO_BIN_EXE_sweeper");
pub(crate) const DIGESTER: &str = env!("CARGO_BIN_EXE_digester");
pub(crate) const NOTIFIER: &str = env!("CARGO_BIN_EXE_notifier");

/// A program that has not answered by then hangs.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) type Environment = Vec<(&'static str, String)>;

/// What Lambda itself sets.
pub(crate) fn environment(endpoint: SocketAddr) -> Environment {
    vec![
        ("AWS_REGION", "eu-central-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("AWS_ENDPOINT_URL", format!("http://{endpoint}")),
        ("AWS_LAMBDA_FUNCTION_NAME", "muster".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256".to_owned()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
    ]
}

/// Settings of the program behind the routes that answer questions.
pub(crate) fn query_settings() -> Environment {
    vec![
        ("MUSTER_ISSUER", "https://muster.test".to_owned()),
        ("MUSTER_TABLE_PREFIX", PREFIX.to_owned()),
        ("MUSTER_SIGNING_KEY_ID", kms::SIGNING_KEY.to_owned()),
        personal_key(),
    ]
}

/// Settings of the program behind the routes that change something.
pub(crate) fn command_settings() -> Environment {
    let own = vec![
        ("MUSTER_SERVER_KEY_ID", kms::SERVER_KEY.to_owned()),
        ("MUSTER_MAIL_FROM", "muster@example.com".to_owned()),
        ("MUSTER_PUBLIC_URL", "https://tasks.example.com".to_owned()),
    ];
    [query_settings(), own].concat()
}

fn personal_key() -> (&'static str, String) {
    ("MUSTER_PERSONAL_KEY_ID", kms::PERSONAL_KEY.to_owned())
}

pub(crate) fn sweeper_settings() -> Environment {
    vec![("MUSTER_TABLE_PREFIX", PREFIX.to_owned()), personal_key()]
}

pub(crate) fn digester_settings() -> Environment {
    vec![
        ("MUSTER_TABLE_PREFIX", PREFIX.to_owned()),
        ("MUSTER_DIGEST_KEY_ID", kms::SIGNING_KEY.to_owned()),
        ("MUSTER_DIGEST_BUCKET", "muster-test-digests".to_owned()),
    ]
}

pub(crate) fn projector_settings() -> Environment {
    vec![("MUSTER_TABLE_PREFIX", PREFIX.to_owned()), ("MUSTER_PROJECTION", "task-list".to_owned()), personal_key()]
}

pub(crate) fn notifier_settings() -> Environment {
    vec![
        ("MUSTER_TABLE_PREFIX", PREFIX.to_owned()),
        personal_key(),
        ("MUSTER_MAIL_FROM", "muster@example.com".to_owned()),
        ("MUSTER_TOPIC_ARN", "arn:aws:sns:eu-central-1:123456789012:muster-test-notifications".to_owned()),
    ]
}

pub(crate) fn publisher_settings() -> Environment {
    vec![("MUSTER_BUS", "muster-test-events".to_owned())]
}

pub(crate) fn program(path: &str, environment: Environment) -> Command {
    let mut command = Command::new(path);
    command.env_clear().envs(environment).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

pub(crate) async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

/// What Lambda says of the trace of an invocation that is not recorded.
const NOT_RECORDED: &str = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0";

/// The Runtime API: hands out one invocation of this trace, and gives what becomes of it.
async fn runtime_api(event: &Value, trace: &str) -> (SocketAddr, mpsc::UnboundedReceiver<(String, Value)>) {
    let (tell, outcomes) = mpsc::unbounded_channel();
    let invocation = Arc::new(Mutex::new(Some(event.to_string())));
    let trace = trace.to_owned();
    let next = async move |State(invocation): State<Arc<Mutex<Option<String>>>>| -> Response {
        let event = invocation.lock().unwrap().take();
        // After its one invocation, the function waits for the next, as long as it lives.
        let event = if let Some(event) = event { event } else { std::future::pending().await };
        let headers = [
            ("content-type", "application/json"),
            ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
            ("lambda-runtime-deadline-ms", "32503680000000"),
            ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-central-1:123456789012:function:muster"),
            ("lambda-runtime-trace-id", &trace),
        ];
        (headers, event).into_response()
    };
    let outcome = async move |Path((_, kind)): Path<(String, String)>, body: Bytes| {
        let body = serde_json::from_slice(&body).unwrap();
        tell.send((kind, body)).unwrap();
        axum::http::StatusCode::ACCEPTED
    };
    let router = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/{kind}", post(outcome))
        .with_state(invocation);
    (serve(router).await, outcomes)
}

/// What a program answers to one invocation.
pub(crate) async fn invoke(path: &str, environment: Environment, event: &Value) -> Value {
    invoke_and_listen(path, environment, event).await.0
}

/// What a program answers to one invocation, and what it wrote until then.
pub(crate) async fn invoke_and_listen(path: &str, environment: Environment, event: &Value) -> (Value, String) {
    invoke_in(NOT_RECORDED, path, environment, event).await
}

/// The same, of an invocation that belongs to a trace.
pub(crate) async fn invoke_in(trace: &str, path: &str, mut environment: Environment, event: &Value) -> (Value, String) {
    let (runtime, mut outcomes) = runtime_api(event, trace).await;
    environment.push(("AWS_LAMBDA_RUNTIME_API", runtime.to_string()));
    let mut child = program(path, environment).spawn().unwrap();
    let (mut output, mut errors) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let outcome = tokio::select! {
        outcome = outcomes.recv() => outcome,
        _ = child.wait() => None,
        () = tokio::time::sleep(PATIENCE) => panic!("it does not answer"),
    };
    // What it wrote, it wrote before it answered.
    child.kill().await.unwrap();
    let (mut said, mut complained) = (String::new(), String::new());
    output.read_to_string(&mut said).await.unwrap();
    errors.read_to_string(&mut complained).await.unwrap();
    let Some((kind, body)) = outcome else { panic!("it ended: {said}{complained}") };
    assert_eq!(kind, "response", "{body}");
    (body, said)
}

/// The engine at an address, as DynamoDB is, as long as the handle lives: bytes go to its socket and back.
pub(crate) async fn store_at_an_address(store: &Store) -> (SocketAddr, (SocketHandle, TempDir)) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.sock");
    let socket = store.engine.serve_socket(&path).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut engine = UnixStream::connect(&path).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut engine).await });
        }
    });
    (address, (socket, directory))
}

/// `PutEvents`: takes everything, and remembers it.
pub(crate) async fn event_bus() -> (SocketAddr, Arc<Mutex<Vec<Value>>>) {
    let taken: Arc<Mutex<Vec<Value>>> = Arc::default();
    let put = async |State(taken): State<Arc<Mutex<Vec<Value>>>>, headers: HeaderMap, body: Bytes| {
        assert_eq!(headers["x-amz-target"], "AWSEvents.PutEvents");
        let request: Value = serde_json::from_slice(&body).unwrap();
        let entries = request["Entries"].as_array().unwrap();
        let answers: Vec<_> =
            entries.iter().map(|_| json!({ "EventId": "11710aed-b79e-4468-a20b-bb3c0c3b4860" })).collect();
        taken.lock().unwrap().extend(entries.clone());
        Json(json!({ "FailedEntryCount": 0, "Entries": answers }))
    };
    (serve(Router::new().route("/", post(put)).with_state(Arc::clone(&taken))).await, taken)
}
