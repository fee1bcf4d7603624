//! One commit, and what stands in its way.

use muster_commands::{AppendError, CarriedState, CommitLog, PageQuery};
use muster_domain::aggregate::Reservation;
use muster_domain::commit::ChainVerifier;
use muster_domain::{Commit, Hash};
use serde_json::json;
use uuid::Uuid;

use super::commits::{commit, commits_of, first, read, stream};

const ADA: Uuid = Uuid::from_u128(0xada);
const BEN: Uuid = Uuid::from_u128(0xbe2);

fn claim(owner: Uuid) -> Vec<Reservation> {
    vec![Reservation::Claim { key: "email#ada@example.com".to_owned(), owner }]
}

fn release(owner: Uuid) -> Vec<Reservation> {
    vec![Reservation::Release { key: "email#ada@example.com".to_owned(), owner }]
}

fn is_reserved(answer: &Result<(), AppendError>) -> bool {
    matches!(answer, Err(AppendError::Reserved { key }) if key == "email#ada@example.com")
}

fn is_taken_by(answer: &Result<(), AppendError>, standing: &Commit) -> bool {
    matches!(answer, Err(AppendError::Taken { existing: Some(existing) }) if **existing == *standing)
}

pub(crate) async fn a_commit_comes_back_as_it_was_written_and_its_hash_verifies<L: CommitLog>(log: L) {
    let payload = json!({
        "position": { "latitude": 52.520_006_6, "longitude": -0.1278, "zero": 0.0, "minus_zero": -0.0 },
        "integers": [0, -1, 42, i64::MIN, i64::MAX, u64::MAX, 9_007_199_254_740_993_u64],
        "fractions": [0.1, 0.3, 1e21, 1.5e-7, 1e-130, 9.9e125, 123_456_789.987_654_32, f64::EPSILON],
        "whole": [52.0, -3.0, 1e3],
        "texts": ["", " ", "é€😀", "\u{0}\u{1f}\u{7f}\"\\/", "line\nline\r\n", "\u{202e}rtl", "e\u{301}"],
        "nothing": null,
        "truth": [true, false],
        "empty": { "list": [], "map": {} },
        "nested": [[[{ "a": [{ "b": { "c": [1, [2, [3]]] } }] }]]],
        "Names with spaces, ünïcode & #:$.": 1,
    });
    let one = commit(stream(1), 1, 1, vec![payload.clone()], Hash::GENESIS);
    let two = commit(stream(1), 2, 2, vec![payload.clone(), json!(null), payload], one.hash);
    log.append(&one, None, &[]).await.unwrap();
    log.append(&two, None, &[]).await.unwrap();

    let found = commits_of(&log, stream(1)).await;

    let mut chain = ChainVerifier::default();
    for commit in &found {
        chain.follow(commit).unwrap();
    }
    assert_eq!((chain.version(), chain.head()), (4, two.hash));
    // The head is over all that was written. What is left to see is that no value came back as another type.
    let payload = &two.events[0].data;
    let found = &found[1].events[0].data;
    for name in ["integers", "fractions", "texts", "nothing", "truth", "empty", "nested"] {
        assert_eq!(found[name], payload[name]);
    }
    assert_eq!(found["position"]["latitude"], json!(52.520_006_6));
    assert_eq!(found["whole"], json!([52, -3, 1000]), "a whole number has one spelling");
}

pub(crate) async fn a_taken_place_is_refused_and_what_stands_there_is_given<L: CommitLog>(log: L) {
    let standing = first(stream(1), 1);
    log.append(&standing, None, &[]).await.unwrap();
    let other = first(stream(1), 2);

    let alone = log.append(&other, None, &[]).await;
    assert!(is_taken_by(&alone, &standing), "{alone:?}");
    let with_a_reservation = log.append(&other, None, &claim(ADA)).await;
    assert!(is_taken_by(&with_a_reservation, &standing), "{with_a_reservation:?}");
    let the_same_again = log.append(&standing, None, &[]).await;
    assert!(is_taken_by(&the_same_again, &standing), "{the_same_again:?}");

    assert_eq!(commits_of(&log, stream(1)).await, [standing]);
    log.append(&first(stream(2), 3), None, &claim(BEN)).await.unwrap();
}

pub(crate) async fn a_taken_place_weighs_more_than_a_taken_reservation<L: CommitLog>(log: L) {
    let standing = first(stream(1), 1);
    log.append(&standing, None, &claim(ADA)).await.unwrap();
    let answer = log.append(&first(stream(1), 2), None, &claim(BEN)).await;
    assert!(is_taken_by(&answer, &standing), "{answer:?}");
}

pub(crate) async fn a_reservation_is_held_until_its_owner_releases_it<L: CommitLog>(log: L) {
    let mut n = 0;
    let mut next = || {
        n += 1;
        first(stream(n), n)
    };
    log.append(&next(), None, &claim(ADA)).await.unwrap();
    log.append(&next(), None, &claim(ADA)).await.unwrap();
    for reservations in [claim(BEN), release(BEN)] {
        let answer = log.append(&next(), None, &reservations).await;
        assert!(is_reserved(&answer), "{reservations:?}: {answer:?}");
    }
    log.append(&next(), None, &release(ADA)).await.unwrap();
    // Releasing what nobody holds is no error.
    log.append(&next(), None, &release(BEN)).await.unwrap();
    log.append(&next(), None, &claim(BEN)).await.unwrap();
    let answer = log.append(&next(), None, &claim(ADA)).await;
    assert!(is_reserved(&answer), "{answer:?}");
}

pub(crate) async fn a_refused_reservation_writes_nothing_at_all<L: CommitLog>(log: L) {
    log.append(&first(stream(1), 1), None, &claim(ADA)).await.unwrap();
    let free = Reservation::Claim { key: "email#ben@example.com".to_owned(), owner: BEN };
    let both = [vec![free.clone()], claim(BEN)].concat();

    let answer = log.append(&first(stream(2), 2), None, &both).await;

    assert!(is_reserved(&answer), "{answer:?}");
    assert_eq!(commits_of(&log, stream(2)).await, []);
    // The free one was not taken either.
    let by_another = Reservation::Claim { key: "email#ben@example.com".to_owned(), owner: ADA };
    log.append(&first(stream(3), 3), None, &[by_another]).await.unwrap();
}

pub(crate) async fn a_carried_state_comes_back_and_is_not_part_of_the_hash<L: CommitLog>(log: L) {
    let state = json!({ "title": "Fix the lift", "at": [52.520_006_6, null, "", {}], "comments": 7 });
    let carried = CarriedState { schema: 3, state };
    let one = first(stream(1), 1);
    log.append(&one, Some(&carried), &[]).await.unwrap();
    let two = commit(stream(1), 2, 2, vec![json!({})], one.hash);
    log.append(&two, None, &[]).await.unwrap();

    let (found, _) = read(&log, PageQuery::forward(stream(1))).await;
    assert_eq!(found.iter().map(|stored| stored.carried.clone()).collect::<Vec<_>>(), [Some(carried), None]);
    assert_eq!(found.into_iter().map(|stored| stored.commit).collect::<Vec<_>>(), [one, two]);
}
