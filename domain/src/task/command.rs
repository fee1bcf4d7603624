//! What can be asked of a task.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::import::ImportTask;
use super::state::{Priority, Status};
use crate::ids::{CommentId, TeamId, UserId};
use crate::values::{CommentText, Description, Labels, Location, Reason, Title};

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
    /// Delete it.
    Delete {
        /// When.
        at: DateTime<Utc>,
    },
    /// Undo its deletion.
    Restore,
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
