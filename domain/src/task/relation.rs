//! How one task stands to another. Each relation is said by one of the two; the other one is found by it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::decide::TaskError;
use super::event::{TaskEvent, TaskRelated, TaskUnrelated};
use super::state::{TaskState, words};
use crate::ids::TaskId;

/// The most tasks that one waits for.
pub const MAX_BLOCKERS: usize = 40;

words!(
    /// How a task stands to another one.
    Relation {
        /// It waits until the other one is done.
        BlockedBy = "blocked_by",
        /// It is a part of the other one.
        ChildOf = "child_of",
        /// It asks for what the other one asks for already.
        DuplicateOf = "duplicate_of",
    }
);

impl TaskState {
    /// The tasks to which it stands so.
    pub fn related(&self, relation: Relation) -> Vec<TaskId> {
        match relation {
            Relation::BlockedBy => self.blocked_by.iter().copied().collect(),
            Relation::ChildOf => self.parent.into_iter().collect(),
            Relation::DuplicateOf => self.duplicate_of.into_iter().collect(),
        }
    }
}

/// A task is a part of one other, and asks for the same as one other: the new one takes the place of the old one.
pub(super) fn related(task: &TaskState, relation: Relation, to: TaskId) -> Result<Vec<TaskEvent>, TaskError> {
    let before = task.related(relation);
    if before.contains(&to) {
        return Ok(Vec::new());
    }
    let related = TaskRelated { relation, to }.into();
    match relation {
        Relation::BlockedBy if before.len() >= MAX_BLOCKERS => Err(TaskError::TooManyBlockers),
        Relation::BlockedBy => Ok(vec![related]),
        Relation::ChildOf | Relation::DuplicateOf => {
            let unrelated = before.into_iter().map(|to| TaskUnrelated { relation, to }.into());
            Ok(unrelated.chain([related]).collect())
        }
    }
}

pub(super) fn unrelated(task: &TaskState, relation: Relation, to: TaskId) -> Vec<TaskEvent> {
    let stands = task.related(relation).contains(&to);
    stands.then(|| TaskUnrelated { relation, to }.into()).into_iter().collect()
}

pub(super) fn relate(task: &mut TaskState, relation: Relation, to: TaskId) {
    match relation {
        Relation::BlockedBy => {
            task.blocked_by.insert(to);
        }
        Relation::ChildOf => task.parent = Some(to),
        Relation::DuplicateOf => task.duplicate_of = Some(to),
    }
}

pub(super) fn unrelate(task: &mut TaskState, relation: Relation, to: TaskId) {
    match relation {
        Relation::BlockedBy => {
            task.blocked_by.remove(&to);
        }
        Relation::ChildOf => task.parent = None,
        Relation::DuplicateOf => task.duplicate_of = None,
    }
}
