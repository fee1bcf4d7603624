//! Tasks that come from elsewhere, with what was known of them there.

use std::fmt;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::checklist::{ChecklistItem, MAX_CHECKLIST_ITEMS};
use super::command::CreateTask;
use super::event::{
    BegunChecklistItem, TaskChecklistBegun, TaskChecklistItemTicked, TaskCommented, TaskEvent, TaskImported,
    TaskRelated,
};
use super::relation::Relation;
use super::state::{Status, words};
use crate::commit::MAX_EVENTS_IN_COMMIT;
use crate::ids::{CommentId, ImportId, TaskId, UserId};
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

/// The most comments that come with one task.
pub const MAX_IMPORTED_COMMENTS: usize = 50;
/// The most points of its checklist that come ticked: each is an event of its own.
pub const MAX_IMPORTED_TICKS: usize = 40;

/// How many comments come with a task besides so many ticks, so that all of it is one commit: the task, what it is a part of and its
/// checklist are an event each.
pub fn imported_comments_beside(ticks: usize) -> usize {
    (MAX_EVENTS_IN_COMMIT - 3).saturating_sub(ticks).min(MAX_IMPORTED_COMMENTS)
}

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

/// What was known of a comment where it comes from: facts that somebody else recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportedCommentFacts {
    /// Who had written it there, if they have an account here. Who has none is not named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<UserId>,
    /// When it was written there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<DateTime<Utc>>,
}

/// A comment to be that was one elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ImportedComment {
    /// The comment's id.
    pub id: CommentId,
    /// What was said.
    pub text: CommentText,
    /// What was known of it.
    pub facts: ImportedCommentFacts,
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
    /// The task that it is a part of, which comes of the same import.
    pub parent: Option<TaskId>,
    /// What is to be ticked off, in order, and whether it is: at most [`MAX_CHECKLIST_ITEMS`], of which at most [`MAX_IMPORTED_TICKS`] are.
    pub checklist: Vec<ChecklistItem>,
    /// What was said on it, the first first; at most as many as [`imported_comments_beside`] the ticks.
    pub comments: Vec<ImportedComment>,
}

impl ImportTask {
    /// The events that make it: the task as it was, what it is a part of, its checklist, and what was said on it. Of these no more than
    /// fits into one commit.
    pub(super) fn events(self) -> Vec<TaskEvent> {
        let Self { task, status, facts, parent, checklist, comments } = self;
        let CreateTask { title, description, priority, labels, location, team, assignee, reporter, deadline, at } =
            task;
        let imported = TaskImported {
            title,
            description,
            status,
            priority,
            labels,
            location,
            team,
            assignee,
            reporter,
            deadline,
            imported: facts,
            at,
        };
        let related = parent.map(|to| TaskRelated { relation: Relation::ChildOf, to }.into());
        let begins = |item: &ChecklistItem| BegunChecklistItem { item_id: item.id, text: item.text.clone() };
        let items: Vec<_> = checklist.iter().take(MAX_CHECKLIST_ITEMS).map(begins).collect();
        let begun = (!items.is_empty()).then(|| TaskChecklistBegun { items }.into());
        let done = checklist.into_iter().take(MAX_CHECKLIST_ITEMS).filter(|item| item.done);
        let ticked: Vec<TaskEvent> = done
            .take(MAX_IMPORTED_TICKS)
            .map(|item| TaskChecklistItemTicked { item_id: item.id, text: item.text }.into())
            .collect();
        let said = comments.into_iter().take(imported_comments_beside(ticked.len()));
        // Nobody is told of what was said elsewhere, long ago.
        let said = said.map(|ImportedComment { id, text, facts }| {
            TaskCommented { comment_id: id, text, mentions: Vec::new(), imported: Some(facts) }.into()
        });
        std::iter::once(imported.into()).chain(related).chain(begun).chain(ticked).chain(said).collect()
    }
}
