//! Rosters, on which somebody must always remain.

use std::collections::BTreeSet;

use futures::future::{join, join_all};
use muster_commands::{AppendError, CommandHandler, CommitLog, Committed, EventStore, ExecuteError, ExpectedVersion};
use muster_domain::aggregate::Reservation;
use muster_domain::personal::MemoryKeys;
use muster_domain::user::{RegisterUser, Role, UpdateUser, User, UserCommand, UserError, UserEvent};
use muster_domain::{AggregateType, Commit, EventData, Hash, StreamId};
use uuid::Uuid;

use super::commits::{commits_of, first, metadata, now, stream};

const ADA: Uuid = Uuid::from_u128(0xada);
const BEN: Uuid = Uuid::from_u128(0xbe2);
const ROSTER: &str = "role#admin";

fn joins(member: Uuid) -> [Reservation; 1] {
    [Reservation::Join { key: ROSTER.to_owned(), member }]
}

fn leaves(member: Uuid) -> [Reservation; 1] {
    [Reservation::Leave { key: ROSTER.to_owned(), member }]
}

fn is_last(answer: &Result<(), AppendError>) -> bool {
    matches!(answer, Err(AppendError::LastOnRoster { key }) if key == ROSTER)
}

pub(crate) async fn a_roster_that_is_not_begun_is_not_changed<L: CommitLog>(log: L) {
    for change in [joins(ADA), leaves(ADA)] {
        let answer = log.append(&first(stream(1), 1), None, &change).await;
        assert!(matches!(&answer, Err(AppendError::NoRoster { key }) if key == ROSTER), "{answer:?}");
    }
    assert_eq!(commits_of(&log, stream(1)).await, []);
    log.begin_roster(ROSTER, &BTreeSet::new()).await.unwrap();
    log.append(&first(stream(1), 1), None, &joins(ADA)).await.unwrap();
}

pub(crate) async fn the_last_one_stays_on_a_roster<L: CommitLog>(log: L) {
    let mut n = 0;
    let mut next = || {
        n += 1;
        first(stream(n), n)
    };
    log.begin_roster(ROSTER, &BTreeSet::from([ADA])).await.unwrap();
    let refused = next();
    let answer = log.append(&refused, None, &leaves(ADA)).await;
    assert!(is_last(&answer), "{answer:?}");
    assert_eq!(commits_of(&log, refused.stream).await, [], "nothing was written");

    // Coming onto it twice is no error, and neither is leaving what one is not on.
    for change in [joins(BEN), joins(BEN), leaves(ADA), leaves(ADA)] {
        log.append(&next(), None, &change).await.unwrap();
    }
    let answer = log.append(&next(), None, &leaves(BEN)).await;
    assert!(is_last(&answer), "{answer:?}");
    // One that was begun is not begun again.
    log.begin_roster(ROSTER, &BTreeSet::from([ADA, BEN])).await.unwrap();
    let answer = log.append(&next(), None, &leaves(BEN)).await;
    assert!(is_last(&answer), "{answer:?}");
}

type Answer = Result<Committed<User>, ExecuteError<UserError>>;

/// Sends command `n` to an account, again for as long as it gives way to others.
async fn send<L: CommitLog>(handler: &CommandHandler<L>, n: u128, user: Uuid, command: UserCommand) -> Answer {
    loop {
        let sent = handler.execute::<User>(user, command.clone(), ExpectedVersion::Any, &metadata(n)).await;
        if !matches!(sent, Err(ExecuteError::Contended)) {
            return sent;
        }
    }
}

fn account(email: &str, role: Role) -> RegisterUser {
    RegisterUser::new("Somebody".parse().unwrap(), email.parse().unwrap(), role, now())
}

fn demote() -> UserCommand {
    UserCommand::Update(UpdateUser { role: Some(Role::Member), ..UpdateUser::default() })
}

pub(crate) async fn of_two_administrators_who_demote_each_other_one_stays<L: CommitLog + Clone>(log: L) {
    // Two processes, which remember apart.
    let process = || CommandHandler::new(EventStore::new(log.clone(), MemoryKeys::shared()));
    let (one, other) = (process(), process());
    let ada = UserCommand::Register(account("ada@example.com", Role::Admin));
    let ben = UserCommand::Register(account("ben@example.com", Role::Admin));
    send(&one, 1, ADA, ada).await.unwrap();
    send(&other, 2, BEN, ben).await.unwrap();
    for round in 0..10 {
        let n = 10 + 4 * round;
        let second = if round % 2 == 0 { demote() } else { UserCommand::Deactivate };
        let answers = join(send(&one, n, BEN, demote()), send(&other, n + 1, ADA, second)).await;
        let (gone, refused) = match answers {
            (Ok(_), Err(refused)) => (BEN, refused),
            (Err(refused), Ok(_)) => (ADA, refused),
            other => panic!("{other:?}"),
        };
        assert!(matches!(&refused, ExecuteError::LastOnRoster { key } if key == ROSTER), "{refused:?}");
        let account = one.store().load::<User>(gone).await.unwrap();
        let closed = account.state().state.as_ref().is_some_and(|user| !user.active);
        let back = UserCommand::Update(UpdateUser { role: Some(Role::Admin), ..UpdateUser::default() });
        send(&one, n + 2, gone, if closed { UserCommand::Reactivate } else { back }).await.unwrap();
    }
}

