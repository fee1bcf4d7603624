//! Histories of another store: the same commits, and what is kept beside them made anew.

use muster_domain::aggregate::Reservation;
use muster_domain::personal::Opener;
use muster_domain::user::{ADMINISTRATORS, RegisterUser, Role, UpdateUser, User, UserCommand};
use muster_domain::{Commit, Decider as _, EventReader as _, StreamId, UserId};

use super::carried::{carrying, meaning};
use super::test_log::Fault;
use super::*;
use crate::{AppendError, RestoreError, StoreError};

const ADA: Uuid = Uuid::from_u128(0xada);
const BEN: Uuid = Uuid::from_u128(0xbe2);

async fn history(handler: &CommandHandler<TestLog>, stream: StreamId) -> Vec<Commit> {
    handler.store().commits(&stream, 0, None).await.unwrap()
}

fn task() -> StreamId {
    StreamId::new(Task::KIND, TASK)
}

#[tokio::test]
async fn a_restored_history_is_the_same_to_the_last_byte_and_carries_its_states_again() {
    let source = handler_with_history(120).await;
    let commits = history(&source, task()).await;
    let target = handler(TestLog::default());

    let prepared = target.store().prepare(commits.clone(), &Opener::NoKey).unwrap();
    target.store().restore(prepared).await.unwrap();

    assert_eq!(history(&target, task()).await, commits);
    assert_eq!(carrying(target.store().log()).await, [50, 100]);
    let (there, here) = (source.store().load::<Task>(TASK).await.unwrap(), target.store().load::<Task>(TASK).await);
    assert_eq!(meaning(&here.unwrap()), meaning(&there));
    // It goes on: a command of the other store is known, and a new one comes after.
    let known = send(&target, 120, comment("comment 120"), ExpectedVersion::Any).await.unwrap();
    assert_eq!(known.version, 120);
    assert_eq!(send(&target, 121, comment("more"), ExpectedVersion::Any).await.unwrap().version, 121);
}

#[tokio::test]
async fn a_run_that_was_cut_off_goes_on_and_answers_that_are_lost_do_not_matter() {
    let source = handler_with_history(10).await;
    let commits = history(&source, task()).await;
    let target = handler(TestLog::default());
    let prepare = || target.store().prepare(commits.clone(), &Opener::NoKey).unwrap();

    target.store().log().fail_with([
        Fault::LoseAnswer,
        Fault::LoseRequest,
        Fault::Refuse(AppendError::Refused("the power went".into())),
    ]);
    let cut_off = target.store().restore(prepare()).await;
    assert!(matches!(cut_off, Err(RestoreError::Store(StoreError::Unavailable(_)))), "{cut_off:?}");
    assert_eq!(history(&target, task()).await, commits[..1]);

    target.store().restore(prepare()).await.unwrap();
    assert_eq!(history(&target, task()).await, commits);
    target.store().restore(prepare()).await.unwrap();
}

#[tokio::test]
async fn another_history_of_the_same_aggregate_is_not_touched() {
    let source = handler_with_history(3).await;
    let target = handler(TestLog::default());
    send(&target, 77, create("Another lift"), ExpectedVersion::New).await.unwrap();
    let before = history(&target, task()).await;

    let prepared = target.store().prepare(history(&source, task()).await, &Opener::NoKey).unwrap();
    let refused = target.store().restore(prepared).await;

    assert!(matches!(refused, Err(RestoreError::Other { stream }) if stream == task()), "{refused:?}");
    assert_eq!(history(&target, task()).await, before);
}

