//! Webhooks: what administrators set up so that other programs are told, and the log of what they were told.

pub(crate) mod change;
pub(crate) mod deliveries;
pub(crate) mod read;
mod settings;

use uuid::Uuid;

use super::app::{App, not_found};
use super::problem::{Code, Problem};
use crate::webhooks::{Webhook, WebhookError, WebhookHub, Webhooks};

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

fn failed(error: &WebhookError) -> Problem {
    match error {
        WebhookError::Store { .. } | WebhookError::Secret(_) | WebhookError::Events(_) => Problem::unavailable(error),
        WebhookError::Damaged { .. } => Problem::internal(error),
    }
}
