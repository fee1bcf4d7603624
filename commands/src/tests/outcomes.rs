//! Lost requests, lost answers, contention.

use super::test_log::Fault;
use super::*;
use crate::AppendError;

async fn versions(handler: &CommandHandler<TestLog>) -> (u64, u32) {
    let task = handler.store().load::<Task>(TASK).await.unwrap();
    (task.version(), comments(task.state()))
}

#[tokio::test(start_paused = true)]
async fn when_the_answer_is_lost_the_commit_is_found_and_not_written_twice() {
    let handler = handler_with_history(1).await;
    handler.store().log().fail_with([Fault::LoseAnswer]);
    let answer = send(&handler, 2, comment("here"), ExpectedVersion::Exactly(1)).await.unwrap();
    assert_eq!((answer.version, answer.replayed, comments(&answer.aggregate)), (2, false, 1));
    assert_eq!(versions(&handler).await, (2, 1));
}

#[tokio::test(start_paused = true)]
async fn when_the_request_is_lost_it_is_sent_again() {
    let handler = handler_with_history(1).await;
    handler.store().log().fail_with([Fault::LoseRequest, Fault::LoseRequest]);
    let answer = send(&handler, 2, comment("here"), ExpectedVersion::Any).await.unwrap();
    assert_eq!((answer.version, answer.replayed), (2, false));
    assert_eq!(versions(&handler).await, (2, 1));
}

#[tokio::test(start_paused = true)]
async fn when_the_request_is_lost_and_a_rival_takes_the_place_it_is_decided_again() {
    let handler = handler_with_history(1).await;
    handler.store().log().fail_with([Fault::LoseRequest, Fault::Rival(9)]);
    let answer = send(&handler, 2, comment("here"), ExpectedVersion::Any).await.unwrap();
    assert_eq!((answer.version, comments(&answer.aggregate)), (3, 2));
    assert_eq!(versions(&handler).await, (3, 2));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_show_what_stands_in_the_place_is_looked_up() {
    let handler = handler_with_history(1).await;
    handler.store().log().fail_with([Fault::LoseAnswer, Fault::Refuse(AppendError::Taken { existing: None })]);
    assert_eq!(send(&handler, 2, comment("here"), ExpectedVersion::Any).await.unwrap().version, 2);
    assert_eq!(versions(&handler).await, (2, 1));
}

#[tokio::test(start_paused = true)]
async fn contention_and_throttling_pass() {
    let handler = handler_with_history(1).await;
    let log = handler.store().log();
    log.fail_with([Fault::Refuse(AppendError::Contention), Fault::Refuse(AppendError::Throttled)]);
    log.appends();
    assert_eq!(send(&handler, 2, comment("here"), ExpectedVersion::Any).await.unwrap().version, 2);
    assert_eq!(log.appends(), 3);
}

#[tokio::test(start_paused = true)]
async fn contention_that_does_not_pass_is_said_to_have_had_no_effect() {
    let handler = handler_with_history(1).await;
    // Five tries on what is remembered, and five on what is read.
    handler.store().log().fail_with((0..10).map(|_| Fault::Refuse(AppendError::Contention)));
    let answer = send(&handler, 2, comment("here"), ExpectedVersion::Any).await;
    assert!(matches!(answer, Err(ExecuteError::Contended)), "{answer:?}");
    assert_eq!(versions(&handler).await, (1, 0));
}

#[tokio::test(start_paused = true)]
async fn one_unknown_outcome_among_the_tries_leaves_the_whole_unknown() {
    let handler = handler_with_history(1).await;
    let throttled = (0..4).map(|_| Fault::Refuse(AppendError::Throttled));
    handler.store().log().fail_with([Fault::LoseAnswer].into_iter().chain(throttled));
    let answer = send(&handler, 2, comment("here"), ExpectedVersion::Any).await;
    assert!(matches!(answer, Err(ExecuteError::Unavailable(_))), "{answer:?}");
    assert_eq!(versions(&handler).await, (2, 1), "it did take effect");
}

#[tokio::test]
async fn a_commit_that_the_store_will_never_take_is_not_sent_again() {
    let handler = handler_with_history(1).await;
    let log = handler.store().log();
    log.fail_with([Fault::Refuse(AppendError::Refused("no such table".into()))]);
    log.appends();
    let answer = send(&handler, 2, comment("here"), ExpectedVersion::Any).await;
    assert!(matches!(answer, Err(ExecuteError::Unavailable(source)) if source.to_string() == "no such table"));
    assert_eq!(log.appends(), 1);
}
