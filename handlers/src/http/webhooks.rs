//! Webhooks: what administrators set up so that other programs are told, and the log of what they were told.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use muster_commands::ExpectedVersion;
use muster_domain::{StreamId, TeamId, UserId};
use muster_identity::policy::{Action, Resource};
use muster_identity::{AccessKind, AccessSubject};
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::access::{Asked, done};
use super::app::{App, not_found};
use super::body::{Body, Id, Query};
use super::caller::Caller;
use super::etag::{IfMatch, etag};
use super::fields::Fields;
use super::page::{Page, PageQuery};
use super::problem::{Code, Problem};
use super::spec::{
    BodilessProblems, BodilessWebhookProblems, MakeWebhookProblems, SessionReadProblems, WebhookChangeProblems,
};
use crate::webhooks::{
    Attempt, ChangeError, Delivery, DeliveryStatus, MOST_EVENT_TYPES, Reach, Secret, Settings, Webhook, WebhookError,
    WebhookHub, Webhooks, is_event_type,
};

/// What a webhook is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookBody {
    /// Where it leads: an https URL of a public host.
    #[schema(max_length = 2048, example = "https://example.com/hooks/muster")]
    url: String,
    /// The types of the events that it is for, such as `TaskCreated`; of all events, if left out or empty.
    #[serde(default)]
    #[schema(max_items = 64)]
    event_types: Vec<String>,
    /// Only for the tasks of this team, and the team itself.
    #[serde(default)]
    #[schema(value_type = Option<TeamId>)]
    team_id: Option<String>,
    /// Whether anything is sent; true if left out.
    #[serde(default = "yes")]
    enabled: bool,
}

const fn yes() -> bool {
    true
}

impl WebhookBody {
    fn checked(self, reach: &Reach) -> Result<Settings, Problem> {
        let mut fields = Fields::default();
        let url = fields.take("/url", reach.receiver(&self.url));
        if self.event_types.len() > MOST_EVENT_TYPES {
            fields.wrong("/event_types", format_args!("must have at most {MOST_EVENT_TYPES} entries"));
        }
        for (at, name) in self.event_types.iter().enumerate().take(MOST_EVENT_TYPES) {
            if !is_event_type(name) {
                fields.wrong(&format!("/event_types/{at}"), "must be the type of an event, such as TaskCreated");
            }
        }
        let team_id = fields.parse_optional("/team_id", self.team_id.as_ref());
        let mut event_types = self.event_types;
        event_types.sort_unstable();
        event_types.dedup();
        let url = url.map(|url| url.to_string());
        fields.finish(url.map(|url| Settings { url, event_types, team_id, enabled: self.enabled }))
    }
}

/// The header of a change.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "its fields are only read by the derive, to describe the header")]
pub(crate) struct VersionHeader {
    /// The `ETag` of the version to change: the change is refused (412) if it is not the present one.
    #[param(rename = "If-Match", required = false, pattern = r#"^(\*|"[0-9]{1,19}")$"#, example = "\"3\"")]
    if_match: String,
}

/// A webhook.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookDocument {
    /// Its id.
    id: Uuid,
    /// Where it leads.
    url: String,
    /// The types of the events that it is for; of all events, if empty.
    event_types: Vec<String>,
    /// The team whose tasks it is for; of everything, if null.
    #[schema(required, value_type = Option<TeamId>)]
    team_id: Option<TeamId>,
    /// Whether anything is sent.
    enabled: bool,
    /// Why it is not enabled, where Muster itself has disabled it: its receiver took nothing for three days.
    #[schema(required)]
    disabled_because: Option<String>,
    /// Since when its receiver has taken nothing of what was sent; null while it takes what comes.
    #[schema(required)]
    failing_since: Option<DateTime<Utc>>,
    /// Counts its changes, from 1; the `ETag`.
    version: u64,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// By whom.
    created_by: UserId,
    /// When it was last changed.
    updated_at: DateTime<Utc>,
}

