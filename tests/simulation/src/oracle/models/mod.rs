//! Promises 4 and 5: the active generation of each read model is the fold of the log, and no row ever went back.

mod audit_log;
mod directory;
mod feed;
mod task_list;
mod task_past;

use std::collections::BTreeMap;

use serde_json::Value;

use super::attribute::{number, show, text};
use super::expected::{Expected, differing_field};
use super::history::Folded;
use super::log::{Commit, Log};
use super::timeline::Timeline;
use super::violation::Findings;
use crate::observed::{Observed, RowWrite};

/// A list of fields.
type Fields<'a> = Vec<(&'static str, Expected<'a>)>;

/// What a row or an entry says, and by what it is found.
type Item<'a> = (Expected<'a>, Fields<'a>);

/// What a projection makes of a history.
struct Model {
    name: &'static str,
    /// The kinds of aggregate that have rows.
    aggregates: &'static [&'static str],
    row: for<'a> fn(&History<'_, 'a>) -> Item<'a>,
    /// What the history leaves beside its row, by sort key and in its order.
    entries: for<'a> fn(&History<'_, 'a>) -> Vec<(String, Item<'a>)>,
}

/// A history, folded.
struct History<'h, 'a> {
    stream: &'a str,
    commits: &'h [Commit<'a>],
    folded: &'h Folded<'a>,
}

impl<'a> History<'_, 'a> {
    fn id(&self) -> &'a str {
        self.stream.split_once('#').map_or("", |(_, id)| id)
    }

    fn last(&self) -> Option<&Commit<'a>> {
        self.commits.last()
    }

    /// When its last event was recorded.
    fn updated_at(&self) -> Expected<'a> {
        self.last().map_or(Expected::Null, |last| last.recorded_at_stored.into())
    }
}

const MODELS: [Model; 5] = [
    Model {
        name: "audit-log",
        aggregates: &["task", "user", "team"],
        row: audit_log::row,
        entries: audit_log::entries,
    },
    Model { name: "directory", aggregates: &["user", "team"], row: directory::row, entries: |_| Vec::new() },
    Model { name: "feed", aggregates: &["task", "user", "team"], row: feed::row, entries: |_| Vec::new() },
    Model { name: "task-list", aggregates: &["task"], row: task_list::row, entries: |_| Vec::new() },
    Model { name: "task-past", aggregates: &["task"], row: task_past::row, entries: task_past::entries },
];

/// Checks the active generations.
pub(super) fn check(observed: &Observed, log: &Log<'_>, folded: &BTreeMap<&str, Folded<'_>>, found: &mut Findings) {
    for name in observed.active.keys().filter(|name| MODELS.iter().all(|model| model.name != **name)) {
        found.note(4, format_args!("{name} is a projection that the oracle does not know"));
    }
    for model in &MODELS {
        let generation = observed.active.get(model.name).copied().unwrap_or(1);
        let table = observed.tables.get(&(model.name.to_owned(), generation));
        let mut check = Check {
            model,
            promise: if generation > 1 { 5 } else { 4 },
            generation,
            items: group(table.map_or(&[], Vec::as_slice)),
            found: &mut *found,
        };
        for (stream, folded) in folded {
            let wanted = model.aggregates.iter().any(|kind| stream.split_once('#').is_some_and(|(of, _)| of == *kind));
            if let (true, Some(commits)) = (wanted, log.streams.get(stream)) {
                check.history(&History { stream, commits, folded });
            }
        }
        check.nothing_else();
    }
}

/// The items of one table by aggregate and sort key.
type Items<'a> = BTreeMap<&'a str, Vec<(&'a str, &'a Value)>>;

fn group(table: &[Value]) -> Items<'_> {
    let mut items = Items::new();
    for item in table {
        let key = |name: &str| item.get(name).and_then(text).unwrap_or_default();
        items.entry(key("pk")).or_default().push((key("sk"), item));
    }
    for items in items.values_mut() {
        items.sort_by_key(|(sort_key, _)| *sort_key);
    }
    items
}

