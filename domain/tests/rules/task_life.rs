//! A task's beginning and end: create, comment, delete, restore.

use muster_domain::CommentId;
use muster_domain::task::{
    CreateTask, Status, Task, TaskCommand, TaskCommented, TaskError, TaskEvent, TaskRestored, UpdateTask,
};
use uuid::Uuid;

use crate::fixtures::{at, create_in_full, created, created_in_full, deleted, task_that_is, text, then_also};
use crate::scenario::{fold, given};

fn comment() -> TaskCommand {
    TaskCommand::Comment { comment_id: CommentId(Uuid::from_u128(1)), text: text("On my way.") }
}

fn hold() -> TaskCommand {
    TaskCommand::Hold { reason: text("waiting for parts"), at: at(12) }
}

fn resume() -> TaskCommand {
    TaskCommand::Resume { reason: text("parts came"), at: at(12) }
}

fn delete() -> TaskCommand {
    TaskCommand::Delete { at: at(12) }
}

#[test]
fn a_task_is_created_with_all_that_was_said_of_it() {
    given::<Task>([]).when(TaskCommand::Create(create_in_full())).then([created_in_full().into()]);
    let bare = CreateTask::new(text("Fix the lift"), at(8));
    given::<Task>([]).when(TaskCommand::Create(bare)).then([created().into()]);
}

#[test]
fn a_task_is_created_once_and_even_a_deleted_one_keeps_its_id() {
    let create = || TaskCommand::Create(create_in_full());
    given::<Task>([created().into()]).when(create()).then_refused(TaskError::AlreadyExists);
    given::<Task>([created().into(), deleted(9).into()]).when(create()).then_refused(TaskError::AlreadyExists);
}

#[test]
fn nothing_can_be_asked_of_a_task_that_does_not_exist() {
    for command in
        [TaskCommand::Update(UpdateTask::at(at(9))), hold(), resume(), comment(), delete(), TaskCommand::Restore]
    {
        given::<Task>([]).when(command).then_refused(TaskError::NotFound);
    }
}

#[test]
fn a_deleted_task_takes_nothing_but_its_restoration() {
    for command in [TaskCommand::Update(UpdateTask::at(at(9))), hold(), resume(), comment(), delete()] {
        given::<Task>([created().into(), deleted(9).into()]).when(command).then_refused(TaskError::Deleted);
    }
}

#[test]
fn a_task_can_be_deleted_and_commented_whatever_its_status() {
    let commented: TaskEvent = TaskCommented {
        comment_id: CommentId(Uuid::from_u128(1)),
        text: text("On my way."),
        mentions: Vec::new(),
        imported: None,
    }
    .into();
    for status in Status::ALL {
        given::<Task>(task_that_is(*status)).when(comment()).then([commented.clone()]);
        given::<Task>(task_that_is(*status)).when(delete()).then([deleted(12).into()]);
    }
}

#[test]
fn a_restored_task_is_as_it_was_before_its_deletion() {
    let before = task_that_is(Status::InProgress);
    let restored = given::<Task>(then_also(before.clone(), deleted(11)))
        .when(TaskCommand::Restore)
        .then([TaskRestored { deleted_at: at(11) }.into()]);
    assert_eq!(restored, fold(&before));
}

#[test]
fn only_a_deleted_task_can_be_restored() {
    given::<Task>([created().into()]).when(TaskCommand::Restore).then_refused(TaskError::NotDeleted);
    given::<Task>([created().into(), deleted(9).into(), TaskRestored { deleted_at: at(9) }.into()])
        .when(TaskCommand::Restore)
        .then_refused(TaskError::NotDeleted);
}

#[test]
fn a_refusal_says_in_words_what_to_do() {
    for (refusal, words) in [
        (TaskError::NotFound, "there is no such task"),
        (TaskError::AlreadyExists, "there is a task of this id already"),
        (TaskError::Deleted, "the task is deleted; restore it first"),
        (TaskError::NotDeleted, "the task is not deleted"),
        (TaskError::Completed, "the task is completed; reopen it first"),
        (TaskError::OnHold, "the task is on hold; resume it first"),
        (TaskError::NotOnHold, "the task is not on hold"),
        (
            TaskError::ImpossibleMove { from: Status::Todo, to: Status::Completed, allowed: Status::Todo.allowed() },
            "a task cannot go from todo to completed",
        ),
    ] {
        assert_eq!(refusal.to_string(), words);
    }
}