#[tokio::test]
async fn what_is_not_as_it_was_written_is_refused_before_anything_is_written() {
    let source = handler_with_history(5).await;
    let commits = history(&source, task()).await;
    let store = handler(TestLog::default());
    let refused = |history: Vec<Commit>| store.store().prepare(history, &Opener::NoKey).unwrap_err();

    assert!(matches!(refused(vec![]), RestoreError::Empty));
    let mut changed = commits.clone();
    changed[2].events[0].data["text"] = "something else".into();
    assert!(matches!(refused(changed), RestoreError::Tampered { stream, .. } if stream == task()));
    assert!(matches!(refused(commits[1..].to_vec()), RestoreError::Tampered { .. }));
    let mut mixed = commits.clone();
    mixed[4].stream = StreamId::new(Task::KIND, ADA);
    assert!(matches!(refused(mixed), RestoreError::Mixed { other, .. } if other.id == ADA));
}

/// Carries out one command of this user.
async fn order(handler: &CommandHandler<TestLog>, n: u32, user: Uuid, command: UserCommand) {
    let metadata = metadata(n, &command);
    handler.execute::<User>(user, command, ExpectedVersion::Any, &metadata).await.unwrap();
}

fn register(email: &str, role: Role) -> UserCommand {
    UserCommand::Register(RegisterUser::new("Ada".parse().unwrap(), email.parse().unwrap(), role, minute(0)))
}

#[tokio::test]
async fn whoever_holds_a_value_in_the_end_holds_it_again_though_another_had_it_before() {
    let source = handler(TestLog::default());
    let move_to =
        |email: &str| UserCommand::Update(UpdateUser { email: Some(email.parse().unwrap()), ..UpdateUser::default() });
    order(&source, 1, ADA, register("ada@example.com", Role::Admin)).await;
    order(&source, 2, ADA, move_to("countess@example.com")).await;
    order(&source, 3, BEN, register("ada@example.com", Role::Admin)).await;
    let target = handler(TestLog::default());

    for user in [BEN, ADA] {
        let opener = Opener::Key(MemoryKeys::of(UserId(user)));
        let commits = history(&source, StreamId::new(User::KIND, user)).await;
        let prepared = target.store().prepare(commits, &opener).unwrap();
        assert_eq!(prepared.held().len(), 2, "an address and a place on the roster");
        target.store().restore(prepared).await.unwrap();
    }

    let log = &target.store().log().inner;
    assert_eq!((log.owner("email#countess@example.com"), log.owner("email#ada@example.com")), (Some(ADA), Some(BEN)));
    assert_eq!(log.members(ADMINISTRATORS), Some([ADA, BEN].into()));
}

#[tokio::test]
async fn a_person_whose_key_is_gone_holds_nothing() {
    let source = handler(TestLog::default());
    order(&source, 1, ADA, register("ada@example.com", Role::Admin)).await;
    let commits = history(&source, StreamId::new(User::KIND, ADA)).await;

    let prepared = source.store().prepare(commits.clone(), &Opener::Erased).unwrap();
    assert_eq!(prepared.held(), []);
    let unreadable = source.store().prepare(commits, &Opener::NoKey);
    assert!(matches!(unreadable, Err(RestoreError::Store(StoreError::Damaged { .. }))), "{unreadable:?}");
}

#[tokio::test]
async fn a_closed_account_gives_back_its_address_and_its_place() {
    let source = handler(TestLog::default());
    order(&source, 1, ADA, register("ada@example.com", Role::Admin)).await;
    order(&source, 2, BEN, register("ben@example.com", Role::Admin)).await;
    order(&source, 3, ADA, UserCommand::Deactivate).await;
    let prepare = |commits, user| source.store().prepare(commits, &Opener::Key(MemoryKeys::of(UserId(user)))).unwrap();
    let held = prepare(history(&source, StreamId::new(User::KIND, ADA)).await, ADA);
    assert_eq!(held.held(), []);
    let held = prepare(history(&source, StreamId::new(User::KIND, BEN)).await, BEN);
    let claim = Reservation::Claim { key: "email#ben@example.com".to_owned(), owner: BEN };
    assert_eq!(held.held(), [claim, Reservation::Join { key: ADMINISTRATORS.to_owned(), member: BEN }]);
}
