//! What the programs tell X-Ray: one trace from a request over the bus to the row.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test")]

mod support;

use std::net::SocketAddr;
use std::sync::LazyLock;

use serde_json::{Value, json};
use support::program::{
    COMMAND_API, Environment, PATIENCE, PROJECTOR, PUBLISHER, command_settings, environment, event_bus, invoke_in,
    projector_settings, publisher_settings, serve, store_at_an_address,
};
use support::{Store, http_event, kms, queue_event};
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// The trace of a request, in X-Ray's form: it begins with the time, and X-Ray takes none that is older than a month.
static TRACE_ID: LazyLock<String> =
    LazyLock::new(|| format!("1-{:08x}-ad49b0e87f6ef6c87fc2e700", chrono::Utc::now().timestamp()));
/// The invocation's own segment in it.
const INVOCATION: &str = "9a9197af755a6419";

fn header(sampled: bool) -> String {
    format!("Root={};Parent={INVOCATION};Sampled={}", *TRACE_ID, u8::from(sampled))
}

/// X-Ray's daemon.
struct Daemon(UdpSocket);

impl Daemon {
    async fn start() -> Self {
        Self(UdpSocket::bind("127.0.0.1:0").await.unwrap())
    }

    /// What a traced function has in its environment.
    fn setting(&self) -> Environment {
        vec![("AWS_XRAY_DAEMON_ADDRESS", self.0.local_addr().unwrap().to_string())]
    }

    /// The next document that it gets.
    async fn document(&self) -> Value {
        let mut datagram = vec![0; 65_535];
        let length = timeout(PATIENCE, self.0.recv(&mut datagram)).await.unwrap().unwrap();
        let text = std::str::from_utf8(&datagram[..length]).unwrap();
        let (header, document) = text.split_once('\n').unwrap();
        assert_eq!(serde_json::from_str::<Value>(header).unwrap(), json!({ "format": "json", "version": 1 }));
        serde_json::from_str(document).unwrap()
    }

    /// Nothing came.
    fn is_idle(&self) -> bool {
        self.0.try_recv(&mut [0; 1]).is_err()
    }
}

/// Signs somebody up by the program behind the API, in an invocation with this header.
async fn sign_up(store: SocketAddr, daemon: &Daemon, header: &str) {
    let keys = vec![("AWS_ENDPOINT_URL_KMS", format!("http://{}", serve(kms::router()).await))];
    let lambda = [environment(store), command_settings(), keys, daemon.setting()].concat();
    let account = json!({ "name": "Ada", "email": "ada@example.com", "password": "correct horse battery" });
    let request = http_event("POST", "/api/v1/users/signup", &[], Some(&account.to_string()));
    let (answer, _) = invoke_in(header, COMMAND_API, lambda, &request).await;
    assert_eq!(answer["statusCode"], 201, "{answer}");
}

#[tokio::test]
async fn one_trace_shows_a_request_its_event_on_the_bus_and_the_row_that_came_of_it() {
    let (store, daemon) = (Store::new().await, Daemon::start().await);
    let (address, _served) = store_at_an_address(&store).await;
    sign_up(address, &daemon, &header(true)).await;

    let request = daemon.document().await;
    assert_eq!(request["trace_id"], *TRACE_ID);
    assert_eq!(request["parent_id"], INVOCATION);
    assert_eq!(request["name"], "muster", "the function");
    assert_eq!(request["annotations"]["work"], "POST /api/v1/users/signup");

    // The stream's invocation has a trace of its own, in which nobody is interested.
    let (bus, taken) = event_bus().await;
    let publisher = [environment(bus), publisher_settings(), daemon.setting()].concat();
    invoke_in(&header(false), PUBLISHER, publisher, &store.stream_event().await).await;

    let publishing = daemon.document().await;
    assert_eq!(publishing["trace_id"], *TRACE_ID);
    assert_eq!(publishing["parent_id"], request["id"]);
    assert_eq!(publishing["annotations"]["work"], "publish");
    let entry = taken.lock().unwrap()[0].clone();
    let on_the_bus = entry["TraceHeader"].as_str().unwrap();
    assert_eq!(on_the_bus, format!("Root={};Parent={};Sampled=1", *TRACE_ID, publishing["id"].as_str().unwrap()));

    let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
    let mut batch = queue_event(&[("m", json!({ "detail": detail }).to_string())]);
    batch["Records"][0]["attributes"]["AWSTraceHeader"] = json!(on_the_bus);
    let projector = [environment(address), projector_settings(), daemon.setting()].concat();
    invoke_in(&header(false), PROJECTOR, projector, &batch).await;

    let projecting = daemon.document().await;
    assert_eq!(projecting["trace_id"], *TRACE_ID);
    assert_eq!(projecting["parent_id"], publishing["id"]);
    assert_eq!(projecting["annotations"]["work"], "project task-list");
    let stream = format!("user#{}", detail["stream"]["id"].as_str().unwrap());
    assert_eq!(projecting["annotations"]["stream"], stream);
    assert_eq!(projecting["annotations"]["correlation_id"], detail["correlation_id"]);
    assert!(daemon.is_idle());
}

#[tokio::test]
async fn of_a_request_that_is_not_recorded_nothing_is_told_and_nothing_goes_on_the_bus() {
    let (store, daemon) = (Store::new().await, Daemon::start().await);
    let (address, _served) = store_at_an_address(&store).await;
    sign_up(address, &daemon, &header(false)).await;

    let (bus, taken) = event_bus().await;
    let publisher = [environment(bus), publisher_settings(), daemon.setting()].concat();
    invoke_in(&header(false), PUBLISHER, publisher, &store.stream_event().await).await;

    assert_eq!(taken.lock().unwrap()[0]["TraceHeader"], Value::Null);
    assert!(daemon.is_idle());
}
