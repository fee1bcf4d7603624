//! At most one active account for one address.

use muster_domain::user::{RegisterUser, Role, UpdateUser, User, UserCommand, UserError};

use super::test_log::{Fault, TestLog};
use super::*;

const ADA: Uuid = Uuid::from_u128(0xada);
const BEN: Uuid = Uuid::from_u128(0xbe2);

fn register(email: &str) -> UserCommand {
    UserCommand::Register(RegisterUser::new("Ada".parse().unwrap(), email.parse().unwrap(), Role::Member, minute(0)))
}

fn change_email(email: &str) -> UserCommand {
    UserCommand::Update(UpdateUser { email: Some(email.parse().unwrap()), ..UpdateUser::default() })
}

async fn order(
    handler: &CommandHandler<TestLog>,
    n: u32,
    user: Uuid,
    command: UserCommand,
) -> Result<u64, ExecuteError<UserError>> {
    let metadata = metadata(n, &command);
    let answer = handler.execute::<User>(user, command, ExpectedVersion::Any, &metadata).await;
    answer.map(|committed| committed.version)
}

fn is_reserved(answer: &Result<u64, ExecuteError<UserError>>, email: &str) -> bool {
    matches!(answer, Err(ExecuteError::Reserved { key }) if *key == format!("email#{email}"))
}

#[tokio::test]
async fn an_address_is_taken_by_the_first_and_free_again_when_it_is_given_up() {
    let handler = handler(TestLog::default());
    let log = handler.store().log().inner.clone();
    assert_eq!(order(&handler, 1, ADA, register("ada@example.com")).await.unwrap(), 1);
    assert_eq!(log.owner("email#ada@example.com"), Some(ADA));

    let taken = order(&handler, 2, BEN, register("Ada@Example.com")).await;
    assert!(is_reserved(&taken, "ada@example.com"), "{taken:?}");
    assert_eq!(handler.store().load::<User>(BEN).await.unwrap().version(), 0, "nothing is half-written");

    assert_eq!(order(&handler, 3, ADA, change_email("countess@example.com")).await.unwrap(), 2);
    assert_eq!((log.owner("email#ada@example.com"), log.owner("email#countess@example.com")), (None, Some(ADA)));

    assert_eq!(order(&handler, 4, BEN, register("ada@example.com")).await.unwrap(), 1);
    let back = order(&handler, 5, ADA, change_email("ada@example.com")).await;
    assert!(is_reserved(&back, "ada@example.com"), "{back:?}");
    assert_eq!(log.owner("email#countess@example.com"), Some(ADA), "a refused change releases nothing");
}

#[tokio::test]
async fn a_closed_account_gives_its_address_up_and_claims_it_again_when_it_opens() {
    let handler = handler(TestLog::default());
    order(&handler, 1, ADA, register("ada@example.com")).await.unwrap();
    order(&handler, 2, ADA, UserCommand::Deactivate).await.unwrap();
    assert_eq!(order(&handler, 3, ADA, UserCommand::Reactivate).await.unwrap(), 3);

    order(&handler, 4, ADA, UserCommand::Deactivate).await.unwrap();
    order(&handler, 5, BEN, register("ada@example.com")).await.unwrap();
    let answer = order(&handler, 6, ADA, UserCommand::Reactivate).await;
    assert!(is_reserved(&answer, "ada@example.com"), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn of_two_registrations_at_once_with_one_address_exactly_one_is_made() {
    let log = TestLog::default().two_at_once();
    let handler = handler(log.clone());
    let (first, second) = tokio::join!(
        order(&handler, 1, ADA, register("ada@example.com")),
        order(&handler, 2, BEN, register("ada@example.com")),
    );
    let (won, lost) = if first.is_ok() { (first, second) } else { (second, first) };
    assert_eq!(won.unwrap(), 1);
    assert!(is_reserved(&lost, "ada@example.com"), "{lost:?}");
    let versions = [handler.store().load::<User>(ADA).await.unwrap(), handler.store().load::<User>(BEN).await.unwrap()]
        .map(|user| user.version());
    assert_eq!(versions.iter().sum::<u64>(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_registration_whose_answer_was_lost_is_found_with_its_reservation() {
    let handler = handler(TestLog::default());
    handler.store().log().fail_with([Fault::LoseAnswer]);
    assert_eq!(order(&handler, 1, ADA, register("ada@example.com")).await.unwrap(), 1);
    assert_eq!(handler.store().log().inner.owner("email#ada@example.com"), Some(ADA));
}

#[tokio::test(start_paused = true)]
async fn after_a_lost_request_a_taken_address_leaves_the_outcome_unknown() {
    let handler = handler(TestLog::default());
    let log = handler.store().log();
    order(&handler, 1, ADA, register("ada@example.com")).await.unwrap();
    log.fail_with([Fault::LoseRequest]);

    // The lost request may still arrive, once the address is free.
    let answer = order(&handler, 2, BEN, register("ada@example.com")).await;
    assert!(matches!(answer, Err(ExecuteError::Unavailable(_))), "{answer:?}");

    let again = order(&handler, 2, BEN, register("ada@example.com")).await;
    assert!(is_reserved(&again, "ada@example.com"), "{again:?}");
}
