//! The way in and out, through the façade.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::TimeDelta;
use muster_domain::ids::UserId;
use muster_identity::policy::Credential;
use muster_identity::{
    AccessTokens, AuthError, Authenticated, Client, CredentialsError, CredentialsStore, EndReason, HashParameters,
    Identity, IdentityTables, LoginError, Password, PasswordAttempt, PasswordHasher, RefreshError, ServerSecret,
    SessionError, SetPasswordError, SigningKey, Standing, TokenError, TokenPair, TokenSettings,
};
use uuid::Uuid;

use crate::support::{Counting, TestClock, on_the_way, store};

pub(crate) const USER: UserId = UserId(Uuid::from_u128(1));
const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
pub(crate) const EMAIL: &str = "ada@example.com";
pub(crate) const WORDS: &str = "two pints of oil";
const CHEAP: HashParameters = HashParameters { memory: 64, passes: 1, lanes: 1 };

pub(crate) struct Case {
    pub(crate) clock: Arc<TestClock>,
    pub(crate) client: DynamoDb,
    pub(crate) tables: IdentityTables,
    key: Arc<SigningKey>,
    pub(crate) identity: Identity,
}

impl Case {
    /// An account that is able to log in.
    pub(crate) async fn new() -> Self {
        let (client, tables) = store().await;
        let clock = TestClock::new();
        let key = Arc::new(SigningKey::generate().expect("a key"));
        let identity = identity(&client, &tables, &key, &clock, CHEAP);
        let case = Self { clock, client, tables, key, identity };
        case.reserve("email#ada@example.com", USER).await;
        case.identity.create_credentials(USER, &password(WORDS)).await.expect("credentials");
        case
    }

    async fn reserve(&self, key: &str, owner: UserId) {
        let put = self.client.put_item().table_name(&self.tables.reservations);
        let put = put.item("pk", AttributeValue::S(key.to_owned()));
        put.item("owner", AttributeValue::S(owner.to_string())).send().await.expect("a reservation");
    }

    pub(crate) async fn login(&self, email: &str, words: &str) -> Result<TokenPair, LoginError> {
        self.identity
            .login(email, &attempt(words), &Client { user_agent: Some("a browser".to_owned()), address: Some(ADDRESS) })
            .await
    }

    pub(crate) async fn logged_in(&self) -> TokenPair {
        self.login(EMAIL, WORDS).await.expect("a session")
    }

    async fn stored_hash(&self) -> String {
        let key = AttributeValue::S(USER.to_string());
        let get = self.client.get_item().table_name(&self.tables.credentials).key("pk", key).send().await;
        get.expect("an answer").item.expect("an item")["password_hash"].as_s().expect("text").clone()
    }
}

fn identity(
    client: &DynamoDb,
    tables: &IdentityTables,
    key: &Arc<SigningKey>,
    clock: &Arc<TestClock>,
    cost: HashParameters,
) -> Identity {
    let hasher = PasswordHasher::new(cost).expect("a hasher");
    let secret = ServerSecret::from_bytes([7; 32]);
    Identity::with_hasher(client, tables, key.clone(), &secret, settings(), hasher, clock.clone()).expect("an identity")
}

fn settings() -> TokenSettings {
    TokenSettings::new("https://muster.test", "muster-api")
}

pub(crate) fn password(words: &str) -> Password {
    Password::parse(words.to_owned()).expect("a password")
}

fn attempt(words: &str) -> PasswordAttempt {
    PasswordAttempt::new(words.to_owned())
}

#[tokio::test]
async fn whoever_logs_in_is_authenticated_by_the_access_token() {
    let case = Case::new().await;
    let pair = case.logged_in().await;
    assert_eq!((pair.user_id, pair.expires_in), (USER, TimeDelta::minutes(15)));
    let who = case.identity.authenticate(&pair.access_token).await.expect("a caller");
    let standing = Some(Standing { is_fresh: true, has_factor: false, new_password_due: false });
    assert_eq!(who, Authenticated { user_id: USER, credential: Credential::Session(pair.session_id), standing });
    let sessions = case.identity.sessions().of_user(USER).await.expect("a list");
    assert_eq!((sessions[0].user_agent.as_deref(), sessions[0].address), (Some("a browser"), Some(ADDRESS)));
}

