//! `task-list`: a task as it is, and tasks by whose they are, how far they are and what they are grouped by, in several orders.

mod document;
mod places;
mod plan;
mod query;
mod reminders;
mod words;

use chrono::{DateTime, SecondsFormat, TimeZone as _, Utc};
use muster_domain::task::{Task, TaskEvent, TaskState};
use muster_domain::{Actor, AggregateType, Decider as _, DomainEvent, RecordedEvent, StreamId};
use serde::{Deserialize, Serialize};

use crate::projection::{IndexKey, Place, Poison, Projection};

pub use document::{
    ChecklistItemDocument, HoldDocument, ImportedDocument, LocationDocument, PositionDocument, RecurrenceDocument,
    TaskDocument, fold_task,
};
pub(crate) use places::Ordered;
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

/// The sort key by deadline: the deadline, or `~` for none, then the task. So the soonest comes first, what has no
/// deadline last, and no two tasks have the same.
pub(crate) fn due_key(deadline: Option<DateTime<Utc>>, stream: &StreamId) -> String {
    format!("{}#{}", deadline.map_or_else(|| "~".to_owned(), sortable), stream.id)
}

/// A time as a text of fixed width that sorts like it: RFC 3339 to the millisecond. Times outside the years 0 to 9999
/// sort like the first and the last of these.
pub(crate) fn sortable(time: DateTime<Utc>) -> String {
    let edge = |year, month, day, hour, minute, second| Utc.with_ymd_and_hms(year, month, day, hour, minute, second);
    let first = edge(0, 1, 1, 0, 0, 0).single().unwrap_or(DateTime::<Utc>::MIN_UTC);
    let last = edge(9999, 12, 31, 23, 59, 59).single().unwrap_or(DateTime::<Utc>::MAX_UTC);
    time.clamp(first, last).to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests;
