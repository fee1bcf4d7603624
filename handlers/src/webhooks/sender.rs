//! Sends what is due: leases a delivery, signs the event, calls the receiver, and writes down what came of it.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use muster_domain::personal::without_personal;
use muster_domain::{Clock, EventReader, RecordedEvent};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;
use tokio::time::Instant;
use uuid::Uuid;

use super::delivery::{Attempt, Deliveries, Delivery, DeliveryStatus, EventName};
use super::error::WebhookError;
use super::filter::Wanted;
use super::http::{Called, Http};
use super::signature::signature;
use super::webhook::{Webhook, Webhooks};
use crate::http::Causes;
use crate::metrics::{WEBHOOK_ATTEMPTS, WEBHOOKS_DISABLED};

/// How long a sender has a delivery for itself: longer than a receiver may take, so that another takes it up only when the
/// sender is gone.
pub const LEASE: TimeDelta = TimeDelta::seconds(60);
/// How long after its beginning a delivery is given up.
const PATIENCE: TimeDelta = TimeDelta::hours(24);
/// The pause after the first attempt. It is three times as long after each further one.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(10);
/// The longest pause.
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(4);
/// How many deliveries are on their way to one receiver at the same time.
const AT_ONCE: usize = 8;

/// Sends deliveries.
pub struct Sender {
    webhooks: Webhooks,
    deliveries: Deliveries,
    http: Http,
    reader: Arc<dyn EventReader>,
    clock: Arc<dyn Clock>,
}

impl Sender {
    /// With these webhooks and this log; the events are read from `reader`.
    pub fn new(
        webhooks: Webhooks,
        deliveries: Deliveries,
        http: Http,
        reader: Arc<dyn EventReader>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { webhooks, deliveries, http, reader, clock }
    }

    /// Claims an event for each webhook that wants it: those that nobody has claimed before.
    pub async fn claim(&self, event: &RecordedEvent) -> Result<Vec<(Webhook, Delivery)>, WebhookError> {
        let (mut claimed, mut wanted) = (Vec::new(), Wanted::new(event, &*self.reader));
        for webhook in self.webhooks.list().await? {
            if wanted.by(&webhook).await? {
                let delivery = Delivery::of_event(webhook.id, event, self.clock.now());
                if self.deliveries.claim(&delivery).await? {
                    claimed.push((webhook, delivery));
                }
            }
        }
        Ok(claimed)
    }

    /// The webhooks that something may be due at.
    pub async fn webhooks(&self) -> Result<Vec<Webhook>, WebhookError> {
        Ok(self.webhooks.list().await?.into_iter().filter(|webhook| webhook.settings.enabled).collect())
    }

    /// Sends what is due at a webhook until nothing is, or this is over. How many were tried.
    pub async fn work_off(&self, webhook_id: Uuid, until: Option<Instant>) -> Result<usize, WebhookError> {
        let mut tried = 0;
        while until.is_none_or(|until| Instant::now() < until) {
            // As it is now: it may have been changed, disabled or removed since the last ones.
            let Some(webhook) = self.webhooks.get(webhook_id).await?.filter(|webhook| webhook.settings.enabled) else {
                break;
            };
            let due = self.deliveries.due(webhook_id, self.clock.now(), i32::try_from(AT_ONCE).unwrap_or(8)).await?;
            if due.is_empty() {
                break;
            }
            let sending = join_all(due.iter().map(|delivery| self.send(&webhook, delivery)));
            let done = sending.await.into_iter().collect::<Result<Vec<_>, _>>()?;
            let sent = done.iter().flatten().count();
            tried += sent;
            // Others have all of them in hand.
            if sent == 0 {
                break;
            }
        }
        Ok(tried)
    }

