//! A refresh token is good once: the lost response, the copied token, and requests at once.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::ports::Clock;
use muster_identity::{Client, Proved, ServerSecret, SessionError, Sessions};

use super::{Case, USER};
use crate::support::{Counting, TestClock};

#[tokio::test]
async fn each_refresh_gives_another_token_of_the_same_family() {
    let case = Case::new().await;
    let begun = case.start().await;
    let mut seen = HashSet::from([begun.refresh_token.clone()]);
    let mut token = begun.refresh_token.clone();
    for generation in 1..=5 {
        case.clock.advance(TimeDelta::minutes(15));
        let next = case.refresh(&token).await;
        assert_eq!((next.session_id, next.user_id), (begun.session_id, USER));
        assert_eq!(next.expires_at, begun.expires_at, "a refresh does not lengthen the session");
        assert!(seen.insert(next.refresh_token.clone()));
        token = next.refresh_token;
        let session = case.sessions.live(begun.session_id).await.expect("an answer").expect("a session");
        assert_eq!((session.generation, session.rotated_at), (generation, case.clock.now()));
    }
}

#[tokio::test]
async fn a_lost_response_is_answered_again_with_the_same_successor_for_twenty_seconds() {
    let case = Case::new().await;
    let begun = case.start().await;
    let lost = case.refresh(&begun.refresh_token).await;
    for seconds in [0, 10, 10] {
        case.clock.advance(TimeDelta::seconds(seconds));
        let again = case.refresh(&begun.refresh_token).await;
        assert_eq!(again.refresh_token, lost.refresh_token);
    }
    let next = case.refresh(&lost.refresh_token).await;
    assert_ne!(next.refresh_token, lost.refresh_token);
    assert!(case.is_live(begun.session_id).await);
}

#[tokio::test]
async fn the_previous_token_after_twenty_seconds_ends_the_family() {
    let case = Case::new().await;
    let begun = case.start().await;
    let next = case.refresh(&begun.refresh_token).await;
    case.clock.advance(TimeDelta::milliseconds(20_001));
    assert!(matches!(case.refused(&begun.refresh_token).await, SessionError::Reused));
    assert!(!case.is_live(begun.session_id).await);
    assert!(matches!(case.refused(&next.refresh_token).await, SessionError::Ended), "the thief's and the owner's");
    let reason = case.attribute(begun.session_id, "ended_reason").await;
    assert_eq!(reason, Some(AttributeValue::S("reuse".to_owned())));
}

#[tokio::test]
async fn a_token_older_than_the_previous_one_ends_the_family_at_once() {
    let case = Case::new().await;
    let begun = case.start().await;
    let second = case.refresh(&begun.refresh_token).await;
    case.refresh(&second.refresh_token).await;
    assert!(matches!(case.refused(&begun.refresh_token).await, SessionError::Reused));
    assert!(!case.is_live(begun.session_id).await);
}

/// The clock of a process that stands still for two minutes after it has taken a request in.
struct StandingStill {
    clock: Arc<TestClock>,
    has_stood: AtomicBool,
}

impl Clock for StandingStill {
    fn now(&self) -> DateTime<Utc> {
        let stood =
            if self.has_stood.swap(true, Ordering::Relaxed) { TimeDelta::minutes(2) } else { TimeDelta::zero() };
        self.clock.now() + stood
    }
}

