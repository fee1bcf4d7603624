//! Another signing key while the server runs: published before it signs, and the one before good until it is retired.

use std::collections::BTreeSet;
use std::fs;

use muster_tests::client::Client;
use muster_tests::server::{Server, output, run};
use serde_json::{Value, json};

use crate::support::{eventually, log_in};
use crate::tokens::{claims, part, signed, the_servers_key};

/// What `muster keys` prints, as JSON.
fn keys(server: &Server, arguments: &[&str]) -> Value {
    let all: Vec<&str> = ["keys"].iter().chain(arguments).chain(&["--json"]).copied().collect();
    serde_json::from_str(&output(&server.data(), &all)).unwrap()
}

/// What it says when it refuses.
fn refused(server: &Server, arguments: &[&str]) -> String {
    let all: Vec<&str> = ["keys"].iter().chain(arguments).copied().collect();
    let output = run(&server.data(), &all);
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).unwrap()
}

fn kid(token: &str) -> String {
    part(token, 0)["kid"].as_str().unwrap().to_owned()
}

/// The names in the published key set.
async fn published(client: &Client) -> BTreeSet<String> {
    let set = client.request("GET", "/.well-known/jwks.json").send().await.is(200).value();
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

async fn until_published(client: &Client, kids: &[&str]) {
    let wanted: BTreeSet<String> = kids.iter().map(|kid| (*kid).to_owned()).collect();
    eventually("the server has taken the keys up", async || (published(client).await == wanted).then_some(())).await;
}

/// The first administrator, signed in anew.
async fn sign_in(server: &Server, client: &Client) -> Value {
    log_in(client, &server.admin_email, &server.admin_password).await.is(200).value()
}

fn access_token(tokens: &Value) -> &str {
    tokens["access_token"].as_str().unwrap()
}

#[tokio::test]
async fn tokens_of_the_key_before_are_good_until_it_is_retired_and_new_ones_are_of_the_new_key() {
    let mut server = Server::start().await;
    let nobody = Client::new(&server.base_url);
    let tokens = sign_in(&server, &nobody).await;
    let (old, before) = (nobody.with_token(access_token(&tokens)), kid(access_token(&tokens)));
    until_published(&nobody, &[&before]).await;

    let made = keys(&server, &["rotate", "--now"]);
    let new_kid = made["kid"].as_str().unwrap();
    assert_eq!(made["state"], "signing");
    until_published(&nobody, &[&before, new_kid]).await;

    old.get("/profile").send().await.is(200);
    let again = sign_in(&server, &nobody).await;
    assert_eq!(kid(access_token(&again)), new_kid);
    let new = nobody.with_token(access_token(&again));
    new.get("/profile").send().await.is(200);
    assert!(refused(&server, &["retire", new_kid]).contains("let another take its place first"));

    assert_eq!(keys(&server, &["retire", &before])["kid"], before.as_str());
    until_published(&nobody, &[new_kid]).await;

    old.get("/profile").send().await.problem(401, "unauthenticated");
    new.get("/profile").send().await.is(200);
    // Nobody is signed out by that: the session is the same.
    let refresh = json!({ "refresh_token": tokens["refresh_token"] });
    let refreshed = nobody.post("/users/refresh").json(&refresh).send().await.is(200).value();
    assert_eq!(kid(access_token(&refreshed)), new_kid);
    nobody.with_token(access_token(&refreshed)).get("/profile").send().await.is(200);

    server.end("TERM").await;
    let logged = server.logged();
    server.start_again().await;
    let nobody = Client::new(&server.base_url);
    until_published(&nobody, &[new_kid]).await;
    nobody.with_token(access_token(&again)).get("/profile").send().await.is(200);
    let file = fs::read_to_string(server.data().join(format!("signing-key-{new_kid}.pem"))).unwrap();
    let secret = file.lines().find(|line| line.len() == 64).expect("a line of the key");
    assert!(!logged.contains(secret) && !logged.contains(access_token(&again)), "neither key nor token is in the log");
    assert!(logged.contains("the signing keys have changed"));
}

#[tokio::test]
async fn a_key_that_is_on_its_way_is_published_and_does_not_sign_yet() {
    let server = Server::start().await;
    let nobody = Client::new(&server.base_url);
    let before = kid(access_token(&sign_in(&server, &nobody).await));

    let made = keys(&server, &["rotate"]);
    let next = made["kid"].as_str().unwrap();

    until_published(&nobody, &[&before, next]).await;
    assert_eq!(kid(access_token(&sign_in(&server, &nobody).await)), before);
    let listed = keys(&server, &["list"]);
    let states: Vec<_> = listed.as_array().unwrap().iter().map(|key| (&key["kid"], &key["state"])).collect();
    assert_eq!(states, [(&json!(before), &json!("signing")), (&json!(next), &json!("next"))]);
    let time = |value: &Value| value.as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    assert_eq!(listed[0]["signs_from"], Value::Null);
    let overlap = time(&listed[0]["accepted_until"]) - time(&listed[1]["signs_from"]);
    assert_eq!(overlap.num_seconds(), 15 * 60 + 5, "a token's life, and what clocks may be apart");
    assert!(refused(&server, &["rotate"]).contains("is published already"));
    let shown = output(&server.data(), &["keys", "list"]);
    assert!(shown.contains(&format!("{before}  signs since the beginning")), "{shown}");
    assert!(shown.contains(&format!("{next}  is published, and signs from ")), "{shown}");

    keys(&server, &["retire", next]);
    until_published(&nobody, &[&before]).await;
}

#[tokio::test]
async fn a_token_that_names_a_key_which_is_not_there_is_refused_before_and_after_a_rotation() {
    let server = Server::start().await;
    let nobody = Client::new(&server.base_url);
    let tokens = sign_in(&server, &nobody).await;
    let token = access_token(&tokens).to_owned();
    let (key, before) = (the_servers_key(&server.data()), kid(&token));
    let made = keys(&server, &["rotate", "--now"]);
    let new_kid = made["kid"].as_str().unwrap();
    until_published(&nobody, &[&before, new_kid]).await;

    // The old key may be good, and yet its token may not name another.
    let mut head = part(&token, 0);
    for named in [new_kid, "signing-key.pem", &format!("signing-key-{new_kid}"), "../signing-key", ""] {
        head["kid"] = json!(named);
        let forged = signed(&key, &head, &claims(&token)).await;
        nobody.with_token(&forged).get("/profile").send().await.problem(401, "unauthenticated");
    }
    head["kid"] = json!(before);
    let same = signed(&key, &head, &claims(&token)).await;
    nobody.with_token(&same).get("/profile").send().await.is(200);

    keys(&server, &["retire", &before]);
    until_published(&nobody, &[new_kid]).await;
    // Neither one that was looked at before nor one that was not.
    let unseen = {
        let mut claims = claims(&token);
        claims["jti"] = json!(uuid::Uuid::new_v4());
        signed(&key, &head, &claims).await
    };
    for gone in [&token, &same, &unseen] {
        nobody.with_token(gone).get("/profile").send().await.problem(401, "unauthenticated");
    }
}

#[tokio::test]
async fn where_there_is_no_store_there_are_no_keys_and_none_is_made() {
    let server = Server::to_start();
    for arguments in [&["list"][..], &["rotate"], &["retire", "x"]] {
        assert!(refused(&server, arguments).contains("there are no signing keys"), "{arguments:?}");
    }
    assert!(!server.data().exists());
}
