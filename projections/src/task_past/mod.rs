//! `task-past`: what tasks were and are, by when they were so: lists of any moment.

mod plan;
mod query;
mod stretch;

use chrono::{DateTime, Utc};
use muster_domain::{AggregateType, DomainEvent, RecordedEvent, StreamId};
use serde::{Deserialize, Serialize};

use crate::projection::{Entry, IndexKey, Poison, Projection};
use crate::task_list::{TaskList, TaskRow, due_key, folded, sortable};
use stretch::stretches;

pub use query::TaskPastQueries;

/// The partition of the tasks that belong to no team: whoever leads a team sees them too.
const NO_TEAM: &str = "none";
/// Until when a state lasts that still does: after every time.
const OPEN: &str = "~";
/// What stands around each label of a state. No label has it.
const BETWEEN_LABELS: char = '\n';

/// The projection. Its row is the state that a task is in; each state that it has left is an entry.
#[derive(Clone, Copy, Debug, Default)]
pub struct TaskPast;

/// A state that a task was in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PastTask {
    /// As its row was.
    #[serde(flatten)]
    pub row: TaskRow,
    /// The version that it was at.
    pub version: u64,
}

impl Projection for TaskPast {
    const NAME: &'static str = "task-past";
    const VERSION: u32 = 2;
    type Row = TaskRow;

    fn wants(&self, aggregate: AggregateType) -> bool {
        TaskList.wants(aggregate)
    }

    fn evolve(&self, row: Option<TaskRow>, event: &RecordedEvent, decoded: &DomainEvent) -> Result<TaskRow, Poison> {
        TaskList.evolve(row, event, decoded)
    }

    fn index_keys(&self, stream: &StreamId, row: &TaskRow) -> Vec<IndexKey> {
        if row.task.deleted_at.is_some() {
            return Vec::new();
        }
        let mut keys = keys(row, &|list| list.to_owned());
        keys.extend([("due", due_key(row.task.deadline, stream).into()), ("until", OPEN.into())]);
        keys
    }

    fn entries(&self, before: Option<&TaskRow>, event: &RecordedEvent, _decoded: &DomainEvent) -> Vec<Entry> {
        // A deleted task was in no list.
        before.filter(|row| row.task.deleted_at.is_none()).map_or_else(Vec::new, |row| left(row, event))
    }
}

/// What the event leaves of the state before it: an entry under each stretch of time that it is found in.
fn left(row: &TaskRow, event: &RecordedEvent) -> Vec<Entry> {
    let version = event.version - 1;
    let until = event.recorded_at;
    // A state is made of texts, numbers and lists: it always has a JSON form.
    let body = serde_json::to_value(PastTask { row: row.clone(), version }).unwrap_or_default();
    let due = due_key(row.task.deadline, &event.stream);
    let entry = |(number, stretch): (usize, String)| {
        let mut keys = keys(row, &|list| during(list, &stretch));
        // Several states of one task may be in one partition.
        keys.extend([("due", format!("{due}#{version:020}").into()), ("until", sortable(until).into())]);
        Entry { sort_key: format!("{}#{number:03}", Entry::at(version)), keys, body: body.clone() }
    };
    stretches(row.updated_at, until).into_iter().enumerate().map(entry).collect()
}

/// The partition of what was in a list during a stretch of time.
fn during(list: &str, stretch: &str) -> String {
    format!("{list}@{stretch}")
}

/// By what a state is found, and by what it is filtered. It is found in fewer ways than a present task, since each costs a write.
fn keys(TaskRow { task, updated_at, .. }: &TaskRow, partition: &dyn Fn(&str) -> String) -> Vec<IndexKey> {
    let team = task.team.map_or_else(|| NO_TEAM.to_owned(), |team| team.to_string());
    let (assignee, reporter) = (task.assignee.map(|id| id.to_string()), task.reporter.map(|id| id.to_string()));
    let mut labels = String::from(BETWEEN_LABELS);
    for label in task.labels.iter() {
        labels.push_str(label.as_str());
        labels.push(BETWEEN_LABELS);
    }
    let mut keys: Vec<IndexKey> = vec![
        ("gsi_all", partition("all").into()),
        ("gsi_team", partition(&team).into()),
        ("since", sortable(*updated_at).into()),
        ("status", task.status.as_str().into()),
        ("priority", task.priority.as_str().into()),
        ("labels", labels.into()),
        ("team", team.into()),
        ("title", folded(task.title.as_str()).into()),
    ];
    for (index, attribute, user) in [("gsi_assignee", "assignee", assignee), ("gsi_reporter", "reporter", reporter)] {
        if let Some(user) = user {
            keys.extend([(index, partition(&user).into()), (attribute, user.into())]);
        }
    }
    keys
}

/// Whether an item lasted at a moment, by these attributes.
fn lasts(since: &str, until: &str, moment: &str) -> String {
    format!("{since} <= {moment} AND {until} > {moment}")
}

/// The moment as it is compared.
fn at(moment: DateTime<Utc>) -> String {
    sortable(moment)
}

#[cfg(test)]
mod tests;
