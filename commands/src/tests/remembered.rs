//! Aggregates that a handler remembers: no read where none is needed, and nothing said that is not so any more.

use muster_domain::task::{Status, TaskError};
use muster_domain::user::{RegisterUser, Role, UpdateUser, User, UserCommand};
use muster_domain::values::{Location, Position};

use super::carried::meaning;
use super::test_log::Fault;
use super::*;
use crate::{AppendError, CARRY_EVERY, GuardedError, REMEMBERED_COMMANDS};

/// Two handlers over one log, as in two processes. The first remembers the task as commands 1 to `commits` left it.
async fn two_handlers(commits: u32) -> (CommandHandler<TestLog>, CommandHandler<TestLog>) {
    let first = handler_with_history(commits).await;
    let second = handler(first.store().log().clone());
    (first, second)
}

fn to(status: Status) -> TaskCommand {
    TaskCommand::Update(UpdateTask { status: Some(status), ..UpdateTask::at(minute(0)) })
}

async fn version(handler: &CommandHandler<TestLog>) -> u64 {
    handler.store().load::<Task>(TASK).await.unwrap().version()
}

#[tokio::test]
async fn the_next_command_on_an_aggregate_needs_no_read() {
    let handler = handler_with_history(1).await;
    let log = handler.store().log();
    log.pages();
    for n in 2..=20 {
        let answer = send(&handler, n, comment("still broken"), ExpectedVersion::Exactly(u64::from(n) - 1)).await;
        assert_eq!(answer.unwrap().version, u64::from(n));
    }
    assert_eq!(log.pages(), 0);
    assert_eq!(log.appends(), 20);
}

#[tokio::test]
async fn an_aggregate_begins_without_a_read() {
    let handler = handler(TestLog::default());
    let log = handler.store().log();
    let answer = send(&handler, 1, create("Fix the lift"), ExpectedVersion::New).await.unwrap();
    assert_eq!((answer.version, log.pages(), log.appends()), (1, 0, 1));
}

#[tokio::test]
async fn an_aggregate_that_began_elsewhere_does_not_begin_again() {
    let (first, _) = two_handlers(3).await;
    let third = handler(first.store().log().clone());
    let answer = send(&third, 4, create("Fix the lift"), ExpectedVersion::New).await;
    assert!(matches!(answer, Err(ExecuteError::VersionMismatch { actual: 3, .. })), "{answer:?}");

    let fourth = handler(first.store().log().clone());
    let again = send(&fourth, 1, create("Fix the lift"), ExpectedVersion::New).await.unwrap();
    assert_eq!((again.version, again.replayed), (1, true));
    assert_eq!(version(&first).await, 3);
}

#[tokio::test]
async fn a_handler_that_remembers_nothing_reads_for_each_command() {
    let handler = handler_with_history(1).await.remembering(0);
    handler.store().log().pages();
    for n in 2..=4 {
        send(&handler, n, comment("still broken"), ExpectedVersion::Any).await.unwrap();
    }
    assert_eq!(handler.store().log().pages(), 3);
}

#[tokio::test]
async fn what_is_remembered_is_what_would_be_read() {
    let handler = handler_with_history(1).await;
    let update = |n: u32| {
        let position = Position::new(52.520_006_6 / f64::from(n), -13.404_954).unwrap();
        let location = Location { name: "Hall".parse().unwrap(), position: Some(position) };
        TaskCommand::Update(UpdateTask {
            title: Some(format!("Fix lift {n}").parse().unwrap()),
            priority: Some(Priority::ALL[n as usize % 4]),
            location: Some(Some(location)),
            deadline: Some(Some(minute(9_000) + Duration::nanoseconds(n.into()))),
            ..UpdateTask::at(minute(n.into()))
        })
    };
    for n in 2..=20 {
        send(&handler, n, update(n), ExpectedVersion::Any).await.unwrap();
        let read = handler.store().load::<Task>(TASK).await.unwrap();
        let remembered = handler.cache.take::<Task>(TASK).unwrap();
        assert_eq!(meaning(&remembered), meaning(&read));
        assert_eq!(remembered.commits_since_state, read.commits_since_state);
        handler.cache.put(remembered);
    }
}

