//! What a projection is: a name, the shape of its rows, and pure functions from events to rows.

use std::fmt::{Debug, Display};

use muster_domain::{AggregateType, DomainEvent, RecordedEvent, StreamId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// How one aggregate's events make its row. Pure: no clock, no I/O, the same row from the same events.
pub trait Projection: Send + Sync + 'static {
    /// The name in `schemas/topology.json`; the table of generation 3 is `<prefix><NAME>-3`.
    const NAME: &'static str;

    /// The version of the row's shape. Raise it whenever the row's fields, its index keys or the meaning of `evolve`
    /// change, and rebuild: until then, rows of another version are folded anew when their aggregate's next event comes.
    const VERSION: u32;

    /// What is known of one aggregate.
    type Row: Serialize + DeserializeOwned + Clone + PartialEq + Debug + Send + Sync;

    /// Whether aggregates of this kind have rows here.
    fn wants(&self, aggregate: AggregateType) -> bool;

    /// The row after the event. `row` is `None` before the first one.
    fn evolve(&self, row: Option<Self::Row>, event: &RecordedEvent, decoded: &DomainEvent)
    -> Result<Self::Row, Poison>;

    /// By what the row is found, besides its aggregate. A deleted aggregate's row is a tombstone: it has none.
    fn index_keys(&self, stream: &StreamId, row: &Self::Row) -> Vec<IndexKey>;

    /// In which lists the row is, besides by its index keys: for what it has several of. They are written in one transaction with
    /// the row. A row has at most [`Place::MOST`].
    fn places(&self, stream: &StreamId, row: &Self::Row) -> Vec<Place> {
        let _ = (stream, row);
        Vec::new()
    }

    /// What the event leaves for ever, besides the change to the row. Made from the event and the row before it, which the
    /// events before it make, so that writing it twice changes nothing.
    fn entries(&self, before: Option<&Self::Row>, event: &RecordedEvent, decoded: &DomainEvent) -> Vec<Entry> {
        let _ = (before, event, decoded);
        Vec::new()
    }
}

/// The name of a top-level attribute and its value: one half of an index key.
pub type IndexKey = (&'static str, KeyValue);

/// A value that a table or an index is keyed by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyValue {
    /// `S`.
    Text(String),
    /// `N`.
    Number(i64),
}

impl From<String> for KeyValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for KeyValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// Where a row is in a list: an item beside it, partition key = the stream, sort key = `in#` and the list's kind. It has the index
/// keys, and as much of the row as lists are filtered by. What is long stays in the row.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The sort key, see [`Place::at`].
    pub sort_key: String,
    /// By what it is found.
    pub keys: Vec<IndexKey>,
    /// By what lists are filtered.
    pub facts: Value,
}

impl Place {
    /// The most that a row has: with the row they fit into one transaction.
    pub const MOST: usize = 99;

    /// The sort key of the place in a list of this kind.
    pub fn at(kind: &str) -> String {
        format!("in#{kind}")
    }
}

/// One immutable item beside an aggregate's row: partition key = the stream, sort key = [`Entry::sort_key`].
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The sort key, see [`Entry::at`].
    pub sort_key: String,
    /// By what it is found, besides its stream and version.
    pub keys: Vec<IndexKey>,
    /// What it says.
    pub body: Value,
}

impl Entry {
    /// The sort key of the entry for this version: `v#` and twenty digits, so that entries sort by version.
    pub fn at(version: u64) -> String {
        format!("v#{version:020}")
    }
}

/// Why an event cannot be taken into a row: it does not decode, or does not follow from what was before. Trying again
/// does not help; another program does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Poison {
    /// In words, for the operator.
    pub reason: String,
}

impl Poison {
    /// For this reason.
    pub fn new(reason: &dyn Display) -> Self {
        Self { reason: reason.to_string() }
    }

    /// An event of a kind of aggregate that the projection does not want.
    pub fn foreign(projection: &str, event: &RecordedEvent) -> Self {
        Self::new(&format_args!("{projection} takes no events of a {}", event.stream.aggregate))
    }

    /// The first event of a history came where there is a row, or another one where there is none.
    pub fn out_of_place(event: &RecordedEvent) -> Self {
        Self::new(&format_args!("{} cannot be at version {} of {}", event.event_type, event.version, event.stream))
    }
}
