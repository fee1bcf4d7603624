//! The bus on AWS: EventBridge.

use async_trait::async_trait;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use muster_domain::RecordedEvent;

use crate::publisher::{BusError, EventBus, PutOutcome, SOURCE};

/// The most entries that `PutEvents` takes at once.
const MAX_ENTRIES: usize = 10;
/// The most bytes that `PutEvents` takes at once, less a margin for the names of the fields.
const MAX_BYTES: usize = 240 * 1024;
/// What a time counts in the size of an entry; texts count their bytes in UTF-8.
const TIME_BYTES: usize = 14;

/// An EventBridge bus.
#[derive(Clone, Debug)]
pub struct EventBridge {
    client: Client,
    bus: String,
}

impl EventBridge {
    /// The bus of this name.
    pub fn new(client: Client, bus: impl Into<String>) -> Self {
        Self { client, bus: bus.into() }
    }

    fn entry(&self, event: &RecordedEvent) -> Result<(PutEventsRequestEntry, usize), BusError> {
        let detail = serde_json::to_string(event).map_err(|error| BusError(Box::new(error)))?;
        let stream = event.stream.to_string();
        let size = TIME_BYTES + SOURCE.len() + event.event_type.len() + detail.len() + stream.len();
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.bus)
            .source(SOURCE)
            .detail_type(&event.event_type)
            .time(DateTime::from_millis(event.recorded_at.timestamp_millis()))
            .resources(stream)
            .detail(detail)
            .build();
        Ok((entry, size))
    }

    /// One request. One outcome for each entry, even if the answer has fewer: those of later requests must not move up.
    async fn put_entries(&self, entries: Vec<PutEventsRequestEntry>) -> Result<Vec<PutOutcome>, BusError> {
        let sent = entries.len();
        let answer = self.client.put_events().set_entries(Some(entries)).send().await;
        let answer = answer.map_err(|error| BusError(Box::new(error)))?;
        // `FailedEntryCount` is the number of entries with an error code; the codes say which.
        let outcomes = answer.entries().iter().map(|entry| match entry.error_code() {
            None => PutOutcome::Accepted,
            Some(code) => {
                PutOutcome::Refused { reason: format!("{code}: {}", entry.error_message().unwrap_or_default()) }
            }
        });
        let unanswered = || PutOutcome::Refused { reason: "the answer says nothing of it".to_owned() };
        Ok(outcomes.chain(std::iter::repeat_with(unanswered)).take(sent).collect())
    }
}

#[async_trait]
impl EventBus for EventBridge {
    async fn put(&self, events: &[RecordedEvent]) -> Result<Vec<PutOutcome>, BusError> {
        let mut outcomes = Vec::with_capacity(events.len());
        let (mut entries, mut bytes) = (Vec::with_capacity(MAX_ENTRIES), 0);
        for event in events {
            let (entry, size) = self.entry(event)?;
            if entries.len() == MAX_ENTRIES || (bytes + size > MAX_BYTES && !entries.is_empty()) {
                outcomes.extend(self.put_entries(std::mem::take(&mut entries)).await?);
                bytes = 0;
            }
            entries.push(entry);
            bytes += size;
        }
        if !entries.is_empty() {
            outcomes.extend(self.put_entries(entries).await?);
        }
        Ok(outcomes)
    }
}