impl From<Webhook> for WebhookDocument {
    fn from(webhook: Webhook) -> Self {
        let Settings { url, event_types, team_id, enabled } = webhook.settings;
        Self {
            id: webhook.id,
            url,
            event_types,
            team_id,
            enabled,
            disabled_because: webhook.disabled_because,
            failing_since: webhook.failing_since,
            version: webhook.version,
            created_at: webhook.created_at,
            created_by: webhook.created_by,
            updated_at: webhook.updated_at,
        }
    }
}

/// A webhook, and its new secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookWithSecret {
    #[serde(flatten)]
    document: WebhookDocument,
    /// What its deliveries are signed with. It is shown here and never again.
    #[schema(pattern = "^muster_whsec_[0-9A-Za-z_-]{43}$")]
    secret: String,
}

/// One event, or a test, on its way to the receiver.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeliveryDocument {
    /// Its id: the header `Muster-Delivery-Id`.
    id: Uuid,
    /// The id of the event; null for a test.
    #[schema(required)]
    event_id: Option<Uuid>,
    /// The type of the event; `WebhookTest` for a test.
    event_type: String,
    /// The aggregate that the event is of; null for a test.
    #[schema(required, value_type = Option<StreamId>)]
    stream: Option<StreamId>,
    /// The event's place in the aggregate's history; null for a test.
    #[schema(required)]
    version: Option<u64>,
    /// The delivery that it repeats, if somebody asked for that.
    #[schema(required)]
    replay_of: Option<Uuid>,
    /// How it stands.
    status: DeliveryStatus,
    /// When it began.
    created_at: DateTime<Utc>,
    /// When it is tried next; null if it is not.
    #[schema(required)]
    next_attempt_at: Option<DateTime<Utc>>,
    /// What was tried, in order.
    attempts: Vec<Attempt>,
}

impl From<Delivery> for DeliveryDocument {
    fn from(delivery: Delivery) -> Self {
        let next_attempt_at = delivery.next_at();
        let event = delivery.event;
        Self {
            id: delivery.id,
            event_id: event.as_ref().map(|event| event.event_id),
            stream: event.as_ref().map(|event| event.stream),
            version: event.as_ref().map(|event| event.version),
            event_type: event.map_or_else(|| "WebhookTest".to_owned(), |event| event.event_type),
            replay_of: delivery.replay_of,
            status: delivery.status,
            created_at: delivery.created_at,
            next_attempt_at,
            attempts: delivery.attempts,
        }
    }
}

/// Sets up a webhook. What it is signed with is in this answer, and is never shown again.
#[utoipa::path(post, path = "/webhooks", operation_id = "make_webhook", tag = "integrate", request_body = WebhookBody,
    responses((status = 201, description = "The webhook, and its secret.", body = WebhookWithSecret,
        headers(("ETag" = String))), MakeWebhookProblems))]
pub(crate) async fn make(
    State(app): State<Arc<App>>,
    caller: Caller,
    asked: Asked,
    Body(body): Body<WebhookBody>,
) -> Result<Response, Problem> {
    caller.may(Action::ManageWebhooks, &Resource::Any)?;
    let settings = body.checked(&app.settings.webhooks)?;
    let reason = said(None, &settings);
    let (webhook, secret) = webhooks(&app)?.make(settings, caller.id(), app.now()).await.map_err(changed)?;
    let access = done(AccessKind::WebhookMade, &caller.0).about(AccessSubject::Webhook(webhook.id));
    if let Err(problem) = app.record(&asked, access.because(reason)).await {
        // Nobody has seen its secret, and nobody could be told who made it.
        webhooks(&app)?.remove(&webhook).await.map_err(changed)?;
        return Err(problem);
    }
    Ok(with_secret(StatusCode::CREATED, webhook, &secret))
}

/// Lists the webhooks, oldest first. There are 50 at most.
#[utoipa::path(get, path = "/webhooks", operation_id = "list_webhooks", tag = "integrate",
    responses((status = 200, description = "The webhooks.", body = Page<WebhookDocument>), BodilessProblems))]
