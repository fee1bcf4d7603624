//! What becomes of a session: refreshed, ended.

use futures::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{member, nobody};
use muster_tests::client::Answer;

async fn refresh(token: &str) -> Answer {
    nobody().await.post("/users/refresh").json(&json!({ "refresh_token": token })).send().await
}

fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().expect("a token")
}

#[tokio::test]
pub(crate) async fn a_refresh_gives_new_tokens() {
    let member = member().await;
    let answer = refresh(&member.refresh_token).await;
    let tokens = answer.is(200).value();
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(tokens["user_id"], member.id.to_string());
    assert_eq!(tokens["expires_in"], 900);
    assert_ne!(text(&tokens, "refresh_token"), member.refresh_token);
    assert_ne!(text(&tokens, "access_token"), member.client.token());
    nobody().await.with_token(text(&tokens, "access_token")).get("/profile").send().await.is(200);
    // The access token of before lives on until it expires: the session is the same.
    member.client.get("/profile").send().await.is(200);
}

#[tokio::test]
pub(crate) async fn the_short_path_refreshes_too() {
    let member = member().await;
    let body = json!({ "refresh_token": member.refresh_token });
    let tokens = nobody().await.post("/refresh").json(&body).send().await.is(200).value();
    assert_eq!(tokens["user_id"], member.id.to_string());
    refresh(text(&tokens, "refresh_token")).await.is(200);
}

#[tokio::test]
async fn a_refresh_whose_answer_was_lost_gets_the_same_successor() {
    let member = member().await;
    let first = refresh(&member.refresh_token).await.is(200).value();
    let again = refresh(&member.refresh_token).await.is(200).value();
    assert_eq!(text(&again, "refresh_token"), text(&first, "refresh_token"));
    assert_eq!(again["session_expires_at"], first["session_expires_at"], "a session is not prolonged");
}

#[tokio::test]
async fn a_refresh_that_is_sent_often_at_once_has_one_successor() {
    let member = member().await;
    let answers = join_all((0..6).map(|_| refresh(&member.refresh_token))).await;
    let successors: Vec<Value> = answers.iter().map(|answer| answer.is(200).value()["refresh_token"].clone()).collect();
    assert!(successors.iter().all(|successor| *successor == successors[0]));
}

#[tokio::test]
async fn a_refresh_token_that_was_used_long_before_ends_the_session() {
    let member = member().await;
    let first = refresh(&member.refresh_token).await.is(200).value();
    let second = refresh(text(&first, "refresh_token")).await.is(200).value();
    let client = nobody().await.with_token(text(&second, "access_token"));
    client.get("/profile").send().await.is(200);

    refresh(&member.refresh_token).await.problem(401, "wrong_credentials");
    refresh(text(&second, "refresh_token")).await.problem(401, "wrong_credentials");
    client.get("/profile").send().await.problem(401, "unauthenticated");
    member.client.get("/profile").send().await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_refresh_token_that_nobody_gave_out_is_refused() {
    let member = member().await;
    let mut cut = member.refresh_token.clone();
    cut.pop();
    let turned: String = member.refresh_token.chars().rev().collect();
    for wrong in ["", "x", &Uuid::new_v4().to_string(), &cut, &turned, member.client.token(), &"x".repeat(1024)] {
        let problem = refresh(wrong).await.problem(401, "wrong_credentials");
        assert_eq!(problem["detail"], "The refresh token is not good, or not any more: sign in again.");
    }
    refresh(&member.refresh_token).await.is(200);
}

#[tokio::test]
async fn a_refresh_token_is_no_access_token() {
    let member = member().await;
    let client = nobody().await.with_token(&member.refresh_token);
    client.get("/profile").send().await.problem(401, "unauthenticated");
}

#[tokio::test]
pub(crate) async fn after_a_log_out_nothing_of_the_session_is_good() {
    let member = member().await;
    let tokens = refresh(&member.refresh_token).await.is(200).value();
    let answer = member.client.post("/users/logout").send().await;
    assert_eq!(answer.is(204).text, "");
    for token in [member.client.token(), text(&tokens, "access_token")] {
        let problem = nobody().await.with_token(token).get("/profile").send().await.problem(401, "unauthenticated");
        assert_eq!(problem["detail"], "The session has ended: sign in again.");
    }
    refresh(text(&tokens, "refresh_token")).await.problem(401, "wrong_credentials");
    member.client.post("/users/logout").send().await.problem(401, "unauthenticated");
}

#[tokio::test]
pub(crate) async fn the_short_path_logs_out_too() {
    let member = member().await;
    member.client.post("/logout").send().await.is(204);
    member.client.get("/profile").send().await.problem(401, "unauthenticated");
    refresh(&member.refresh_token).await.problem(401, "wrong_credentials");
}
