//! What can be asked of a task.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::import::ImportTask;
use super::recurrence::Recurrence;
use super::relation::Relation;
use super::reminders::Leads;
use super::state::{Priority, Status};
use super::successor::Successor;
use crate::ids::{ChecklistItemId, CommentId, SeriesId, TaskId, TeamId, UserId};
use crate::values::{ChecklistText, CommentText, Description, Labels, Location, Rank, Reason, Title};

/// A request to a task. Every time in it is the time of the request, given from outside.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum TaskCommand {
    /// Report it.
    Create(CreateTask),
    /// Bring it in from elsewhere.
    Import(Box<ImportTask>),
    /// Change any of its properties, all at once or not at all.
    Update(UpdateTask),
    /// Let it wait for something outside.
    Hold {
        /// For what.
        reason: Reason,
        /// When.
        at: DateTime<Utc>,
    },
    /// Let it wait no longer.
    Resume {
        /// Why.
        reason: Reason,
        /// When.
        at: DateTime<Utc>,
    },
    /// Say something on it.
    Comment {
        /// The comment's id.
        comment_id: CommentId,
        /// What is said.
        text: CommentText,
    },
    /// Put something on its checklist.
    AddChecklistItem {
        /// The item's id.
        item_id: ChecklistItemId,
        /// What is to be done.
        text: ChecklistText,
        /// Before which item it goes; `None`: to the end.
        before: Option<ChecklistItemId>,
    },
    /// Change an item of its checklist.
    UpdateChecklistItem(UpdateChecklistItem),
    /// Take an item off its checklist.
    RemoveChecklistItem {
        /// The item's id.
        item_id: ChecklistItemId,
    },
    /// Let somebody be told of what happens to it.
    Watch {
        /// Who.
        user_id: UserId,
    },
    /// Let them be told no longer.
    Unwatch {
        /// Who.
        user_id: UserId,
    },
    /// Put it at another place of the order that people make by hand.
    Rank {
        /// The place.
        rank: Rank,
    },
    /// Let it stand so to another task.
    Relate {
        /// How.
        relation: Relation,
        /// To which.
        to: TaskId,
    },
    /// Let it stand so no longer.
    Unrelate {
        /// How.
        relation: Relation,
        /// To which.
        to: TaskId,
    },
    /// Delete it.
    Delete {
        /// When.
        at: DateTime<Utc>,
    },
    /// Undo its deletion.
    Restore,
    /// Let another one come after it is done, by a rule.
    SetRecurrence {
        /// The rule. What it leaves open is taken from the day that the task is due on, or from today.
        rule: Recurrence,
        /// The series, if the task is in none yet: of the task's own id.
        series: SeriesId,
        /// When.
        at: DateTime<Utc>,
    },
    /// Let none come after it.
    ClearRecurrence,
    /// Make it, as what comes after one that is done.
    Recur(Box<Successor>),
    /// Remind of its deadline so long before it, and otherwise not.
    SetReminders {
        /// How long.
        leads: Leads,
        /// Who wants to be reminded, beside whoever is to do it.
        by: Option<UserId>,
    },
    /// Remind of its deadline, if it is time.
    FireReminders {
        /// When.
        at: DateTime<Utc>,
    },
}

/// A task to be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CreateTask {
    /// What is to be done, in a line.
    pub title: Title,
    /// What is to be done, in Markdown.
    pub description: Option<Description>,
    /// How much hurry there is.
    pub priority: Priority,
    /// What it is grouped by.
    pub labels: Labels,
    /// Where it is to be done.
    pub location: Option<Location>,
    /// The team that it belongs to.
    pub team: Option<TeamId>,
    /// Who is to do it.
    pub assignee: Option<UserId>,
    /// Who reports it.
    pub reporter: Option<UserId>,
    /// When it is to be done.
    pub deadline: Option<DateTime<Utc>>,
    /// When it is created.
    pub at: DateTime<Utc>,
}

impl CreateTask {
    /// A task of this title and of medium priority, with nothing else, reported by nobody.
    pub fn new(title: Title, at: DateTime<Utc>) -> Self {
        Self {
            title,
            description: None,
            priority: Priority::Medium,
            labels: Labels::default(),
            location: None,
            team: None,
            assignee: None,
            reporter: None,
            deadline: None,
            at,
        }
    }
}

/// Changes to an item of a checklist. `None` leaves a property as it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UpdateChecklistItem {
    /// The item's id.
    pub item_id: ChecklistItemId,
    /// What is to be done.
    pub text: Option<ChecklistText>,
    /// Whether it is done.
    pub done: Option<bool>,
    /// Before which item it goes; `Some(None)`: to the end.
    pub before: Option<Option<ChecklistItemId>>,
}

/// Changes to a task. `None` leaves a property as it is; `Some(None)` takes it away.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UpdateTask {
    /// The title.
    pub title: Option<Title>,
    /// The description.
    pub description: Option<Option<Description>>,
    /// The labels, all of them.
    pub labels: Option<Labels>,
    /// The location.
    pub location: Option<Option<Location>>,
    /// The team.
    pub team: Option<Option<TeamId>>,
    /// Who is to do it.
    pub assignee: Option<Option<UserId>>,
    /// How much hurry there is.
    pub priority: Option<Priority>,
    /// When it is to be done.
    pub deadline: Option<Option<DateTime<Utc>>>,
    /// How far it has come.
    pub status: Option<Status>,
    /// When the change is made.
    pub at: DateTime<Utc>,
}

impl UpdateTask {
    /// An update that changes nothing yet, made at this time.
    pub const fn at(at: DateTime<Utc>) -> Self {
        Self {
            title: None,
            description: None,
            labels: None,
            location: None,
            team: None,
            assignee: None,
            priority: None,
            deadline: None,
            status: None,
            at,
        }
    }
}
