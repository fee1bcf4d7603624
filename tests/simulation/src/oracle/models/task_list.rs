//! `task-list`: a task as it is, found by who, how far, how urgent, whose, and when it is due.

use serde_json::Value;

use super::{Fields, History, Item, Places};
use crate::oracle::attribute::{list, text};
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

/// Only a task with a reminder to come is found by its row.
fn keys<'a>(task: &Task<'a>, id: &str) -> Fields<'a> {
    let Some(at) = task.next_reminder() else { return Vec::new() };
    let at = at.to_rfc3339();
    vec![("gsi_reminder", "to come".into()), ("remind_at", format!("{}#{id}", sortable(&at)).into())]
}

pub(super) fn state<'a>(task: &Task<'a>) -> Expected<'a> {
    let hold = task.hold.map_or(Expected::Null, |(reason, since)| {
        Expected::Map(vec![("reason", reason.into()), ("since", since.into())])
    });
    let related =
        |relation: &'static str| task.relations.iter().filter(move |(known, _)| *known == relation).map(|(_, to)| *to);
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
        ("checklist", Expected::List(task.checklist.iter().map(item).collect())),
        ("watchers", Expected::List(task.watchers.iter().map(|user| (*user).into()).collect())),
        ("rank", task.rank.clone().into()),
        ("parent", related("child_of").next().map_or(Expected::Null, Into::into)),
        ("blocked_by", Expected::List(related("blocked_by").map(Into::into).collect())),
        ("duplicate_of", related("duplicate_of").next().map_or(Expected::Null, Into::into)),
        ("created_at", task.created_at.into()),
        ("deleted_at", task.deleted_at.into()),
        ("recurrence", recurrence(task)),
        ("reminders", reminders(task)),
    ];
    state.extend(task.imported.map(|facts| ("imported", facts.into())));
    Expected::Map(state)
}

fn recurrence<'a>(task: &Task<'a>) -> Expected<'a> {
    task.recurrence.as_ref().map_or(Expected::Null, |recurrence| {
        Expected::Map(vec![
            ("rule", recurrence.rule.into()),
            ("series", recurrence.series.into()),
            ("number", Expected::Number(recurrence.number)),
            ("day", recurrence.day.into()),
        ])
    })
}

fn reminders<'a>(task: &Task<'a>) -> Expected<'a> {
    let fired = task.reminders.fired.iter();
    let fired = fired.map(|(deadline, lead)| Expected::List(vec![(*deadline).into(), (*lead).into()]));
    Expected::Map(vec![
        ("leads", task.reminders.leads.into()),
        ("set_by", task.reminders.set_by.into()),
        ("fired", Expected::List(fired.collect())),
    ])
}

fn item<'a>((id, text, done): &(&'a Value, &'a Value, bool)) -> Expected<'a> {
    Expected::Map(vec![("id", (*id).into()), ("text", (*text).into()), ("done", Expected::Bool(*done))])
}

/// A title as words are looked for in it: small, and without the marks on its letters. Of those with marks the runs know one.
pub(super) fn looked_through(task: &Task<'_>) -> String {
    task.title.and_then(text).unwrap_or_default().to_lowercase().replace('ä', "a")
}

/// In which lists a task is: what its tasks have in common, and how far they are. A deleted one is in none.
pub(super) fn places<'a>(history: &History<'_, 'a>) -> Places<'a> {
    let State::Task(task) = &history.folded.state else { return Vec::new() };
    if task.deleted_at.is_some() {
        return Vec::new();
    }
    let words = |value: Option<&'a Value>| value.and_then(text);
    let labels: Vec<&str> = task.labels.and_then(list).unwrap_or_default().iter().filter_map(text).collect();
    let mut lists = vec![("all".to_owned(), "all".to_owned())];
    lists.push(("team".to_owned(), format!("team#{}", words(task.team).unwrap_or("none"))));
    lists.extend(words(task.assignee).map(|user| ("assignee".to_owned(), format!("assignee#{user}"))));
    lists.extend(words(task.reporter).map(|user| ("reporter".to_owned(), format!("reporter#{user}"))));
    lists.extend(labels.iter().map(|label| (format!("label#{label}"), format!("label#{label}"))));
    lists.extend(task.watchers.iter().map(|user| (format!("watcher#{user}"), format!("watcher#{user}"))));
    lists.extend(task.relations.iter().map(|(relation, to)| (format!("{relation}#{to}"), format!("{relation}#{to}"))));
    let id = history.id();
    let due = format!("{}#{id}", words(task.deadline).map_or("~".into(), sortable));
    let urgency = match words(task.priority) {
        Some("critical") => 0,
        Some("high") => 1,
        Some("medium") => 2,
        _ => 3,
    };
    let created = text(task.created_at).map(sortable).unwrap_or_default();
    let updated = history.last().map(|last| sortable(last.recorded_at)).unwrap_or_default();
    let place = |(kind, list): (String, String)| {
        let watchers = task.watchers.iter().map(|user| (*user).into()).collect();
        let facts = Expected::Map(vec![
            ("title", looked_through(task).into()),
            ("status", task.status.into()),
            ("priority", task.priority.into()),
            ("team", task.team.into()),
            ("assignee", task.assignee.into()),
            ("reporter", task.reporter.into()),
            ("labels", task.labels.into()),
            ("watchers", Expected::List(watchers)),
        ]);
        let fields = vec![
            ("list", format!("{list}#{}", task.status).into()),
            ("due", due.clone().into()),
            ("urgency", format!("{urgency}#{due}").into()),
            ("created", format!("{created}#{id}").into()),
            ("updated", format!("{updated}#{id}").into()),
            ("rank", format!("{}!{id}", task.rank).into()),
            ("facts", facts),
        ];
        (format!("in#{kind}"), fields)
    };
    lists.into_iter().map(place).collect()
}
