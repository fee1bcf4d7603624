//! Whether the program runs, and how it is used.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_swagger_ui::SwaggerUi;

use super::app::App;
use super::problem::Problem;

/// How long the store may take to answer before the program counts as not ready.
const PATIENCE: Duration = Duration::from_secs(2);

/// That it runs.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// Always `ok`.
    status: &'static str,
    /// The program's version.
    version: &'static str,
}

const OK: Health = Health { status: "ok", version: env!("CARGO_PKG_VERSION") };

/// Whether the program runs.
#[utoipa::path(get, path = "/healthz", tag = "system", security(()),
    responses((status = 200, description = "It runs.", body = Health)))]
pub(crate) async fn health() -> Json<Health> {
    Json(OK)
}

/// Whether the program can do its work: whether its store answers.
#[utoipa::path(get, path = "/readyz", tag = "system", security(()),
    responses((status = 200, description = "It can.", body = Health),
        (status = 503, description = "Its store does not answer: `unavailable`.", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Result<Json<Health>, Problem> {
    let key = |text: &str| AttributeValue::S(text.to_owned());
    let request = app.store.get_item().table_name(&app.control_table);
    let answer = request.key("pk", key("readiness")).key("sk", key("readiness")).send();
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(Ok(_)) => Ok(Json(OK)),
        Ok(Err(error)) => Err(Problem::unavailable(&error)),
        Err(elapsed) => Err(Problem::unavailable(&elapsed)),
    }
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "system", security(()),
    responses((status = 200, description = "The OpenAPI 3.1 document.", content_type = "application/json", body = serde_json::Value)))]
pub(crate) async fn openapi_document() -> Response {
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| super::openapi().to_json().unwrap_or_default());
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.as_str()).into_response()
}

/// The public keys that access tokens are signed with (RFC 7517).
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "system", security(()),
    responses((status = 200, description = "The key set.", content_type = "application/json", body = serde_json::Value)))]
pub(crate) async fn key_set(State(app): State<Arc<App>>) -> Json<serde_json::Value> {
    Json(app.identity.jwks())
}

/// Where the API is shown as a page.
const DOCS: &str = "/api/docs";

/// The API as a page, to which whoever opens the bare address is led.
pub(crate) fn rendered() -> Router {
    let page: Router = SwaggerUi::new(DOCS).config(utoipa_swagger_ui::Config::from("/openapi.json")).into();
    page.route("/", get(async || Redirect::to(DOCS)))
}
