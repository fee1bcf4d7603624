//! The log of deliveries, which is also the list of what is due. The table `webhook-deliveries`: `pk` = the webhook, `sk` = the
//! delivery, whose id begins with its time; `due` (the webhook) and `next_at` only while another attempt is to come, by which the
//! index `due` has nothing else.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, SecondsFormat, SubsecRound as _, TimeDelta, Utc};
use muster_domain::{RecordedEvent, StreamId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::{Builder, Uuid};

use super::error::{WebhookError, is_condition};

/// How long a delivery is in the log. For so long nothing is delivered twice, too.
pub const KEPT: TimeDelta = TimeDelta::days(30);

/// How a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// It is to be sent, or sent again.
    Pending,
    /// The receiver has taken it.
    Delivered,
    /// It was given up.
    Failed,
}

/// Which event a delivery is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventName {
    /// The event's id.
    pub event_id: Uuid,
    /// Its type.
    pub event_type: String,
    /// Its aggregate.
    pub stream: StreamId,
    /// Its version.
    pub version: u64,
}

impl From<&RecordedEvent> for EventName {
    fn from(event: &RecordedEvent) -> Self {
        Self {
            event_id: event.event_id,
            event_type: event.event_type.clone(),
            stream: event.stream,
            version: event.version,
        }
    }
}

/// One call of a receiver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attempt {
    /// When it began.
    pub at: DateTime<Utc>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The status of the receiver's answer, if there was one.
    #[serde(default)]
    #[schema(required)]
    pub status: Option<u16>,
    /// Why there was no answer, or nothing was sent.
    #[serde(default)]
    #[schema(required)]
    pub error: Option<String>,
}

/// One event, or a test, on its way to one receiver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The webhook.
    #[serde(rename = "pk")]
    pub webhook_id: Uuid,
    /// Its id, by which the receiver knows it.
    #[serde(rename = "sk")]
    pub id: Uuid,
    /// The event; `None` for a test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<EventName>,
    /// The delivery that it repeats, if somebody asked for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay_of: Option<Uuid>,
    /// How it stands.
    pub status: DeliveryStatus,
    /// When it was claimed.
    pub created_at: DateTime<Utc>,
    /// What was tried.
    pub attempts: Vec<Attempt>,
    /// When it is tried next; while a sender has it in hand, when another may take it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<Uuid>,
    ttl: i64,
}

impl Delivery {
    fn new(webhook_id: Uuid, id: Uuid, event: Option<EventName>, now: DateTime<Utc>) -> Self {
        let created_at = now.trunc_subsecs(3);
        Self {
            webhook_id,
            id,
            event,
            replay_of: None,
            status: DeliveryStatus::Pending,
            created_at,
            attempts: Vec::new(),
            next_at: Some(sortable(now)),
            due: Some(webhook_id),
            ttl: (now + KEPT).timestamp(),
        }
    }

    /// Of an event to a webhook: the same for every sender who comes upon the event.
    pub fn of_event(webhook_id: Uuid, event: &RecordedEvent, now: DateTime<Utc>) -> Self {
        Self::new(webhook_id, delivery_id(webhook_id, event), Some(event.into()), now)
    }

    /// A test of a webhook.
    pub fn test(webhook_id: Uuid, now: DateTime<Utc>) -> Self {
        Self::new(webhook_id, Uuid::now_v7(), None, now)
    }

    /// The same again, because somebody asks for it.
    #[must_use]
    pub fn replayed(&self, now: DateTime<Utc>) -> Self {
        let again = Self::new(self.webhook_id, Uuid::now_v7(), self.event.clone(), now);
        Self { replay_of: Some(self.id), ..again }
    }

    /// When it is tried next.
    pub fn next_at(&self) -> Option<DateTime<Utc>> {
        self.next_at.as_ref()?.parse().ok()
    }

    /// Another attempt is to come at this time.
    pub(super) fn again_at(&mut self, at: DateTime<Utc>) {
        self.next_at = Some(sortable(at));
    }

    /// No other attempt is to come.
    pub(super) fn ends(&mut self, status: DeliveryStatus) {
        (self.status, self.next_at, self.due) = (status, None, None);
    }
}

