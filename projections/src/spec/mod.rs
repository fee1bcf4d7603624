//! Testing projections: given these events, whatever the bus does with them, then this row.
//!
//! Every case is run many times over: in order, with duplicates, in other orders, with events lost on the way (never
//! the last of an aggregate, which only [`reconcile`](crate::reconcile) finds), in batches of several sizes, and with an
//! event store that is read before and after later events are in it. All runs must end the same, and no row may ever go
//! back.

mod deliveries;
mod history;
mod log;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;

use futures::executor::block_on;
use muster_domain::{AggregateType, EventReader, RecordedEvent, StreamId};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::attribute;
use crate::projection::{Entry, IndexKey, Place, Projection};
use crate::projector::{Message, OneTable, Projector};
use crate::rows::{MemoryRows, NewRow};
use deliveries::deliveries;

pub use history::{History, Recordable};
pub use log::MemoryLog;

/// What one aggregate's row and entries came to.
#[derive(Clone, Debug, PartialEq)]
struct Ended {
    row: Option<NewRow>,
    entries: Vec<Entry>,
}

/// The outcome of a case, the same in all its runs.
#[derive(Debug)]
pub struct ProjectionSpec<P> {
    projection: P,
    stream: StreamId,
    ended: Ended,
    head: u64,
}

impl<P: Projection + Clone> ProjectionSpec<P> {
    /// Runs the case in every way. Fails at once when two runs end differently or a row goes back. The events may be of
    /// several aggregates; what follows is about the first one's.
    #[track_caller]
    pub fn given(projection: P, events: impl IntoIterator<Item = RecordedEvent>) -> Self {
        let events: Vec<RecordedEvent> = events.into_iter().collect();
        let stream = events.first().map_or(StreamId::new(AggregateType::Task, Uuid::nil()), |event| event.stream);
        let head = events.iter().filter(|event| event.stream == stream).map(|event| event.version).max().unwrap_or(0);
        let mut ended: Option<BTreeMap<StreamId, Ended>> = None;
        for delivery in deliveries(&events) {
            for batch in [delivery.len().max(1), 1, 2] {
                for ahead in [true, false] {
                    let run = run(&projection, &events, &delivery, batch, ahead);
                    let first = ended.get_or_insert_with(|| run.clone());
                    assert_eq!(
                        *first,
                        run,
                        "delivered as {delivery:?} (places in the given events) in batches of {batch}, {} \
                         (left: in order, in one batch)",
                        if ahead { "all in the store already" } else { "none in the store before it was delivered" }
                    );
                }
            }
        }
        let ended = ended.and_then(|mut ended| ended.remove(&stream));
        Self { projection, stream, ended: ended.unwrap_or(Ended { row: None, entries: Vec::new() }), head }
    }

