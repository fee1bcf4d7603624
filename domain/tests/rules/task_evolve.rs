//! What every event makes of a task.

use std::collections::BTreeSet;

use muster_domain::CommentId;
use muster_domain::task::{
    Hold, Priority, Reminders, Status, Task, TaskAssigned, TaskCommented, TaskDeadlineCleared, TaskDeadlineSet,
    TaskEdited, TaskEvent, TaskPriorityChanged, TaskRestored, TaskResumed, TaskState, TaskTeamChanged, TaskUnassigned,
};
use muster_domain::values::{Change, Rank};
use uuid::Uuid;

use crate::fixtures::{ADA, BEN, NORTH, SOUTH, at, created_in_full, deleted, held, labels, moved, text, workshop};
use crate::scenario::fold;

/// The task that [`created_in_full`] begins.
fn new() -> TaskState {
    TaskState {
        title: text("Fix the lift"),
        description: Some(text("It stops between *two* floors.")),
        priority: Priority::High,
        status: Status::Todo,
        labels: labels(["lift", "safety"]),
        location: Some(workshop()),
        team: Some(NORTH),
        assignee: Some(ADA),
        reporter: Some(BEN),
        deadline: Some(at(18)),
        hold: None,
        started_at: None,
        completed_at: None,
        reopened: 0,
        comments: 0,
        checklist: vec![],
        watchers: BTreeSet::new(),
        rank: Rank::of_time(at(8)),
        parent: None,
        blocked_by: BTreeSet::new(),
        duplicate_of: None,
        created_at: at(8),
        deleted_at: None,
        recurrence: None,
        reminders: Reminders::default(),
        imported: None,
    }
}

#[track_caller]
fn assert_evolves(events: &[TaskEvent], expected: TaskState) {
    let history = [vec![created_in_full().into()], events.to_vec()].concat();
    assert_eq!(fold::<Task>(&history), Task { state: Some(expected) });
}

#[test]
fn creation_begins_the_task_as_todo() {
    assert_evolves(&[], new());
}

#[test]
fn an_edit_changes_only_the_words_that_it_names() {
    let title = Change { from: text("Fix the lift"), to: text("Replace the lift") };
    assert_evolves(
        &[TaskEdited { title: Some(title), ..TaskEdited::default() }.into()],
        TaskState { title: text("Replace the lift"), ..new() },
    );
    assert_evolves(
        &[TaskEdited {
            title: None,
            description: Some(Change { from: new().description, to: None }),
            labels: Some(Change { from: new().labels, to: labels(["lift"]) }),
            location: Some(Change { from: new().location, to: None }),
            mentions: vec![],
        }
        .into()],
        TaskState { description: None, labels: labels(["lift"]), location: None, ..new() },
    );
}

#[test]
fn assignment_gives_the_task_and_takes_it() {
    assert_evolves(&[TaskAssigned { from: Some(ADA), to: BEN }.into()], TaskState { assignee: Some(BEN), ..new() });
    assert_evolves(&[TaskUnassigned { from: ADA }.into()], TaskState { assignee: None, ..new() });
}

#[test]
fn a_change_of_team_moves_the_task() {
    assert_evolves(
        &[TaskTeamChanged { from: Some(NORTH), to: Some(SOUTH) }.into()],
        TaskState { team: Some(SOUTH), ..new() },
    );
    assert_evolves(&[TaskTeamChanged { from: Some(NORTH), to: None }.into()], TaskState { team: None, ..new() });
}

#[test]
fn a_change_of_priority_sets_it() {
    assert_evolves(
        &[TaskPriorityChanged { from: Priority::High, to: Priority::Low }.into()],
        TaskState { priority: Priority::Low, ..new() },
    );
}

#[test]
fn a_change_of_status_keeps_when_work_began_and_ended() {
    let begun = || moved(Status::Todo, Status::InProgress, 9);
    let completed = || moved(Status::InProgress, Status::Completed, 10);
    assert_evolves(&[begun()], TaskState { status: Status::InProgress, started_at: Some(at(9)), ..new() });
    assert_evolves(
        &[begun(), completed()],
        TaskState { status: Status::Completed, started_at: Some(at(9)), completed_at: Some(at(10)), ..new() },
    );
    assert_evolves(
        &[begun(), completed(), moved(Status::Completed, Status::Todo, 11)],
        TaskState { status: Status::Todo, reopened: 1, ..new() },
    );
}

#[test]
fn a_deadline_is_set_and_cleared() {
    assert_evolves(
        &[TaskDeadlineSet { from: Some(at(18)), to: at(20) }.into()],
        TaskState { deadline: Some(at(20)), ..new() },
    );
    assert_evolves(&[TaskDeadlineCleared { from: at(18) }.into()], TaskState { deadline: None, ..new() });
}

#[test]
fn a_hold_begins_and_ends() {
    let waiting = Hold { reason: text("waiting for parts"), since: at(9) };
    assert_evolves(&[held(9).into()], TaskState { hold: Some(waiting), ..new() });
    let resumed = TaskResumed { reason: text("parts came"), held_since: at(9), at: at(10) };
    assert_evolves(&[held(9).into(), resumed.into()], new());
}

#[test]
fn comments_are_counted() {
    let comment = |n| {
        TaskEvent::from(TaskCommented {
            comment_id: CommentId(Uuid::from_u128(n)),
            text: text("Hm."),
            mentions: Vec::new(),
            imported: None,
        })
    };
    assert_evolves(&[comment(1), comment(2)], TaskState { comments: 2, ..new() });
}

#[test]
fn a_deletion_marks_the_task_and_a_restoration_takes_the_mark_away() {
    assert_evolves(&[deleted(9).into()], TaskState { deleted_at: Some(at(9)), ..new() });
    assert_evolves(&[deleted(9).into(), TaskRestored { deleted_at: at(9) }.into()], new());
}

#[test]
fn before_its_creation_there_is_no_task_to_change() {
    assert_eq!(fold::<Task>(&[held(9).into(), deleted(10).into()]), Task::default());
}

#[test]
fn a_task_is_overdue_when_its_deadline_has_passed_and_it_is_neither_done_nor_deleted() {
    let completed = TaskState { status: Status::Completed, ..new() };
    for (task, hour, overdue) in [
        (new(), 17, false),
        (new(), 18, false),
        (new(), 19, true),
        (completed, 19, false),
        (TaskState { deleted_at: Some(at(9)), ..new() }, 19, false),
        (TaskState { deadline: None, ..new() }, 19, false),
    ] {
        assert_eq!(task.is_overdue(at(hour)), overdue, "at {hour}: {task:?}");
    }
}