#[tokio::test(start_paused = true)]
async fn two_that_write_one_history_lose_nothing() {
    let (first, second) = two_handlers(1).await;
    for n in 2..=41 {
        // Twice the one, twice the other: each is behind at every second command.
        let turn = if n % 4 < 2 { &first } else { &second };
        let answer = send(turn, n, comment(&format!("comment {n}")), ExpectedVersion::Any).await.unwrap();
        assert_eq!((answer.version, comments(&answer.aggregate)), (n.into(), n - 1));
    }
    assert_eq!(version(&first).await, 41);
}

#[tokio::test]
async fn of_two_commands_at_once_on_a_remembered_aggregate_both_take_effect() {
    let handler = handler_with_history(1).await;
    let (first, second) = tokio::join!(
        send(&handler, 2, comment("one"), ExpectedVersion::Any),
        send(&handler, 3, comment("two"), ExpectedVersion::Any),
    );
    let (first, second) = (first.unwrap().version, second.unwrap().version);
    assert_eq!((first.min(second), first.max(second)), (2, 3));
    // The newer of the two is remembered.
    handler.store().log().appends();
    send(&handler, 4, comment("three"), ExpectedVersion::Any).await.unwrap();
    assert_eq!(handler.store().log().appends(), 1);
}

#[tokio::test]
async fn what_was_refused_on_what_is_remembered_is_obeyed_if_it_is_allowed_by_now() {
    let (first, second) = two_handlers(1).await;
    send(&second, 2, to(Status::InProgress), ExpectedVersion::Any).await.unwrap();
    let answer = send(&first, 3, to(Status::Completed), ExpectedVersion::Any).await.unwrap();
    assert_eq!(answer.version, 3);
}

#[tokio::test]
async fn what_is_allowed_on_what_is_remembered_is_refused_if_it_is_forbidden_by_now() {
    let (first, second) = two_handlers(1).await;
    send(&second, 2, TaskCommand::Delete { at: minute(2) }, ExpectedVersion::Any).await.unwrap();
    let answer = send(&first, 3, comment("anybody here?"), ExpectedVersion::Any).await;
    assert!(matches!(answer, Err(ExecuteError::Refused(TaskError::Deleted))), "{answer:?}");
    assert_eq!(version(&first).await, 2);
}

#[tokio::test]
async fn a_refusal_is_of_the_present_state_and_what_was_read_for_it_is_remembered() {
    let handler = handler_with_history(1).await;
    let log = handler.store().log();
    log.pages();
    for n in 2..=3 {
        let answer = send(&handler, n, to(Status::Completed), ExpectedVersion::Any).await;
        assert!(matches!(answer, Err(ExecuteError::Refused(TaskError::ImpossibleMove { .. }))), "{answer:?}");
        assert_eq!(log.pages(), 1);
    }
    send(&handler, 4, comment("a good one"), ExpectedVersion::Any).await.unwrap();
    assert_eq!(log.pages(), 0);
}

#[tokio::test]
async fn the_version_that_is_expected_is_compared_with_the_present_one() {
    let (first, second) = two_handlers(1).await;
    send(&second, 2, comment("two"), ExpectedVersion::Any).await.unwrap();
    assert_eq!(send(&first, 3, comment("three"), ExpectedVersion::Exactly(2)).await.unwrap().version, 3);

    send(&second, 4, comment("four"), ExpectedVersion::Any).await.unwrap();
    let answer = send(&first, 5, comment("five"), ExpectedVersion::Exactly(3)).await;
    assert!(matches!(answer, Err(ExecuteError::VersionMismatch { actual: 4, .. })), "{answer:?}");
}

