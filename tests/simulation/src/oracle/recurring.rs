//! Promise 13: a task of a series that is done has exactly one successor, as its rule says, unless the series is over; and a
//! reminder fires once for each deadline, never early.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::attribute::{map, number, same_or_none, text};
use super::log::{Commit, Event, Log};
use super::rules::{State, Task};
use super::violation::Findings;

/// The actor of what the reactor does.
pub(super) const RECURRENCE: &str = "recurrence";
/// The actor of reminders.
const REMINDERS: &str = "reminders";

/// Whether Muster itself made a commit, by the parts that act on tasks.
pub(super) fn is_of_reactor(commit: &Commit<'_>) -> bool {
    name(commit).is_some_and(|name| [RECURRENCE, REMINDERS].contains(&name))
}

fn name<'a>(commit: &Commit<'a>) -> Option<&'a str> {
    map(commit.actor).and_then(|actor| text(actor.get("name")?))
}

/// The stream of the task that comes after this one.
fn successor(stream: &str) -> Option<String> {
    let id: Uuid = stream.strip_prefix("task#")?.parse().ok()?;
    Some(format!("task#{}", Uuid::new_v5(&id, b"successor")))
}

/// What a task was when it was done, as far as its successor has it, too.
struct Done<'a> {
    task: [Option<&'a Value>; 6],
    assignee: Option<&'a Value>,
    series: Option<&'a Value>,
    number: u64,
    goes_on: bool,
}

impl<'a> Done<'a> {
    fn of(task: &Task<'a>) -> Option<Self> {
        let recurrence = task.recurrence.as_ref()?;
        let rule = map(recurrence.rule)?;
        let count = rule.get("count").and_then(number);
        let ends = rule.contains_key("until");
        Some(Self {
            task: [task.title, task.description, task.priority, task.location, task.team, task.reporter],
            assignee: task.assignee,
            series: Some(recurrence.series),
            number: recurrence.number,
            // The runs have no rules that end by a day: when these are over only the rule's own arithmetic knows.
            goes_on: !ends && count.is_none_or(|count| recurrence.number < count),
        })
    }
}

/// Checks every series.
///
/// `until` is the time up to which everything has been reacted to, where somebody did.
pub(super) fn check(log: &Log<'_>, until: Option<DateTime<Utc>>, found: &mut Findings) {
    let mut made: BTreeMap<(String, u64), &str> = BTreeMap::new();
    let mut expected: BTreeSet<String> = BTreeSet::new();
    let mut allowed: BTreeMap<String, Vec<Done<'_>>> = BTreeMap::new();
    for (stream, commits) in log.streams.iter().filter(|(stream, _)| stream.starts_with("task#")) {
        let mut state: Option<State<'_>> = None;
        for event in commits.iter().flat_map(|commit| &commit.events) {
            State::evolve(&mut state, event);
            let Some(State::Task(task)) = &state else { continue };
            if event.kind == "TaskStatusChanged"
                && event.field("to").and_then(text) == Some("completed")
                && let (Some(done), Some(next)) = (Done::of(task), successor(stream))
            {
                if done.goes_on {
                    expected.insert(next.clone());
                }
                allowed.entry(next).or_default().push(done);
            }
        }
        if let (Some(State::Task(task)), Some(until)) = (&state, until)
            && let Some(at) = task.next_reminder().filter(|at| *at < until)
        {
            found.note(13, format_args!("{stream}: a reminder was due at {at}, and has not fired"));
        }
        let first = commits.first().filter(|commit| name(commit) == Some(RECURRENCE));
        if let Some((series, number)) = first.and_then(place)
            && let Some(other) = made.insert((series.clone(), number), stream)
        {
            found.note(13, format_args!("{other} and {stream} are both number {number} of the series {series}"));
        }
    }
    for stream in expected.iter().filter(|_| until.is_some()) {
        if !log.streams.contains_key(stream.as_str()) {
            found.note(13, format_args!("{stream} is to come after a task that is done, and is not there"));
        }
    }
    for (stream, commits) in &log.streams {
        for commit in commits.iter().filter(|commit| name(commit) == Some(RECURRENCE)) {
            let fits = commit.first == 1
                && allowed.get(*stream).is_some_and(|done| done.iter().any(|done| fits(done, commit)));
            if !fits {
                found.note(
                    13,
                    format_args!("{stream}: the commit at version {} follows no task that is done", commit.first),
                );
            }
        }
    }
}

fn field<'a>(commit: &Commit<'a>, kind: &str, name: &str) -> Option<&'a Value> {
    commit.events.iter().find(|event| event.kind == kind).and_then(|event: &Event<'a>| event.field(name))
}

/// The series of a task that was made, and its number.
fn place(commit: &Commit<'_>) -> Option<(String, u64)> {
    let of = |name| field(commit, "TaskRecurrenceSet", name);
    Some((of("series").and_then(text)?.to_owned(), of("number").and_then(number)?))
}

/// Whether a task was made as what comes after the one that was done.
fn fits(done: &Done<'_>, commit: &Commit<'_>) -> bool {
    let created = |name: &str| field(commit, "TaskCreated", name);
    let fields = ["title", "description", "priority", "location", "team", "reporter"];
    let same = fields.iter().zip(done.task).all(|(name, before)| same_or_none(created(name), before));
    // Whoever has closed their account gets no more to do.
    let assignee = created("assignee").is_none() || same_or_none(created("assignee"), done.assignee);
    let of = |name| field(commit, "TaskRecurrenceSet", name);
    let due = created("deadline").is_some();
    same && assignee
        && due
        && same_or_none(of("series"), done.series)
        && of("number").and_then(number) == Some(done.number + 1)
}
