//! Browsers: the refresh token in a cookie, and requests that pages of other sites make.

use serde_json::{Value, json};

use crate::api_tokens::made;
use crate::page::walk;
use crate::support::{PASSWORD, Person, admin, member, nobody, server};
use muster_tests::client::{Answer, Client, Request};

const NAME: &str = "__Host-muster-refresh";

/// Where the API's own pages are.
async fn own_origin() -> String {
    server().await.base_url.clone()
}

/// The cookie that an answer sets: its value and what it says of itself.
#[track_caller]
fn set(answer: &Answer) -> (String, Vec<String>) {
    let line = answer.header("set-cookie").to_owned();
    let mut parts = line.split("; ").map(str::to_owned);
    let value = parts.next().unwrap().strip_prefix(&format!("{NAME}=")).expect("the cookie").to_owned();
    (value, parts.collect())
}

async fn browser_log_in(person: &Person) -> Answer {
    let body = json!({ "email": person.email, "password": PASSWORD, "cookie": true });
    nobody().await.post("/users/login").header("origin", &own_origin().await).json(&body).send().await
}

fn with_cookie(request: Request, value: &str) -> Request {
    request.header("cookie", &format!("theme=dark; {NAME}={value}"))
}

/// A refresh as a browser sends it from a page of this origin.
async fn refresh(cookie: &str, origin: &str) -> Answer {
    with_cookie(nobody().await.post("/users/refresh"), cookie).header("origin", origin).json(&json!({})).send().await
}

#[tokio::test]
async fn a_browser_keeps_the_refresh_token_out_of_reach_of_scripts() {
    let member = member().await;
    let answer = browser_log_in(&member).await;
    let tokens = answer.is(200).value();
    assert!(tokens.get("refresh_token").is_none(), "{tokens}");
    assert_eq!(answer.header("cache-control"), "no-store");
    let (token, attributes) = set(&answer);
    assert_eq!(token.len(), 76);
    assert!(!answer.text.contains(&token));
    for attribute in ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"] {
        assert!(attributes.iter().any(|one| one == attribute), "{attribute} of {attributes:?}");
    }
    assert!(!attributes.iter().any(|one| one.starts_with("Domain")), "{attributes:?}");
    let age = attributes.iter().find_map(|one| one.strip_prefix("Max-Age=")).unwrap().parse::<i64>().unwrap();
    assert!((30 * 86_400 - 60..=30 * 86_400).contains(&age), "{age}");
}

#[tokio::test]
async fn a_browser_refreshes_with_its_cookie_and_gets_the_next_one() {
    let member = member().await;
    let (first, _) = set(&browser_log_in(&member).await);

    let answer = refresh(&first, &own_origin().await).await;

    let tokens = answer.is(200).value();
    assert_eq!(tokens["user_id"], member.id.to_string());
    assert!(tokens.get("refresh_token").is_none(), "{tokens}");
    let (second, _) = set(&answer);
    assert_ne!(first, second);
    refresh(&second, &own_origin().await).await.is(200);
    let client = nobody().await.with_token(tokens["access_token"].as_str().unwrap());
    client.get("/profile").send().await.is(200);
}

#[tokio::test]
async fn a_page_of_another_site_cannot_use_the_cookie() {
    let member = member().await;
    let (cookie, _) = set(&browser_log_in(&member).await);
    let own = own_origin().await;
    for foreign in ["https://evil.example", "null", "", "https://127.0.0.1", &format!("{own}.evil.example")] {
        refresh(&cookie, foreign).await.problem(403, "foreign_origin");
        for path in ["/users/logout", "/logout"] {
            let request = with_cookie(nobody().await.post(path), &cookie).header("origin", foreign);
            request.send().await.problem(403, "foreign_origin");
        }
    }
    let request = with_cookie(nobody().await.post("/users/refresh"), &cookie).json(&json!({}));
    request.send().await.problem(403, "foreign_origin");
    with_cookie(nobody().await.post("/users/logout"), &cookie).send().await.problem(403, "foreign_origin");
    for site in ["cross-site", "same-site", "none"] {
        let request = with_cookie(nobody().await.post("/users/refresh"), &cookie).header("sec-fetch-site", site);
        request.header("origin", &own).json(&json!({})).send().await.problem(403, "foreign_origin");
    }
    refresh(&cookie, &own).await.is(200);
}

