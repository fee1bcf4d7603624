//! Signing in with address and password.

use chrono::{DateTime, TimeDelta, Utc};
use muster_projections::directory::UserDocument;
use serde_json::{Value, json};

use crate::support::{PASSWORD, log_in, member, nobody};
use muster_tests::client::Answer;

/// What somebody holds who signed in; checked, and used once.
async fn check_tokens(answer: &Answer, user_id: &str) {
    let tokens: Value = answer.is(200).json();
    let keys: Vec<&str> = tokens.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = ["access_token", "expires_in", "refresh_token", "session_expires_at", "token_type", "user_id"];
    assert_eq!(
        {
            let mut keys = keys;
            keys.sort_unstable();
            keys
        },
        expected
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(900)));
    assert_eq!(tokens["user_id"], user_id);
    let ends: DateTime<Utc> = tokens["session_expires_at"].as_str().unwrap().parse().unwrap();
    let days = ends - Utc::now();
    assert!(days > TimeDelta::days(29) && days <= TimeDelta::days(30), "{days}");
    let client = nobody().await.with_token(tokens["access_token"].as_str().unwrap());
    let profile: UserDocument = client.get("/profile").send().await.document(200);
    assert_eq!(profile.id.to_string(), user_id);
}

#[tokio::test]
pub(crate) async fn the_right_password_gives_tokens() {
    let member = member().await;
    let answer = log_in(&nobody().await, &member.email, PASSWORD).await;
    check_tokens(&answer, &member.id.to_string()).await;
}

#[tokio::test]
pub(crate) async fn the_short_path_gives_tokens_too() {
    let member = member().await;
    let body = json!({ "email": member.email, "password": PASSWORD });
    let answer = nobody().await.post("/login").json(&body).send().await;
    check_tokens(&answer, &member.id.to_string()).await;
}

#[tokio::test]
async fn the_letters_of_an_address_do_not_matter_those_of_a_password_do() {
    let (member, nobody) = (member().await, nobody().await);
    log_in(&nobody, &member.email.to_uppercase(), PASSWORD).await.is(200);
    log_in(&nobody, &member.email, &PASSWORD.to_uppercase()).await.problem(401, "wrong_credentials");
    log_in(&nobody, &member.email, &format!("{PASSWORD} ")).await.problem(401, "wrong_credentials");
}

#[tokio::test]
async fn who_has_an_account_is_not_given_away() {
    let (member, nobody) = (member().await, nobody().await);
    let wrong_password = log_in(&nobody, &member.email, "not the password").await;
    let wrong_address = log_in(&nobody, "no-one-at-all@example.com", PASSWORD).await;
    let no_address = log_in(&nobody, "no address", PASSWORD).await;
    let problem = wrong_password.problem(401, "wrong_credentials");
    assert_eq!(problem["detail"], "The e-mail address or the password is wrong.");
    assert_eq!(wrong_address.problem(401, "wrong_credentials"), problem);
    assert_eq!(no_address.problem(401, "wrong_credentials"), problem);
    log_in(&nobody, &member.email, "").await.problem(401, "wrong_credentials");
    log_in(&nobody, &member.email, &"x".repeat(1024)).await.problem(401, "wrong_credentials");
}

#[tokio::test]
async fn what_is_longer_than_anything_that_lets_somebody_in_is_refused_as_no_sign_in_at_all() {
    let nobody = nobody().await;
    let long = |most: usize| "x".repeat(most + 1);
    log_in(&nobody, &long(254), &long(1024)).await.wrong_fields(&["/email", "/password"]);
    for path in ["/users/refresh", "/refresh"] {
        let answer = nobody.post(path).json(&json!({ "refresh_token": long(1024) })).send().await;
        answer.wrong_fields(&["/refresh_token"]);
    }
    let answer = nobody.post("/users/login/second-factor").json(&json!({ "challenge": long(1024), "code": long(64) }));
    answer.send().await.wrong_fields(&["/challenge", "/code"]);
}

#[tokio::test]
async fn two_sessions_of_one_person_live_beside_each_other() {
    let (member, nobody) = (member().await, nobody().await);
    let second = log_in(&nobody, &member.email, PASSWORD).await.is(200).value();
    let second = nobody.with_token(second["access_token"].as_str().unwrap());
    second.post("/users/logout").send().await.is(204);
    second.get("/profile").send().await.problem(401, "unauthenticated");
    member.client.get("/profile").send().await.is(200);
}
