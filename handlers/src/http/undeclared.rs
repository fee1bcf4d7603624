//! Parameters that a route does not have. A route with a query refuses by itself what it does not know. One without would not look, and
//! whoever asked for a dry run, or for a page of a list that has none, would not learn that they got something else.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::{OpenApi, RefOr};

use super::BASE;
use super::complaint::parameters;

/// The routes of the API without a query: the methods by path.
type WithoutQuery = HashMap<String, Vec<Method>>;

/// A query without parameters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// The same routes, but those of the API refuse parameters of a query where this document says that they have none.
pub(crate) fn refused(routes: Router, document: &OpenApi) -> Router {
    routes.layer(middleware::from_fn_with_state(Arc::new(without_query(document)), checked))
}

fn without_query(document: &OpenApi) -> WithoutQuery {
    let mut without = WithoutQuery::new();
    for (path, item) in document.paths.paths.iter().filter(|(path, _)| path.starts_with(BASE)) {
        for (method, operation) in [
            (Method::GET, &item.get),
            (Method::POST, &item.post),
            (Method::PUT, &item.put),
            (Method::PATCH, &item.patch),
            (Method::DELETE, &item.delete),
        ] {
            if operation.as_ref().is_some_and(|operation| !has_query(operation)) {
                without.entry(path.clone()).or_default().push(method);
            }
        }
    }
    without
}

fn has_query(operation: &Operation) -> bool {
    let is_of_query = |parameter: &RefOr<Parameter>| {
        matches!(parameter, RefOr::T(Parameter { parameter_in: ParameterIn::Query | ParameterIn::QueryString, .. }))
    };
    operation.parameters.iter().flatten().any(is_of_query)
}

async fn checked(State(without): State<Arc<WithoutQuery>>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    // What answers a GET answers a HEAD.
    let method = if method == Method::HEAD { Method::GET } else { method };
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let has_none = path.and_then(|path| without.get(path)).is_some_and(|methods| methods.contains(&method));
    if has_none && let Err(problem) = parameters::<Nothing>(request.uri()) {
        return problem.into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_tells_which_routes_have_no_query() {
        let without = without_query(&crate::http::openapi());
        let methods = |path: &str| without.get(path).cloned().unwrap_or_default();

        assert_eq!(methods("/api/v1/tasks"), [Method::POST], "GET has one");
        assert_eq!(methods("/api/v1/tokens"), [Method::GET, Method::POST]);
        assert_eq!(methods("/healthz"), [] as [Method; 0], "what is not of the API is not looked at");
    }
}