/// A commit as the program made it when there was no roster.
fn registered(user: Uuid, n: u128, email: &str, role: Role) -> (Commit, Reservation) {
    let RegisterUser { name, email, role, time_zone, at, .. } = account(email, role);
    let key = email.reservation_key();
    let event = muster_domain::user::UserRegistered { name, email, role, time_zone, locale: None, phone: None, at };
    let tagged = serde_json::to_value(UserEvent::from(event)).unwrap();
    let data = EventData { event_type: "UserRegistered".to_owned(), schema: 1, data: tagged["data"].clone() };
    let stream = StreamId::new(AggregateType::User, user);
    let commit = Commit::seal(stream, 1, vec![data], &metadata(n), Hash::GENESIS).unwrap();
    (commit, Reservation::Claim { key, owner: user })
}

pub(crate) async fn a_store_that_is_older_than_the_roster_begins_it_from_its_accounts<L: CommitLog + Clone>(log: L) {
    let cleo = Uuid::from_u128(0xc1e0);
    for (n, (user, email, role)) in [
        (ADA, "ada@example.com", Role::Admin),
        (BEN, "ben@example.com", Role::Admin),
        (cleo, "c@example.com", Role::Member),
    ]
    .into_iter()
    .enumerate()
    {
        let (commit, claim) = registered(user, n as u128 + 1, email, role);
        log.append(&commit, None, &[claim]).await.unwrap();
    }
    let handler = CommandHandler::new(EventStore::new(log, MemoryKeys::shared()));

    assert_eq!(send(&handler, 10, ADA, demote()).await.unwrap().version, 2);
    let refused = send(&handler, 11, BEN, UserCommand::Deactivate).await.unwrap_err();
    assert!(matches!(&refused, ExecuteError::LastOnRoster { key } if key == ROSTER), "{refused:?}");
    let promote = UserCommand::Update(UpdateUser { role: Some(Role::Admin), ..UpdateUser::default() });
    send(&handler, 12, cleo, promote).await.unwrap();
    assert_eq!(send(&handler, 13, BEN, UserCommand::Deactivate).await.unwrap().version, 2);
}

pub(crate) async fn of_many_who_would_be_the_first_on_a_roster_one_is<L: CommitLog + Clone>(log: L) {
    let would_be = (1..=12_u128).map(|n| {
        // Each in a process of its own.
        let handler = CommandHandler::new(EventStore::new(log.clone(), MemoryKeys::shared()));
        async move {
            let command = UserCommand::Register(account(&format!("{n}@example.com"), Role::Admin));
            loop {
                let (id, sent) = (Uuid::from_u128(n), metadata(n));
                let sent = handler.execute_first::<User>(id, command.clone(), ExpectedVersion::New, &sent).await;
                if !matches!(sent, Err(ExecuteError::Contended)) {
                    return sent;
                }
            }
        }
    });

    let answers = join_all(would_be).await;

    let first: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
    assert_eq!(first.len(), 1, "{answers:?}");
    for refused in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert!(matches!(refused, ExecuteError::NotFirst { key } if key == ROSTER), "{refused:?}");
    }
    // Nothing of the others was written: not even their addresses are taken.
    assert_eq!(log.holders().await.unwrap(), BTreeSet::from([first[0].events[0].stream.id]));
}

pub(crate) async fn where_somebody_is_on_a_roster_nobody_is_the_first<L: CommitLog + Clone>(log: L) {
    let (commit, claim) = registered(ADA, 1, "ada@example.com", Role::Admin);
    // As the program made it when there was no roster.
    log.append(&commit, None, &[claim]).await.unwrap();
    let handler = CommandHandler::new(EventStore::new(log, MemoryKeys::shared()));
    let first = async |n: u128, user: Uuid, email: &str, role: Role| {
        let command = UserCommand::Register(account(email, role));
        handler.execute_first::<User>(user, command, ExpectedVersion::New, &metadata(n)).await
    };

    let refused = first(2, BEN, "ben@example.com", Role::Admin).await.unwrap_err();
    assert!(matches!(&refused, ExecuteError::NotFirst { key } if key == ROSTER), "{refused:?}");

    assert_eq!(first(3, BEN, "ben@example.com", Role::Member).await.unwrap().version, 1, "who joins none needs none");
}
