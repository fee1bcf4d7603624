//! Tasks that come from elsewhere, with what was known of them there.

use std::fmt;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command::CreateTask;
use super::state::{Status, words};
use crate::ids::{CommentId, ImportId, UserId};
use crate::values::{CommentText, ExternalId};

words!(
    /// Where imported tasks come from.
    ImportSource {
        /// A table of values separated by commas, semicolons or tabs.
        Csv = "csv",
        /// A board that Trello exported.
        Trello = "trello",
        /// A project that Todoist exported.
        Todoist = "todoist",
    }
);

/// The most comments that come with one task: with them, its commit has at most as many events as a commit may have.
pub const MAX_IMPORTED_COMMENTS: usize = 50;

/// What was known of a task where it comes from. These are facts that somebody else recorded: they begin no clock here and count in
/// no figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportedFacts {
    /// The import that brought it.
    pub import_id: ImportId,
    /// Where it comes from.
    pub source: ImportSource,
    /// What it is called there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    /// Who had written it there, if they have an account here. Who has none is not named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<UserId>,
    /// When it was created there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<DateTime<Utc>>,
    /// When it was completed there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<DateTime<Utc>>,
}

/// A task to be that was one elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ImportTask {
    /// The task.
    pub task: CreateTask,
    /// How far it had come.
    pub status: Status,
    /// What was known of it.
    pub facts: ImportedFacts,
    /// What was said on it, the first first; at most [`MAX_IMPORTED_COMMENTS`].
    pub comments: Vec<(CommentId, CommentText)>,
}
