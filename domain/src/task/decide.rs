//! The rules of a task.

use chrono::{DateTime, Utc};

use super::checklist;
use super::command::{TaskCommand, UpdateTask};
use super::event::{
    TaskAssigned, TaskCommented, TaskCreated, TaskDeadlineCleared, TaskDeadlineSet, TaskDeleted, TaskEdited, TaskEvent,
    TaskHeld, TaskPriorityChanged, TaskRanked, TaskRestored, TaskResumed, TaskStatusChanged, TaskTeamChanged,
    TaskUnassigned, TaskUnwatched, TaskWatched,
};
use super::relation;
use super::state::{Status, Task, TaskState};
use super::{reminders, successor};
use crate::aggregate::{Decider, impl_aggregate};
use crate::ids::UserId;
use crate::stream::AggregateType;
use crate::values::{Change, Description, Reason, mentions};

/// Why a request to a task is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// There is no such task.
    #[error("there is no such task")]
    NotFound,
    /// There is one already.
    #[error("there is a task of this id already")]
    AlreadyExists,
    /// It is deleted; it can only be restored.
    #[error("the task is deleted; restore it first")]
    Deleted,
    /// It is not deleted.
    #[error("the task is not deleted")]
    NotDeleted,
    /// The move makes no sense.
    #[error("a task cannot go from {from} to {to}")]
    ImpossibleMove {
        /// Where it is.
        from: Status,
        /// Where it should go.
        to: Status,
        /// Where it may go.
        allowed: &'static [Status],
    },
    /// It is completed; it must be reopened first.
    #[error("the task is completed; reopen it first")]
    Completed,
    /// It is on hold; it must be resumed first.
    #[error("the task is on hold; resume it first")]
    OnHold,
    /// It is not on hold.
    #[error("the task is not on hold")]
    NotOnHold,
    /// Its checklist has no such item.
    #[error("the checklist has no such item")]
    NoSuchItem,
    /// Its checklist has no such item for another one to go before.
    #[error("the checklist has no such item to go before")]
    NoSuchNeighbour,
    /// Its checklist has an item of this id already.
    #[error("the checklist has an item of this id already")]
    ItemExists,
    /// Its checklist is as long as it may be.
    #[error("a checklist has at most {} items", super::checklist::MAX_CHECKLIST_ITEMS)]
    ChecklistFull,
    /// It waits for as many others as it may.
    #[error("a task waits for at most {} others", super::relation::MAX_BLOCKERS)]
    TooManyBlockers,
    /// As many people watch it as may.
    #[error("at most {} people watch a task", TaskState::MAX_WATCHERS)]
    TooManyWatchers,
    /// By the rule's last day none comes after it.
    #[error("is before the next occurrence, so that none would come after this task")]
    OverByDay,
    /// It is as many as the rule counts.
    #[error("must be more than {number}, which this task is in its series, so that another comes after it")]
    OverByCount {
        /// Which one of the series it is.
        number: u32,
    },
}

impl Decider for Task {
    const KIND: AggregateType = AggregateType::Task;
    const STATE_SCHEMA: u32 = 2;

    fn decide(&self, command: TaskCommand) -> Result<Vec<TaskEvent>, TaskError> {
        match (&self.state, command) {
            (None, TaskCommand::Create(task)) => Ok(vec![TaskCreated::from(task).into()]),
            (None, TaskCommand::Recur(successor)) => Ok(successor.events()),
            (None, TaskCommand::Import(import)) => Ok(import.events()),
            (Some(_), TaskCommand::Create(_) | TaskCommand::Recur(_) | TaskCommand::Import(_)) => {
                Err(TaskError::AlreadyExists)
            }
            (None, _) => Err(TaskError::NotFound),
            (Some(task), TaskCommand::Restore) => {
                let deleted_at = task.deleted_at.ok_or(TaskError::NotDeleted)?;
                Ok(vec![TaskRestored { deleted_at }.into()])
            }
            (Some(task), _) if task.deleted_at.is_some() => Err(TaskError::Deleted),
            (Some(task), TaskCommand::Update(update)) => updated(task, &update),
            (Some(task), TaskCommand::Hold { reason, at }) => held(task, reason, at),
            (Some(task), TaskCommand::Resume { reason, at }) => resumed(task, reason, at),
            (Some(_), TaskCommand::Comment { comment_id, text }) => {
                let mentions = mentions(text.as_str());
                Ok(vec![TaskCommented { comment_id, text, mentions, imported: None }.into()])
            }
            (Some(task), TaskCommand::AddChecklistItem { item_id, text, before }) => {
                checklist::added(task, item_id, text, before)
            }
            (Some(task), TaskCommand::UpdateChecklistItem(update)) => checklist::updated(task, update),
            (Some(task), TaskCommand::RemoveChecklistItem { item_id }) => checklist::removed(task, item_id),
            (Some(task), TaskCommand::Watch { user_id }) => watched(task, user_id),
            (Some(task), TaskCommand::Unwatch { user_id }) => {
                let watches = task.watchers.contains(&user_id);
                Ok(watches.then(|| TaskUnwatched { user_id }.into()).into_iter().collect())
            }
            (Some(task), TaskCommand::Rank { rank }) => {
                let change = Change::between(&task.rank, &rank);
                Ok(change.map(|Change { from, to }| TaskRanked { from, to }.into()).into_iter().collect())
            }
            (Some(task), TaskCommand::Relate { relation, to }) => relation::related(task, relation, to),
            (Some(task), TaskCommand::Unrelate { relation, to }) => Ok(relation::unrelated(task, relation, to)),
            (Some(_), TaskCommand::Delete { at }) => Ok(vec![TaskDeleted { at }.into()]),
            (Some(task), TaskCommand::SetRecurrence { rule, series, at }) => successor::set(task, rule, series, at),
            (Some(task), TaskCommand::ClearRecurrence) => Ok(successor::clear(task)),
            (Some(task), TaskCommand::SetReminders { leads, by }) => Ok(reminders::set(task, &leads, by)),
            (Some(task), TaskCommand::FireReminders { at }) => Ok(reminders::fire(task, at)),
        }
    }

