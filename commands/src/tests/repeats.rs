//! A command takes effect at most once, however often it is sent.

use super::test_log::Fault;
use super::*;
use crate::REMEMBERED_COMMANDS;

#[tokio::test]
async fn a_repeat_gets_the_first_answer_even_after_later_changes() {
    let handler = handler_with_history(3).await;
    let first = send(&handler, 4, rename("Fix the door"), ExpectedVersion::Exactly(3)).await.unwrap();
    send(&handler, 5, rename("Fix the roof"), ExpectedVersion::Any).await.unwrap();

    // The version that it expects is long gone; it is a repeat all the same.
    let again = send(&handler, 4, rename("Fix the door"), ExpectedVersion::Exactly(3)).await.unwrap();

    assert!(again.replayed && !first.replayed);
    assert_eq!((again.version, &again.events, &again.aggregate), (first.version, &first.events, &first.aggregate));
    assert_eq!((again.created_at, again.updated_at), (first.created_at, first.updated_at));
    assert_eq!(again.updated_by, first.updated_by);
    assert_eq!(handler.store().load::<Task>(TASK).await.unwrap().version(), 5);
}

#[tokio::test]
async fn a_repeat_of_a_command_with_several_events_gets_all_of_them() {
    let handler = handler_with_history(1).await;
    let update = TaskCommand::Update(UpdateTask {
        title: Some("Fix both lifts".parse().unwrap()),
        priority: Some(Priority::High),
        ..UpdateTask::at(minute(2))
    });
    let first = send(&handler, 2, update.clone(), ExpectedVersion::Any).await.unwrap();
    send(&handler, 3, comment("on my way"), ExpectedVersion::Any).await.unwrap();
    let again = send(&handler, 2, update, ExpectedVersion::Any).await.unwrap();
    assert_eq!((again.version, again.events.len()), (3, 2));
    assert_eq!(again.events, first.events);
}

#[tokio::test]
async fn an_id_that_was_used_for_another_command_is_refused() {
    let handler = handler_with_history(2).await;
    let answer = send(&handler, 2, comment("something else"), ExpectedVersion::Any).await;
    assert!(matches!(answer, Err(ExecuteError::KeyReused)), "{answer:?}");
    let answer = send(&handler, 1, create("Something else"), ExpectedVersion::New).await;
    assert!(matches!(answer, Err(ExecuteError::KeyReused)), "{answer:?}");
}

#[tokio::test]
async fn a_creation_is_recognised_after_more_commands_than_are_remembered() {
    let handler = handler_with_history(u32::try_from(REMEMBERED_COMMANDS).unwrap() + 5).await;
    assert_eq!(
        handler.store().load::<Task>(TASK).await.unwrap().commands().find(metadata(1, &()).command_id),
        None,
        "the creation is forgotten"
    );

    let again = send(&handler, 1, create("Fix the lift"), ExpectedVersion::New).await.unwrap();
    assert_eq!((again.version, again.replayed, comments(&again.aggregate)), (1, true, 0));

    let other = send(&handler, 1, create("Fix the roof"), ExpectedVersion::New).await;
    assert!(matches!(other, Err(ExecuteError::KeyReused)), "{other:?}");
    let other = send(&handler, 999, create("Fix the roof"), ExpectedVersion::New).await;
    assert!(matches!(other, Err(ExecuteError::VersionMismatch { actual: 69, .. })), "{other:?}");
}

#[tokio::test]
async fn the_last_commands_are_remembered_across_carried_states() {
    let handler = handler_with_history(120).await;
    let task = handler.store().load::<Task>(TASK).await.unwrap();
    let remembered =
        (1..=120).filter(|n| task.commands().find(metadata(*n, &()).command_id).is_some()).collect::<Vec<_>>();
    assert_eq!(remembered, (57..=120).collect::<Vec<_>>());

    let again = send(&handler, 57, comment("comment 57"), ExpectedVersion::Any).await.unwrap();
    assert_eq!((again.version, again.replayed, comments(&again.aggregate)), (57, true, 56));
}

#[tokio::test(start_paused = true)]
async fn one_command_sent_twice_at_once_takes_effect_once() {
    let log = handler_with_history(1).await.store().log().two_at_once();
    let handler = handler(log);
    // The second sending comes a little later, so that the two would record different times.
    let later = Metadata { at: minute(3), ..metadata(2, &comment("once")) };
    let (first, second) = tokio::join!(
        send(&handler, 2, comment("once"), ExpectedVersion::Any),
        handler.execute::<Task>(TASK, comment("once"), ExpectedVersion::Any, &later),
    );
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!((first.version, second.version), (2, 2));
    assert_eq!(first.events, second.events);
    assert!(first.replayed != second.replayed);
    assert_eq!(handler.store().load::<Task>(TASK).await.unwrap().version(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_repeat_after_an_unknown_outcome_that_took_effect_gets_its_answer() {
    let handler = handler_with_history(1).await;
    // Written, but the answer and those of the next tries are lost.
    handler.store().log().fail_with([
        Fault::LoseAnswer,
        Fault::LoseRequest,
        Fault::LoseRequest,
        Fault::LoseRequest,
        Fault::LoseRequest,
    ]);
    let answer = send(&handler, 2, comment("here"), ExpectedVersion::Any).await;
    assert!(matches!(answer, Err(ExecuteError::Unavailable(_))), "{answer:?}");
    let again = send(&handler, 2, comment("here"), ExpectedVersion::Any).await.unwrap();
    assert_eq!((again.version, again.replayed, comments(&again.aggregate)), (2, true, 1));
}