/// The time of the event, and bits that follow from event and webhook: deliveries sort by time, and the same one has the same id.
fn delivery_id(webhook_id: Uuid, event: &RecordedEvent) -> Uuid {
    let mut bytes = *Uuid::new_v5(&webhook_id, event.event_id.as_bytes()).as_bytes();
    let millis = u64::try_from(event.recorded_at.timestamp_millis()).unwrap_or(0);
    bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// A time as a text that sorts by time.
fn sortable(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// One page of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryPage {
    /// Deliveries, newest first.
    pub items: Vec<Delivery>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}

/// The log of deliveries.
#[derive(Clone, Debug)]
pub struct Deliveries {
    client: Client,
    table: String,
}

impl Deliveries {
    /// In the tables with this prefix.
    pub fn new(client: Client, prefix: &str) -> Self {
        Self { client, table: format!("{prefix}webhook-deliveries") }
    }

    /// Puts a delivery into the log, unless it is there: of those who come upon an event, one has it.
    pub async fn claim(&self, delivery: &Delivery) -> Result<bool, WebhookError> {
        self.put(delivery, |put| put.condition_expression("attribute_not_exists(pk)")).await
    }

    /// Writes a delivery down whose `next_at` was this. False if somebody else has moved it since.
    pub(super) async fn save(&self, delivery: &Delivery, seen: Option<&str>) -> Result<bool, WebhookError> {
        let seen = text(seen.unwrap_or_default());
        self.put(delivery, |put| put.condition_expression("next_at = :seen").expression_attribute_values(":seen", seen))
            .await
    }

    /// Takes a due delivery in hand until then. `None` if somebody else has it.
    pub(super) async fn lease(&self, due: &Delivery, until: DateTime<Utc>) -> Result<Option<Delivery>, WebhookError> {
        let mut leased = due.clone();
        leased.again_at(until);
        Ok(self.save(&leased, due.next_at.as_deref()).await?.then_some(leased))
    }

    /// What was taken in hand is done with, as it stands.
    pub(super) async fn finish(&self, leased: &Delivery, done: &Delivery) -> Result<bool, WebhookError> {
        self.save(done, leased.next_at.as_deref()).await
    }

    async fn put(
        &self,
        delivery: &Delivery,
        condition: impl FnOnce(
            aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder,
        ) -> aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder,
    ) -> Result<bool, WebhookError> {
        const WRITING: &str = "writing a delivery";
        let item = serde_dynamo::to_item(delivery).map_err(WebhookError::of(WRITING))?;
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        match condition(put).send().await {
            Ok(_) => Ok(true),
            Err(error) if is_condition(&error) => Ok(false),
            Err(error) => Err(WebhookError::of(WRITING)(error)),
        }
    }

    /// A delivery (consistent).
    pub async fn get(&self, webhook_id: Uuid, id: Uuid) -> Result<Option<Delivery>, WebhookError> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let get = get.key("pk", text(&webhook_id.to_string())).key("sk", text(&id.to_string()));
        let found = get.send().await.map_err(WebhookError::of("reading a delivery"))?.item;
        found.map(|item| self.read(item)).transpose()
    }

    /// The deliveries of a webhook, newest first. `None` if the cursor is none.
    pub async fn page(
        &self,
        webhook_id: Uuid,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Option<DeliveryPage>, WebhookError> {
        let from = match cursor.map(cursor_of) {
            Some(None) => return Ok(None),
            Some(Some(id)) => Some(id),
            None => None,
        };
        let query = self.client.query().table_name(&self.table).scan_index_forward(false).consistent_read(true);
        let query = match from {
            Some(before) => query
                .key_condition_expression("pk = :webhook AND sk < :before")
                .expression_attribute_values(":before", text(&before.to_string())),
            None => query.key_condition_expression("pk = :webhook"),
        };
        let query = query.expression_attribute_values(":webhook", text(&webhook_id.to_string()));
        // One more, to see whether there is more.
        let query = query.limit(i32::try_from(limit + 1).unwrap_or(i32::MAX));
        let items = query.send().await.map_err(WebhookError::of("reading the deliveries"))?.items.unwrap_or_default();
        let mut items = items.into_iter().map(|item| self.read(item)).collect::<Result<Vec<_>, _>>()?;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|last| BASE64_URL_SAFE_NO_PAD.encode(last.id.as_bytes()));
        Ok(Some(DeliveryPage { items, next }))
    }

    /// What is due at a webhook by then, the longest due first.
    pub(super) async fn due(
        &self,
        webhook_id: Uuid,
        now: DateTime<Utc>,
        limit: i32,
    ) -> Result<Vec<Delivery>, WebhookError> {
        let query = self.client.query().table_name(&self.table).index_name("due").limit(limit);
        let query = query
            .key_condition_expression("due = :webhook AND next_at <= :now")
            .expression_attribute_values(":webhook", text(&webhook_id.to_string()))
            .expression_attribute_values(":now", text(&sortable(now)));
        let items = query.send().await.map_err(WebhookError::of("reading what is due"))?.items.unwrap_or_default();
        items.into_iter().map(|item| self.read(item)).collect()
    }

    fn read(&self, item: HashMap<String, AttributeValue>) -> Result<Delivery, WebhookError> {
        serde_dynamo::from_item(item)
            .map_err(|error| WebhookError::Damaged { table: self.table.clone(), reason: error.to_string() })
    }
}

fn cursor_of(text: &str) -> Option<Uuid> {
    let bytes = (text.len() <= 64).then(|| BASE64_URL_SAFE_NO_PAD.decode(text).ok()).flatten()?;
    Uuid::from_slice(&bytes).ok()
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}
