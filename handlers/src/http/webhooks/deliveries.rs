//! What was sent to a receiver, and sending it again.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use muster_domain::StreamId;
use muster_identity::policy::{Action, Resource};
use muster_identity::{AccessKind, AccessSubject};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{failed, found, hub};
use crate::http::access::{Asked, done};
use crate::http::app::{App, not_found};
use crate::http::body::{Id, Ids, Query};
use crate::http::caller::Caller;
use crate::http::fields::wrong_parameter;
use crate::http::page::{Page, PageQuery};
use crate::http::problem::{Code, Problem};
use crate::http::spec::{BodilessWebhookProblems, SessionReadProblems};
use crate::webhooks::{Attempt, Delivery, DeliveryStatus, Webhook};

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
pub(crate) async fn list(
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
        return Err(wrong_parameter("cursor", "the cursor is not one that was given out"));
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
    Ids(id, delivery_id): Ids<Uuid, Uuid>,
) -> Result<Response, Problem> {
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

fn enabled(webhook: Webhook) -> Result<Webhook, Problem> {
    if webhook.settings.enabled {
        Ok(webhook)
    } else {
        Err(Problem::new(Code::Conflict).detail("The webhook is not enabled."))
    }
}
