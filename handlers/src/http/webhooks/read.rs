//! Questions about webhooks. No answer has a secret.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use muster_domain::{TeamId, UserId};
use muster_identity::policy::{Action, Resource};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{failed, found, webhooks};
use crate::http::app::App;
use crate::http::body::Id;
use crate::http::caller::Caller;
use crate::http::etag::etag;
use crate::http::page::Page;
use crate::http::problem::Problem;
use crate::http::spec::BodilessProblems;
use crate::webhooks::{Settings, Webhook};

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

/// The answer that shows a webhook.
pub(super) fn answer(webhook: Webhook) -> Response {
    ([(header::ETAG, etag(webhook.version))], Json(WebhookDocument::from(webhook))).into_response()
}
