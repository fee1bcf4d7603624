//! `task-past`: what a task is, and every state that it has left, found by whose it was and when it was so.

use chrono::DateTime;

use super::task_list::{self, looked_through, state};
use super::{Fields, History, Item};
use crate::oracle::attribute::{list, text};
use crate::oracle::expected::Expected;
use crate::oracle::log::Commit;
use crate::oracle::rules::{State, Task};
use crate::oracle::time::sortable;

pub(super) fn row<'a>(history: &History<'_, 'a>) -> Item<'a> {
    let (row, _) = task_list::row(history);
    let keys = match (&history.folded.state, history.last()) {
        (State::Task(task), Some(last)) if task.deleted_at.is_none() => {
            let mut keys = keys(task, last, str::to_owned);
            keys.extend([("due", due(task, history.id()).into()), ("until", "~".into())]);
            keys
        }
        _ => Vec::new(),
    };
    (row, keys)
}

/// Every state that a commit ended, but those of no time and those of a deleted task.
pub(super) fn entries<'a>(history: &History<'_, 'a>) -> Vec<(String, Item<'a>)> {
    let mut entries = Vec::new();
    let (mut folded, mut before): (Option<State<'a>>, Option<&Commit<'a>>) = (None, None);
    for commit in history.commits {
        if let (Some(State::Task(task)), Some(last)) = (&folded, before)
            && task.deleted_at.is_none()
        {
            let version = last.last();
            for (number, stretch) in stretches(last.recorded_at, commit.recorded_at).into_iter().enumerate() {
                let body = Expected::Map(vec![
                    ("task", state(task)),
                    ("updated_at", last.recorded_at_stored.into()),
                    ("updated_by", last.actor.into()),
                    ("version", Expected::Number(version)),
                ]);
                let mut fields = keys(task, last, |of| format!("{of}@{stretch}"));
                fields.push(("due", format!("{}#{version:020}", due(task, history.id())).into()));
                fields.push(("until", sortable(commit.recorded_at).into_owned().into()));
                entries.push((format!("v#{version:020}#{number:03}"), (body, fields)));
            }
        }
        for event in &commit.events {
            State::evolve(&mut folded, event);
        }
        before = Some(commit);
    }
    entries
}

/// The first kind of stretch that is as long as the time between two commits, and which of its stretches have some of it.
fn stretches(since: &str, until: &str) -> Vec<String> {
    let milliseconds = |time: &str| DateTime::parse_from_rfc3339(time).map_or(0, |time| time.timestamp_millis());
    let (since, until) = (milliseconds(since), milliseconds(until));
    let (mut kind, mut length) = (0, 60_000);
    while length < until - since && kind < 12 {
        (kind, length) = (kind + 1, length * 4);
    }
    let numbers = since.div_euclid(length)..(until + length - 1).div_euclid(length);
    numbers.filter(|_| since < until).map(|number| format!("{kind}.{number}")).collect()
}

fn due(task: &Task<'_>, id: &str) -> String {
    format!("{}#{id}", task.deadline.and_then(text).map_or("~".into(), sortable))
}

fn keys<'a>(task: &Task<'a>, since: &Commit<'a>, partition: impl Fn(&str) -> String) -> Fields<'a> {
    let team = task.team.and_then(text).unwrap_or("none");
    let labels = task.labels.and_then(list).into_iter().flatten().filter_map(text);
    let mut keys = vec![
        ("gsi_all", partition("all").into()),
        ("gsi_team", partition(team).into()),
        ("team", team.into()),
        ("title", looked_through(task).into()),
        ("since", sortable(since.recorded_at).into_owned().into()),
        ("status", task.status.into()),
        ("priority", task.priority.into()),
        ("labels", labels.fold("\n".to_owned(), |all, label| format!("{all}{label}\n")).into()),
    ];
    for (index, name, user) in
        [("gsi_assignee", "assignee", task.assignee), ("gsi_reporter", "reporter", task.reporter)]
    {
        if let Some(user) = user {
            keys.extend([(index, partition(text(user).unwrap_or_default()).into()), (name, user.into())]);
        }
    }
    keys
}