    /// The row is this, at the version of the last event.
    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "the row is written out where it is expected")]
    pub fn then_row(&self, expected: P::Row) -> &Self {
        let stored = self.ended.row.as_ref().map(|row| &row.stored);
        let row = stored.and_then(|stored| stored.row.clone());
        let row: Option<P::Row> = row.and_then(|row| serde_json::from_value(row).ok());
        assert_eq!(row.as_ref(), Some(&expected), "the row");
        assert_eq!(stored.map(|stored| (stored.as_of, stored.parked.clone())), Some((self.head, None)), "its version");
        let keys = self.projection.index_keys(&self.stream, &expected);
        assert_eq!(self.ended.row.as_ref().map(|row| &row.keys), Some(&keys), "its index keys");
        let places = self.projection.places(&self.stream, &expected);
        assert_eq!(self.places(), places, "its places");
        assert_eq!(
            stored.map(|stored| stored.places.clone()),
            Some(places.into_iter().map(|place| place.sort_key).collect()),
            "their sort keys"
        );
        self
    }

    /// The row is found by these keys, in this order, and no others.
    #[track_caller]
    pub fn then_keys(&self, expected: &[IndexKey]) -> &Self {
        assert_eq!(self.ended.row.as_ref().map(|row| row.keys.as_slice()), Some(expected), "the index keys");
        self
    }

    /// The row has these places, in this order, and no others: sort key and list of each.
    #[track_caller]
    pub fn then_places(&self, expected: &[(&str, &str)]) -> &Self {
        let list = |place: &Place| place.keys.first().map(|(_, list)| list.clone());
        let places: Vec<_> = self.places().iter().map(|place| (place.sort_key.clone(), list(place))).collect();
        let expected: Vec<_> = expected.iter().map(|(at, list)| ((*at).to_owned(), Some((*list).into()))).collect();
        assert_eq!(places, expected, "the places");
        self
    }

    /// The row's places.
    pub fn places(&self) -> &[Place] {
        self.ended.row.as_ref().map_or(&[], |row| &row.places)
    }

    /// There is no row at all: the projection takes no such events.
    #[track_caller]
    pub fn then_no_row(&self) -> &Self {
        assert_eq!(self.ended.row, None, "the row");
        self
    }

    /// The entries say this, by version.
    #[track_caller]
    pub fn then_entries<E: Serialize + Debug>(&self, expected: &[E]) -> &Self {
        let expected: Result<Vec<Value>, String> = expected.iter().map(attribute::as_stored).collect();
        let entries: Vec<Value> = self.ended.entries.iter().map(|entry| entry.body.clone()).collect();
        assert_eq!(Ok(entries), expected, "the entries");
        self
    }

    /// The row stopped before the event at this version, for a reason with these words.
    #[track_caller]
    pub fn then_parked(&self, version: u64, words: &str) -> &Self {
        let stored = self.ended.row.as_ref().map(|row| &row.stored);
        let parked = stored.and_then(|stored| stored.parked.as_ref());
        assert_eq!(parked.map(|parked| parked.version), Some(version), "where it stopped");
        let reason = parked.map_or("", |parked| parked.reason.as_str());
        assert!(reason.contains(words), "{reason:?} does not contain {words:?}");
        assert_eq!(stored.map(|stored| stored.as_of), Some(version - 1), "its version");
        self
    }
}

/// One run: these places of the given events, in this order.
#[track_caller]
fn run<P: Projection + Clone>(
    projection: &P,
    events: &[RecordedEvent],
    delivery: &[usize],
    batch: usize,
    ahead: bool,
) -> BTreeMap<StreamId, Ended> {
    let log = Arc::new(MemoryLog::default());
    let rows = Arc::new(MemoryRows::default());
    let projector =
        Projector::new(projection.clone(), Arc::clone(&log) as Arc<dyn EventReader>, Arc::new(OneTable(rows.clone())));
    if ahead {
        for event in events {
            log.append(event);
        }
    }
    for places in delivery.chunks(batch) {
        let delivered: Vec<&RecordedEvent> = places.iter().map(|place| &events[*place]).collect();
        for event in &delivered {
            // What is on the bus is in the store, and so is all that came before it.
            let before = |other: &&RecordedEvent| other.stream == event.stream && other.version <= event.version;
            for event in events.iter().filter(before) {
                log.append(event);
            }
        }
        let messages = delivered
            .iter()
            .zip(places)
            .map(|(event, place)| Message { id: format!("{place}"), event: Ok((*event).clone()) });
        for failure in block_on(projector.handle(messages.collect())) {
            assert!(failure.poison, "the event at place {} failed: {}", failure.id, failure.reason);
        }
    }
    let mut reached: BTreeMap<StreamId, u64> = BTreeMap::new();
    for (stream, as_of) in rows.saved() {
        let before = reached.insert(stream, as_of).unwrap_or(0);
        assert!(before <= as_of, "the row of {stream} went back from version {before} to {as_of}");
    }
    let streams: BTreeSet<StreamId> = events.iter().map(|event| event.stream).collect();
    let ended = |stream: &StreamId| Ended { row: rows.row(stream), entries: rows.entries_of(stream) };
    streams.iter().map(|stream| (*stream, ended(stream))).collect()
}