#[tokio::test]
async fn the_address_counts_whatever_its_case_and_the_password_does_not() {
    let case = Case::new().await;
    assert!(case.login("  Ada@Example.COM ", WORDS).await.is_ok());
    assert!(matches!(case.login(EMAIL, "Two Pints Of Oil").await, Err(LoginError::InvalidCredentials)));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_are_the_same_refusal() {
    let case = Case::new().await;
    case.reserve("email#new@example.com", UserId(Uuid::from_u128(2))).await;
    let long = "x".repeat(100_000);
    let cases = [
        (EMAIL, "two pints of milk"),
        (EMAIL, ""),
        (EMAIL, &long),
        ("nobody@example.com", WORDS),
        ("new@example.com", WORDS), // has an account, and no password yet
        ("no address", WORDS),
        ("", WORDS),
        (&long, WORDS),
    ];
    for (email, words) in cases {
        let refused = case.login(email, words).await.expect_err("a refusal");
        assert!(matches!(refused, LoginError::InvalidCredentials), "{email:.30} {words:.30}: {refused:?}");
        assert_eq!(refused.to_string(), "the e-mail address or the password is wrong");
    }
}

#[tokio::test]
async fn an_address_that_nobody_has_costs_as_many_requests_as_one_with_a_wrong_password() {
    let case = Case::new().await;
    case.reserve("email#new@example.com", UserId(Uuid::from_u128(2))).await;
    let (counting, client) = Counting::of(&case.client);
    let counted = identity(&client, &case.tables, &case.key, &case.clock, CHEAP);
    for (email, words) in [
        (EMAIL, "two pints of milk"),
        ("nobody@example.com", WORDS),
        ("new@example.com", WORDS), // has an account, and no password yet
    ] {
        counted.login(email, &attempt(words), &Client::default()).await.expect_err("a refusal");
        assert_eq!(counting.sent(), ["GetItem", "GetItem"], "{email}");
    }
}

#[tokio::test]
async fn a_refresh_gives_a_new_pair_for_the_same_session() {
    let case = Case::new().await;
    let first = case.logged_in().await;
    case.clock.advance(TimeDelta::minutes(16));
    let expired = case.identity.authenticate(&first.access_token).await;
    assert!(matches!(expired, Err(AuthError::Token(TokenError::Expired))));
    let second = case.identity.refresh(&first.refresh_token).await.expect("a pair");
    let who = case.identity.authenticate(&second.access_token).await.expect("a caller");
    assert_eq!((who.user_id, who.credential), (USER, Credential::Session(first.session_id)));
    assert_eq!(second.session_expires_at, first.session_expires_at);
    assert_ne!(second.refresh_token, first.refresh_token);
}

#[tokio::test]
async fn after_a_log_out_neither_token_is_good() {
    let case = Case::new().await;
    let (pair, other) = (case.logged_in().await, case.logged_in().await);
    case.identity.logout(pair.session_id).await.expect("a log-out");
    case.identity.logout(pair.session_id).await.expect("the same again");
    let refused = case.identity.authenticate(&pair.access_token).await;
    assert!(matches!(refused, Err(AuthError::SessionEnded)), "{refused:?}");
    let refused = case.identity.refresh(&pair.refresh_token).await;
    assert!(matches!(refused, Err(RefreshError::Refused(SessionError::Ended))), "{refused:?}");
    assert!(case.identity.authenticate(&other.access_token).await.is_ok(), "the other device stays in");
}

#[tokio::test]
async fn a_reused_refresh_token_puts_out_the_access_token_too() {
    let case = Case::new().await;
    let first = case.logged_in().await;
    let second = case.identity.refresh(&first.refresh_token).await.expect("a pair");
    case.clock.advance(TimeDelta::minutes(1));
    let refused = case.identity.refresh(&first.refresh_token).await;
    assert!(matches!(refused, Err(RefreshError::Refused(SessionError::Reused))), "{refused:?}");
    let refused = case.identity.authenticate(&second.access_token).await;
    assert!(matches!(refused, Err(AuthError::SessionEnded)), "{refused:?}");
}

#[tokio::test]
async fn a_refresh_token_is_no_access_token_and_the_other_way_round() {
    let case = Case::new().await;
    let pair = case.logged_in().await;
    let refused = case.identity.authenticate(&pair.refresh_token).await;
    assert!(matches!(refused, Err(AuthError::Token(TokenError::Malformed))), "{refused:?}");
    let refused = case.identity.refresh(&pair.access_token).await;
    assert!(matches!(refused, Err(RefreshError::Refused(SessionError::Unknown))), "{refused:?}");
}

#[tokio::test]
async fn a_token_that_names_somebody_else_s_session_is_refused() {
    let case = Case::new().await;
    let pair = case.logged_in().await;
    let tokens = AccessTokens::new(case.key.clone(), settings(), case.clock.clone());
    let crossed = tokens.issue(UserId(Uuid::from_u128(2)), pair.session_id).await.expect("a token");
    let refused = case.identity.authenticate(&crossed).await;
    assert!(matches!(refused, Err(AuthError::SessionEnded)), "{refused:?}");
}

#[tokio::test]
async fn credentials_are_created_once_and_replaced_only_where_they_are() {
    let case = Case::new().await;
    let again = case.identity.create_credentials(USER, &password("other words here")).await;
    assert!(matches!(again, Err(SetPasswordError::Credentials(CredentialsError::Exists))), "{again:?}");
    assert!(case.login(EMAIL, WORDS).await.is_ok(), "the first ones still hold");
    let nobody = UserId(Uuid::from_u128(9));
    let absent = case.identity.set_password(nobody, &password("other words here")).await;
    assert!(matches!(absent, Err(SetPasswordError::Credentials(CredentialsError::Absent))), "{absent:?}");
}

#[tokio::test]
async fn a_new_password_takes_the_place_of_the_old() {
    let case = Case::new().await;
    let before = case.logged_in().await;
    assert!(case.identity.check_password(USER, &attempt(WORDS)).await.expect("an answer"));
    case.identity.set_password(USER, &password("three pints of oil")).await.expect("a change");
    case.identity.end_sessions(USER, EndReason::PasswordChanged).await.expect("an end");
    assert!(matches!(case.login(EMAIL, WORDS).await, Err(LoginError::InvalidCredentials)));
    assert!(!case.identity.check_password(USER, &attempt(WORDS)).await.expect("an answer"));
    assert!(case.login(EMAIL, "three pints of oil").await.is_ok());
    assert!(matches!(case.identity.authenticate(&before.access_token).await, Err(AuthError::SessionEnded)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_changed_while_somebody_logs_in_with_the_old_one_lets_nobody_in() {
    let case = Case::new().await;
    let ((stopped, at_put), (let_go, go_on)) = (sync_channel::<()>(1), sync_channel::<()>(1));
    let go_on = Mutex::new(go_on);
    // The first `PutItem` is stopped on its way to the store until it is let through.
    let slow = on_the_way(&case.client, move |operation| {
        if operation == "PutItem" {
            stopped.send(())?;
            go_on.lock().expect("a lock").recv()?;
        }
        Ok(())
    });
    let other = identity(&slow, &case.tables, &case.key, &case.clock, CHEAP);
    let login = tokio::spawn(async move { other.login(EMAIL, &attempt(WORDS), &Client::default()).await });
    tokio::task::spawn_blocking(move || at_put.recv()).await.expect("a thread").expect("a session about to be written");

    case.identity.set_password(USER, &password("three pints of oil")).await.expect("a change");
    case.identity.end_sessions(USER, EndReason::PasswordChanged).await.expect("an end");
    let_go.send(()).expect("a listener");

    assert!(matches!(login.await.expect("a task"), Err(LoginError::InvalidCredentials)));
    let sessions = case.identity.sessions().of_user(USER).await.expect("a list");
    assert_eq!(sessions.len(), 1, "it was begun");
    assert!(sessions[0].ended_at.is_some(), "and ended");
}

#[tokio::test]
async fn a_closed_account_is_out_and_stays_out() {
    let case = Case::new().await;
    let pair = case.logged_in().await;
    case.identity.close(USER).await.expect("a closing");
    assert!(matches!(case.identity.authenticate(&pair.access_token).await, Err(AuthError::SessionEnded)));
    assert!(case.identity.refresh(&pair.refresh_token).await.is_err());
    assert!(matches!(case.login(EMAIL, WORDS).await, Err(LoginError::InvalidCredentials)));
}

#[tokio::test]
async fn a_log_in_strengthens_a_hash_that_was_made_at_a_lower_cost() {
    let case = Case::new().await;
    let weak = case.stored_hash().await;
    assert!(weak.contains("m=64,t=1,p=1"), "{weak}");
    let raised = HashParameters { memory: 128, passes: 2, lanes: 1 };
    let later = identity(&case.client, &case.tables, &case.key, &case.clock, raised);
    let client = Client::default();
    assert!(later.login(EMAIL, &attempt("wrong words"), &client).await.is_err());
    assert_eq!(case.stored_hash().await, weak, "a wrong password changes nothing");
    later.login(EMAIL, &attempt(WORDS), &client).await.expect("a session");
    let strong = case.stored_hash().await;
    assert!(strong.contains("m=128,t=2,p=1"), "{strong}");
    later.login(EMAIL, &attempt(WORDS), &client).await.expect("a session");
    assert_eq!(case.stored_hash().await, strong, "strong enough is left alone");
    case.login(EMAIL, WORDS).await.expect("a session where the cost is still lower");
    assert_eq!(case.stored_hash().await, strong, "a hash is never weakened");
}

#[tokio::test]
async fn a_renewal_does_not_undo_a_change_made_meanwhile() {
    let case = Case::new().await;
    let store = CredentialsStore::new(case.client.clone(), &case.tables.credentials);
    let hasher = PasswordHasher::new(CHEAP).expect("a hasher");
    let old = store.get(USER).await.expect("an answer").expect("a hash");
    case.identity.set_password(USER, &password("three pints of oil")).await.expect("a change");
    let renewed = hasher.hash(&password(WORDS)).await.expect("a hash");
    let refused = store.renew(USER, &old, &renewed).await;
    assert!(matches!(refused, Err(CredentialsError::Absent)), "{refused:?}");
    assert!(case.login(EMAIL, "three pints of oil").await.is_ok());
}

#[tokio::test]
async fn debug_shows_no_token() {
    let case = Case::new().await;
    let pair = case.logged_in().await;
    let shown = format!("{pair:?} {:?}", case.identity);
    assert!(!shown.contains(&pair.access_token) && !shown.contains(&pair.refresh_token), "{shown}");
}