#[tokio::test]
async fn a_page_of_another_site_signs_nobody_in() {
    let member = member().await;
    let body = json!({ "email": member.email, "password": PASSWORD, "cookie": true });
    let client = nobody().await;
    client.post("/users/login").json(&body).send().await.problem(403, "foreign_origin");
    let answer = client.post("/login").header("origin", "https://evil.example").json(&body).send().await;
    answer.problem(403, "foreign_origin");
    assert!(!answer.headers.contains_key("set-cookie"));
}

#[tokio::test]
async fn a_browser_that_signs_out_is_told_to_forget() {
    let member = member().await;
    let (cookie, _) = set(&browser_log_in(&member).await);
    let origin = own_origin().await;
    let log_out =
        async || with_cookie(nobody().await.post("/users/logout"), &cookie).header("origin", &origin).send().await;
    let answer = log_out().await;
    let (value, attributes) = set(answer.is(204));
    assert_eq!((value.as_str(), attributes[0].as_str()), ("", "Max-Age=0"));
    refresh(&cookie, &own_origin().await).await.problem(401, "wrong_credentials");
    member.client.get("/profile").send().await.is(200);

    log_out().await.is(204);
    let signed_out = walk(&admin().await, &format!("/audit/access?actor={}&kind=signed_out", member.id), 50).await;
    assert_eq!(signed_out.len(), 1, "what is over does not end again: {signed_out:?}");
    assert_eq!(signed_out[0]["request_id"], answer.header("x-request-id"));
    assert!(signed_out[0]["session_id"].is_string());
}

#[tokio::test]
async fn a_browser_signs_out_with_its_cookie_whatever_has_become_of_its_access_token() {
    let origin = own_origin().await;
    let api_token = format!("Bearer {}", made(&member().await.client, &["tasks:read"]).await.client.token());
    for (path, bearer) in [
        ("/users/logout", "Bearer eyJhbGciOiJFUzI1NiJ9.e30.over"),
        ("/logout", "Bearer eyJhbGciOiJFUzI1NiJ9.e30.over"),
        ("/users/logout", "Basic bm9ib2R5"),
        ("/users/logout", api_token.as_str()),
    ] {
        let member = member().await;
        let (cookie, _) = set(&browser_log_in(&member).await);
        let request = with_cookie(nobody().await.post(path), &cookie).header("authorization", bearer);

        let answer = request.header("origin", &origin).send().await;

        assert_eq!(set(answer.is(204)).0, "", "{path} {bearer}");
        refresh(&cookie, &origin).await.problem(401, "wrong_credentials");
        let signed_out = walk(&admin().await, &format!("/audit/access?actor={}&kind=signed_out", member.id), 50).await;
        assert_eq!(signed_out.len(), 1, "{path} {bearer}: {signed_out:?}");
    }
}