pub(crate) async fn list(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Page<WebhookDocument>>, Problem> {
    caller.may(Action::ReadWebhooks, &Resource::Any)?;
    let all = webhooks(&app)?.list().await.map_err(|error| failed(&error))?;
    Ok(Json(Page::whole(all.into_iter().map(WebhookDocument::from).collect())))
}

/// A webhook, without its secret.
#[utoipa::path(get, path = "/webhooks/{webhook_id}", operation_id = "read_webhook", tag = "integrate",
    params(("webhook_id" = Uuid, Path)),
    responses((status = 200, description = "The webhook.", body = WebhookDocument, headers(("ETag" = String))),
        BodilessProblems))]
pub(crate) async fn read(State(app): State<Arc<App>>, caller: Caller, Id(id): Id<Uuid>) -> Result<Response, Problem> {
    caller.may(Action::ReadWebhooks, &Resource::Any)?;
    Ok(answer(found(&app, id).await?))
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

/// Which part of the log.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeliveriesQuery {
    /// The most entries of a page; 50 if left out.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// Where the page begins: `next` of the page before.
    #[param(max_length = 64)]
    cursor: Option<String>,
}

/// The log of a webhook's deliveries, newest first: of the last 30 days.
#[utoipa::path(get, path = "/webhooks/{webhook_id}/deliveries", operation_id = "list_webhook_deliveries",
    tag = "integrate", params(("webhook_id" = Uuid, Path), DeliveriesQuery),
    responses((status = 200, description = "A page of the log.", body = Page<DeliveryDocument>), SessionReadProblems))]
pub(crate) async fn deliveries(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<Uuid>,
    Query(query): Query<DeliveriesQuery>,
) -> Result<Json<Page<DeliveryDocument>>, Problem> {
    caller.may(Action::ReadWebhooks, &Resource::Any)?;
    found(&app, id).await?;
    let page = PageQuery { limit: query.limit, cursor: query.cursor }.checked()?;
    let log = &hub(&app)?.deliveries;
    let found = log.page(id, page.limit, page.cursor.as_deref()).await.map_err(|error| failed(&error))?;
    let Some(found) = found else {
        let mut fields = Fields::default();
        fields.wrong_parameter("cursor", "the cursor is not one that was given out");
        return Err(fields.problem());
    };
    Ok(Json(Page::of(found.items.into_iter().map(DeliveryDocument::from).collect(), found.next)))
}

/// Sends an event again that the receiver did not get, or lost: a new delivery, tried within a minute.
#[utoipa::path(post, path = "/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
    operation_id = "replay_webhook_delivery", tag = "integrate",
    params(("webhook_id" = Uuid, Path), ("delivery_id" = Uuid, Path)),
    responses((status = 202, description = "The new delivery.", body = DeliveryDocument), BodilessWebhookProblems))]
pub(crate) async fn replay(
    State(app): State<Arc<App>>,
    caller: Caller,
    asked: Asked,
    ids: Result<Path<(Uuid, Uuid)>, PathRejection>,
) -> Result<Response, Problem> {
    let Path((id, delivery_id)) = ids.map_err(|_| Problem::new(Code::NotFound).detail("Ids are UUIDs."))?;
    caller.may(Action::ManageWebhooks, &Resource::Any)?;
    let webhook = enabled(found(&app, id).await?)?;
    let log = &hub(&app)?.deliveries;
    let old = log.get(webhook.id, delivery_id).await.map_err(|error| failed(&error))?;
    let old = old.ok_or_else(|| not_found("delivery"))?;
    sent(&app, &caller, &asked, &webhook, old.replayed(app.now())).await
}

/// Sends a test to the receiver, within a minute and once: `{"type": "WebhookTest", …}`, signed like an event.
#[utoipa::path(post, path = "/webhooks/{webhook_id}/test", operation_id = "test_webhook", tag = "integrate",
    params(("webhook_id" = Uuid, Path)),
    responses((status = 202, description = "The delivery.", body = DeliveryDocument), BodilessWebhookProblems))]
