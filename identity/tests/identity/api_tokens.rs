//! API tokens: good for their owner and scopes, until they end; and nothing to use in the table.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::TimeDelta;
use muster_domain::ids::UserId;
use muster_domain::ports::Clock as _;
use muster_identity::policy::{Credential, TokenScope};
use muster_identity::{
    ApiToken, ApiTokenId, ApiTokens, AuthError, Identity, IdentityTables, MOST_API_TOKENS, MakeApiTokenError,
    NewApiToken, Revoked, ServerSecret, SigningKey, TokenError, TokenSettings,
};
use uuid::Uuid;

use crate::support::{TestClock, store};

const ADA: UserId = UserId(Uuid::from_u128(1));
const BEN: UserId = UserId(Uuid::from_u128(2));

struct Case {
    identity: Identity,
    clock: Arc<TestClock>,
    client: Client,
    tables: IdentityTables,
}

impl Case {
    async fn new() -> Self {
        let (client, tables) = store().await;
        let (clock, key) = (TestClock::new(), Arc::new(SigningKey::generate().expect("a key")));
        let (secret, settings) = (ServerSecret::from_bytes([7; 32]), TokenSettings::new("https://muster.test", "api"));
        let identity = Identity::new(&client, &tables, key, &secret, settings, clock.clone()).expect("an identity");
        Self { identity, clock, client, tables }
    }

    fn tokens(&self) -> &ApiTokens {
        self.identity.api_tokens()
    }

    /// A token of a day.
    async fn made(&self, user: UserId) -> (ApiToken, String) {
        let (token, text) = self.tokens().make(user, &self.of_a_day()).await.expect("a token");
        (token, text.as_str().to_owned())
    }

    fn of_a_day(&self) -> NewApiToken {
        NewApiToken {
            name: "A program".parse().expect("a name"),
            scopes: [TokenScope::TasksRead, TokenScope::AuditRead].into_iter().collect(),
            made_at: self.clock.now(),
            expires_at: self.clock.now() + TimeDelta::days(1),
        }
    }

    async fn authenticate(&self, text: &str) -> Result<(UserId, Credential), AuthError> {
        self.identity.authenticate(text).await.map(|who| (who.user_id, who.credential))
    }

    async fn items(&self) -> Vec<std::collections::HashMap<String, AttributeValue>> {
        self.client.scan().table_name(&self.tables.api_tokens).send().await.expect("the items").items.expect("items")
    }

    async fn last_used(&self, id: ApiTokenId) -> Option<TimeDelta> {
        let tokens = self.tokens().good_of_user(ADA).await.expect("a list");
        let token = tokens.into_iter().find(|token| token.id == id).expect("the token");
        token.last_used_at.map(|at| self.clock.now() - at)
    }
}

#[tokio::test]
async fn a_token_says_who_calls_and_what_for() {
    let case = Case::new().await;
    let (token, text) = case.made(ADA).await;
    let who = case.authenticate(&text).await.expect("a caller");
    let scopes = [TokenScope::AuditRead, TokenScope::TasksRead].into_iter().collect();
    assert_eq!(who, (ADA, Credential::ApiToken { id: token.id, scopes }));
}

#[tokio::test]
async fn a_token_is_good_until_its_time_and_no_longer() {
    let case = Case::new().await;
    let (token, text) = case.made(ADA).await;
    case.clock.advance(TimeDelta::days(1) - TimeDelta::milliseconds(1));
    assert_eq!(case.authenticate(&text).await.expect("a caller"), (ADA, token.credential()));
    case.clock.advance(TimeDelta::milliseconds(1));
    let refused = case.authenticate(&text).await.expect_err("a refusal");
    assert!(matches!(refused, AuthError::ApiTokenExpired(_)), "{refused:?}");
    assert_eq!(refused.credential(), Some(token.credential()), "whoever has it may be told");
    assert_eq!(case.tokens().good_of_user(ADA).await.expect("a list"), []);
    assert_eq!(case.items().await.len(), 1, "expiry does not wait for the store to remove it");
}

