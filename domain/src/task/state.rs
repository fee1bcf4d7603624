//! What a task is at one moment.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::checklist::ChecklistItem;
use super::import::ImportedFacts;
use super::recurrence::Occurrence;
use super::reminders::Reminders;
use crate::ids::{TaskId, TeamId, UserId};
use crate::values::{Description, Labels, Location, Rank, Reason, Title};

/// An enum whose variants are words of the API: serialised, parsed and shown as the same word. The word is a `tt`, as the
/// OpenAPI document would not find it in a `literal`.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:tt),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, utoipa::ToSchema)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant),+
        }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words!(
    /// How much hurry there is.
    Priority {
        /// When there is time.
        Low = "low",
        /// The ordinary.
        Medium = "medium",
        /// Before the ordinary.
        High = "high",
        /// Before everything.
        Critical = "critical",
    }
);

words!(
    /// How far a task has come.
    Status {
        /// Nobody works on it yet.
        Todo = "todo",
        /// Somebody works on it.
        InProgress = "in_progress",
        /// It is done.
        Completed = "completed",
    }
);

impl Status {
    /// Where a task may go from here.
    pub const fn allowed(self) -> &'static [Self] {
        match self {
            Self::Todo => &[Self::InProgress],
            Self::InProgress => &[Self::Todo, Self::Completed],
            Self::Completed => &[Self::Todo, Self::InProgress],
        }
    }
}

/// A task that waits for something outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Hold {
    /// What it waits for.
    pub reason: Reason,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// The task aggregate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Task {
    /// What is known of it; `None` before it is created.
    pub state: Option<TaskState>,
}

/// What is known of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskState {
    /// What is to be done, in a line.
    pub title: Title,
    /// What is to be done, in Markdown.
    pub description: Option<Description>,
    /// How much hurry there is.
    pub priority: Priority,
    /// How far it has come.
    pub status: Status,
    /// What it is grouped by.
    pub labels: Labels,
    /// Where it is to be done.
    pub location: Option<Location>,
    /// The team that it belongs to.
    pub team: Option<TeamId>,
    /// Who is to do it.
    pub assignee: Option<UserId>,
    /// Who reported it; nobody when Muster made it itself.
    pub reporter: Option<UserId>,
    /// When it is to be done.
    pub deadline: Option<DateTime<Utc>>,
    /// What it waits for.
    pub hold: Option<Hold>,
    /// When work on it began, in the present cycle.
    pub started_at: Option<DateTime<Utc>>,
    /// When it was completed, in the present cycle.
    pub completed_at: Option<DateTime<Utc>>,
    /// How often it was taken up again after completion.
    pub reopened: u32,
    /// How many comments it has.
    pub comments: u32,
    /// What is ticked off on the way to its end, in order.
    pub checklist: Vec<ChecklistItem>,
    /// Who is told of what happens to it, besides those whose it is.
    pub watchers: BTreeSet<UserId>,
    /// Where it stands in the order that people make by hand.
    pub rank: Rank,
    /// The task that it is a part of.
    pub parent: Option<TaskId>,
    /// The tasks that it waits for.
    pub blocked_by: BTreeSet<TaskId>,
    /// The task that asks for the same.
    pub duplicate_of: Option<TaskId>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was deleted; it can be restored.
    pub deleted_at: Option<DateTime<Utc>>,
    /// The rule by which another one comes after it, and its own place in the series.
    pub recurrence: Option<Occurrence>,
    /// What reminds of its deadline.
    pub reminders: Reminders,
    /// What was known of it where it comes from, if it was brought in from elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<ImportedFacts>,
}

impl TaskState {
    /// The most people that watch a task.
    pub const MAX_WATCHERS: usize = 25;

    /// Whether it should have been done by now and is not.
    pub fn is_overdue(&self, now: DateTime<Utc>) -> bool {
        self.status != Status::Completed && self.deleted_at.is_none() && self.deadline.is_some_and(|due| due < now)
    }
}
