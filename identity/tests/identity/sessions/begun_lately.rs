//! Sessions that the index does not have yet.

use std::collections::HashSet;
use std::sync::Arc;

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use chrono::TimeDelta;
use muster_domain::ports::Clock;
use muster_identity::{Client, EndReason, Proved, ServerSecret, SessionError, Sessions};

use super::{Case, USER};
use crate::support::TestClock;

/// An index that knows of nothing yet.
#[derive(Debug)]
struct IndexBehind;

impl Intercept for IndexBehind {
    fn name(&self) -> &'static str {
        "IndexBehind"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // Only what is listed is counted.
        let answer = context.response().body().bytes().map(String::from_utf8_lossy).unwrap_or_default();
        if answer.contains("\"ScannedCount\"") {
            *context.response_mut().body_mut() = r#"{"Items":[],"Count":0,"ScannedCount":0}"#.into();
        }
        Ok(())
    }
}

impl Case {
    /// The same sessions, seen by a process for which the index is behind.
    fn behind(&self, clock: Arc<dyn Clock>) -> Sessions {
        let client = DynamoDb::from_conf(self.client.config().to_builder().interceptor(IndexBehind).build());
        Sessions::new(client, &self.table, &ServerSecret::from_bytes([7; 32]), clock)
    }
}

#[tokio::test]
async fn a_session_that_the_index_does_not_have_yet_is_listed_and_ended_with_the_others() {
    let case = Case::new().await;
    let behind = case.behind(case.clock.clone());
    // Over the end of a quarter of an hour, wherever it is.
    for _ in 0..4 {
        let (one, other) = (case.start().await, case.start().await);
        case.clock.advance(TimeDelta::minutes(14));
        let listed: HashSet<_> =
            behind.of_user(USER).await.expect("a list").into_iter().map(|session| session.id).collect();
        assert!(listed.is_superset(&HashSet::from([one.session_id, other.session_id])), "{listed:?}");

        behind.end_all_but(Some(other.session_id), USER, EndReason::PasswordChanged).await.expect("an end");

        assert!(!case.is_live(one.session_id).await);
        assert!(matches!(case.refused(&one.refresh_token).await, SessionError::Ended));
        assert!(case.is_live(other.session_id).await);
    }
}

#[tokio::test]
async fn a_session_begun_by_a_process_whose_clock_is_ahead_is_ended_too() {
    let case = Case::new().await;
    let (slow, fast) = (TestClock::new(), TestClock::new());
    fast.advance(TimeDelta::seconds(59));
    let secret = ServerSecret::from_bytes([7; 32]);
    let ahead = Sessions::new(case.client.clone(), &case.table, &secret, fast.clone());
    let behind = case.behind(slow.clone());
    // A quarter of an hour ends between the two clocks at one time or another.
    for _ in 0..20 {
        let begun = ahead.start(USER, &Client::default(), Proved::default()).await.expect("a session");
        behind.end_all_for_user(USER, EndReason::Revoked).await.expect("an end");
        assert!(!case.is_live(begun.session_id).await);
        slow.advance(TimeDelta::seconds(50));
        fast.advance(TimeDelta::seconds(50));
    }
}

#[tokio::test]
async fn a_session_that_was_begun_long_ago_is_found_by_the_index_alone() {
    let case = Case::new().await;
    let begun = case.start().await;
    case.clock.advance(TimeDelta::minutes(31));
    assert_eq!(case.behind(case.clock.clone()).of_user(USER).await.expect("a list"), []);
    assert_eq!(case.sessions.of_user(USER).await.expect("a list")[0].id, begun.session_id);
}
