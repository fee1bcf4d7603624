//! `task-list`: a task as it is, found by who, how far, how urgent, whose, and when it is due.

use super::{Fields, History, Item};
use crate::oracle::attribute::text;
use crate::oracle::expected::Expected;
use crate::oracle::rules::{State, Task};
use crate::oracle::time::sortable;

pub(super) fn row<'a>(history: &History<'_, 'a>) -> Item<'a> {
    let State::Task(task) = &history.folded.state else { return (Expected::Null, Vec::new()) };
    let updated_by = history.last().map(|last| last.actor).into();
    let row =
        Expected::Map(vec![("task", state(task)), ("updated_at", history.updated_at()), ("updated_by", updated_by)]);
    (row, keys(task, history.id()))
}

pub(super) fn state<'a>(task: &Task<'a>) -> Expected<'a> {
    let hold = task.hold.map_or(Expected::Null, |(reason, since)| {
        Expected::Map(vec![("reason", reason.into()), ("since", since.into())])
    });
    let mut state = vec![
        ("title", task.title.into()),
        ("description", task.description.into()),
        ("priority", task.priority.into()),
        ("status", task.status.into()),
        ("labels", task.labels.into()),
        ("location", task.location.into()),
        ("team", task.team.into()),
        ("assignee", task.assignee.into()),
        ("reporter", task.reporter.into()),
        ("deadline", task.deadline.into()),
        ("hold", hold),
        ("started_at", task.started_at.into()),
        ("completed_at", task.completed_at.into()),
        ("reopened", Expected::Number(task.reopened)),
        ("comments", Expected::Number(task.comments)),
        ("created_at", task.created_at.into()),
        ("deleted_at", task.deleted_at.into()),
    ];
    state.extend(task.imported.map(|facts| ("imported", facts.into())));
    Expected::Map(state)
}

/// A deleted task's row is a tombstone: it says what it is of, and is in no list.
fn keys<'a>(task: &Task<'a>, id: &str) -> Fields<'a> {
    if task.deleted_at.is_some() {
        return Vec::new();
    }
    let due = task.deadline.and_then(text).map_or("~".into(), sortable);
    let mut keys = vec![
        ("gsi_all", "all".into()),
        ("gsi_status", task.status.into()),
        ("gsi_priority", task.priority.into()),
        ("gsi_team", task.team.map_or("none".into(), Expected::Stored)),
        ("due", format!("{due}#{id}").into()),
    ];
    keys.extend(task.assignee.map(|user| ("gsi_assignee", user.into())));
    keys.extend(task.reporter.map(|user| ("gsi_reporter", user.into())));
    keys
}