    /// Tries a due delivery, unless somebody else has it in hand: then `None`.
    pub async fn send(&self, webhook: &Webhook, due: &Delivery) -> Result<Option<Delivery>, WebhookError> {
        let begun = self.clock.now();
        let Some(leased) = self.deliveries.lease(due, begun + LEASE).await? else { return Ok(None) };
        let (attempt, ours) = match self.attempt(webhook, &leased, begun).await {
            Ok(attempt) => (attempt, false),
            Err(error) => {
                tracing::error!(delivery_id = %leased.id, error = %Causes(&error), "a delivery could not be sent");
                (failed(begun, "it could not be sent: Muster's own log says why"), true)
            }
        };
        let taken = attempt.status.is_some_and(|status| (200..300).contains(&status));
        let mut done = leased.clone();
        done.attempts.push(attempt);
        let pause = pause(done.id, done.attempts.len());
        if taken {
            done.ends(DeliveryStatus::Delivered);
        } else if done.event.is_none() || self.clock.now() + pause > done.created_at + PATIENCE {
            // A test is for whoever waits for it now.
            done.ends(DeliveryStatus::Failed);
        } else {
            done.again_at(self.clock.now() + pause);
        }
        metrics::counter!(WEBHOOK_ATTEMPTS, "taken" => if taken { "yes" } else { "no" }).increment(1);
        let (webhook_id, status) = (webhook.id, done.status);
        tracing::info!(%webhook_id, delivery_id = %done.id, taken, ?status, attempts = done.attempts.len(), "called a receiver");
        self.deliveries.finish(&leased, &done).await?;
        if !ours && self.webhooks.note(webhook, taken, self.clock.now()).await? {
            metrics::counter!(WEBHOOKS_DISABLED).increment(1);
            tracing::error!(%webhook_id, "a webhook is disabled: its receiver has taken nothing for days");
        }
        Ok(Some(done))
    }

    async fn attempt(
        &self,
        webhook: &Webhook,
        delivery: &Delivery,
        at: DateTime<Utc>,
    ) -> Result<Attempt, WebhookError> {
        let body = match &delivery.event {
            Some(name) => match self.event(name).await? {
                Some(event) => serde_json::to_vec(&event),
                None => return Ok(failed(at, "the event is not in the event store")),
            },
            None => serde_json::to_vec(&json!({ "type": "WebhookTest", "webhook_id": webhook.id, "sent_at": at })),
        };
        let body = body.map_err(WebhookError::of("writing an event"))?;
        let Ok(url) = self.http.receiver(&webhook.settings.url) else {
            return Ok(failed(at, "its address may not be reached"));
        };
        let secrets = self.webhooks.secrets(webhook, at).await?;
        let event_id = delivery.event.as_ref().map_or(delivery.id, |event| event.event_id);
        let headers = [
            ("muster-signature", signature(&secrets, at, &body)),
            ("muster-event-id", event_id.to_string()),
            ("muster-delivery-id", delivery.id.to_string()),
        ];
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let value = HeaderValue::from_str(&value).map_err(WebhookError::of("writing a header"))?;
            map.insert(HeaderName::from_static(name), value);
        }
        let (called, took) = self.http.post(&url, map, body).await;
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let (status, error) = match called {
            Called::Answered(status) => (Some(status), None),
            Called::Failed(reason) => (None, Some(reason.to_owned())),
        };
        Ok(Attempt { at, duration_ms, status, error })
    }

    /// The event as it is shown outside.
    async fn event(&self, name: &EventName) -> Result<Option<RecordedEvent>, WebhookError> {
        let events = self.reader.events(&name.stream, name.version.saturating_sub(1), Some(name.version)).await?;
        Ok(events.into_iter().next().map(without_personal))
    }
}

/// Nothing was sent.
fn failed(at: DateTime<Utc>, error: &str) -> Attempt {
    Attempt { at, duration_ms: 0, status: None, error: Some(error.to_owned()) }
}

/// How long to wait after so many attempts: longer each time, and not the same for all, so that those that failed together do not
/// come again together.
fn pause(delivery: Uuid, attempts: usize) -> TimeDelta {
    let doubled = 3_i32.checked_pow(u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX));
    let whole = doubled.map_or(LONGEST_PAUSE, |times| (FIRST_PAUSE * times).min(LONGEST_PAUSE));
    // From three quarters of it to all of it, by bits that are as good as drawn, however alike the ids are.
    let (high, low) = delivery.as_u64_pair();
    let mixed = (high ^ low.rotate_left(u32::try_from(attempts % 64).unwrap_or(0))).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let drawn = (mixed >> 32) % 251;
    whole * 3 / 4 + whole / 4 * i32::try_from(drawn).unwrap_or(0) / 250
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_hours_and_differ_between_deliveries() {
        let id = Uuid::from_u128(0x0192_0000_0000_8000_8000_0123_4567_89ab);
        let pauses: Vec<i64> = (1..=12).map(|attempts| pause(id, attempts).num_seconds()).collect();
        for (at, whole) in [10, 30, 90, 270, 810, 2_430, 7_290, 14_400, 14_400].into_iter().enumerate() {
            assert!((whole * 3 / 4 - 1..=whole).contains(&pauses[at]), "{pauses:?}");
        }
        let several: std::collections::BTreeSet<_> = (0..50).map(|n| pause(Uuid::from_u128(n), 3)).collect();
        assert!(several.len() > 40, "{several:?}");
        let total: i64 = pauses.iter().sum();
        assert!(total > 60_000, "a dozen attempts span most of a day: {total}");
    }
}
