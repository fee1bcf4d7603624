//! Letters that are held back: for quiet hours, and for digests.
//!
//! An item of the table `held-letters` has `pk` = `<recipient>#<channel>`, `sk` = `<when it comes>#<event id>`, and where the event is
//! found that it tells of. It has nothing that is personal: the letter is written when it is sent, of what is true then.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use muster_domain::{StreamId, UserId};
use uuid::Uuid;

use crate::reactor::ReactError;

/// How long after it should have come a letter is of no use to anybody any more.
const OF_USE_FOR: TimeDelta = TimeDelta::days(7);

/// A letter that is held back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    /// Who is told.
    pub(super) recipient: UserId,
    /// On which channel.
    pub(super) channel: String,
    /// When it comes.
    pub(super) comes_at: DateTime<Utc>,
    /// The event that it tells of.
    pub(super) event: Uuid,
    /// Whose history the event is in.
    pub(super) stream: StreamId,
    /// The event's version in it.
    pub(super) version: u64,
}

/// The letters that are held back.
#[derive(Clone, Debug)]
pub struct HeldLetters {
    client: Client,
    table: String,
}

impl HeldLetters {
    /// In the tables with this prefix.
    pub fn new(client: Client, prefix: &str) -> Self {
        Self { client, table: format!("{prefix}held-letters") }
    }

    /// Holds a letter back. Twice is once.
    pub(super) async fn hold(&self, held: &Held) -> Result<(), ReactError> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(key(held)));
        let put = put.item("stream", text(held.stream.to_string())).item("version", number(&held.version));
        let put = put.item("ttl", number(&(held.comes_at + OF_USE_FOR).timestamp()));
        put.send().await.map(|_| ()).map_err(ReactError::of("holding a letter back"))
    }

    /// Those that come by now, by person and channel, the oldest first. The table has what is held back at this moment, so it is read
    /// as a whole.
    pub(super) async fn due(&self, now: DateTime<Utc>) -> Result<BTreeMap<(UserId, String), Vec<Held>>, ReactError> {
        const READING: &str = "reading the letters that are held back";
        let scan = self.client.scan().table_name(&self.table).filter_expression("sk <= :now");
        // Whatever stands after the time is greater than nothing.
        let scan = scan.expression_attribute_values(":now", text(format!("{}#~", time(now))));
        let items = scan.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        let mut due = BTreeMap::<_, Vec<Held>>::new();
        for item in items.map_err(ReactError::of(READING))? {
            let held =
                read(&item).ok_or_else(|| ReactError::of(READING)("an attribute is missing or of another type"))?;
            due.entry((held.recipient, held.channel.clone())).or_default().push(held);
        }
        for letters in due.values_mut() {
            letters.sort_by_key(|held| (held.comes_at, held.event));
        }
        Ok(due)
    }

    /// Takes it, to send it. Whether nobody else has.
    pub(super) async fn take(&self, held: &Held) -> Result<bool, ReactError> {
        let delete = self.client.delete_item().table_name(&self.table).set_key(Some(key(held)));
        match delete.condition_expression("attribute_exists(pk)").send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error.as_service_error().is_some_and(DeleteItemError::is_conditional_check_failed_exception) =>
            {
                Ok(false)
            }
            Err(error) => Err(ReactError::of("taking a letter that was held back")(error)),
        }
    }
}

fn key(held: &Held) -> HashMap<String, AttributeValue> {
    HashMap::from([
        ("pk".to_owned(), text(format!("{}#{}", held.recipient, held.channel))),
        ("sk".to_owned(), text(format!("{}#{}", time(held.comes_at), held.event))),
    ])
}

fn read(item: &HashMap<String, AttributeValue>) -> Option<Held> {
    let text = |name: &str| item.get(name)?.as_s().ok();
    let (recipient, channel) = text("pk")?.split_once('#')?;
    let (comes_at, event) = text("sk")?.split_once('#')?;
    Some(Held {
        recipient: recipient.parse().ok()?,
        channel: channel.to_owned(),
        comes_at: comes_at.parse().ok()?,
        event: event.parse().ok()?,
        stream: text("stream")?.parse().ok()?,
        version: item.get("version")?.as_n().ok()?.parse().ok()?,
    })
}

/// Texts of one length, which are in the order of the times.
fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn text(text: String) -> AttributeValue {
    AttributeValue::S(text)
}

fn number(number: &impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}