#[tokio::test]
async fn a_request_that_was_overtaken_on_its_way_is_refused_and_ends_nothing() {
    let case = Case::new().await;
    let begun = case.start().await;
    // A process that took the request in, and then stood still while the sender tried again elsewhere and went on.
    let clock = Arc::new(StandingStill { clock: TestClock::new(), has_stood: AtomicBool::new(false) });
    let slow = Sessions::new(case.client.clone(), &case.table, &ServerSecret::from_bytes([7; 32]), clock);
    case.clock.advance(TimeDelta::seconds(1));
    let second = case.refresh(&begun.refresh_token).await;
    case.clock.advance(TimeDelta::seconds(1));
    let third = case.refresh(&second.refresh_token).await;
    let outcome = slow.refresh(&begun.refresh_token).await;
    assert!(matches!(outcome, Err(SessionError::Overtaken)), "{outcome:?}");
    assert!(case.is_live(begun.session_id).await);
    case.refresh(&third.refresh_token).await;
    // The same token, asked about after all that: a copy.
    assert!(matches!(case.refused(&begun.refresh_token).await, SessionError::Reused));
    assert!(!case.is_live(begun.session_id).await);
}

#[tokio::test]
async fn a_copy_that_is_used_right_after_a_refresh_ends_the_session_although_the_clock_is_behind() {
    let case = Case::new().await;
    let begun = case.start().await;
    let behind = Sessions::new(case.client.clone(), &case.table, &ServerSecret::from_bytes([7; 32]), TestClock::new());
    case.clock.advance(TimeDelta::seconds(1));
    let second = case.refresh(&begun.refresh_token).await;
    case.refresh(&second.refresh_token).await;
    let outcome = behind.refresh(&begun.refresh_token).await;
    assert!(matches!(outcome, Err(SessionError::Reused)), "{outcome:?}");
    assert!(!case.is_live(begun.session_id).await);
}

#[tokio::test]
async fn a_refresh_is_one_conditional_write_whatever_comes_of_it_but_a_reuse_which_is_two() {
    let case = Case::new().await;
    let (counting, client) = Counting::of(&case.client);
    let counted = Sessions::new(client, &case.table, &ServerSecret::from_bytes([7; 32]), case.clock.clone());
    let sent = || counting.sent();
    let begun = counted.start(USER, &Client::default(), Proved::default()).await.expect("a session");
    let mut beginning = sent();
    beginning.sort_unstable();
    assert_eq!(beginning, ["PutItem", "UpdateItem"], "the session, and beside the index that it was begun");
    let second = counted.refresh(&begun.refresh_token).await.expect("a successor");
    assert_eq!(sent(), ["UpdateItem"], "the successor");
    counted.refresh(&begun.refresh_token).await.expect("the same successor");
    assert_eq!(sent(), ["UpdateItem"], "the same one again");
    counted.refresh("nonsense").await.expect_err("a refusal");
    assert_eq!(sent(), [""; 0], "what nobody sealed is asked of no table");
    counted.refresh(&second.refresh_token).await.expect("a successor");
    sent();
    counted.refresh(&begun.refresh_token).await.expect_err("a refusal");
    assert_eq!(sent(), ["UpdateItem", "UpdateItem"], "the refusal, and the end of the family");
    counted.refresh(&second.refresh_token).await.expect_err("a refusal");
    assert_eq!(sent(), ["UpdateItem"], "an ended family");
}

#[tokio::test]
async fn a_reuse_in_one_family_leaves_the_user_s_others_alone() {
    let case = Case::new().await;
    let (stolen, other) = (case.start().await, case.start().await);
    case.refresh(&stolen.refresh_token).await;
    case.clock.advance(TimeDelta::minutes(1));
    case.refused(&stolen.refresh_token).await;
    assert!(case.is_live(other.session_id).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_refreshes_of_one_token_at_once_get_the_same_successor() {
    let case = Case::new().await;
    let begun = case.start().await;
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let (sessions, token) = (case.sessions.clone(), begun.refresh_token.clone());
            tokio::spawn(async move { sessions.refresh(&token).await })
        })
        .collect();
    let mut successors = HashSet::new();
    for task in tasks {
        successors.insert(task.await.expect("a task").expect("a successor").refresh_token);
    }
    assert_eq!(successors.len(), 1);
    let session = case.sessions.live(begun.session_id).await.expect("an answer").expect("a session");
    assert_eq!(session.generation, 1);
}