    fn evolve(&mut self, event: &TaskEvent) {
        super::evolve::evolve(self, event);
    }
}

impl_aggregate!(Task, AggregateType::Task, TaskCommand, TaskEvent, TaskError);

fn watched(task: &TaskState, user_id: UserId) -> Result<Vec<TaskEvent>, TaskError> {
    if task.watchers.contains(&user_id) {
        return Ok(Vec::new());
    }
    if task.watchers.len() >= TaskState::MAX_WATCHERS {
        return Err(TaskError::TooManyWatchers);
    }
    Ok(vec![TaskWatched { user_id }.into()])
}

fn held(task: &TaskState, reason: Reason, at: DateTime<Utc>) -> Result<Vec<TaskEvent>, TaskError> {
    if task.status == Status::Completed {
        return Err(TaskError::Completed);
    }
    if task.hold.is_some() {
        return Err(TaskError::OnHold);
    }
    Ok(vec![TaskHeld { reason, at }.into()])
}

fn resumed(task: &TaskState, reason: Reason, at: DateTime<Utc>) -> Result<Vec<TaskEvent>, TaskError> {
    let held_since = task.hold.as_ref().ok_or(TaskError::NotOnHold)?.since;
    Ok(vec![TaskResumed { reason, held_since, at }.into()])
}

/// One event for each property that changes, in a fixed order: words, team, assignee, priority, deadline, status.
fn updated(task: &TaskState, update: &UpdateTask) -> Result<Vec<TaskEvent>, TaskError> {
    let mut events = Vec::new();

    let edited = TaskEdited {
        title: Change::requested(&task.title, update.title.as_ref()),
        description: Change::requested(&task.description, update.description.as_ref()),
        labels: Change::requested(&task.labels, update.labels.as_ref()),
        location: Change::requested(&task.location, update.location.as_ref()),
        mentions: newly_mentioned(task.description.as_ref(), update.description.as_ref()),
    };
    if edited != TaskEdited::default() {
        events.push(edited.into());
    }

    let status = Change::requested(&task.status, update.status.as_ref());
    // Who, how urgent and by when are settled once a task is done, unless the same request reopens it.
    let settled = task.status == Status::Completed && status.is_none();
    let unless_settled = |event: TaskEvent| if settled { Err(TaskError::Completed) } else { Ok(event) };

    if let Some(Change { from, to }) = Change::requested(&task.team, update.team.as_ref()) {
        events.push(TaskTeamChanged { from, to }.into());
    }
    if let Some(change) = Change::requested(&task.assignee, update.assignee.as_ref()) {
        events.extend(assigned(&change).map(unless_settled).transpose()?);
    }
    if let Some(Change { from, to }) = Change::requested(&task.priority, update.priority.as_ref()) {
        events.push(unless_settled(TaskPriorityChanged { from, to }.into())?);
    }
    match Change::requested(&task.deadline, update.deadline.as_ref()) {
        Some(Change { from, to: Some(to) }) => events.push(unless_settled(TaskDeadlineSet { from, to }.into())?),
        Some(Change { from: Some(from), to: None }) => {
            events.push(unless_settled(TaskDeadlineCleared { from }.into())?);
        }
        Some(Change { from: None, to: None }) | None => {}
    }
    if let Some(Change { from, to }) = status {
        if !from.allowed().contains(&to) {
            return Err(TaskError::ImpossibleMove { from, to, allowed: from.allowed() });
        }
        if task.hold.is_some() {
            return Err(TaskError::OnHold);
        }
        events.push(TaskStatusChanged { from, to, at: update.at }.into());
    }
    Ok(events)
}

/// Whom the new description speaks to and the old one did not.
fn newly_mentioned(from: Option<&Description>, to: Option<&Option<Description>>) -> Vec<UserId> {
    let named = |text: Option<&Description>| text.map(|text| mentions(text.as_str())).unwrap_or_default();
    let before = named(from);
    named(to.and_then(Option::as_ref)).into_iter().filter(|user| !before.contains(user)).collect()
}

fn assigned(change: &Change<Option<UserId>>) -> Option<TaskEvent> {
    match (change.from, change.to) {
        (from, Some(to)) => Some(TaskAssigned { from, to }.into()),
        (Some(from), None) => Some(TaskUnassigned { from }.into()),
        (None, None) => None,
    }
}
