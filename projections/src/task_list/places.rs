//! In which lists a task is, and where.
//!
//! A list is a partition of every index: what its tasks have in common, and their status, such as `team#<id>#todo`. So a list of
//! open tasks reads no completed ones, and a column of a board is a partition. There is an index for each order.

use chrono::{DateTime, Utc};
use muster_domain::StreamId;
use muster_domain::task::{Priority, Relation, Status};
use muster_domain::values::Label;
use muster_domain::{TaskId, TeamId, UserId};
use serde_json::json;

use super::query::TaskSort;
use super::words::folded;
use super::{TaskDocument, TaskRow, due_key, sortable};
use crate::projection::{IndexKey, Place};

/// What the tasks of a list have in common, besides their status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum List {
    /// Nothing.
    All,
    /// They belong to this team, or to none: whoever leads a team sees those too.
    Team(Option<TeamId>),
    /// This person is to do them.
    Assignee(UserId),
    /// This person reported them.
    Reporter(UserId),
    /// They have this label.
    Label(Label),
    /// This person watches them.
    Watcher(UserId),
    /// They stand so to this task.
    Related(Relation, TaskId),
}

impl List {
    /// The partition of those that are this far.
    pub(super) fn partition(&self, status: Status) -> String {
        match self {
            Self::All => format!("all#{status}"),
            Self::Team(None) => format!("team#none#{status}"),
            Self::Team(Some(team)) => format!("team#{team}#{status}"),
            Self::Assignee(user) => format!("assignee#{user}#{status}"),
            Self::Reporter(user) => format!("reporter#{user}#{status}"),
            Self::Label(label) => format!("label#{label}#{status}"),
            Self::Watcher(user) => format!("watcher#{user}#{status}"),
            Self::Related(relation, task) => format!("{relation}#{task}#{status}"),
        }
    }

    /// Its kind, and its name where a task is in several of the kind.
    fn kind(&self) -> String {
        match self {
            Self::All => "all".to_owned(),
            Self::Team(_) => "team".to_owned(),
            Self::Assignee(_) => "assignee".to_owned(),
            Self::Reporter(_) => "reporter".to_owned(),
            Self::Label(label) => format!("label#{label}"),
            Self::Watcher(user) => format!("watcher#{user}"),
            Self::Related(relation, task) => format!("{relation}#{task}"),
        }
    }
}

/// The places of a task; a deleted one is in no list.
pub(super) fn of(stream: &StreamId, row: &TaskRow) -> Vec<Place> {
    let task = &row.task;
    if task.deleted_at.is_some() {
        return Vec::new();
    }
    let mut lists = vec![List::All, List::Team(task.team)];
    lists.extend(task.assignee.map(List::Assignee));
    lists.extend(task.reporter.map(List::Reporter));
    lists.extend(task.labels.iter().cloned().map(List::Label));
    lists.extend(task.watchers.iter().copied().map(List::Watcher));
    for relation in Relation::ALL {
        lists.extend(task.related(*relation).into_iter().map(|to| List::Related(*relation, to)));
    }
    let document = Ordered::from((stream, row));
    let orders = TaskSort::ALL.map(|sort| (sort.attribute(), document.key(sort).into()));
    let facts = json!({
        "title": folded(task.title.as_str()),
        "status": task.status,
        "priority": task.priority,
        "team": task.team,
        "assignee": task.assignee,
        "reporter": task.reporter,
        "labels": task.labels,
        "watchers": task.watchers,
    });
    let place = |list: List| {
        let list_key: IndexKey = ("list", list.partition(task.status).into());
        let keys = std::iter::once(list_key).chain(orders.clone()).collect();
        Place { sort_key: Place::at(&list.kind()), keys, facts: facts.clone() }
    };
    lists.into_iter().map(place).collect()
}

/// What decides where a task stands among others.
pub(crate) struct Ordered<'a> {
    stream: StreamId,
    deadline: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    priority: Priority,
    rank: &'a str,
}

impl<'a> From<(&StreamId, &'a TaskRow)> for Ordered<'a> {
    fn from((stream, TaskRow { task, updated_at, .. }): (&StreamId, &'a TaskRow)) -> Self {
        Self {
            stream: *stream,
            deadline: task.deadline,
            created_at: task.created_at,
            updated_at: *updated_at,
            priority: task.priority,
            rank: task.rank.as_str(),
        }
    }
}

impl<'a> From<&'a TaskDocument> for Ordered<'a> {
    fn from(task: &'a TaskDocument) -> Self {
        Self {
            stream: task.id.into(),
            deadline: task.deadline,
            created_at: task.created_at,
            updated_at: task.updated_at,
            priority: task.priority,
            rank: &task.rank,
        }
    }
}

impl Ordered<'_> {
    /// The sort key in this order. No two tasks have the same.
    pub(crate) fn key(&self, sort: TaskSort) -> String {
        let timed = |time| format!("{}#{}", sortable(time), self.stream.id);
        match sort {
            TaskSort::Due => due_key(self.deadline, &self.stream),
            TaskSort::Created => timed(self.created_at),
            TaskSort::Updated => timed(self.updated_at),
            TaskSort::Priority => format!("{}#{}", urgency(self.priority), due_key(self.deadline, &self.stream)),
            TaskSort::Rank => rank_key(self.rank, &self.stream),
        }
    }
}

/// The most urgent first.
const fn urgency(priority: Priority) -> u8 {
    match priority {
        Priority::Critical => 0,
        Priority::High => 1,
        Priority::Medium => 2,
        Priority::Low => 3,
    }
}

/// What comes before the sort keys of all tasks of this rank, and what comes behind them: `"` follows `!`, and comes before every digit.
pub(super) fn around_rank(rank: &str) -> (String, String) {
    (format!("{rank}!"), format!("{rank}\""))
}

/// The sort key by rank. `!` comes before every digit of a rank, so that a rank comes before those that begin with it.
fn rank_key(rank: &str, stream: &StreamId) -> String {
    format!("{rank}!{}", stream.id)
}
