//! The log: every stream's commits in order, as they lie in the event table.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::attribute::{list, map, number, present, text};
use super::violation::Findings;

/// The most events that a commit may have.
const MAX_EVENTS: usize = 64;

/// All histories.
#[derive(Default)]
pub(super) struct Log<'a> {
    /// Each stream's commits by the version of their first event.
    pub(super) streams: BTreeMap<&'a str, Vec<Commit<'a>>>,
}

/// One commit.
pub(super) struct Commit<'a> {
    pub(super) stream: &'a str,
    /// The version of its first event.
    pub(super) first: u64,
    pub(super) events: Vec<Event<'a>>,
    pub(super) command_id: &'a str,
    pub(super) fingerprint: &'a str,
    pub(super) actor: &'a Value,
    pub(super) recorded_at: &'a str,
    pub(super) correlation_id: &'a str,
    pub(super) causation_id: Option<&'a str>,
    pub(super) prev_hash: &'a str,
    pub(super) hash: &'a str,
    /// `recorded_at`, as it is stored.
    pub(super) recorded_at_stored: &'a Value,
    /// `command_id` and `correlation_id`, as they are stored.
    pub(super) command_id_stored: &'a Value,
    pub(super) correlation_id_stored: &'a Value,
}

/// One event of a commit.
pub(super) struct Event<'a> {
    pub(super) version: u64,
    /// Its type.
    pub(super) kind: &'a str,
    /// Its type, as it is stored.
    pub(super) kind_stored: &'a Value,
    pub(super) schema: u64,
    /// Its payload's fields.
    pub(super) data: &'a Map<String, Value>,
    /// Its payload, as it is stored.
    pub(super) stored: &'a Value,
}

impl<'a> Log<'a> {
    /// Reads all items of the event table. What is no commit is noted and left out.
    pub(super) fn read(items: &'a [Value], found: &mut Findings) -> Self {
        let mut streams: BTreeMap<&str, Vec<Commit<'_>>> = BTreeMap::new();
        for item in items {
            match Commit::read(item) {
                Ok(commit) => streams.entry(commit.stream).or_default().push(commit),
                Err(reason) => {
                    let key = (item.get("pk").and_then(text), item.get("sk").and_then(number));
                    found.note(1, format_args!("the item {key:?} of the event table is no commit: {reason}"));
                }
            }
        }
        for commits in streams.values_mut() {
            commits.sort_by_key(|commit| commit.first);
        }
        Self { streams }
    }

    /// The commit that begins at this version.
    pub(super) fn at(&self, stream: &str, first: u64) -> Option<&Commit<'a>> {
        let commits = self.streams.get(stream)?;
        let place = commits.binary_search_by_key(&first, |commit| commit.first).ok()?;
        commits.get(place)
    }
}

impl<'a> Commit<'a> {
    fn read(item: &'a Value) -> Result<Self, String> {
        let attribute = |name: &str| item.get(name).ok_or_else(|| format!("it has no {name}"));
        let string = |name: &str| text(attribute(name)?).ok_or_else(|| format!("{name} is no text"));
        let stream = string("pk")?;
        if !matches!(stream.split_once('#'), Some(("task" | "user" | "team", id)) if id.len() == 36) {
            return Err("its pk names no stream".to_owned());
        }
        let first = number(attribute("sk")?).filter(|first| *first > 0).ok_or("its sk is no version")?;
        let stored = list(attribute("events")?).ok_or("its events are no list")?;
        if stored.is_empty() || stored.len() > MAX_EVENTS {
            return Err(format!("it has {} events", stored.len()));
        }
        let events =
            (first..).zip(stored).map(|(version, event)| Event::read(version, event)).collect::<Result<_, _>>()?;
        Ok(Self {
            stream,
            first,
            events,
            command_id: string("command_id")?,
            fingerprint: string("fingerprint")?,
            actor: attribute("actor")
                .and_then(|actor| map(actor).map(|_| actor).ok_or("its actor is no map".to_owned()))?,
            recorded_at: string("recorded_at")?,
            correlation_id: string("correlation_id")?,
            causation_id: item.get("causation_id").and_then(text),
            prev_hash: string("prev_hash")?,
            hash: string("hash")?,
            recorded_at_stored: attribute("recorded_at")?,
            command_id_stored: attribute("command_id")?,
            correlation_id_stored: attribute("correlation_id")?,
        })
    }

    /// The version of its last event.
    pub(super) fn last(&self) -> u64 {
        self.first + self.events.len() as u64 - 1
    }

    /// The kind of aggregate, and its id.
    pub(super) fn aggregate_and_id(&self) -> (&'a str, &'a str) {
        self.stream.split_once('#').unwrap_or((self.stream, ""))
    }
}

impl<'a> Event<'a> {
    fn read(version: u64, event: &'a Value) -> Result<Self, String> {
        let missing = |what: &str| format!("event {version} has no {what}");
        let fields = map(event).ok_or_else(|| format!("event {version} is no map"))?;
        let kind_stored = fields.get("type").ok_or_else(|| missing("type"))?;
        let stored = fields.get("data").ok_or_else(|| missing("data"))?;
        if fields.len() != 3 {
            return Err(format!("event {version} has {} fields", fields.len()));
        }
        Ok(Self {
            version,
            kind: text(kind_stored).ok_or_else(|| missing("type"))?,
            kind_stored,
            schema: fields.get("schema").and_then(number).ok_or_else(|| missing("schema"))?,
            data: map(stored).ok_or_else(|| missing("payload"))?,
            stored,
        })
    }

    /// A field of the payload; `None` where it is not there or null.
    pub(super) fn field(&self, name: &str) -> Option<&'a Value> {
        self.data.get(name).and_then(present)
    }

    /// A field that says what was and what is; `None` where it did not change.
    pub(super) fn change(&self, name: &str) -> Option<(Option<&'a Value>, Option<&'a Value>)> {
        let change = map(self.data.get(name)?)?;
        Some((change.get("from").and_then(present), change.get("to").and_then(present)))
    }
}