#[tokio::test]
async fn that_there_is_nothing_to_change_is_said_of_the_present_state() {
    let (first, second) = two_handlers(1).await;
    send(&second, 2, rename("Fix the door"), ExpectedVersion::Any).await.unwrap();
    let answer = send(&first, 3, rename("Fix the lift"), ExpectedVersion::Any).await.unwrap();
    assert_eq!((answer.version, title(&answer.aggregate)), (3, "Fix the lift"));
}

#[tokio::test]
async fn a_guard_refuses_the_present_state_and_no_other() {
    let (first, second) = two_handlers(1).await;
    let only_doors = |task: &Task| if title(task).contains("door") { Ok(()) } else { Err("no door") };
    let guarded = async |n: u32| {
        let command = comment("opened");
        let sent = metadata(n, &command);
        first.execute_if::<Task, _>(TASK, command, ExpectedVersion::Any, &sent, only_doors).await
    };
    send(&second, 2, rename("Fix the door"), ExpectedVersion::Any).await.unwrap();
    assert_eq!(guarded(3).await.unwrap().version, 3);

    send(&second, 4, rename("Fix the roof"), ExpectedVersion::Any).await.unwrap();
    let answer = guarded(5).await;
    assert!(matches!(answer, Err(GuardedError::Guard("no door"))), "{answer:?}");
    assert_eq!(version(&first).await, 4);
}

#[tokio::test]
async fn a_command_that_took_effect_elsewhere_is_found_though_it_is_not_remembered() {
    let (first, second) = two_handlers(1).await;
    send(&second, 2, comment("once"), ExpectedVersion::Any).await.unwrap();
    let later = Metadata { at: minute(3), ..metadata(2, &comment("once")) };
    let again = first.execute::<Task>(TASK, comment("once"), ExpectedVersion::Any, &later).await.unwrap();
    assert_eq!((again.version, again.updated_at, again.replayed), (2, minute(2), true));
    assert_eq!(version(&first).await, 2);
}

#[tokio::test]
async fn a_repeat_that_would_make_the_very_same_commit_is_called_a_repeat() {
    let (first, second) = two_handlers(1).await;
    let once = send(&second, 2, comment("once"), ExpectedVersion::Any).await.unwrap();
    let again = send(&first, 2, comment("once"), ExpectedVersion::Any).await.unwrap();
    assert_eq!((once.version, once.replayed), (2, false));
    assert_eq!((again.version, again.replayed, again.events), (2, true, once.events));
}

#[tokio::test(start_paused = true)]
async fn a_command_that_took_effect_elsewhere_is_never_said_to_have_had_none() {
    let reserved = || AppendError::Reserved { key: "email#ada@example.com".into() };
    let busy = (0..5).map(|_| Fault::Refuse(AppendError::Contention)).collect::<Vec<_>>();
    for faults in [vec![Fault::Refuse(reserved())], vec![Fault::Refuse(AppendError::TooLarge { bytes: 1 })], busy] {
        let (first, second) = two_handlers(1).await;
        send(&second, 2, comment("once"), ExpectedVersion::Any).await.unwrap();
        first.store().log().fail_with(faults);
        let again = send(&first, 2, comment("once"), ExpectedVersion::Any).await.unwrap();
        assert_eq!((again.version, again.replayed), (2, true));
    }
}

#[tokio::test]
async fn a_repeat_that_is_remembered_is_answered_though_the_history_has_forgotten_it() {
    let (first, second) = two_handlers(2).await;
    for n in 0..=u32::try_from(REMEMBERED_COMMANDS).unwrap() {
        send(&second, 100 + n, comment("more"), ExpectedVersion::Any).await.unwrap();
    }
    let again = send(&first, 2, comment("comment 2"), ExpectedVersion::Any).await.unwrap();
    assert_eq!((again.version, again.replayed), (2, true));
}

#[tokio::test]
async fn that_an_id_was_used_before_is_said_only_as_long_as_the_history_knows_it() {
    let (first, second) = two_handlers(2).await;
    let answer = send(&first, 2, comment("something else"), ExpectedVersion::Any).await;
    assert!(matches!(answer, Err(ExecuteError::KeyReused)), "{answer:?}");
    for n in 0..=u32::try_from(REMEMBERED_COMMANDS).unwrap() {
        send(&second, 100 + n, comment("more"), ExpectedVersion::Any).await.unwrap();
    }
    let answer = send(&first, 2, comment("something else"), ExpectedVersion::Any).await.unwrap();
    assert!(!answer.replayed);
}

