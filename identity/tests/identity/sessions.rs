//! Session families: rotation, the lost response, the copied token, the end.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::ids::UserId;
use muster_domain::ports::Clock;
use muster_identity::{
    Client, EndReason, IDLE, Proved, Rotated, ServerSecret, SessionError, SessionId, Sessions, Standing,
};
use uuid::Uuid;

use crate::support::{Counting, TestClock, store};

const USER: UserId = UserId(Uuid::from_u128(1));

/// A program that calls itself so.
fn browser(name: &str) -> Client {
    Client { user_agent: Some(name.to_owned()), address: None }
}

struct Case {
    clock: Arc<TestClock>,
    client: DynamoDb,
    table: String,
    sessions: Sessions,
}

impl Case {
    async fn new() -> Self {
        let (client, tables) = store().await;
        let clock = TestClock::new();
        let secret = ServerSecret::from_bytes([7; 32]);
        let sessions = Sessions::new(client.clone(), &tables.sessions, &secret, clock.clone());
        Self { clock, client, table: tables.sessions, sessions }
    }

    async fn start(&self) -> Rotated {
        self.sessions.start(USER, &browser("a browser"), Proved::default()).await.expect("a session")
    }

    async fn refresh(&self, token: &str) -> Rotated {
        self.sessions.refresh(token).await.expect("a successor")
    }

    async fn refused(&self, token: &str) -> SessionError {
        self.sessions.refresh(token).await.expect_err("a refusal")
    }

    async fn is_live(&self, family: SessionId) -> bool {
        self.sessions.is_live(family).await.expect("an answer")
    }

    async fn attribute(&self, family: SessionId, name: &str) -> Option<AttributeValue> {
        let get = self.client.get_item().table_name(&self.table).key("pk", AttributeValue::S(family.to_string()));
        get.send().await.expect("an answer").item.expect("an item").remove(name)
    }
}

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
async fn a_session_knows_what_its_owner_has_shown() {
    let case = Case::new().await;
    let standing = async |id| {
        let session = case.sessions.live(id).await.expect("an answer").expect("a session");
        session.standing(case.clock.now())
    };
    let shown = |is_fresh, has_factor, new_password_due| Standing { is_fresh, has_factor, new_password_due };
    let proved = Proved { with_factor: true, with_handed_over_password: true };
    let strong = case.sessions.start(USER, &Client::default(), proved).await.expect("a session").session_id;
    let plain = case.start().await.session_id;
    assert_eq!((standing(strong).await, standing(plain).await), (shown(true, true, true), shown(true, false, false)));

    case.clock.advance(TimeDelta::minutes(15));
    assert!(standing(plain).await.is_fresh);
    case.clock.advance(TimeDelta::milliseconds(1));
    assert_eq!((standing(strong).await, standing(plain).await), (shown(false, true, true), shown(false, false, false)));

    case.sessions.prove(plain, false).await.expect("a note");
    assert_eq!(standing(plain).await, shown(true, false, false));
    case.sessions.prove(plain, true).await.expect("a note");
    assert_eq!(standing(plain).await, shown(true, true, false));
    case.sessions.forget_factor(USER).await.expect("a note");
    assert_eq!((standing(strong).await, standing(plain).await), (shown(false, false, true), shown(true, false, false)));
    case.sessions.note_factor(plain).await.expect("a note");
    assert_eq!(standing(plain).await, shown(true, true, false));
    let nowhere = SessionId(Uuid::from_u128(404));
    case.sessions.prove(nowhere, true).await.expect("nothing to note");
    assert_eq!(case.sessions.find(nowhere).await.expect("an answer"), None, "and none is made");
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

#[tokio::test]
async fn a_token_that_this_server_did_not_seal_is_unknown() {
    let case = Case::new().await;
    let begun = case.start().await;
    let other = Sessions::new(case.client.clone(), &case.table, &ServerSecret::from_bytes([8; 32]), case.clock.clone());
    let foreign = other.start(USER, &Client::default(), Proved::default()).await.expect("a session");
    for token in ["", "nonsense", &foreign.refresh_token] {
        assert!(matches!(case.refused(token).await, SessionError::Unknown), "{token}");
    }
    assert!(case.is_live(begun.session_id).await);
    assert!(case.is_live(foreign.session_id).await, "a forged token ends nothing");
}

#[tokio::test]
async fn a_token_of_a_family_that_is_gone_is_unknown() {
    let case = Case::new().await;
    let begun = case.start().await;
    let key = AttributeValue::S(begun.session_id.to_string());
    case.client.delete_item().table_name(&case.table).key("pk", key).send().await.expect("a deletion");
    assert!(matches!(case.refused(&begun.refresh_token).await, SessionError::Unknown));
}

#[tokio::test]
async fn a_token_that_is_ahead_of_the_store_is_unknown_and_ends_nothing() {
    let case = Case::new().await;
    let begun = case.start().await;
    let next = case.refresh(&begun.refresh_token).await;
    // The store comes back from a backup of before the refresh.
    let key = AttributeValue::S(begun.session_id.to_string());
    let restore = case.client.update_item().table_name(&case.table).key("pk", key);
    let restore = restore.update_expression("SET generation = :old");
    restore.expression_attribute_values(":old", AttributeValue::N("0".to_owned())).send().await.expect("a restore");
    assert!(matches!(case.refused(&next.refresh_token).await, SessionError::Unknown));
    assert!(case.is_live(begun.session_id).await);
}

#[tokio::test]
async fn no_token_is_stored_and_the_user_agent_is_cut() {
    let case = Case::new().await;
    let begun = case.sessions.start(USER, &browser(&"é".repeat(5_000)), Proved::default()).await.expect("a session");
    let scan = case.client.scan().table_name(&case.table).send().await.expect("a scan");
    assert!(!format!("{scan:?}").contains(&begun.refresh_token));
    let session = case.sessions.live(begun.session_id).await.expect("an answer").expect("a session");
    assert_eq!(session.user_agent, Some("é".repeat(256)));
    let ttl = case.attribute(begun.session_id, "ttl").await;
    assert_eq!(ttl, Some(AttributeValue::N(begun.expires_at.timestamp().to_string())));
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
