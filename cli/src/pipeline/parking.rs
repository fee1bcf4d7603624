//! Where events wait that a projection could not take in: the dead-letter queues of the local program.
//!
//! The item `pk` = `parked#<projection>`, `sk` = the stream of the table `control` has `version` (N, the first event that
//! was parked), `reason` and `at`. An aggregate's repair takes in all of its events, so one item for each is enough.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, SecondsFormat, Utc};
use muster_domain::{RecordedEvent, StreamId};
use serde::Serialize;

use super::control::{Control, ControlError, Item, read, text};

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

/// The parked events of every projection.
#[derive(Clone, Debug)]
pub struct Parking {
    control: Control,
}

impl Parking {
    /// In the tables of this client.
    pub fn new(client: Client) -> Self {
        Self { control: Control::new(client) }
    }

    /// Puts an event aside.
    pub async fn park(&self, projection: &str, event: &RecordedEvent, reason: &str) -> Result<(), ControlError> {
        let (pk, sk) = (key(projection), event.stream.to_string());
        let before = self.control.get(&pk, &sk).await?.and_then(|item| parked(&item));
        // The first event is the one to look at: those after it cannot be taken in before it.
        if before.is_some_and(|before| before.version <= event.version) {
            return Ok(());
        }
        let at = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        let attributes = [
            ("version", AttributeValue::N(event.version.to_string())),
            ("reason", text(&reason)),
            ("at", AttributeValue::S(at)),
        ];
        self.control.put(&pk, &sk, attributes).await
    }

    /// What of a projection is parked, by aggregate.
    pub async fn list(&self, projection: &str) -> Result<Vec<ParkedEvent>, ControlError> {
        let items = self.control.list(&key(projection)).await?;
        Ok(items.iter().filter_map(parked).collect())
    }

    /// The aggregate has been brought up to its history.
    pub async fn release(&self, projection: &str, stream: &StreamId) -> Result<(), ControlError> {
        self.control.delete(&key(projection), &stream.to_string()).await
    }
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
