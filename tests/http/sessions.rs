//! What becomes of a session: refreshed, ended.

use std::collections::BTreeSet;

use futures::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::support::{member, nobody, server};
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
async fn whoever_goes_on_with_a_wrong_token_is_not_told_of_a_password() {
    let problem = refresh("none").await.problem(401, "wrong_credentials");
    assert_eq!(problem["title"], "What you sign in with is wrong");
    assert_eq!(problem["detail"], "The refresh token is not good, or not any more: sign in again.");
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
async fn twenty_refreshes_of_one_token_at_once_have_one_successor_and_it_lives() {
    let member = member().await;
    let mut token = member.refresh_token.clone();
    for _ in 0..3 {
        let answers = join_all((0..20).map(|_| refresh(&token))).await;
        let successors: BTreeSet<String> =
            answers.iter().map(|answer| text(&answer.is(200).value(), "refresh_token").to_owned()).collect();
        assert_eq!(successors.len(), 1, "one successor for all twenty");
        token = successors.into_iter().next().unwrap();
    }
    refresh(&token).await.is(200);
    member.client.get("/profile").send().await.is(200);
}

/// Sends a refresh and hangs up: at once, or when the answer begins to come. It is read to no end.
async fn refresh_and_hang_up(token: &str, answered: bool) {
    let address = server().await.base_url.trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let body = json!({ "refresh_token": token }).to_string();
    let request = format!(
        "POST /api/v1/users/refresh HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    if answered {
        assert_eq!(stream.read_u8().await.unwrap(), b'H', "of HTTP/1.1");
    }
}

#[tokio::test]
async fn a_client_that_never_reads_the_answer_is_not_signed_out_by_that() {
    let member = member().await;
    let mut token = member.refresh_token.clone();
    for round in 0..6 {
        refresh_and_hang_up(&token, round % 2 == 0).await;
        let tokens = refresh(&token).await.is(200).value();
        assert_eq!(text(&refresh(&token).await.is(200).value(), "refresh_token"), text(&tokens, "refresh_token"));
        text(&tokens, "refresh_token").clone_into(&mut token);
    }
    member.client.get("/profile").send().await.is(200);
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
