//! When a session ends, and who ends it.

use std::collections::HashSet;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::TimeDelta;
use muster_domain::ids::UserId;
use muster_domain::ports::Clock as _;
use muster_identity::{Client, EndReason, IDLE, Proved, SessionError, SessionId};
use uuid::Uuid;

use super::{Case, USER, browser};

#[tokio::test]
async fn a_family_ends_after_thirty_days_however_often_it_is_refreshed() {
    let case = Case::new().await;
    let begun = case.start().await;
    let mut token = begun.refresh_token.clone();
    for _ in 0..29 {
        case.clock.advance(TimeDelta::days(1));
        token = case.refresh(&token).await.refresh_token;
    }
    case.clock.advance(TimeDelta::days(1) - TimeDelta::milliseconds(1));
    token = case.refresh(&token).await.refresh_token;
    assert!(case.is_live(begun.session_id).await);
    case.clock.advance(TimeDelta::milliseconds(1));
    assert!(!case.is_live(begun.session_id).await);
    assert!(matches!(case.refused(&token).await, SessionError::Expired));
}

#[tokio::test]
async fn a_family_that_nobody_refreshes_for_a_week_ends() {
    let case = Case::new().await;
    let begun = case.start().await;
    case.clock.advance(IDLE - TimeDelta::milliseconds(1));
    assert!(case.is_live(begun.session_id).await);
    let refreshed = case.refresh(&begun.refresh_token).await;
    case.clock.advance(IDLE - TimeDelta::milliseconds(1));
    assert!(case.is_live(begun.session_id).await, "a refresh begins the week anew");
    case.clock.advance(TimeDelta::milliseconds(1));
    assert!(!case.is_live(begun.session_id).await);
    assert!(matches!(case.refused(&refreshed.refresh_token).await, SessionError::Expired));
    assert!(matches!(case.refused(&begun.refresh_token).await, SessionError::Expired));

    let strict = case.sessions.clone().with_idle(TimeDelta::hours(1));
    let begun = strict.start(USER, &Client::default(), Proved::default()).await.expect("a session");
    case.clock.advance(TimeDelta::hours(1));
    assert!(matches!(strict.refresh(&begun.refresh_token).await, Err(SessionError::Expired)));
    assert!(case.is_live(begun.session_id).await, "as the operator says");
}

#[tokio::test]
async fn an_operator_ends_those_of_everybody_that_have_not_ended() {
    let case = Case::new().await;
    let (over, mine) = (case.start().await, case.start().await);
    case.sessions.end(over.session_id, EndReason::Logout).await.expect("an end");
    let other = UserId(Uuid::from_u128(77));
    let theirs = case.sessions.start(other, &Client::default(), Proved::default()).await.expect("a session");

    assert_eq!(case.sessions.end_all(EndReason::Revoked).await.expect("the ends"), 2);
    assert!(!case.is_live(mine.session_id).await && !case.is_live(theirs.session_id).await);
    assert_eq!(case.sessions.end_all(EndReason::Revoked).await.expect("nothing to do"), 0);
}

#[tokio::test]
async fn an_ended_family_neither_lives_nor_refreshes_and_keeps_its_first_reason() {
    let case = Case::new().await;
    let begun = case.start().await;
    case.sessions.end(begun.session_id, EndReason::Logout).await.expect("an end");
    case.sessions.end(begun.session_id, EndReason::Revoked).await.expect("the same end");
    assert!(!case.is_live(begun.session_id).await);
    assert!(matches!(case.refused(&begun.refresh_token).await, SessionError::Ended));
    let reason = case.attribute(begun.session_id, "ended_reason").await;
    assert_eq!(reason, Some(AttributeValue::S("logout".to_owned())));
}

#[tokio::test]
async fn ending_what_is_not_there_makes_nothing() {
    let case = Case::new().await;
    let nowhere = SessionId(Uuid::from_u128(404));
    case.sessions.end(nowhere, EndReason::Logout).await.expect("nothing to do");
    assert!(!case.is_live(nowhere).await);
    let scan = case.client.scan().table_name(&case.table).send().await.expect("a scan");
    assert_eq!(scan.count, 0);
}

#[tokio::test]
async fn ending_all_of_a_user_leaves_other_users_in() {
    let case = Case::new().await;
    let other = case
        .sessions
        .start(UserId(Uuid::from_u128(2)), &Client::default(), Proved::default())
        .await
        .expect("a session");
    let mine = [case.start().await, case.start().await, case.start().await];
    case.sessions.end_all_for_user(USER, EndReason::PasswordChanged).await.expect("an end");
    for session in &mine {
        assert!(!case.is_live(session.session_id).await);
    }
    assert!(case.is_live(other.session_id).await);
    let listed = case.sessions.of_user(USER).await.expect("a list");
    let ids: HashSet<_> = listed.iter().map(|session| session.id).collect();
    assert_eq!(ids, mine.iter().map(|session| session.session_id).collect());
    assert!(listed.iter().all(|session| session.ended_at == Some(case.clock.now())));
}

#[tokio::test]
async fn of_a_person_who_is_erased_no_session_is_kept() {
    let case = Case::new().await;
    let (first, second) = (case.start().await, case.start().await);
    let other = case
        .sessions
        .start(UserId(Uuid::from_u128(2)), &browser("theirs"), Proved::default())
        .await
        .expect("a session");
    case.sessions.end(first.session_id, EndReason::Logout).await.expect("an end");

    case.sessions.forget_all_of(USER).await.expect("an answer");
    case.sessions.forget_all_of(USER).await.expect("an answer");

    assert_eq!(case.sessions.of_user(USER).await.expect("a list"), []);
    let left = case.client.scan().table_name(&case.table).send().await.expect("a scan");
    assert!(!format!("{left:?}").contains(&USER.to_string()), "not even that they began any: {left:?}");
    for gone in [&first, &second] {
        assert_eq!(case.sessions.find(gone.session_id).await.expect("an answer"), None);
        assert!(matches!(case.refused(&gone.refresh_token).await, SessionError::Unknown));
    }
    assert!(case.is_live(other.session_id).await);
}