pub(crate) async fn test(
    State(app): State<Arc<App>>,
    caller: Caller,
    asked: Asked,
    Id(id): Id<Uuid>,
) -> Result<Response, Problem> {
    caller.may(Action::ManageWebhooks, &Resource::Any)?;
    let webhook = enabled(found(&app, id).await?)?;
    let delivery = Delivery::test(webhook.id, app.now());
    sent(&app, &caller, &asked, &webhook, delivery).await
}

async fn sent(
    app: &App,
    caller: &Caller,
    asked: &Asked,
    webhook: &Webhook,
    delivery: Delivery,
) -> Result<Response, Problem> {
    let hub = hub(app)?;
    app.record(asked, done(AccessKind::WebhookSent, &caller.0).about(AccessSubject::Webhook(webhook.id))).await?;
    hub.deliveries.claim(&delivery).await.map_err(|error| failed(&error))?;
    hub.wakes.notify_one();
    Ok((StatusCode::ACCEPTED, Json(DeliveryDocument::from(delivery))).into_response())
}

/// What a route needs of webhooks.
fn hub(app: &App) -> Result<&WebhookHub, Problem> {
    app.webhooks.as_ref().ok_or_else(|| Problem::new(Code::NotFound))
}

fn webhooks(app: &App) -> Result<&Webhooks, Problem> {
    Ok(&hub(app)?.webhooks)
}

async fn found(app: &App, id: Uuid) -> Result<Webhook, Problem> {
    let webhook = webhooks(app)?.get(id).await.map_err(|error| failed(&error))?;
    webhook.ok_or_else(|| not_found("webhook"))
}

fn enabled(webhook: Webhook) -> Result<Webhook, Problem> {
    if webhook.settings.enabled {
        Ok(webhook)
    } else {
        Err(Problem::new(Code::Conflict).detail("The webhook is not enabled."))
    }
}

fn answer(webhook: Webhook) -> Response {
    ([(header::ETAG, etag(webhook.version))], Json(WebhookDocument::from(webhook))).into_response()
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
        ChangeError::NotThere => not_found("webhook"),
        ChangeError::Stale { actual } => stale(actual),
        ChangeError::Failed(error) => failed(&error),
    }
}

fn failed(error: &WebhookError) -> Problem {
    match error {
        WebhookError::Store { .. } | WebhookError::Secret(_) | WebhookError::Events(_) => Problem::unavailable(error),
        WebhookError::Damaged { .. } => Problem::internal(error),
    }
}

/// What was set up or changed, for the access log: before and after. Of an address only the host: what stands behind it may be a
/// secret of the receiver's.
fn said(before: Option<&Settings>, after: &Settings) -> String {
    let host = |settings: &Settings| {
        let url = Url::parse(&settings.url).ok();
        url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
    };
    let types = |settings: &Settings| {
        if settings.event_types.is_empty() { "all".to_owned() } else { settings.event_types.join(" ") }
    };
    let team = |settings: &Settings| settings.team_id.map_or_else(|| "none".to_owned(), |team| team.to_string());
    let Some(before) = before else {
        return format!(
            "host {}, events {}, team {}, enabled {}",
            host(after),
            types(after),
            team(after),
            after.enabled
        );
    };
    let mut changes = Vec::new();
    let mut change = |what: &str, from: String, to: String| {
        if from != to {
            changes.push(format!("{what} {from} → {to}"));
        }
    };
    change("host", host(before), host(after));
    change("events", types(before), types(after));
    change("team", team(before), team(after));
    change("enabled", before.enabled.to_string(), after.enabled.to_string());
    if host(before) == host(after) && before.url != after.url {
        changes.push("path".to_owned());
    }
    if changes.is_empty() { "nothing".to_owned() } else { changes.join(", ") }
}
