//! A task that waits for something outside.

use muster_domain::task::{
    Hold, Status, Task, TaskAssigned, TaskCommand, TaskError, TaskEvent, TaskRestored, TaskResumed, UpdateTask,
};

use crate::fixtures::{ADA, at, deleted, held, task_that_is, text, then_also, update};
use crate::scenario::{fold, given};

fn hold() -> TaskCommand {
    TaskCommand::Hold { reason: text("waiting for parts"), at: at(11) }
}

fn resume() -> TaskCommand {
    TaskCommand::Resume { reason: text("parts came"), at: at(12) }
}

fn resumed() -> TaskEvent {
    TaskResumed { reason: text("parts came"), held_since: at(11), at: at(12) }.into()
}

#[test]
fn an_open_task_can_be_held_and_keeps_its_status() {
    for status in [Status::Todo, Status::InProgress] {
        let task = given::<Task>(task_that_is(status)).when(hold()).then([held(11).into()]).state.unwrap();
        assert_eq!(task.hold, Some(Hold { reason: text("waiting for parts"), since: at(11) }));
        assert_eq!(task.status, status);
    }
}

#[test]
fn a_completed_task_waits_for_nothing() {
    given::<Task>(task_that_is(Status::Completed)).when(hold()).then_refused(TaskError::Completed);
}

#[test]
fn a_task_on_hold_is_not_held_again() {
    given::<Task>(then_also(task_that_is(Status::Todo), held(9))).when(hold()).then_refused(TaskError::OnHold);
}

#[test]
fn resuming_says_since_when_the_task_had_waited() {
    for status in [Status::Todo, Status::InProgress] {
        let task = given::<Task>(then_also(task_that_is(status), held(11))).when(resume()).then([resumed()]);
        assert_eq!(task, fold(&task_that_is(status)));
    }
}

#[test]
fn only_a_task_on_hold_can_be_resumed() {
    for status in Status::ALL {
        given::<Task>(task_that_is(*status)).when(resume()).then_refused(TaskError::NotOnHold);
    }
    let resumed = then_also(then_also(task_that_is(Status::Todo), held(11)), resumed());
    given::<Task>(resumed).when(resume()).then_refused(TaskError::NotOnHold);
}

#[test]
fn a_task_can_wait_as_often_as_it_must() {
    let resumed = then_also(then_also(task_that_is(Status::Todo), held(9)), resumed());
    given::<Task>(resumed).when(hold()).then([held(11).into()]);
}

#[test]
fn what_waits_can_still_be_given_to_somebody_and_deleted() {
    let waiting = || then_also(task_that_is(Status::InProgress), held(11));
    given::<Task>(waiting())
        .when(TaskCommand::Update(UpdateTask { assignee: Some(Some(ADA)), ..update() }))
        .then([TaskAssigned { from: None, to: ADA }.into()]);
    given::<Task>(waiting()).when(TaskCommand::Delete { at: at(12) }).then([deleted(12).into()]);
}

#[test]
fn a_deleted_task_is_neither_held_nor_resumed_and_waits_on_when_it_is_restored() {
    let waiting = then_also(task_that_is(Status::Todo), held(11));
    let gone = then_also(waiting.clone(), deleted(12));
    given::<Task>(gone.clone()).when(resume()).then_refused(TaskError::Deleted);
    given::<Task>(gone.clone()).when(hold()).then_refused(TaskError::Deleted);
    let restored = then_also(gone, TaskRestored { deleted_at: at(12) });
    assert_eq!(fold::<Task>(&restored), fold(&waiting));
}