#[tokio::test]
async fn with_a_good_access_token_the_session_of_the_cookie_ends_too_and_is_told_of_once() {
    let member = member().await;
    let answer = browser_log_in(&member).await;
    let (cookie, _) = set(&answer);
    let client = nobody().await.with_token(answer.value()["access_token"].as_str().unwrap());
    let log_out = with_cookie(client.post("/users/logout"), &cookie).header("origin", &own_origin().await);
    assert_eq!(set(log_out.send().await.is(204)).0, "");
    let path = format!("/audit/access?actor={}&kind=signed_out", member.id);
    let signed_out = walk(&admin().await, &path, 50).await;
    assert_eq!(signed_out.len(), 1, "the same session: {signed_out:?}");

    let (other, _) = set(&browser_log_in(&member).await);
    let log_out = with_cookie(member.client.post("/users/logout"), &other).header("origin", &own_origin().await);
    assert_eq!(set(log_out.send().await.is(204)).0, "");
    refresh(&other, &own_origin().await).await.problem(401, "wrong_credentials");
    member.client.get("/profile").send().await.problem(401, "unauthenticated");
    let signed_out = walk(&admin().await, &path, 50).await;
    assert_eq!(signed_out.len(), 3, "two sessions: {signed_out:?}");
}

#[tokio::test]
async fn whoever_has_a_refresh_token_alone_signs_out_with_it() {
    for path in ["/users/logout", "/logout"] {
        let member = member().await;
        let body = json!({ "refresh_token": member.refresh_token });
        nobody().await.with_token("eyJhbGciOiJFUzI1NiJ9.e30.over").post(path).json(&body).send().await.is(204);
        member.client.get("/profile").send().await.problem(401, "unauthenticated");
        nobody().await.post(path).json(&body).send().await.is(204);
    }
    let client = nobody().await;
    client.post("/users/logout").json(&json!({})).send().await.problem(401, "unauthenticated");
    client.post("/users/logout").json(&json!({ "token": "x" })).send().await.wrong_fields(&["/token"]);
    client.post("/users/logout").json(&json!({ "refresh_token": null })).send().await.wrong_fields(&["/refresh_token"]);
    client.post("/users/logout").body("application/json", "{").send().await.problem(400, "malformed_json");
    client.post("/users/logout").body("text/plain", "x").send().await.problem(415, "unsupported_media_type");
}

#[tokio::test]
async fn a_browser_whose_cookie_is_good_no_longer_is_told_to_forget_it() {
    let (member, origin) = (member().await, own_origin().await);
    let (cookie, _) = set(&browser_log_in(&member).await);
    with_cookie(nobody().await.post("/users/logout"), &cookie).header("origin", &origin).send().await.is(204);
    for dead in [cookie.as_str(), "none"] {
        let answer = refresh(dead, &origin).await;
        answer.problem(401, "wrong_credentials");
        let (value, attributes) = set(&answer);
        assert_eq!((value.as_str(), attributes[0].as_str()), ("", "Max-Age=0"), "{dead}");
    }
    let body = json!({ "refresh_token": cookie });
    let answer = nobody().await.post("/users/refresh").json(&body).send().await;
    answer.problem(401, "wrong_credentials");
    assert!(!answer.headers.contains_key("set-cookie"), "it came from no cookie");
}

#[tokio::test]
async fn a_token_in_the_body_needs_no_origin_and_sets_no_cookie() {
    let member = member().await;
    let (cookie, _) = set(&browser_log_in(&member).await);
    let body = json!({ "refresh_token": member.refresh_token });
    let answer = with_cookie(nobody().await.post("/users/refresh"), &cookie).json(&body).send().await;
    let tokens: Value = answer.is(200).value();
    assert!(tokens["refresh_token"].is_string());
    assert!(!answer.headers.contains_key("set-cookie"));
    let bearer: Client = nobody().await.with_token(tokens["access_token"].as_str().unwrap());
    bearer.post("/users/logout").send().await.is(204);
    refresh(&cookie, &own_origin().await).await.is(200);
}

#[tokio::test]
async fn without_a_token_anywhere_the_field_is_missing() {
    let client = nobody().await;
    client.post("/users/refresh").json(&json!({})).send().await.wrong_fields(&["/refresh_token"]);
    client
        .post("/users/refresh")
        .json(&json!({ "refresh_token": null }))
        .send()
        .await
        .wrong_fields(&["/refresh_token"]);
    client.post("/users/logout").send().await.problem(401, "unauthenticated");
}
