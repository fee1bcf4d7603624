//! Where a request to the HTTP API comes from.

use axum::Router;
use axum::extract::Request;
use axum::middleware::map_request;
use lambda_http::request::RequestContext;

use crate::http::Peer;

/// Gives each request the address that the HTTP API saw at the other end of its connection.
pub fn with_peer(router: Router) -> Router {
    router.layer(map_request(async |mut request: Request| {
        let source = match request.extensions().get() {
            Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.as_deref(),
            _ => None,
        };
        if let Some(address) = source.and_then(|source| source.parse().ok()) {
            request.extensions_mut().insert(Peer(address));
        }
        request
    }))
}