/// One table while it is checked.
struct Check<'m, 'a> {
    model: &'m Model,
    promise: u8,
    generation: u64,
    items: Items<'a>,
    found: &'m mut Findings,
}

impl<'a> Check<'_, 'a> {
    fn note(&mut self, stream: &str, what: impl std::fmt::Display) {
        let Model { name, .. } = self.model;
        self.found.note(self.promise, format_args!("{name}, generation {}, {stream}: {what}", self.generation));
    }

    /// The items of one history: its row, and its entries where the projection has some.
    fn history(&mut self, history: &History<'_, 'a>) {
        let stream = history.stream;
        let mut items = self.items.remove(stream).unwrap_or_default().into_iter().peekable();
        match items.next_if(|(sort_key, _)| *sort_key == "row") {
            Some((_, row)) => self.row(history, row),
            None => self.note(stream, format_args!("there is no row, and the history ends at {}", history.folded.head)),
        }
        for (sort_key, (body, mut fields)) in (self.model.entries)(history) {
            match items.next_if(|(found, _)| *found == sort_key) {
                Some((_, found)) => {
                    fields.push(("entry", body));
                    if let Some(difference) = item_differs(found, &fields, &["pk", "sk"]) {
                        self.note(stream, format_args!("the entry {sort_key}: {difference}"));
                    }
                }
                None => self.note(stream, format_args!("there is no entry {sort_key}")),
            }
        }
        for (sort_key, item) in items {
            self.note(stream, format_args!("there should be no item {sort_key:?}: {item}"));
        }
    }

    fn row(&mut self, history: &History<'_, 'a>, found: &Value) {
        let stream = history.stream;
        if let Some(parked) = found.get("parked") {
            self.note(stream, format_args!("the row is parked: {}", show(parked)));
        }
        let head = history.folded.head;
        let as_of = found.get("as_of").and_then(number);
        if as_of != Some(head) {
            self.note(stream, format_args!("the row is at version {as_of:?}, and the history at {head}"));
        }
        if found.get("projection_version").and_then(number).is_none() {
            self.note(stream, "the row does not say the version of its shape");
        }
        let (row, mut fields) = (self.model.row)(history);
        fields.push(("row", row));
        if let Some(difference) = item_differs(found, &fields, &["pk", "sk", "as_of", "projection_version", "parked"]) {
            self.note(stream, format_args!("the row (of version {as_of:?} of {head}): {difference}"));
        }
    }

    /// What is left is of aggregates without a history, or of a kind that has no rows here.
    fn nothing_else(&mut self) {
        for (stream, items) in std::mem::take(&mut self.items) {
            let keys: Vec<_> = items.iter().map(|(sort_key, _)| *sort_key).collect();
            self.note(stream, format_args!("there should be nothing, and there are the items {keys:?}"));
        }
    }
}

fn item_differs(found: &Value, expected: &Fields<'_>, others: &[&str]) -> Option<String> {
    let Some(found) = found.as_object() else { return Some("it is no item".to_owned()) };
    differing_field(found, expected, others).map(|difference| difference.to_string())
}

/// Rows of all generations, as they were written: never back, and never ahead of the log.
pub(super) fn check_writes(writes: &[RowWrite], timeline: &Timeline<'_>, found: &mut Findings) {
    let mut rows: BTreeMap<(&str, u64, &str), u64> = BTreeMap::new();
    for write in writes {
        let RowWrite { at, projection, generation, stream, as_of, projection_version } = write;
        let row = format_args!("{projection}, generation {generation}, {stream}: at {at:?} the row");
        let before = rows.entry((projection, *generation, stream)).or_default();
        if as_of < before {
            found.note(
                4,
                format_args!("{row} went back from version {before} to {as_of} (in shape {projection_version})"),
            );
        }
        *before = *as_of;
        let head = timeline.head_at(stream, *at);
        if timeline.is_known() && *as_of > head {
            found.note(4, format_args!("{row} was put at version {as_of}, when the history ended at {head}"));
        }
    }
}
