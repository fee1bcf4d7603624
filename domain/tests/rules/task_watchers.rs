//! Who watches a task, and whom its texts speak to.

use muster_domain::task::{
    Status, Task, TaskCommand, TaskCommented, TaskCreated, TaskEdited, TaskError, TaskEvent, TaskState, TaskUnwatched,
    TaskWatched, UpdateTask,
};
use muster_domain::values::Change;
use muster_domain::{CommentId, UserId};
use uuid::Uuid;

use crate::fixtures::{ADA, BEN, created, deleted, task_that_is, text, then_also, update};
use crate::scenario::given;

fn watched(user_id: UserId) -> TaskEvent {
    TaskWatched { user_id }.into()
}

#[test]
fn somebody_watches_a_task_once_until_they_do_not() {
    let watch = TaskCommand::Watch { user_id: ADA };
    let unwatch = TaskCommand::Unwatch { user_id: ADA };
    given::<Task>(task_that_is(Status::Completed)).when(watch.clone()).then([watched(ADA)]);
    let watching = || then_also(task_that_is(Status::Todo), watched(ADA));
    given::<Task>(watching()).when(watch.clone()).then_nothing();
    let task = given::<Task>(watching()).when(unwatch.clone()).then([TaskUnwatched { user_id: ADA }.into()]);
    assert!(task.state.unwrap().watchers.is_empty());
    given::<Task>(task_that_is(Status::Todo)).when(unwatch).then_nothing();
    given::<Task>(then_also(watching(), deleted(12))).when(watch).then_refused(TaskError::Deleted);
}

#[test]
fn not_too_many_watch_a_task() {
    let user = |n: usize| UserId(Uuid::from_u128(n as u128 + 1));
    let full =
        (0..TaskState::MAX_WATCHERS).fold(task_that_is(Status::Todo), |so_far, n| then_also(so_far, watched(user(n))));
    given::<Task>(full.clone()).when(TaskCommand::Watch { user_id: ADA }).then_refused(TaskError::TooManyWatchers);
    given::<Task>(full).when(TaskCommand::Watch { user_id: user(0) }).then_nothing();
}

#[test]
fn a_comment_says_whom_it_speaks_to() {
    let words = || text(&format!("@[{BEN}]: has @[{ADA}] the key? @[{BEN}]"));
    let comment_id = CommentId(Uuid::from_u128(1));
    let said = TaskCommented { comment_id, text: words(), mentions: vec![BEN, ADA], imported: None };
    given::<Task>(task_that_is(Status::Todo))
        .when(TaskCommand::Comment { comment_id, text: words() })
        .then([said.into()]);
}

#[test]
fn an_edited_description_says_whom_it_speaks_to_and_did_not_before() {
    let before = TaskCreated { description: Some(text(&format!("Ask @[{ADA}]"))), ..created() };
    let after = || Some(text(&format!("Ask @[{ADA}] or @[{BEN}]")));
    let edited = TaskEdited {
        description: Some(Change { from: before.description.clone(), to: after() }),
        mentions: vec![BEN],
        ..TaskEdited::default()
    };
    let edit = TaskCommand::Update(UpdateTask { description: Some(after()), ..update() });
    given::<Task>([before.into()]).when(edit).then([edited.into()]);
}
