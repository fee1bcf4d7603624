//! What no store takes. The one in memory refuses it like the real one.

use muster_commands::{AppendError, CarriedState, CommitLog, MAX_COMMIT_BYTES, PageQuery};
use muster_domain::Hash;
use muster_domain::aggregate::Reservation;
use serde_json::{Value, json};
use uuid::Uuid;

use super::commits::{assert_refused, commit, commits_of, first, read, stream};

pub(crate) async fn a_commit_over_300_kb_is_refused<L: CommitLog>(log: L) {
    let of =
        |n: u128, bytes: usize| commit(stream(n), 1, n, vec![json!({ "text": "é".repeat(bytes / 2) })], Hash::GENESIS);
    log.append(&of(1, MAX_COMMIT_BYTES - 2_000), None, &[]).await.unwrap();
    let answer = log.append(&of(2, MAX_COMMIT_BYTES), None, &[]).await;
    assert!(matches!(answer, Err(AppendError::TooLarge { bytes }) if bytes > MAX_COMMIT_BYTES), "{answer:?}");
    assert_eq!(commits_of(&log, stream(2)).await, []);
}

pub(crate) async fn a_state_that_does_not_fit_is_left_out<L: CommitLog>(log: L) {
    let large = commit(stream(1), 1, 1, vec![json!("x".repeat(290 * 1024))], Hash::GENESIS);
    for (n, kilobytes, is_carried) in [(1, 95, true), (2, 105, false)] {
        let stream = stream(n);
        let commit = commit(stream, 1, n, vec![large.events[0].data.clone()], Hash::GENESIS);
        let carried = CarriedState { schema: 1, state: json!("y".repeat(kilobytes * 1024)) };
        log.append(&commit, Some(&carried), &[]).await.unwrap();
        let (found, _) = read(&log, PageQuery::forward(stream)).await;
        assert_eq!(found[0].commit, commit);
        assert_eq!(found[0].carried.is_some(), is_carried, "a state of {kilobytes} KB");
    }
}

/// Lists around a number.
fn nested(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inner, _| json!([inner]))
}

pub(crate) async fn what_dynamodb_takes_no_item_of_is_refused<L: CommitLog>(log: L) {
    let refused = [
        ("a number that is too large", json!(1e126)),
        ("a number that is too small", json!(1e-131)),
        ("an attribute without a name", json!({ "a": { "": 1 } })),
        // The list of events, the event and the payload's own lists come to 33.
        ("deeper than 32 levels", nested(31)),
    ];
    for (what, payload) in refused {
        let answer = log.append(&commit(stream(1), 1, 1, vec![payload], Hash::GENESIS), None, &[]).await;
        assert_refused(&answer, what);
    }
    let deepest = commit(stream(1), 1, 1, vec![nested(29)], Hash::GENESIS);
    log.append(&deepest, None, &[]).await.unwrap();
    assert_eq!(commits_of(&log, stream(1)).await, [deepest]);
}

pub(crate) async fn what_dynamodb_takes_no_reservation_of_is_refused<L: CommitLog>(log: L) {
    let owner = Uuid::from_u128(1);
    let claim = |key: &str| Reservation::Claim { key: key.to_owned(), owner };
    let release = |key: &str| Reservation::Release { key: key.to_owned(), owner };
    let refused = [
        ("an empty key", vec![claim("")]),
        ("a key that is too long", vec![claim(&"k".repeat(2049))]),
        ("one key twice", vec![release("k"), claim("k")]),
        ("more than a transaction holds", (0..100).map(|n| claim(&n.to_string())).collect()),
    ];
    for (what, reservations) in refused {
        let answer = log.append(&first(stream(1), 1), None, &reservations).await;
        assert_refused(&answer, what);
    }
    assert_eq!(commits_of(&log, stream(1)).await, []);
    let as_many: Vec<_> = (0..99).map(|n| claim(&n.to_string())).collect();
    log.append(&first(stream(1), 1), None, &as_many).await.unwrap();
}
