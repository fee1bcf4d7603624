//! What surrounds every route: a request id, a log line, bounds on size and time, and problems for what no route answers.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::HeaderValue;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::field::Empty;
use tracing::{Instrument as _, info_span};
use uuid::Uuid;

use super::access::refusals;
use super::app::App;
use super::browsers::{Transport, told};
use super::problem::{Code, Problem};
use super::request::REQUEST_ID;
use super::throttle::limited;
use super::{MAX_BODY_BYTES, address, cors};
use crate::trace;

/// The longest that a request may take in the local program.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// The same in a Lambda: a little less than its time limit (`infra/cdk/lib/api-stack.ts`), so that the caller gets an answer.
pub(crate) const PATIENCE_ON_LAMBDA: Duration = Duration::from_secs(9);

/// The router with everything that surrounds it. Pages of these origins may ask, too.
pub(crate) fn around(
    router: Router,
    patience: Duration,
    transport: Transport,
    origins: Arc<[String]>,
    app: Arc<App>,
) -> Router {
    let trusted_proxies = app.settings.trusted_proxies;
    router
        .fallback(|| async { Problem::new(Code::NotFound).detail("There is nothing at this path.") })
        .method_not_allowed_fallback(|| async { Problem::new(Code::MethodNotAllowed) })
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(patience, in_time))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), limited))
        .layer(middleware::from_fn_with_state(app, refusals))
        .layer(middleware::from_fn_with_state(trusted_proxies, address::found))
        .layer(CatchPanicLayer::custom(broken))
        .layer(middleware::from_fn_with_state(origins, cors::shared))
        .layer(middleware::from_fn_with_state(transport, observed))
}

/// When a request is ended, however far it has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(pub(crate) Instant);

/// Ends a request that takes too long. What it has done by then stays done; its idempotency key tells.
async fn in_time(State(patience): State<Duration>, mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(Deadline(Instant::now() + patience));
    match tokio::time::timeout(patience, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(Code::Timeout).into_response(),
    }
}

fn broken(_: Box<dyn Any + Send + 'static>) -> Response<Body> {
    tracing::error!("a route panicked");
    Problem::new(Code::Internal).into_response()
}

/// Names the request, and writes one line about it: never its query, its body or its headers, which hold what is private.
async fn observed(State(transport): State<Transport>, mut request: Request, next: Next) -> Response {
    let id = request_id(&request);
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str).to_owned();
    let correlation_id = id.to_str().unwrap_or_default();
    let span = info_span!("request", otel.kind = "server", correlation_id, trace_id = Empty, %method, route);
    trace::follow_sender(&request, &span, &method, &route);
    let begun = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let (status, took) = (response.status().as_u16(), begun.elapsed());
    trace::answered(&span, status);
    span.in_scope(|| tracing::info!(status, micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX), "answered"));
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    told(&path, transport, headers);
    response
}

/// The caller's name for the request, if it is a fit one; a new one otherwise.
fn request_id(request: &Request) -> HeaderValue {
    let fit = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        (1..=128).contains(&bytes.len())
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte))
    };
    let new = || HeaderValue::from_str(&Uuid::now_v7().to_string());
    match request.headers().get(&REQUEST_ID).filter(fit) {
        Some(id) => id.clone(),
        None => new().unwrap_or(HeaderValue::from_static("-")),
    }
}
