//! Where events wait that a projection could not take in: the dead-letter queues of the local program.
//!
//! The item `pk` = `parked#<projection>`, `sk` = the stream of the table `control` has `version` (N, the first event that
//! was parked), `reason` and `at`. An aggregate's repair takes in all of its events, so one item for each is enough.
//!
//! A record of the stream that is no commit came to no projection: `pk` = `aside#stream`, `sk` = its sequence number.

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, SecondsFormat, Utc};
use muster_domain::{Clock as _, RecordedEvent, StreamId};
use muster_handlers::clock::SystemClock;
use serde::Serialize;

use super::control::{Control, ControlError, Item, read, text};

/// The partition key of the records that were put aside.
const ASIDE: &str = "aside#stream";

/// An aggregate of which a projection could not take in an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ParkedEvent {
    /// The aggregate.
    pub stream: StreamId,
    /// The version of the event.
    pub version: u64,
    /// Why it was not taken in.
    pub reason: String,
    /// When it was parked.
    pub at: DateTime<Utc>,
}

/// A record of the stream that is no commit. The event table should have none: somebody wrote beside the program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AsideRecord {
    /// Its place in the stream.
    pub sequence_number: String,
    /// Why it is no commit.
    pub reason: String,
}

/// The parked events of every projection.
#[derive(Clone, Debug)]
pub struct Parking {
    control: Control,
}

impl Parking {
    pub(crate) const fn new(control: Control) -> Self {
        Self { control }
    }

    /// Puts an event aside.
    pub async fn park(&self, projection: &str, event: &RecordedEvent, reason: &str) -> Result<(), ControlError> {
        let (pk, sk) = (key(projection), event.stream.to_string());
        let before = self.control.get(&pk, &sk).await?.and_then(|item| parked(&item));
        // The first event is the one to look at: those after it cannot be taken in before it.
        if before.is_some_and(|before| before.version <= event.version) {
            return Ok(());
        }
        let version = AttributeValue::N(event.version.to_string());
        let attributes = [("version", version), ("reason", text(&reason)), ("at", now())];
        self.control.put(&pk, &sk, attributes).await
    }

    /// What of a projection is parked, by aggregate.
    pub async fn list(&self, projection: &str) -> Result<Vec<ParkedEvent>, ControlError> {
        let items = self.control.list(&key(projection)).await?;
        Ok(items.iter().filter_map(parked).collect())
    }

    /// Puts a record of the stream aside.
    pub(crate) async fn put_aside(&self, sequence_number: &str, reason: &str) -> Result<(), ControlError> {
        self.control.put(ASIDE, sequence_number, [("reason", text(&reason)), ("at", now())]).await
    }

    /// The records of the stream that were put aside.
    pub async fn aside(&self) -> Result<Vec<AsideRecord>, ControlError> {
        let record = |item: &Item| {
            let (sequence_number, reason) = (read(item, "sk")?.to_owned(), read(item, "reason")?.to_owned());
            Some(AsideRecord { sequence_number, reason })
        };
        Ok(self.control.list(ASIDE).await?.iter().filter_map(record).collect())
    }

    /// The aggregate has been brought up to its history.
    pub async fn release(&self, projection: &str, stream: &StreamId) -> Result<(), ControlError> {
        self.control.delete(&key(projection), &stream.to_string()).await
    }
}

fn now() -> AttributeValue {
    AttributeValue::S(SystemClock.now().to_rfc3339_opts(SecondsFormat::Millis, true))
}

fn key(projection: &str) -> String {
    format!("parked#{projection}")
}

fn parked(item: &Item) -> Option<ParkedEvent> {
    Some(ParkedEvent {
        stream: read(item, "sk")?.parse().ok()?,
        version: item.get("version")?.as_n().ok()?.parse().ok()?,
        reason: read(item, "reason")?.to_owned(),
        at: read(item, "at")?.parse().ok()?,
    })
}
