//! What pages of other origins may ask, and see of answers (CORS, <https://fetch.spec.whatwg.org/#http-cors-protocol>): where the operator
//! allows an origin, as much as our own; otherwise nothing. On AWS, API Gateway says the same (`infra/cdk/lib/api-stack.ts`).
//!
//! Not the layer of tower-http: it answers every `OPTIONS` with 200, for whatever route and whoever asks.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

/// The methods of all routes.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
/// What routes read of a request, beside what browsers send by themselves.
const ASKED_WITH: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, idempotency-key, if-match, muster-min-version, x-request-id",
);
/// What answers say, beside what every page may see.
const ANSWERED_WITH: HeaderValue = HeaderValue::from_static(
    "content-disposition, etag, link, location, muster-warning, ratelimit, ratelimit-policy, retry-after, www-authenticate, x-request-id",
);
/// For how many seconds a browser need not ask again.
const MAX_AGE: HeaderValue = HeaderValue::from_static("3600");

/// Whether the operator allows pages of this origin.
pub(crate) fn is_allowed(origin: &str, allowed: &[String]) -> bool {
    allowed.iter().any(|allowed| allowed.trim_end_matches('/').eq_ignore_ascii_case(origin))
}

/// Answers what browsers ask before a page of an allowed origin may send its request, and lets the page see the answer to it, also if that is
/// a problem.
pub(crate) async fn shared(State(allowed): State<Arc<[String]>>, request: Request, next: Next) -> Response {
    if allowed.is_empty() {
        return next.run(request).await;
    }
    let is_good = |origin: &&HeaderValue| origin.to_str().is_ok_and(|origin| is_allowed(origin, &allowed));
    let origin = request.headers().get(header::ORIGIN).filter(is_good).cloned();
    let is_preflight =
        request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match &origin {
        Some(_) if is_preflight => preflight(),
        Some(_) | None => next.run(request).await,
    };
    let headers = response.headers_mut();
    // No cache gives one origin what another was told.
    headers.append(header::VARY, HeaderValue::from_name(header::ORIGIN));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, ANSWERED_WITH);
        let policy = HeaderName::from_static("cross-origin-resource-policy");
        headers.insert(policy, HeaderValue::from_static("cross-origin"));
    }
    response
}

fn preflight() -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, ASKED_WITH),
        (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}
