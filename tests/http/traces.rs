//! What a collector of OpenTelemetry gets from the running program.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use muster_tests::client::Client;
use muster_tests::server::Server;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use serde_json::json;

use crate::support::{PASSWORD, eventually, new_email};

/// The trace that a caller names, and the caller's own span in it.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";
/// Another trace.
const ANOTHER: &str = "0af7651916cd43dd8448eb211c80319c";

/// A collector that keeps every request that it gets.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Bytes>>>);

impl Collector {
    /// Starts it; what a program has in its environment to reach it.
    async fn start(&self) -> Vec<(&'static str, String)> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        // An empty answer is one that has taken everything.
        let keep = async |State(collector): State<Self>, body: Bytes| collector.0.lock().unwrap().push(body);
        let router = Router::new().route("/v1/traces", post(keep)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        vec![("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint), ("OTEL_BSP_SCHEDULE_DELAY", "20".to_owned())]
    }

    /// The spans of [`TRACE`], by name.
    fn spans(&self) -> BTreeMap<String, Span> {
        self.spans_of(TRACE)
    }

    /// The spans of a trace, by name.
    fn spans_of(&self, trace: &str) -> BTreeMap<String, Span> {
        let requests = self.0.lock().unwrap().clone();
        let requests = requests.into_iter().map(|body| ExportTraceServiceRequest::decode(body).unwrap());
        let spans = requests.flat_map(|request| request.resource_spans).flat_map(|resource| resource.scope_spans);
        let spans = spans.flat_map(|scope| scope.spans).filter(|span| span.trace_id == bytes(trace));
        spans.map(|span| (span.name.clone(), span)).collect()
    }

    /// Whether it was told this anywhere.
    fn knows(&self, text: &str) -> bool {
        let requests = self.0.lock().unwrap();
        requests.iter().any(|body| body.windows(text.len()).any(|window| window == text.as_bytes()))
    }
}

/// The bytes that hexadecimal digits stand for.
fn bytes(digits: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}

#[tokio::test]
async fn a_callers_trace_goes_on_through_the_request_and_the_bus_to_every_read_model() {
    let collector = Collector::default();
    let server = Server::start_with(collector.start().await).await;
    let email = new_email();
    let account = json!({ "name": "Ada", "email": email, "password": PASSWORD });

    let sign_up = Client::new(&server.base_url).post("/users/signup").json(&account);
    sign_up.header("traceparent", &format!("00-{TRACE}-{CALLER}-01")).send().await.is(201);

    let names = [
        "POST /api/v1/users/signup",
        "project audit-log",
        "project directory",
        "project feed",
        "publish",
        "react webhooks",
    ];
    let spans = eventually("every span", async || Some(collector.spans()).filter(|spans| spans.keys().eq(names))).await;
    let [request, audit_log, directory, feed, publish, webhooks] = names.map(|name| &spans[name]);
    assert_eq!(request.parent_span_id, bytes(CALLER));
    assert_eq!(publish.parent_span_id, request.span_id);
    for follower in [audit_log, directory, feed, webhooks] {
        assert_eq!(follower.parent_span_id, publish.span_id);
    }
    assert!(collector.knows("/api/v1/users/signup"));
    assert!(!collector.knows(&email) && !collector.knows(PASSWORD), "what is private is in no trace");
}

#[tokio::test]
async fn a_trace_that_its_caller_does_not_record_is_not_recorded_here() {
    let collector = Collector::default();
    let server = Server::start_with(collector.start().await).await;
    let client = Client::new(&server.base_url);
    let ask = async |flags: &str, trace: &str| {
        let request = client.get("/profile").header("traceparent", &format!("00-{trace}-{CALLER}-{flags}"));
        request.send().await.problem(401, "unauthenticated");
    };

    ask("00", ANOTHER).await;
    ask("01", TRACE).await;

    // The second was exported, and so the first, before it, would have been.
    let spans =
        eventually("the second trace", async || Some(collector.spans()).filter(|spans| !spans.is_empty())).await;
    assert_eq!(spans.keys().collect::<Vec<_>>(), ["GET /api/v1/profile"]);
    assert_eq!(collector.spans_of(ANOTHER).len(), 0);
}
