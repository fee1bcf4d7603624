//! Parameters that a route does not have. A route with a query refuses by itself what it does not know. One without would not look, and
//! whoever asked for a dry run, or for a page of a list that has none, would not learn that they got something else.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts as _, MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn};
use utoipa::openapi::{OpenApi, RefOr};

use super::BASE;
use super::app::App;
use super::caller::Unsettled;
use super::complaint::parameters;

/// The routes of the API without a query: the methods by path, each with who may call it.
type WithoutQuery = HashMap<String, Vec<(Method, For)>>;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum For {
    Anybody,
    /// Whoever is signed in. Others are told to sign in, before what is wrong with their request.
    SignedIn,
}

/// A query without parameters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// The same routes, but those of the API refuse parameters of a query where this document says that they have none.
pub(crate) fn refused(routes: Router, document: &OpenApi, app: &Arc<App>) -> Router {
    let state = (Arc::new(without_query(document)), Arc::clone(app));
    routes.layer(middleware::from_fn_with_state(state, checked))
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
            if let Some(operation) = operation.as_ref().filter(|operation| !has_query(operation)) {
                // Only a route that anybody may call says something of its own.
                let callers = if operation.security.is_some() { For::Anybody } else { For::SignedIn };
                without.entry(path.clone()).or_default().push((method, callers));
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

async fn checked(
    State((without, app)): State<(Arc<WithoutQuery>, Arc<App>)>,
    request: Request,
    next: Next,
) -> Response {
    // What answers a GET answers a HEAD.
    let method = if request.method() == Method::HEAD { &Method::GET } else { request.method() };
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let methods = path.and_then(|path| without.get(path)).into_iter().flatten();
    let Some(callers) = methods.into_iter().find(|(of, _)| of == method).map(|(_, callers)| *callers) else {
        return next.run(request).await;
    };
    let Err(problem) = parameters::<Nothing>(request.uri()) else { return next.run(request).await };
    let (mut parts, _) = request.into_parts();
    match callers {
        For::SignedIn => Unsettled::from_request_parts(&mut parts, &app).await.err().unwrap_or(problem),
        For::Anybody => problem,
    }
    .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_tells_which_routes_have_no_query() {
        let without = without_query(&crate::http::openapi());
        let methods = |path: &str| without.get(path).cloned().unwrap_or_default();

        assert_eq!(methods("/api/v1/tasks"), [(Method::POST, For::SignedIn)], "GET has one");
        assert_eq!(methods("/api/v1/tokens"), [(Method::GET, For::SignedIn), (Method::POST, For::SignedIn)]);
        assert_eq!(methods("/api/v1/users/login"), [(Method::POST, For::Anybody)]);
        assert_eq!(methods("/healthz"), [], "what is not of the API is not looked at");
    }
}
