//! What comes after a task that is done: the next one of its series.

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::checklist::ChecklistItem;
use super::command::CreateTask;
use super::decide::TaskError;
use super::event::{
    BegunChecklistItem, TaskChecklistBegun, TaskCreated, TaskEvent, TaskRecurrenceCleared, TaskRecurrenceSet,
    TaskRemindersSet,
};
use super::recurrence::{Occurrence, Recurrence};
use super::reminders::Leads;
use super::state::{Status, TaskState};
use crate::ids::{SeriesId, TaskId, UserId};

/// A task to be, as the next one of a series.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Successor {
    /// The task.
    pub task: CreateTask,
    /// Its place in the series.
    pub occurrence: Occurrence,
    /// What is to be ticked off, in order.
    pub checklist: Vec<BegunChecklistItem>,
    /// What reminds of its deadline.
    pub leads: Leads,
    /// Who is reminded beside whoever is to do it.
    pub reminded: Option<UserId>,
}

impl TaskId {
    /// The task that comes after this one. A task that is done twice, as it was reopened in between, has one successor.
    #[must_use]
    pub fn successor(self) -> Self {
        Self(Uuid::new_v5(&self.0, b"successor"))
    }
}

impl TaskState {
    /// What comes after this task, which has just been done: the same to do, by the same people, due when its rule says. `None` when it
    /// has no rule, or its series is over.
    pub fn successor(&self, at: DateTime<Utc>) -> Option<Successor> {
        let done_at = self.completed_at?;
        let (occurrence, due) = self.recurrence.as_ref()?.next(done_at)?;
        let task = CreateTask {
            title: self.title.clone(),
            description: self.description.clone(),
            priority: self.priority,
            labels: self.labels.clone(),
            location: self.location.clone(),
            team: self.team,
            assignee: self.assignee,
            reporter: self.reporter,
            deadline: Some(due),
            at,
        };
        let begun = |item: &ChecklistItem| BegunChecklistItem { item_id: item.id, text: item.text.clone() };
        let checklist = self.checklist.iter().map(begun).collect();
        Some(Successor {
            task,
            occurrence,
            checklist,
            leads: self.reminders.leads.clone(),
            reminded: self.reminders.set_by,
        })
    }
}

impl Successor {
    /// The events that make it.
    pub(super) fn events(self) -> Vec<TaskEvent> {
        let Self { task, occurrence, checklist, leads, reminded } = self;
        let Occurrence { rule, series, number, day } = occurrence;
        let recurs = TaskRecurrenceSet { from: None, to: rule, series, number, day };
        let reminds = TaskRemindersSet { from: Leads::default(), to: leads, by: reminded };
        let reminds = (!reminds.to.is_empty()).then(|| reminds.into());
        let begins = (!checklist.is_empty()).then(|| TaskChecklistBegun { items: checklist }.into());
        [TaskCreated::from(task).into(), recurs.into()].into_iter().chain(begins).chain(reminds).collect()
    }
}

/// A rule, or another one, or the same from another day on. A task that is in a series stays in it, at its place. A rule by which none comes
/// after the task is none.
pub(super) fn set(
    task: &TaskState,
    rule: Recurrence,
    series: SeriesId,
    at: DateTime<Utc>,
) -> Result<Vec<TaskEvent>, TaskError> {
    let today = task.deadline.unwrap_or(at);
    let day = rule.day_of(today);
    let rule = rule.from_day(day);
    let before = task.recurrence.as_ref();
    if before.is_some_and(|before| before.rule == rule && before.day == day) {
        return Ok(Vec::new());
    }
    if task.status == Status::Completed {
        return Err(TaskError::Completed);
    }
    let (series, number) = before.map_or((series, 1), |before| (before.series, before.number));
    let from = before.map(|before| before.rule.clone());
    let occurrence = Occurrence { rule, series, number, day };
    if occurrence.rule.count.is_some_and(|count| number >= count) {
        return Err(TaskError::OverByCount { number });
    }
    if occurrence.rule.until.is_some() && occurrence.next(at).is_none() {
        return Err(TaskError::OverByDay);
    }
    Ok(vec![TaskRecurrenceSet { from, to: occurrence.rule, series, number, day }.into()])
}

/// No rule any more. That none comes after a task that has none changes nothing.
pub(super) fn clear(task: &TaskState) -> Vec<TaskEvent> {
    let before = task.recurrence.as_ref();
    before.map(|before| TaskRecurrenceCleared { from: before.rule.clone() }.into()).into_iter().collect()
}

/// The checklist that a task began with.
pub(super) fn evolve_checklist(task: &mut TaskState, begun: &TaskChecklistBegun) {
    let item = |BegunChecklistItem { item_id, text }: &BegunChecklistItem| ChecklistItem {
        id: *item_id,
        text: text.clone(),
        done: false,
    };
    task.checklist = begun.items.iter().map(item).collect();
}

/// The task's place in its series after a rule was set.
pub(super) fn evolve_set(task: &mut TaskState, set: &TaskRecurrenceSet) {
    let TaskRecurrenceSet { from: _, to, series, number, day } = set.clone();
    task.recurrence = Some(Occurrence { rule: to, series, number, day });
}
