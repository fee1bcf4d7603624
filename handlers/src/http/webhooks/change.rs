//! Setting webhooks up, changing and removing them, and what they are signed with.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use muster_commands::ExpectedVersion;
use muster_domain::Fingerprint;
use muster_identity::policy::{Action, Resource};
use muster_identity::{AccessKind, AccessSubject};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::read::{WebhookDocument, answer};
use super::settings::{WebhookBody, said};
use super::{failed, found, webhooks};
use crate::http::access::{Asked, done};
use crate::http::app::{App, not_found};
use crate::http::body::{Body, Id};
use crate::http::caller::Caller;
use crate::http::etag::{IfMatch, etag};
use crate::http::problem::{Code, Problem};
use crate::http::refusal::key_reused;
use crate::http::request::Change;
use crate::http::spec::{BodilessWebhookProblems, CreateHeaders, MakeWebhookProblems, WebhookChangeProblems};
use crate::http::tasks::people::known;
use crate::webhooks::{ChangeError, MadeWebhook, NewWebhook, Secret, Webhook};

/// The header of a change.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "its fields are only read by the derive, to describe the header")]
pub(crate) struct VersionHeader {
    /// The `ETag` of the version to change: the change is refused (412) if it is not the present one.
    #[param(rename = "If-Match", required = false, pattern = r#"^(\*|"[0-9]{1,19}")$"#, example = "\"3\"")]
    if_match: String,
}

/// A webhook, and its new secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookWithSecret {
    #[serde(flatten)]
    document: WebhookDocument,
    /// What its deliveries are signed with. It is shown here, and again to nobody but a repeat of this request.
    #[schema(pattern = "^muster_whsec_[0-9A-Za-z_-]{43}$")]
    secret: String,
}

/// Sets up a webhook. What it is signed with is in this answer, and is shown again to nobody but a repeat of this request.
#[utoipa::path(post, path = "/webhooks", operation_id = "make_webhook", tag = "integrate", params(CreateHeaders),
    request_body = WebhookBody,
    responses((status = 201, description = "The webhook, and its secret.", body = WebhookWithSecret,
        headers(("ETag" = String))), MakeWebhookProblems))]
pub(crate) async fn make(
    State(app): State<Arc<App>>,
    change: Change,
    asked: Asked,
    Body(body): Body<WebhookBody>,
) -> Result<Response, Problem> {
    let caller = &change.caller;
    caller.may(Action::ManageWebhooks, &Resource::Any)?;
    let settings = body.checked(&app.settings.webhooks)?;
    known(&app, None, settings.team_id).await?;
    let reason = said(None, &settings);
    let fingerprint = Fingerprint::of("POST /webhooks", &settings);
    let new = NewWebhook { id: change.command_id.created_id(), asked: fingerprint, settings, by: caller.id() };
    let MadeWebhook { webhook, secret, is_new } = webhooks(&app)?.make(new, change.at).await.map_err(changed)?;
    // A repeat shows the secret again, and so is written down, too.
    let access = done(AccessKind::WebhookMade, &caller.0).about(AccessSubject::Webhook(webhook.id));
    if let Err(problem) = app.record(&asked, access.because(reason)).await {
        // Nobody has seen its secret, and nobody could be told who made it.
        if is_new {
            webhooks(&app)?.remove(&webhook).await.map_err(changed)?;
        }
        return Err(problem);
    }
    Ok(with_secret(StatusCode::CREATED, webhook, &secret))
}

/// Changes a webhook: all that is said of it is as in the body from now on. A receiver that failed begins anew.
#[utoipa::path(put, path = "/webhooks/{webhook_id}", operation_id = "change_webhook", tag = "integrate",
    params(("webhook_id" = Uuid, Path), VersionHeader), request_body = WebhookBody,
    responses((status = 200, description = "The webhook.", body = WebhookDocument, headers(("ETag" = String))),
        WebhookChangeProblems))]
pub(crate) async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    asked: Asked,
    Id(id): Id<Uuid>,
    IfMatch(expected): IfMatch,
    Body(body): Body<WebhookBody>,
) -> Result<Response, Problem> {
    caller.may(Action::ManageWebhooks, &Resource::Any)?;
    let before = found(&app, id).await?;
    if let ExpectedVersion::Exactly(version) = expected
        && version != before.version
    {
        return Err(stale(before.version));
    }
    let settings = body.checked(&app.settings.webhooks)?;
    known(&app, None, settings.team_id).await?;
    let reason = said(Some(&before.settings), &settings);
    let access = done(AccessKind::WebhookChanged, &caller.0).about(AccessSubject::Webhook(id));
    // Before it counts: where events go is not changed without a trace.
    app.record(&asked, access.because(reason)).await?;
    let after = webhooks(&app)?.change(&before, settings, app.now()).await.map_err(changed)?;
    Ok(answer(after))
}

/// Removes a webhook. Nothing is sent any more; the log of its deliveries is gone with it.
#[utoipa::path(delete, path = "/webhooks/{webhook_id}", operation_id = "remove_webhook", tag = "integrate",
    params(("webhook_id" = Uuid, Path)),
    responses((status = 204, description = "It is there no longer."), BodilessWebhookProblems))]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    asked: Asked,
    Id(id): Id<Uuid>,
) -> Result<StatusCode, Problem> {
    caller.may(Action::ManageWebhooks, &Resource::Any)?;
    let webhook = found(&app, id).await?;
    webhooks(&app)?.remove(&webhook).await.map_err(changed)?;
    app.note(&asked, done(AccessKind::WebhookRemoved, &caller.0).about(AccessSubject::Webhook(id))).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a webhook a new secret. For a day, deliveries are signed with the one before, too.
#[utoipa::path(post, path = "/webhooks/{webhook_id}/secret", operation_id = "rotate_webhook_secret", tag = "integrate",
    params(("webhook_id" = Uuid, Path)),
    responses((status = 200, description = "The webhook, and its new secret.", body = WebhookWithSecret,
        headers(("ETag" = String))), BodilessWebhookProblems))]
pub(crate) async fn rotate(
    State(app): State<Arc<App>>,
    caller: Caller,
    asked: Asked,
    Id(id): Id<Uuid>,
) -> Result<Response, Problem> {
    caller.may(Action::ManageWebhooks, &Resource::Any)?;
    let before = found(&app, id).await?;
    app.record(&asked, done(AccessKind::WebhookSecretRotated, &caller.0).about(AccessSubject::Webhook(id))).await?;
    let (webhook, secret) = webhooks(&app)?.rotate(&before, app.now()).await.map_err(changed)?;
    Ok(with_secret(StatusCode::OK, webhook, &secret))
}

fn with_secret(status: StatusCode, webhook: Webhook, secret: &Secret) -> Response {
    let tag = etag(webhook.version);
    let body = WebhookWithSecret { document: webhook.into(), secret: secret.expose().to_owned() };
    let headers = [(header::ETAG, tag), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (status, headers, Json(body)).into_response()
}

fn stale(actual: u64) -> Problem {
    Problem::new(Code::StaleVersion).detail(format_args!("The webhook is at version {actual}."))
}

fn changed(error: ChangeError) -> Problem {
    match error {
        ChangeError::TooMany => Problem::new(Code::TooManyWebhooks).detail(error),
        ChangeError::KeyReused => key_reused(),
        ChangeError::ChangedSince => Problem::new(Code::Conflict).detail(error),
        ChangeError::NotThere => not_found("webhook"),
        ChangeError::Stale { actual } => stale(actual),
        ChangeError::Failed(error) => failed(&error),
    }
}