#[tokio::test(start_paused = true)]
async fn after_an_unknown_outcome_the_aggregate_is_read() {
    let handler = handler_with_history(1).await;
    let log = handler.store().log();
    let lost = (0..4).map(|_| Fault::LoseRequest);
    log.fail_with([Fault::LoseAnswer].into_iter().chain(lost));
    let answer = send(&handler, 2, comment("here"), ExpectedVersion::Any).await;
    assert!(matches!(answer, Err(ExecuteError::Unavailable(_))), "{answer:?}");

    log.pages();
    let next = send(&handler, 3, comment("there"), ExpectedVersion::Any).await.unwrap();
    assert_eq!((next.version, comments(&next.aggregate), log.pages()), (3, 2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_leaves_nothing_remembered() {
    let handler = handler_with_history(1).await;
    // Written, and the answer lost: it waits before it tries again.
    handler.store().log().fail_with([Fault::LoseAnswer]);
    let command = send(&handler, 2, comment("here"), ExpectedVersion::Any);
    let gone = tokio::time::timeout(std::time::Duration::from_millis(1), command).await;
    assert!(gone.is_err(), "it had its answer: {gone:?}");
    assert!(handler.cache.take::<Task>(TASK).is_none());
    assert_eq!(send(&handler, 3, comment("there"), ExpectedVersion::Any).await.unwrap().version, 3);
}

#[tokio::test]
async fn after_a_commit_that_carries_the_state_the_aggregate_is_read_once() {
    let handler = handler_with_history(CARRY_EVERY).await;
    let log = handler.store().log();
    log.pages();
    log.commits_read();
    for n in 51..=100 {
        send(&handler, n, comment("more"), ExpectedVersion::Any).await.unwrap();
    }
    assert_eq!((log.pages(), log.commits_read()), (1, 50));
}

#[tokio::test]
async fn a_state_that_cannot_be_used_is_made_up_for_by_the_next_commit() {
    let log = TestLog::default();
    let blind = handler(log.seen(|stored| Some(crate::StoredCommit { carried: None, ..stored })));
    send(&blind, 1, create("Fix the lift"), ExpectedVersion::New).await.unwrap();
    for n in 2..=51 {
        send(&blind, n, comment("more"), ExpectedVersion::Any).await.unwrap();
    }
    assert_eq!(super::carried::carrying(&log).await, [50, 51]);
}

#[tokio::test]
async fn an_address_that_was_given_up_elsewhere_is_claimed_on_the_present_state() {
    let ada = Uuid::from_u128(0xada);
    let first = handler(TestLog::default());
    let second = handler(first.store().log().clone());
    let order = async |handler: &CommandHandler<TestLog>, n: u32, command: UserCommand| {
        let sent = metadata(n, &command);
        handler.execute::<User>(ada, command, ExpectedVersion::Any, &sent).await
    };
    let to =
        |email: &str| UserCommand::Update(UpdateUser { email: Some(email.parse().unwrap()), ..UpdateUser::default() });
    let account = RegisterUser::new("Ada".parse().unwrap(), "a@example.com".parse().unwrap(), Role::Member, minute(0));
    order(&first, 1, UserCommand::Register(account)).await.unwrap();
    order(&second, 2, to("b@example.com")).await.unwrap();

    // Decided on what the first knew, this would give up an address that is not hers any more, and keep `b`.
    order(&first, 3, to("c@example.com")).await.unwrap();

    let log = &first.store().log().inner;
    let owners = ["email#a@example.com", "email#b@example.com", "email#c@example.com"].map(|key| log.owner(key));
    assert_eq!(owners, [None, None, Some(ada)]);
    assert_eq!(first.store().load::<User>(ada).await.unwrap().version(), 3);
}
