//! How events change a task.

use std::collections::BTreeSet;

use super::checklist;
use super::event::{TaskCreated, TaskEdited, TaskEvent, TaskImported};
use super::relation;
use super::reminders::{self, Reminders};
use super::state::{Hold, Status, Task, TaskState};
use super::successor;
use crate::values::Rank;

/// The task after the event. A stored history begins with `TaskCreated` or `TaskImported`, so before it there is nothing to change.
pub(super) fn evolve(task: &mut Task, event: &TaskEvent) {
    if let TaskEvent::TaskCreated(created) = event {
        task.state = Some(begin(created));
    } else if let TaskEvent::TaskImported(imported) = event {
        task.state = Some(brought_in(imported));
    } else if let Some(state) = &mut task.state {
        advance(state, event);
    }
}

/// A new task, but as far as it had come; the times of its cycle are those of here.
fn brought_in(imported: &TaskImported) -> TaskState {
    TaskState {
        status: imported.status,
        started_at: (imported.status == Status::InProgress).then_some(imported.at),
        completed_at: (imported.status == Status::Completed).then_some(imported.at),
        imported: Some(imported.imported.clone()),
        ..begin(&imported.task().into())
    }
}

fn begin(created: &TaskCreated) -> TaskState {
    TaskState {
        title: created.title.clone(),
        description: created.description.clone(),
        priority: created.priority,
        status: Status::Todo,
        labels: created.labels.clone(),
        location: created.location.clone(),
        team: created.team,
        assignee: created.assignee,
        reporter: created.reporter,
        deadline: created.deadline,
        hold: None,
        started_at: None,
        completed_at: None,
        reopened: 0,
        comments: 0,
        checklist: Vec::new(),
        watchers: BTreeSet::new(),
        rank: Rank::of_time(created.at),
        parent: None,
        blocked_by: BTreeSet::new(),
        duplicate_of: None,
        created_at: created.at,
        deleted_at: None,
        recurrence: None,
        reminders: Reminders::default(),
        imported: None,
    }
}

fn advance(task: &mut TaskState, event: &TaskEvent) {
    match event {
        TaskEvent::TaskCreated(created) => *task = begin(created),
        TaskEvent::TaskImported(imported) => *task = brought_in(imported),
        TaskEvent::TaskEdited(edited) => edit(task, edited),
        TaskEvent::TaskAssigned(assigned) => task.assignee = Some(assigned.to),
        TaskEvent::TaskUnassigned(_) => task.assignee = None,
        TaskEvent::TaskTeamChanged(changed) => task.team = changed.to,
        TaskEvent::TaskPriorityChanged(changed) => task.priority = changed.to,
        TaskEvent::TaskStatusChanged(changed) => {
            task.status = changed.to;
            if changed.from == Status::Completed {
                task.reopened += 1;
                task.started_at = None;
                task.completed_at = None;
            }
            match changed.to {
                Status::Todo => task.started_at = None,
                Status::InProgress => task.started_at = Some(changed.at),
                Status::Completed => task.completed_at = Some(changed.at),
            }
        }
        TaskEvent::TaskDeadlineSet(set) => task.deadline = Some(set.to),
        TaskEvent::TaskDeadlineCleared(_) => task.deadline = None,
        TaskEvent::TaskHeld(held) => task.hold = Some(Hold { reason: held.reason.clone(), since: held.at }),
        TaskEvent::TaskResumed(_) => task.hold = None,
        TaskEvent::TaskCommented(_) => task.comments += 1,
        TaskEvent::TaskChecklistItemAdded(added) => checklist::insert(task, added),
        TaskEvent::TaskChecklistItemReworded(reworded) => {
            checklist::change(task, reworded.item_id, |item| item.text = reworded.to.clone());
        }
        TaskEvent::TaskChecklistItemTicked(ticked) => checklist::change(task, ticked.item_id, |item| item.done = true),
        TaskEvent::TaskChecklistItemUnticked(unticked) => {
            checklist::change(task, unticked.item_id, |item| item.done = false);
        }
        TaskEvent::TaskChecklistItemMoved(moved) => checklist::shift(task, moved),
        TaskEvent::TaskChecklistItemRemoved(removed) => task.checklist.retain(|item| item.id != removed.item_id),
        TaskEvent::TaskWatched(watched) => {
            task.watchers.insert(watched.user_id);
        }
        TaskEvent::TaskUnwatched(unwatched) => {
            task.watchers.remove(&unwatched.user_id);
        }
        TaskEvent::TaskRanked(ranked) => task.rank = ranked.to.clone(),
        TaskEvent::TaskRelated(related) => relation::relate(task, related.relation, related.to),
        TaskEvent::TaskUnrelated(unrelated) => relation::unrelate(task, unrelated.relation, unrelated.to),
        TaskEvent::TaskDeleted(deleted) => task.deleted_at = Some(deleted.at),
        TaskEvent::TaskRestored(_) => task.deleted_at = None,
        TaskEvent::TaskRecurrenceSet(set) => successor::evolve_set(task, set),
        TaskEvent::TaskRecurrenceCleared(_) => task.recurrence = None,
        TaskEvent::TaskChecklistBegun(begun) => successor::evolve_checklist(task, begun),
        TaskEvent::TaskRemindersSet(set) => reminders::evolve_set(task, set),
        TaskEvent::TaskReminderFired(fired) => reminders::evolve_fired(task, fired),
    }
}

fn edit(task: &mut TaskState, edited: &TaskEdited) {
    if let Some(title) = &edited.title {
        task.title = title.to.clone();
    }
    if let Some(description) = &edited.description {
        task.description.clone_from(&description.to);
    }
    if let Some(labels) = &edited.labels {
        task.labels = labels.to.clone();
    }
    if let Some(location) = &edited.location {
        task.location.clone_from(&location.to);
    }
}
