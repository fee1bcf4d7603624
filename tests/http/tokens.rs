//! Access tokens that look like ours and are not.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::Clock;
use muster_handlers::clock::SystemClock;
use muster_identity::{AccessTokens, SessionId, SigningKey, SigningKeys, TokenSettings, TokenSigner as _};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Person, admin, member, nobody, server};

/// One part of a token, decoded.
pub(crate) fn part(token: &str, number: usize) -> Value {
    let part = token.split('.').nth(number).expect("three parts");
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// What a token says.
pub(crate) fn claims(token: &str) -> Value {
    part(token, 1)
}

/// One part of a token.
pub(crate) fn encoded(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A token with this head and these claims, signed by this key.
pub(crate) async fn signed(key: &SigningKey, head: &Value, claims: &Value) -> String {
    let text = format!("{}.{}", encoded(head), encoded(claims));
    let signature = key.sign(text.as_bytes()).await.unwrap();
    format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

#[track_caller]
fn refused(answer: &muster_tests::client::Answer) {
    let problem = answer.problem(401, "unauthenticated");
    assert_eq!(problem["detail"], "The access token is not good, or not any more.");
    assert_eq!(answer.header("www-authenticate"), "Bearer");
}

async fn profile(token: &str) -> muster_tests::client::Answer {
    nobody().await.with_token(token).get("/profile").send().await
}

/// The key that the server signs with. Nobody but its owner can read it.
pub(crate) fn the_servers_key(data: &std::path::Path) -> Arc<SigningKey> {
    SigningKeys::load(data).unwrap().current(Utc::now()).unwrap()
}

#[tokio::test]
async fn a_token_says_who_calls_and_no_more() {
    let member = member().await;
    let (head, claims) = (part(member.client.token(), 0), claims(member.client.token()));
    assert_eq!((&head["alg"], &head["typ"]), (&json!("ES256"), &json!("at+jwt")));
    assert_eq!(claims["sub"], json!(member.id));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 15 * 60);
    let mut names: Vec<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["aud", "exp", "iat", "iss", "jti", "sid", "sub"]);
}

#[tokio::test]
async fn a_token_signed_by_another_key_is_refused() {
    let member = member().await;
    let (head, claims) = (part(member.client.token(), 0), claims(member.client.token()));
    let other = SigningKey::generate().unwrap();
    refused(&profile(&signed(&other, &head, &claims).await).await);
    let mut named = head;
    named["kid"] = json!(other.public_key().kid());
    refused(&profile(&signed(&other, &named, &claims).await).await);
}

#[tokio::test]
async fn a_token_without_a_signature_is_refused_whatever_it_says_of_it() {
    let member = member().await;
    let token = member.client.token();
    let (head, claims) = (part(token, 0), claims(token));
    let signature = token.rsplit('.').next().unwrap();
    for alg in ["none", "None", "HS256", "ES384", ""] {
        let mut head = head.clone();
        head["alg"] = json!(alg);
        for signature in ["", signature] {
            refused(&profile(&format!("{}.{}.{signature}", encoded(&head), encoded(&claims))).await);
        }
    }
    let unsigned = token.rsplit_once('.').unwrap().0;
    refused(&profile(&format!("{unsigned}.")).await);
    refused(&profile(unsigned).await);
}

#[tokio::test]
async fn a_token_that_was_changed_is_refused() {
    let (member, boss) = (member().await, admin().await);
    let token = member.client.token();
    let mut raised = claims(token);
    raised["sub"] = claims(boss.token())["sub"].clone();
    let [head, _, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    refused(&profile(&format!("{head}.{}.{signature}", encoded(&raised))).await);
    refused(&profile(&format!("{token}x")).await);
    refused(&profile(&"x".repeat(5000)).await);
}

#[derive(Debug)]
struct At(DateTime<Utc>);

impl Clock for At {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}

/// A token of the server's own key for this person's session, issued at this time.
async fn issued_at(person: &Person, at: DateTime<Utc>, settings: TokenSettings) -> String {
    let key = the_servers_key(&server().await.data());
    let tokens = AccessTokens::new(key, settings, Arc::new(At(at)));
    let session: Uuid = claims(person.client.token())["sid"].as_str().unwrap().parse().unwrap();
    tokens.issue(person.id, SessionId(session)).await.unwrap()
}

fn settings(person: &Person) -> TokenSettings {
    let claims = claims(person.client.token());
    TokenSettings::new(claims["iss"].as_str().unwrap(), claims["aud"].as_str().unwrap())
}

#[tokio::test]
async fn a_token_is_good_for_a_quarter_of_an_hour() {
    let (member, now) = (member().await, SystemClock.now());
    for (issued, good) in [
        (now, true),
        (now - TimeDelta::minutes(14), true),
        (now - TimeDelta::minutes(16), false),
        (now - TimeDelta::days(1), false),
        (now + TimeDelta::minutes(5), false),
    ] {
        let answer = profile(&issued_at(&member, issued, settings(&member)).await).await;
        if good {
            answer.is(200);
        } else {
            refused(&answer);
        }
    }
}

#[tokio::test]
async fn a_token_for_another_program_is_refused() {
    let (member, now) = (member().await, SystemClock.now());
    let own = settings(&member);
    for other in [
        TokenSettings { issuer: "somebody".to_owned(), ..own.clone() },
        TokenSettings { audience: "something".to_owned(), ..own },
    ] {
        refused(&profile(&issued_at(&member, now, other).await).await);
    }
    let key = the_servers_key(&server().await.data());
    let mut head = part(member.client.token(), 0);
    head["typ"] = json!("JWT");
    refused(&profile(&signed(&key, &head, &claims(member.client.token())).await).await);
}

#[tokio::test]
async fn a_token_of_a_session_that_is_not_there_is_refused() {
    let (member, other) = (member().await, member().await);
    let key = the_servers_key(&server().await.data());
    let head = part(member.client.token(), 0);
    for session in [json!(Uuid::new_v4()), claims(other.client.token())["sid"].clone()] {
        let mut claims = claims(member.client.token());
        claims["sid"] = session;
        let answer = profile(&signed(&key, &head, &claims).await).await;
        assert_eq!(answer.problem(401, "unauthenticated")["detail"], "The session has ended: sign in again.");
    }
}