#[tokio::test]
async fn a_revoked_token_is_refused_at_once_and_for_ever() {
    let case = Case::new().await;
    let ((lost, text), (kept, other)) = (case.made(ADA).await, case.made(ADA).await);
    assert_eq!(case.authenticate(&text).await.expect("a caller"), (ADA, lost.credential()));
    assert_eq!(case.tokens().revoke(BEN, lost.id).await.expect("an answer"), Revoked::Absent, "nobody else's");
    assert_eq!(case.authenticate(&text).await.expect("a caller"), (ADA, lost.credential()));
    for revoked in [Revoked::Now, Revoked::Before] {
        assert_eq!(case.tokens().revoke(ADA, lost.id).await.expect("an answer"), revoked);
        let refused = case.authenticate(&text).await.expect_err("a refusal");
        assert!(matches!(refused, AuthError::ApiTokenRevoked(_)), "{refused:?}");
    }
    assert_eq!(case.authenticate(&other).await.expect("a caller"), (ADA, kept.credential()));
    case.clock.advance(TimeDelta::days(2));
    assert!(matches!(case.authenticate(&text).await, Err(AuthError::ApiTokenRevoked(_))));
    let none = case.tokens().revoke(ADA, ApiTokenId(Uuid::new_v4())).await.expect("an answer");
    assert_eq!(none, Revoked::Absent);
}

#[tokio::test]
async fn a_closed_account_has_no_tokens_left() {
    let case = Case::new().await;
    let ((_, first), (_, second), (of_ben, foreign)) =
        (case.made(ADA).await, case.made(ADA).await, case.made(BEN).await);
    case.identity.close(ADA).await.expect("an end");
    for text in [first, second] {
        assert!(matches!(case.authenticate(&text).await, Err(AuthError::ApiTokenRevoked(_))));
    }
    assert_eq!(case.authenticate(&foreign).await.expect("a caller"), (BEN, of_ben.credential()));
}

#[tokio::test]
async fn the_table_holds_nothing_to_use() {
    let case = Case::new().await;
    let (token, text) = case.made(ADA).await;
    case.authenticate(&text).await.expect("a caller");
    let shown = format!("{:?} {:?} {token:?}", case.items().await, case.identity);
    assert!(shown.contains(&token.id.to_string()));
    for part in [text.as_str(), &text[55..98], &text[98..]] {
        assert!(!shown.contains(part), "{part}");
    }
}

#[tokio::test]
async fn what_is_no_token_is_refused_and_tells_nothing() {
    let case = Case::new().await;
    let (_, text) = case.made(ADA).await;
    let (_, foreign) = case.made(BEN).await;
    let sealed = |rest: &str| {
        let mut number = crc32fast::hash(rest.as_bytes());
        let mut sum = String::new();
        for _ in 0..6 {
            let digits = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
            sum.insert(0, char::from(digits[(number % 62) as usize]));
            number /= 62;
        }
        format!("{rest}{sum}")
    };
    assert_eq!(sealed(&text[..98]), text);
    for wrong in ["muster_pat_", &text[..103], &text.to_lowercase(), &format!("{text}0"), &"x".repeat(104)] {
        let refused = case.authenticate(wrong).await.expect_err("a refusal");
        assert!(matches!(refused, AuthError::Token(TokenError::Malformed)), "{wrong}: {refused:?}");
    }
    for wrong in [
        sealed(&format!("{}{}", &text[..55], &foreign[55..98])),
        sealed(&format!("{}{}", &foreign[..55], &text[55..98])),
        sealed(&format!("{}{}{}", &text[..33], &foreign[33..55], &text[55..98])),
        sealed(&format!("{}{}", &text[..55], "0".repeat(43))),
    ] {
        let refused = case.authenticate(&wrong).await.expect_err("a refusal");
        assert!(matches!(refused, AuthError::ApiTokenUnknown), "{wrong}: {refused:?}");
        assert_eq!(refused.credential(), None);
    }
}

