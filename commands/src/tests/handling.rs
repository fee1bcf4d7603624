//! Expected versions, refusals, and two at once.

use muster_domain::task::{Status, TaskError, UpdateTask};

use super::test_log::{Fault, TestLog};
use super::*;
use crate::GuardedError;

#[tokio::test]
async fn a_command_is_answered_with_its_events_the_state_after_and_the_version() {
    let handler = handler(TestLog::default());
    let created = send(&handler, 1, create("Fix the lift"), ExpectedVersion::New).await.unwrap();
    assert_eq!((created.version, created.created_at, created.updated_at), (1, minute(1), minute(1)));

    let update = TaskCommand::Update(UpdateTask {
        title: Some("Fix both lifts".parse().unwrap()),
        priority: Some(Priority::High),
        ..UpdateTask::at(minute(2))
    });
    let updated = send(&handler, 2, update, ExpectedVersion::Exactly(1)).await.unwrap();

    assert_eq!(updated.version, 3);
    assert_eq!(
        updated.events.iter().map(|event| (event.version, event.event_type.as_str())).collect::<Vec<_>>(),
        [(2, "TaskEdited"), (3, "TaskPriorityChanged")]
    );
    assert_eq!(title(&updated.aggregate), "Fix both lifts");
    assert_eq!((updated.created_at, updated.updated_at, updated.replayed), (minute(1), minute(2), false));
    assert_eq!(handler.store().load::<Task>(TASK).await.unwrap().state(), &updated.aggregate);
}

#[tokio::test]
async fn a_command_for_another_version_is_refused_with_the_version_that_is() {
    let handler = handler_with_history(3).await;
    for expected in [ExpectedVersion::New, ExpectedVersion::Exactly(2), ExpectedVersion::Exactly(4)] {
        let answer = send(&handler, 9, comment("late"), expected).await;
        assert!(
            matches!(answer, Err(ExecuteError::VersionMismatch { expected: e, actual: 3 }) if e == expected),
            "{answer:?}"
        );
    }
    assert_eq!(send(&handler, 9, comment("in time"), ExpectedVersion::Exactly(3)).await.unwrap().version, 4);
}

#[tokio::test]
async fn what_the_rules_refuse_writes_nothing() {
    let handler = handler_with_history(1).await;
    let complete = UpdateTask { status: Some(Status::Completed), ..UpdateTask::at(minute(2)) };
    handler.store().log().appends();
    let answer = send(&handler, 2, TaskCommand::Update(complete), ExpectedVersion::Any).await;
    assert!(matches!(answer, Err(ExecuteError::Refused(TaskError::ImpossibleMove { .. }))), "{answer:?}");
    assert_eq!(handler.store().log().appends(), 0);
}

#[tokio::test]
async fn a_command_that_changes_nothing_writes_nothing_and_answers_with_the_present_version() {
    let handler = handler_with_history(2).await;
    handler.store().log().appends();
    let answer = send(&handler, 3, rename("Fix the lift"), ExpectedVersion::Any).await.unwrap();
    assert_eq!((answer.version, answer.events.len(), answer.replayed), (2, 0, false));
    assert_eq!((answer.created_at, answer.updated_at), (minute(1), minute(2)));
    assert_eq!(handler.store().log().appends(), 0);
}

#[tokio::test(start_paused = true)]
async fn of_two_at_once_the_slower_is_decided_again_on_what_the_faster_did() {
    let log = handler_with_history(1).await.store().log().two_at_once();
    let handler = handler(log.clone());
    log.appends();

    let (first, second) = tokio::join!(
        send(&handler, 2, rename("Fix the door"), ExpectedVersion::Any),
        send(&handler, 3, rename("Fix the roof"), ExpectedVersion::Any),
    );

    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(log.appends(), 3, "one of the two met a conflict");
    assert_eq!([first.version.min(second.version), first.version.max(second.version)], [2, 3]);
    let last = if first.version == 3 { &first } else { &second };
    let before = if first.version == 3 { &second } else { &first };
    assert_eq!(last.events[0].data["title"]["from"], title(&before.aggregate));
    assert_eq!(handler.store().load::<Task>(TASK).await.unwrap().state(), &last.aggregate);
}

#[tokio::test(start_paused = true)]
async fn of_two_at_once_that_expect_the_same_version_one_is_refused() {
    let log = handler_with_history(1).await.store().log().two_at_once();
    let handler = handler(log);
    let (first, second) = tokio::join!(
        send(&handler, 2, rename("Fix the door"), ExpectedVersion::Exactly(1)),
        send(&handler, 3, rename("Fix the roof"), ExpectedVersion::Exactly(1)),
    );
    let (won, lost) = if first.is_ok() { (first, second) } else { (second, first) };
    assert_eq!(won.unwrap().version, 2);
    assert!(matches!(lost, Err(ExecuteError::VersionMismatch { actual: 2, .. })), "{lost:?}");
}

#[tokio::test(start_paused = true)]
async fn a_command_gives_way_when_others_are_faster_every_time() {
    let handler = handler_with_history(1).await;
    // One for what is remembered, and eight for what is read.
    handler.store().log().fail_with((10..19).map(Fault::Rival));
    let answer = send(&handler, 2, comment("mine"), ExpectedVersion::Any).await;
    assert!(matches!(answer, Err(ExecuteError::Contended)), "{answer:?}");
    let task = handler.store().load::<Task>(TASK).await.unwrap();
    assert_eq!((task.version(), comments(task.state())), (10, 9), "the rivals' comments and nothing else");
}

#[tokio::test(start_paused = true)]
async fn a_guard_sees_the_state_that_the_command_is_decided_on_also_after_a_conflict() {
    let handler = handler_with_history(1).await;
    // The first look shows no comment; then a rival comments, and the command is decided anew.
    handler.store().log().fail_with([Fault::Rival(9)]);
    let command = rename("Fix the door");
    let uncommented = |task: &Task| if comments(task) == 0 { Ok(()) } else { Err("commented") };
    let sent = metadata(2, &command);
    let answer = handler.execute_if::<Task, _>(TASK, command, ExpectedVersion::Any, &sent, uncommented).await;
    assert!(matches!(answer, Err(GuardedError::Guard("commented"))), "{answer:?}");
    assert_eq!(handler.store().load::<Task>(TASK).await.unwrap().version(), 2, "the rival's comment and nothing else");
}

#[tokio::test]
async fn a_repeat_is_answered_without_asking_the_guard_again() {
    let handler = handler_with_history(2).await;
    let command = comment("comment 2");
    let sent = metadata(2, &command);
    let never = |_: &Task| Err("no");
    let answer = handler.execute_if::<Task, _>(TASK, command, ExpectedVersion::Any, &sent, never).await.unwrap();
    assert_eq!((answer.version, answer.replayed), (2, true));
    let other = comment("another");
    let sent = metadata(3, &other);
    let answer = handler.execute_if::<Task, _>(TASK, other, ExpectedVersion::Any, &sent, never).await;
    assert!(matches!(answer, Err(GuardedError::Guard("no"))), "{answer:?}");
}
