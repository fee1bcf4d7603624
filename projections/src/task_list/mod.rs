//! `task-list`: a task as it is, and tasks by whose they are, how far they are and what they are grouped by, in several orders.

mod document;
mod due;
mod places;
mod plan;
mod query;
mod reminders;
mod words;

use chrono::{DateTime, Utc};
use muster_domain::task::{Task, TaskEvent, TaskState};
use muster_domain::{Actor, AggregateType, Decider as _, DomainEvent, RecordedEvent, StreamId};
use serde::{Deserialize, Serialize};

use crate::projection::{IndexKey, Place, Poison, Projection};

pub use document::{
    ChecklistItemDocument, HoldDocument, ImportedDocument, LocationDocument, PositionDocument, RecurrenceDocument,
    TaskDocument, fold_task,
};
pub(crate) use due::{due_key, due_range, sortable};
pub(crate) use places::Ordered;
pub(crate) use plan::is_late;
pub(crate) use query::whose;
pub use query::{TaskFilter, TaskPage, TaskQueries, TaskSort};
pub use reminders::DueReminders;
pub use words::TitleWords;
pub(crate) use words::folded;

/// The projection.
#[derive(Clone, Copy, Debug, Default)]
pub struct TaskList;

/// A task as it is. The version that it reflects is the row's `as_of`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskRow {
    /// What is known of it.
    pub task: TaskState,
    /// When its last event was recorded.
    pub updated_at: DateTime<Utc>,
    /// Who did that.
    pub updated_by: Actor,
}

impl Projection for TaskList {
    const NAME: &'static str = "task-list";
    const VERSION: u32 = 3;
    type Row = TaskRow;

    fn wants(&self, aggregate: AggregateType) -> bool {
        aggregate == AggregateType::Task
    }

    fn evolve(&self, row: Option<TaskRow>, event: &RecordedEvent, decoded: &DomainEvent) -> Result<TaskRow, Poison> {
        let decoded = match decoded {
            DomainEvent::Task(decoded) => decoded,
            DomainEvent::User(_) | DomainEvent::Team(_) => return Err(Poison::foreign(Self::NAME, event)),
        };
        let before = match (decoded, row) {
            (TaskEvent::TaskCreated(_) | TaskEvent::TaskImported(_), None) => None,
            (
                TaskEvent::TaskEdited(_)
                | TaskEvent::TaskAssigned(_)
                | TaskEvent::TaskUnassigned(_)
                | TaskEvent::TaskTeamChanged(_)
                | TaskEvent::TaskPriorityChanged(_)
                | TaskEvent::TaskStatusChanged(_)
                | TaskEvent::TaskDeadlineSet(_)
                | TaskEvent::TaskDeadlineCleared(_)
                | TaskEvent::TaskHeld(_)
                | TaskEvent::TaskResumed(_)
                | TaskEvent::TaskCommented(_)
                | TaskEvent::TaskChecklistItemAdded(_)
                | TaskEvent::TaskChecklistItemReworded(_)
                | TaskEvent::TaskChecklistItemTicked(_)
                | TaskEvent::TaskChecklistItemUnticked(_)
                | TaskEvent::TaskChecklistItemMoved(_)
                | TaskEvent::TaskChecklistItemRemoved(_)
                | TaskEvent::TaskWatched(_)
                | TaskEvent::TaskUnwatched(_)
                | TaskEvent::TaskRanked(_)
                | TaskEvent::TaskRelated(_)
                | TaskEvent::TaskUnrelated(_)
                | TaskEvent::TaskDeleted(_)
                | TaskEvent::TaskRestored(_)
                | TaskEvent::TaskRecurrenceSet(_)
                | TaskEvent::TaskRecurrenceCleared(_)
                | TaskEvent::TaskChecklistBegun(_)
                | TaskEvent::TaskRemindersSet(_)
                | TaskEvent::TaskReminderFired(_),
                Some(row),
            ) => Some(row.task),
            (_, None | Some(_)) => return Err(Poison::out_of_place(event)),
        };
        let mut task = Task { state: before };
        task.evolve(decoded);
        let task = task.state.ok_or_else(|| Poison::out_of_place(event))?;
        Ok(TaskRow { task, updated_at: event.recorded_at, updated_by: event.actor.clone() })
    }

    fn index_keys(&self, stream: &StreamId, row: &TaskRow) -> Vec<IndexKey> {
        reminders::keys(&row.task, stream)
    }

    fn places(&self, stream: &StreamId, row: &TaskRow) -> Vec<Place> {
        places::of(stream, row)
    }
}

#[cfg(test)]
mod tests;