#[tokio::test]
async fn the_use_of_a_token_is_noted_once_an_hour() {
    let case = Case::new().await;
    let (token, text) = case.made(ADA).await;
    assert_eq!(case.last_used(token.id).await, None);
    let used = async || case.authenticate(&text).await.map(|_| ()).expect("a caller");
    used().await;
    assert_eq!(case.last_used(token.id).await, Some(TimeDelta::zero()));
    case.clock.advance(TimeDelta::minutes(59));
    used().await;
    assert_eq!(case.last_used(token.id).await, Some(TimeDelta::minutes(59)), "not again within the hour");
    case.clock.advance(TimeDelta::minutes(1));
    used().await;
    assert_eq!(case.last_used(token.id).await, Some(TimeDelta::zero()));
}

#[tokio::test]
async fn of_many_who_make_a_token_at_once_none_goes_beyond_the_bound() {
    let case = Arc::new(Case::new().await);
    for _ in 0..MOST_API_TOKENS - 2 {
        case.made(ADA).await;
    }
    let makers: Vec<_> = (0..10)
        .map(|_| {
            let case = Arc::clone(&case);
            tokio::spawn(async move { case.tokens().make(ADA, &case.of_a_day()).await.map(|(token, _)| token.id) })
        })
        .collect();
    let mut made = Vec::new();
    for maker in makers {
        match maker.await.expect("a maker") {
            Ok(id) => made.push(id),
            Err(MakeApiTokenError::TooMany) => {}
            Err(MakeApiTokenError::Store(error)) => panic!("{error}"),
        }
    }
    let there = case.tokens().good_of_user(ADA).await.expect("a list");
    assert!(there.len() <= MOST_API_TOKENS, "{}", there.len());
    assert_eq!(there.len(), MOST_API_TOKENS - 2 + made.len(), "who was refused left nothing behind");
    case.made(BEN).await;
    // What is good no longer makes room.
    while case.tokens().make(ADA, &case.of_a_day()).await.is_ok() {}
    assert_eq!(case.tokens().good_of_user(ADA).await.expect("a list").len(), MOST_API_TOKENS);
    case.tokens().revoke(ADA, there[0].id).await.expect("an answer");
    case.made(ADA).await;
    case.clock.advance(TimeDelta::days(1));
    case.made(ADA).await;
}

#[tokio::test]
async fn a_token_counts_for_its_owner_once_it_was_found_good_and_until_it_was_not() {
    let case = Case::new().await;
    let (token, text) = case.made(ADA).await;
    let presented = case.identity.verify(&text).expect("the shape of one");
    assert!(!case.identity.is_proven(&presented), "anybody can put such a text together");
    case.authenticate(&text).await.expect("a caller");
    assert!(case.identity.is_proven(&presented));
    case.tokens().revoke(ADA, token.id).await.expect("an answer");
    case.authenticate(&text).await.expect_err("a refusal");
    assert!(!case.identity.is_proven(&presented));
}

#[tokio::test]
async fn a_scope_that_this_version_does_not_know_is_good_for_nothing() {
    let case = Case::new().await;
    let (token, text) = case.made(ADA).await;
    let update = case.client.update_item().table_name(&case.tables.api_tokens);
    let update =
        update.key("pk", AttributeValue::S(ADA.to_string())).key("sk", AttributeValue::S(token.id.to_string()));
    let update = update.update_expression("SET scopes = :scopes");
    let scopes = AttributeValue::S("moon:write tasks:read".to_owned());
    update.expression_attribute_values(":scopes", scopes).send().await.expect("an update");
    let (_, credential) = case.authenticate(&text).await.expect("a caller");
    let known = [TokenScope::TasksRead].into_iter().collect();
    assert_eq!(credential, Credential::ApiToken { id: token.id, scopes: known });
}
