//! One-time tokens: taken once, for one purpose, in their time.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use chrono::TimeDelta;
use muster_domain::ids::UserId;
use muster_identity::{OneTimeTokens, Purpose};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{TestClock, store};

struct Given {
    tokens: OneTimeTokens,
    clock: Arc<TestClock>,
    client: Client,
    table: String,
}

async fn given() -> Given {
    let (client, tables) = store().await;
    let clock = TestClock::new();
    let table = tables.one_time_tokens;
    Given { tokens: OneTimeTokens::new(client.clone(), &table, clock.clone()), clock, client, table }
}

impl Given {
    async fn make(&self, payload: &Value) -> String {
        self.tokens.make(Purpose::PasswordReset, payload, TimeDelta::minutes(15)).await.expect("a token")
    }

    async fn take(&self, token: &str) -> Option<Value> {
        self.tokens.take(Purpose::PasswordReset, token).await.expect("an answer")
    }
}

#[tokio::test]
async fn a_token_brings_its_payload_once() {
    let given = given().await;
    let token = given.make(&json!({ "user": "ada" })).await;
    assert_eq!(token.len(), 43);
    assert_eq!(given.take(&token).await, Some(json!({ "user": "ada" })));
    assert_eq!(given.take(&token).await, None);
}

#[tokio::test]
async fn of_twenty_who_take_a_token_at_once_one_gets_it() {
    let given = Arc::new(given().await);
    for _ in 0..5 {
        let token = given.make(&json!(1)).await;
        let takers: Vec<_> = (0..20)
            .map(|_| {
                let (given, token) = (Arc::clone(&given), token.clone());
                tokio::spawn(async move { given.take(&token).await })
            })
            .collect();
        let mut got = 0;
        for taker in takers {
            got += usize::from(taker.await.expect("a taker").is_some());
        }
        assert_eq!(got, 1);
    }
}

#[tokio::test]
async fn a_token_whose_time_is_over_is_none_although_the_store_still_has_it() {
    let given = given().await;
    let (late, early) = (given.make(&json!(1)).await, given.make(&json!(2)).await);
    given.clock.advance(TimeDelta::minutes(15) - TimeDelta::milliseconds(1));
    assert_eq!(given.take(&early).await, Some(json!(2)));
    given.clock.advance(TimeDelta::milliseconds(1));
    assert_eq!(given.tokens.look::<Value>(Purpose::PasswordReset, &late).await.expect("an answer"), None);
    assert_eq!(given.take(&late).await, None);
    let kept = given.client.scan().table_name(&given.table).send().await.expect("the items").count;
    assert_eq!(kept, 1, "expiry does not wait for the store to remove it");
}

#[tokio::test]
async fn a_token_for_one_purpose_is_none_for_another() {
    let given = given().await;
    let token = given.make(&json!(1)).await;
    let other = given.tokens.take::<Value>(Purpose::FirstPassword, &token).await;
    assert_eq!(other.expect("an answer"), None);
    assert_eq!(given.take(&token).await, Some(json!(1)));
}

#[tokio::test]
async fn who_looks_at_a_token_leaves_it_good() {
    let given = given().await;
    let token = given.make(&json!("here")).await;
    for _ in 0..2 {
        let seen = given.tokens.look::<Value>(Purpose::PasswordReset, &token).await.expect("an answer");
        assert_eq!(seen, Some(json!("here")));
    }
    assert_eq!(given.take(&token).await, Some(json!("here")));
    assert_eq!(given.tokens.look::<Value>(Purpose::PasswordReset, &token).await.expect("an answer"), None);
}

#[tokio::test]
async fn what_nobody_made_is_no_token() {
    let given = given().await;
    let token = given.make(&json!(1)).await;
    let (cut, turned) = (&token[1..], token.chars().rev().collect::<String>());
    for wrong in ["", "x", cut, &turned, &format!("{token}="), &"x".repeat(100_000)] {
        assert_eq!(given.take(wrong).await, None);
        assert_eq!(given.tokens.look::<Value>(Purpose::PasswordReset, wrong).await.expect("an answer"), None);
    }
    assert_eq!(given.take(&token).await, Some(json!(1)));
}

#[tokio::test]
async fn the_table_holds_nothing_to_use() {
    let given = given().await;
    let token = given.make(&json!(1)).await;
    let items = given.client.scan().table_name(&given.table).send().await.expect("the items").items.expect("items");
    assert!(!format!("{items:?}").contains(&token));
    assert!(!format!("{:?}", given.tokens).contains(&token));
}

#[tokio::test]
async fn the_tokens_that_name_a_person_go_with_them_and_others_stay() {
    let given = given().await;
    let (ada, ben) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
    let of_ada = [given.make(&json!({ "user": ada })).await, given.make(&json!({ "for": { "id": ada } })).await];
    let of_ben = given.make(&json!({ "user": ben })).await;

    given.tokens.forget(ada).await.expect("an answer");
    given.tokens.forget(ada).await.expect("an answer");

    for token in of_ada {
        assert_eq!(given.take(&token).await, None);
    }
    assert_eq!(given.take(&of_ben).await, Some(json!({ "user": ben })));
}
