//! The programs as Lambda runs them: against the Runtime API, with the services that they use behind endpoints.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test")]

mod support;

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
use muster_projections::{ReadModels, TaskQueries};
use serde_json::{Value, json};
use support::{PREFIX, Store, http_event, kms, on_the_bus, queue_event};
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, UnixStream};
use tokio::process::Command;
use tokio::sync::mpsc;

const COMMAND_API: &str = env!("CARGO_BIN_EXE_command-api");
const QUERY_API: &str = env!("CARGO_BIN_EXE_query-api");
const PUBLISHER: &str = env!("CARGO_BIN_EXE_publisher");
const PROJECTOR: &str = env!("CARGO_BIN_EXE_projector");
const GUARD: &str = env!("CARGO_BIN_EXE_guard");
const SWEEPER: &str = env!("CARGO_BIN_EXE_sweeper");
const NOTIFIER: &str = env!("CARGO_BIN_EXE_notifier");

/// A program that has not answered by then hangs.
const PATIENCE: Duration = Duration::from_mins(1);

type Environment = Vec<(&'static str, String)>;

/// What Lambda itself sets.
fn environment(endpoint: SocketAddr) -> Environment {
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
fn query_settings() -> Environment {
    vec![
        ("MUSTER_ISSUER", "https://muster.test".to_owned()),
        ("MUSTER_TABLE_PREFIX", PREFIX.to_owned()),
        ("MUSTER_SIGNING_KEY_ID", kms::SIGNING_KEY.to_owned()),
    ]
}

/// Settings of the program behind the routes that change something.
fn command_settings() -> Environment {
    [query_settings(), vec![("MUSTER_SERVER_KEY_ID", kms::SERVER_KEY.to_owned())]].concat()
}

fn projector_settings() -> Environment {
    vec![("MUSTER_TABLE_PREFIX", PREFIX.to_owned()), ("MUSTER_PROJECTION", "task-list".to_owned())]
}

fn notifier_settings() -> Environment {
    vec![
        ("MUSTER_TABLE_PREFIX", PREFIX.to_owned()),
        ("MUSTER_MAIL_FROM", "muster@example.com".to_owned()),
        ("MUSTER_TOPIC_ARN", "arn:aws:sns:eu-central-1:123456789012:muster-test-notifications".to_owned()),
    ]
}

fn publisher_settings() -> Environment {
    vec![("MUSTER_BUS", "muster-test-events".to_owned())]
}

fn program(path: &str, environment: Environment) -> Command {
    let mut command = Command::new(path);
    command.env_clear().envs(environment).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

/// The Runtime API: hands out one invocation, and gives what becomes of it.
async fn runtime_api(event: &Value) -> (SocketAddr, mpsc::UnboundedReceiver<(String, Value)>) {
    let (tell, outcomes) = mpsc::unbounded_channel();
    let invocation = Arc::new(Mutex::new(Some(event.to_string())));
    let next = async |State(invocation): State<Arc<Mutex<Option<String>>>>| -> Response {
        let event = invocation.lock().unwrap().take();
        // After its one invocation, the function waits for the next, as long as it lives.
        let event = if let Some(event) = event { event } else { std::future::pending().await };
        let headers = [
            ("content-type", "application/json"),
            ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
            ("lambda-runtime-deadline-ms", "32503680000000"),
            ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-central-1:123456789012:function:muster"),
            ("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700"),
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
async fn invoke(path: &str, environment: Environment, event: &Value) -> Value {
    invoke_and_listen(path, environment, event).await.0
}

/// What a program answers to one invocation, and what it wrote until then.
async fn invoke_and_listen(path: &str, mut environment: Environment, event: &Value) -> (Value, String) {
    let (runtime, mut outcomes) = runtime_api(event).await;
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

/// The metrics among what a program wrote.
fn metrics(said: &str) -> Vec<Value> {
    let lines = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line.get("_aws").is_some()).collect()
}

/// The engine at an address, as DynamoDB is, as long as the handle lives: bytes go to its socket and back.
async fn store_at_an_address(store: &Store) -> (SocketAddr, (SocketHandle, TempDir)) {
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
async fn event_bus() -> (SocketAddr, Arc<Mutex<Vec<Value>>>) {
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

#[tokio::test]
async fn the_command_and_query_programs_work_on_one_store() {
    let store = Store::new().await;
    let (address, _served) = store_at_an_address(&store).await;
    let keys = vec![("AWS_ENDPOINT_URL_KMS", format!("http://{}", serve(kms::router()).await))];
    let command: Environment = [environment(address), command_settings(), keys.clone()].concat();
    let query: Environment = [environment(address), query_settings(), keys].concat();
    let account = json!({ "name": "Ada", "email": "ada@example.com", "password": "correct horse battery" });
    let post = |path: &str, body: &Value| http_event("POST", path, &[], Some(&body.to_string()));

    let signed_up = invoke(COMMAND_API, command.clone(), &post("/api/v1/users/signup", &account)).await;
    assert_eq!(signed_up["statusCode"], 201, "{signed_up}");
    assert_eq!(signed_up["headers"]["etag"], "\"1\"");
    assert_eq!(signed_up["isBase64Encoded"], false);
    let credentials = json!({ "email": "ada@example.com", "password": "correct horse battery" });
    let signed_in = invoke(COMMAND_API, command, &post("/api/v1/login", &credentials)).await;
    let tokens: Value = serde_json::from_str(signed_in["body"].as_str().unwrap()).unwrap();
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());

    let profile = http_event("GET", "/api/v1/profile", &[("authorization", &bearer)], None);
    let profile = invoke(QUERY_API, query, &profile).await;

    assert_eq!(profile["statusCode"], 200, "{profile}");
    let profile: Value = serde_json::from_str(profile["body"].as_str().unwrap()).unwrap();
    assert_eq!(profile["email"], "ada@example.com");
}

#[tokio::test]
async fn the_publisher_program_puts_what_is_in_the_stream_on_the_bus() {
    let store = Store::new().await;
    let task = store.create_task("Check the pump").await;
    let (address, taken) = event_bus().await;
    let lambda = [environment(address), publisher_settings()].concat();

    let answer = invoke(PUBLISHER, lambda, &store.stream_event().await).await;

    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    let taken = taken.lock().unwrap().clone();
    let [entry] = &taken[..] else { panic!("one entry is expected: {taken:?}") };
    assert_eq!(entry["EventBusName"], "muster-test-events");
    assert_eq!(entry["DetailType"], "TaskCreated");
    let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
    assert_eq!(detail, serde_json::to_value(&store.history(task).await[0]).unwrap());
}

#[tokio::test]
async fn the_projector_program_makes_rows_of_what_is_in_its_queue() {
    let store = Store::new().await;
    let task = store.create_task("Check the pump").await;
    let (address, _served) = store_at_an_address(&store).await;
    let lambda = [environment(address), projector_settings()].concat();
    let good = on_the_bus(&store.history(task).await[0]).to_string();
    let event = queue_event(&[("good", good), ("bad", "Hello?".to_owned())]);

    let answer = invoke(PROJECTOR, lambda, &event).await;

    assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": "bad" }] }));
    let row = TaskQueries::new(ReadModels::new(store.client.clone(), PREFIX)).get(task).await.unwrap();
    assert_eq!(row.map(|task| task.title).as_deref(), Some("Check the pump"));
}

#[tokio::test]
async fn the_guard_program_counts_what_was_changed_in_the_event_table() {
    let store = Store::new().await;
    store.create_task("Check the pump").await;
    let insertion = store.stream_event().await["Records"][0].take();
    let record = |name: &str| {
        let mut record = insertion.clone();
        record["eventName"] = json!(name);
        record
    };
    let event = json!({ "Records": [record("INSERT"), record("MODIFY"), record("REMOVE")] });

    let (answer, said) = invoke_and_listen(GUARD, environment(nowhere()), &event).await;

    assert_eq!(answer, Value::Null);
    let counted = metrics(&said);
    assert_eq!(counted.len(), 1, "{said}");
    assert_eq!(counted[0]["EventTableChanged"], 2);
    assert_eq!(counted[0]["stage"], "local");
    assert_eq!(counted[0]["_aws"]["CloudWatchMetrics"][0]["Namespace"], "Muster");
}

/// Runs a program to its end; whether it succeeded, and what it wrote.
async fn run(path: &str, environment: Environment) -> (bool, String) {
    let output = tokio::time::timeout(PATIENCE, program(path, environment).output()).await.unwrap().unwrap();
    (output.status.success(), [output.stdout, output.stderr].map(|out| String::from_utf8(out).unwrap()).concat())
}

/// Nothing listens there.
fn nowhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 9))
}

#[tokio::test]
async fn a_program_that_misses_a_setting_ends_and_names_it() {
    let programs = [
        (COMMAND_API, command_settings()),
        (QUERY_API, query_settings()),
        (PUBLISHER, publisher_settings()),
        (PROJECTOR, projector_settings()),
        (SWEEPER, vec![("MUSTER_TABLE_PREFIX", PREFIX.to_owned())]),
        (NOTIFIER, notifier_settings()),
    ];
    for (path, settings) in programs {
        for (missing, _) in &settings {
            let rest = settings.iter().filter(|(name, _)| name != missing).cloned().collect();

            let (success, said) = run(path, [environment(nowhere()), rest].concat()).await;

            assert!(!success, "{path} without {missing}");
            assert!(said.contains(missing), "{path} without {missing}: {said}");
        }
    }
}

#[tokio::test]
async fn a_projector_for_a_projection_that_there_is_not_ends_and_names_it() {
    let settings = vec![("MUSTER_TABLE_PREFIX", PREFIX.to_owned()), ("MUSTER_PROJECTION", "horoscope".to_owned())];

    let (success, said) = run(PROJECTOR, [environment(nowhere()), settings].concat()).await;

    assert!(!success);
    assert!(said.contains("horoscope"), "{said}");
}

#[tokio::test]
async fn a_program_whose_key_is_of_another_kind_ends_and_names_the_key() {
    let keys = serve(kms::router()).await;
    for (name, wrong) in [("MUSTER_SIGNING_KEY_ID", kms::SERVER_KEY), ("MUSTER_SERVER_KEY_ID", kms::SIGNING_KEY)] {
        let mut settings = [environment(keys), command_settings()].concat();
        settings.retain(|(setting, _)| *setting != name);
        settings.push((name, wrong.to_owned()));

        let (success, said) = run(COMMAND_API, settings).await;

        assert!(!success, "{name}");
        assert!(said.contains(wrong), "{name}: {said}");
    }
}
