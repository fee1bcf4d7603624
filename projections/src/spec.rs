//! Testing projections: given these events, whatever the bus does with them, then this row.
//!
//! Every case is run many times over: in order, with duplicates, in other orders, with events lost on the way (never
//! the last of an aggregate, which only [`reconcile`](crate::reconcile) finds), in batches of several sizes, and with an
//! event store that is read before and after later events are in it. All runs must end the same, and no row may ever go
//! back.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures::executor::block_on;
use muster_domain::personal::MemoryKeys;
use muster_domain::ports::{CommitPage, ReadError, ScanCursor, SubjectKeys};
use muster_domain::task::TaskEvent;
use muster_domain::team::TeamEvent;
use muster_domain::user::UserEvent;
use muster_domain::{Actor, CommandId, Commit, EventData, EventReader, Fingerprint, Hash, RecordedEvent, StreamId};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::attribute;
use crate::projection::{Entry, IndexKey, Place, Projection};
use crate::projector::{Message, OneTable, Projector};
use crate::rows::{MemoryRows, NewRow};

/// An event store in memory. It computes no hashes: nobody here looks at them.
#[derive(Debug, Default)]
pub struct MemoryLog(Mutex<BTreeMap<StreamId, BTreeMap<u64, Commit>>>, MemoryKeys);

impl MemoryLog {
    /// Appends an event as a commit of its own.
    pub fn append(&self, event: &RecordedEvent) {
        let commit = Commit {
            stream: event.stream,
            version: event.version,
            events: vec![EventData {
                event_type: event.event_type.clone(),
                schema: event.schema,
                data: event.data.clone(),
            }],
            command_id: event.command_id,
            fingerprint: Fingerprint::from(String::new()),
            actor: event.actor.clone(),
            recorded_at: event.recorded_at,
            correlation_id: event.correlation_id.clone(),
            causation_id: event.causation_id.clone(),
            prev_hash: Hash::GENESIS,
            hash: Hash::GENESIS,
        };
        let mut histories = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        histories.entry(event.stream).or_default().insert(event.version, commit);
    }

    /// Makes the commit at this version one that cannot be read.
    pub fn damage(&self, stream: &StreamId, version: u64) {
        let mut histories = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let commit = histories.get_mut(stream).and_then(|history| history.get_mut(&version));
        if let Some(commit) = commit {
            // No commit has no events.
            commit.events.clear();
        }
    }

    fn all(&self) -> Vec<Commit> {
        let histories = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        histories.values().flat_map(BTreeMap::values).cloned().collect()
    }
}

#[async_trait]
impl EventReader for MemoryLog {
    async fn commits(&self, stream: &StreamId, after: u64, up_to: Option<u64>) -> Result<Vec<Commit>, ReadError> {
        let wanted = |commit: &Commit| {
            commit.stream == *stream && commit.version > after && up_to.is_none_or(|last| commit.version <= last)
        };
        self.all().into_iter().filter(wanted).map(readable).collect()
    }

    async fn head(&self, stream: &StreamId) -> Result<u64, ReadError> {
        let last = self.all().into_iter().rfind(|commit| commit.stream == *stream).map(readable).transpose()?;
        Ok(last.map_or(0, |commit| commit.last_version()))
    }

    fn keys(&self) -> &dyn SubjectKeys {
        &self.1
    }

    async fn scan(&self, segment: u32, segments: u32, cursor: Option<ScanCursor>) -> Result<CommitPage, ReadError> {
        const PAGE: usize = 100;
        let after = cursor.map(|cursor| (cursor.stream, cursor.version));
        let mut commits = self.all();
        commits.retain(|commit| {
            commit.stream.id.as_u128() % u128::from(segments.max(1)) == u128::from(segment)
                && after.is_none_or(|after| (commit.stream, commit.version) > after)
        });
        let more = commits.len() > PAGE;
        commits.truncate(PAGE);
        let last = commits.last().map(|commit| ScanCursor { stream: commit.stream, version: commit.version });
        let (commits, damaged): (Vec<_>, Vec<_>) = commits.into_iter().partition(|commit| !commit.events.is_empty());
        let damaged = damaged.into_iter().map(|commit| (commit.stream, commit.version)).collect();
        Ok(CommitPage { commits, damaged, next: last.filter(|_| more) })
    }
}

fn readable(commit: Commit) -> Result<Commit, ReadError> {
    if commit.events.is_empty() {
        let (stream, version) = (commit.stream.to_string(), commit.version);
        return Err(ReadError::Damaged { stream, version, reason: "it was damaged".to_owned() });
    }
    Ok(commit)
}

/// What a [`History`] can record.
pub trait Recordable {
    /// The event as it is stored.
    fn recorded(self) -> EventData;
}

