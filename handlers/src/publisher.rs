//! From the event table's stream to the bus. The Lambda and the local program run this same function.

use async_trait::async_trait;
use aws_lambda_events::dynamodb::EventRecord;
use muster_commands::{Trace, commit_from_item, trace_from_item};
use muster_domain::{Commit, RecordedEvent};
use tracing::{Span, info_span};

use crate::metrics::{EVENTS_PUBLISHED, EVENTS_REFUSED};

/// The `source` of every event that Muster puts on a bus.
pub const SOURCE: &str = "muster";

/// How often refused entries are put again before their record is reported as failed.
const ATTEMPTS: u32 = 3;

/// What became of one event that was put on the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutOutcome {
    /// It is on the bus.
    Accepted,
    /// It is not; the others are.
    Refused {
        /// What the bus said.
        reason: String,
    },
}

/// The bus did not answer: what was put may be on it or not.
#[derive(Debug, thiserror::Error)]
#[error("the bus does not answer")]
pub struct BusError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// An event on its way to the bus.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The event.
    pub event: RecordedEvent,
    /// What its projectors follow from, if that is recorded.
    pub trace: Option<Trace>,
}

/// An event that no trace leads to.
impl From<RecordedEvent> for Entry {
    fn from(event: RecordedEvent) -> Self {
        Self { event, trace: None }
    }
}

/// Where events go from the store.
#[async_trait]
pub trait EventBus: Send + Sync {
    /// Puts events on the bus. One outcome for each event, in their order.
    async fn put(&self, entries: &[Entry]) -> Result<Vec<PutOutcome>, BusError>;
}

/// One record of the stream: a commit, and where it stands in the stream.
#[derive(Clone, Debug)]
pub struct StreamItem {
    /// Where it stands.
    pub sequence_number: String,
    /// The commit, or why the record holds none.
    pub commit: Result<Commit, String>,
    /// The trace that the commit belongs to, if it is recorded.
    pub trace: Option<Trace>,
}

impl StreamItem {
    /// The commit in a record of the stream. `None` for a record that is no insertion: the table is append-only, and
    /// what else happens to it is for the alarms, not for the bus.
    pub fn from_record(record: EventRecord) -> Option<Self> {
        if record.event_name != "INSERT" {
            tracing::error!(event_name = record.event_name, "an item of the event table was changed or removed");
            return None;
        }
        let sequence_number = record.change.sequence_number.unwrap_or_default();
        let trace = trace_from_item(&record.change.new_image);
        let commit = commit_from_item(record.change.new_image).map_err(|error| error.to_string());
        Some(Self { sequence_number, commit, trace })
    }

    /// A record that holds no commit.
    pub const fn unreadable(sequence_number: String, reason: String) -> Self {
        Self { sequence_number, commit: Err(reason), trace: None }
    }

    /// What it takes to publish it, in the trace that its commit belongs to.
    fn span(&self) -> Span {
        let (Some(trace), Ok(commit)) = (&self.trace, &self.commit) else { return Span::none() };
        let (stream, version, correlation_id) = (commit.stream, commit.version, &commit.correlation_id);
        let span = info_span!("publish", otel.kind = "producer", %stream, version, correlation_id);
        trace.lead_to(&span);
        span
    }

    /// Its events, each with the place in its trace from which they follow.
    fn entries(&self, span: &Span) -> impl Iterator<Item = Entry> + use<> {
        let trace = Trace::of(span);
        let events = self.commit.as_ref().ok().map(Commit::recorded_events);
        events.into_iter().flatten().map(move |event| Entry { event, trace: trace.clone() })
    }
}

/// Puts the events of these records on the bus, in order. Answers with the sequence number of the first record that is
/// not wholly on the bus, if there is one: everything before it is, and it and all after it must come again.
pub async fn publish(bus: &dyn EventBus, records: &[StreamItem]) -> Option<String> {
    let mut published = 0;
    let readable = records.iter().take_while(|record| record.commit.is_ok()).count();
    if readable > 0 {
        published = put_all(bus, &records[..readable]).await;
    }
    let failed = records.get(published)?;
    if let Err(reason) = &failed.commit {
        tracing::error!(sequence_number = failed.sequence_number, reason, "a stream record is not a commit");
    }
    Some(failed.sequence_number.clone())
}

/// How many of these records are wholly on the bus.
async fn put_all(bus: &dyn EventBus, records: &[StreamItem]) -> usize {
    // They end when all is done, which takes all the same time.
    let spans: Vec<Span> = records.iter().map(StreamItem::span).collect();
    // Each event with the index of the record that it belongs to.
    let mut pending: Vec<(usize, Entry)> = records
        .iter()
        .zip(&spans)
        .enumerate()
        .flat_map(|(index, (record, span))| record.entries(span).map(move |entry| (index, entry)))
        .collect();
    for _ in 0..ATTEMPTS {
        let entries: Vec<_> = pending.iter().map(|(_, entry)| entry.clone()).collect();
        match bus.put(&entries).await {
            Ok(outcomes) => {
                let sent = pending.len();
                let mut outcomes = outcomes.into_iter();
                // An event without an outcome counts as refused.
                pending.retain(|(_, Entry { event, .. })| match outcomes.next() {
                    Some(PutOutcome::Accepted) => false,
                    Some(PutOutcome::Refused { reason }) => {
                        tracing::warn!(stream = %event.stream, version = event.version, reason, "the bus refused an event");
                        true
                    }
                    None => true,
                });
                count(sent - pending.len(), pending.len());
            }
            Err(error) => {
                tracing::warn!(%error, "the bus did not answer");
                count(0, pending.len());
            }
        }
        if pending.is_empty() {
            return records.len();
        }
    }
    pending.first().map_or(records.len(), |(index, _)| *index)
}

fn count(accepted: usize, refused: usize) {
    metrics::counter!(EVENTS_PUBLISHED).increment(accepted as u64);
    metrics::counter!(EVENTS_REFUSED).increment(refused as u64);
}
