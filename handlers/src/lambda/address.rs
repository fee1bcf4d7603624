//! Where a request to the HTTP API comes from, and what was called.
//!
//! The API's own address is open to everybody, so that whoever calls it can write any `X-Forwarded-For`. CloudFront shows a secret
//! with each request; without it, nothing is believed that a header says of the way to here.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::map_request_with_state;
use lambda_http::request::RequestContext;

use crate::http::{Direct, Peer};

/// The header in which CloudFront shows its secret (`infra/cdk/lib/web-stack.ts`).
const SECRET: &str = "muster-origin";
/// The header in which CloudFront says which name was called.
const CALLED: &str = "x-forwarded-host";

/// What CloudFront shows, and nobody else knows.
#[derive(Clone)]
pub struct OriginSecret(Arc<str>);

impl OriginSecret {
    /// Of this text; none of an empty one, which anybody can show.
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.into()))
    }

    /// Whether a request shows it. How long that takes says nothing of how much of it was right.
    fn is_shown(&self, headers: &HeaderMap) -> bool {
        let shown = headers.get(SECRET).map_or(&[][..], |value| value.as_bytes());
        verify_slices_are_equal(shown, self.0.as_bytes()).is_ok()
    }
}

/// Gives each request the address that the HTTP API saw at the other end of its connection. Whoever does not show the secret came
/// directly; whoever does is believed what it says of the way: the addresses before it, and the host that was called.
pub fn with_peer(router: Router, secret: Option<OriginSecret>) -> Router {
    router.layer(map_request_with_state(secret, arrived))
}

async fn arrived(State(secret): State<Option<OriginSecret>>, mut request: Request) -> Request {
    let source = match request.extensions().get() {
        Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.as_deref(),
        _ => None,
    };
    if let Some(address) = source.and_then(|source| source.parse().ok()) {
        request.extensions_mut().insert(Peer(address));
    }
    if !secret.is_some_and(|secret| secret.is_shown(request.headers())) {
        request.extensions_mut().insert(Direct);
    } else if let Some(called) = request.headers().get(CALLED).cloned() {
        request.headers_mut().insert(header::HOST, called);
    }
    // It goes no further.
    request.headers_mut().remove(SECRET);
    request
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use axum::routing::get;
    use lambda_http::request::LambdaRequest;
    use serde_json::json;
    use tower::ServiceExt as _;

    use super::*;
    use crate::http::found_behind_one_proxy;

    /// Where a request with these headers comes from, and which host it called; the secret is `right`.
    async fn seen(secret: &str, headers: &[(&str, &str)]) -> (String, String) {
        let mut event = json!({
            "version": "2.0", "routeKey": "$default", "rawPath": "/", "rawQueryString": "", "isBase64Encoded": false,
            "headers": { "host": "api.example.com" },
            "requestContext": {
                "accountId": "123456789012", "apiId": "a", "domainName": "api.example.com", "domainPrefix": "a",
                "http": { "method": "GET", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "198.51.100.9", "userAgent": "curl" },
                "requestId": "r", "routeKey": "$default", "stage": "$default",
                "time": "02/Mar/2026:08:00:00 +0000", "timeEpoch": 1_772_438_400_000_u64
            }
        });
        for (name, value) in headers {
            event["headers"][name] = json!(value);
        }
        let request = lambda_http::Request::from(serde_json::from_value::<LambdaRequest>(event).unwrap());
        let host = async |headers: HeaderMap| {
            assert!(!headers.contains_key(SECRET), "it goes no further");
            headers[header::HOST].to_str().unwrap().to_owned()
        };
        let router = with_peer(found_behind_one_proxy(Router::new().route("/", get(host))), OriginSecret::new(secret));
        let response = router.oneshot(request).await.unwrap();
        let address = response.headers()["address"].to_str().unwrap().to_owned();
        let body = to_bytes(response.into_body(), 1_000).await.unwrap();
        (address, String::from_utf8(body.to_vec()).unwrap())
    }

    const FORWARDED: (&str, &str) = ("x-forwarded-for", "203.0.113.66, 192.0.2.7, 198.51.100.9");
    const HOST: (&str, &str) = ("x-forwarded-host", "tasks.example.com");

    #[tokio::test]
    async fn whoever_shows_the_secret_is_believed_for_whom_it_calls_and_what_was_called() {
        let (address, host) = seen("right", &[FORWARDED, HOST, (SECRET, "right")]).await;
        assert_eq!((address.as_str(), host.as_str()), ("192.0.2.7", "tasks.example.com"));
        let (address, host) = seen("right", &[FORWARDED, (SECRET, "right")]).await;
        assert_eq!((address.as_str(), host.as_str()), ("192.0.2.7", "api.example.com"));
    }

    #[tokio::test]
    async fn whoever_does_not_show_it_comes_from_the_end_of_the_connection_whatever_else_is_said() {
        for shown in [None, Some(""), Some("wrong"), Some("righ"), Some("rightly"), Some("Right")] {
            let secret = shown.map(|shown| (SECRET, shown));
            let headers: Vec<_> = [FORWARDED, HOST].into_iter().chain(secret).collect();
            let (address, host) = seen("right", &headers).await;
            assert_eq!((address.as_str(), host.as_str()), ("198.51.100.9", "api.example.com"), "{shown:?}");
        }
    }

    #[tokio::test]
    async fn where_there_is_no_secret_nobody_shows_it() {
        for shown in ["", "right"] {
            let (address, host) = seen("", &[FORWARDED, HOST, (SECRET, shown)]).await;
            assert_eq!((address.as_str(), host.as_str()), ("198.51.100.9", "api.example.com"), "{shown:?}");
        }
    }
}