impl Recordable for EventData {
    fn recorded(self) -> EventData {
        self
    }
}

macro_rules! recordable {
    ($($event:ty),+) => {
        $(impl Recordable for $event {
            fn recorded(self) -> EventData {
                let mut json = serde_json::to_value(&self).unwrap_or_default();
                let data = json.get_mut("data").map(Value::take).unwrap_or_default();
                EventData { event_type: self.event_type().to_owned(), schema: self.schema(), data }
            }
        })+
    };
}

recordable!(TaskEvent, UserEvent, TeamEvent);

/// Makes the recorded events of one aggregate, a minute apart from 2026-03-02 08:00 UTC on.
#[derive(Clone, Debug)]
pub struct History {
    stream: StreamId,
    actor: Actor,
    at: DateTime<Utc>,
    events: Vec<RecordedEvent>,
}

impl History {
    /// Of this aggregate, made by a part of Muster called `spec`.
    pub fn of(stream: impl Into<StreamId>) -> Self {
        let at = DateTime::from_timestamp(1_772_438_400, 0).unwrap_or_default();
        Self { stream: stream.into(), actor: Actor::system("spec"), at, events: Vec::new() }
    }

    /// From here on by this actor.
    #[must_use]
    pub fn by(mut self, actor: impl Into<Actor>) -> Self {
        self.actor = actor.into();
        self
    }

    /// From here on at this time and a minute apart.
    #[must_use]
    pub const fn at(mut self, at: DateTime<Utc>) -> Self {
        self.at = at;
        self
    }

    /// And then this happened.
    #[must_use]
    pub fn then(mut self, event: impl Recordable) -> Self {
        let version = self.events.len() as u64 + 1;
        let EventData { event_type, schema, data } = event.recorded();
        self.events.push(RecordedEvent {
            event_id: RecordedEvent::id_at(&self.stream, version),
            stream: self.stream,
            version,
            event_type,
            schema,
            recorded_at: self.at,
            actor: self.actor.clone(),
            command_id: CommandId(Uuid::from_u128(u128::from(version))),
            correlation_id: format!("request-{version}"),
            causation_id: None,
            data,
        });
        self.at += TimeDelta::minutes(1);
        self
    }

    /// The events so far.
    pub fn events(&self) -> &[RecordedEvent] {
        &self.events
    }
}

impl IntoIterator for History {
    type Item = RecordedEvent;
    type IntoIter = std::vec::IntoIter<RecordedEvent>;

    fn into_iter(self) -> Self::IntoIter {
        self.events.into_iter()
    }
}

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
        let stream =
            events.first().map_or(StreamId::new(muster_domain::AggregateType::Task, Uuid::nil()), |event| event.stream);
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

/// In which ways the events come: places in the given events, the first way being their order.
fn deliveries(events: &[RecordedEvent]) -> Vec<Vec<usize>> {
    let order: Vec<usize> = (0..events.len()).collect();
    let twice_each = order.iter().flat_map(|place| [*place, *place]).collect();
    let twice = order.iter().chain(&order).copied().collect();
    let there_and_back = order.iter().chain(order.iter().rev()).copied().collect();
    let mut ways = vec![order.clone(), twice_each, twice, there_and_back];
    ways.extend(orders(&order));
    let last = |place: &usize| {
        let RecordedEvent { stream, version, .. } = &events[*place];
        !events.iter().any(|other| other.stream == *stream && other.version > *version)
    };
    for lost in order.iter().filter(|place| !last(place)) {
        let kept: Vec<usize> = order.iter().copied().filter(|place| place != lost).collect();
        ways.push(kept.iter().rev().copied().collect());
        ways.push(kept);
    }
    ways.push(order.iter().copied().filter(last).collect());
    ways
}

/// All orders of up to five events; of more, sixty that are the same in every run.
fn orders(order: &[usize]) -> Vec<Vec<usize>> {
    if order.len() > 5 {
        let mut seed: u64 = 0x006d_7573_7465_7221;
        return (0..60).map(|_| shuffled(order, &mut seed)).collect();
    }
    let mut orders = vec![Vec::new()];
    for place in order {
        let inserted = |order: &Vec<usize>| -> Vec<Vec<usize>> {
            let at = |index| {
                let mut order = order.clone();
                order.insert(index, *place);
                order
            };
            (0..=order.len()).map(at).collect()
        };
        orders = orders.iter().flat_map(inserted).collect();
    }
    orders
}

fn shuffled(order: &[usize], seed: &mut u64) -> Vec<usize> {
    let mut order = order.to_vec();
    for index in (1..order.len()).rev() {
        // The multiplier and the increment are those of PCG; the upper half is well mixed.
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let draw = usize::try_from(*seed >> 33).unwrap_or(0);
        order.swap(index, draw % (index + 1));
    }
    order
}
