//! How often somebody may ask, and what the answers say of it.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::api_tokens::made;
use crate::routes::{ROUTES, document};
use crate::support::{PASSWORD, log_in, new_email};
use muster_tests::client::{Answer, Client};
use muster_tests::server::Server;

/// A server with small limits.
async fn strict(limits: &[(&'static str, &str)]) -> Server {
    Server::start_with(limits.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()).await
}

/// Refused for too many requests, and told when to come again.
#[track_caller]
fn assert_refused(answer: &Answer, policy: &str, quota: u32) {
    answer.problem(429, "too_many_requests");
    let after: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&after), "{after}");
    // In one line, where it comes first: a program may look at the first or the last line alone.
    for (name, said) in
        [("ratelimit-policy", format!("\"{policy}\";q={quota};w=60")), ("ratelimit", format!("\"{policy}\";r=0;t="))]
    {
        assert_eq!(answer.headers.get_all(name).iter().count(), 1, "{:?}", answer.headers);
        assert!(answer.header(name).starts_with(&said), "{:?}", answer.headers);
    }
}

async fn sign_up(client: &Client) -> String {
    let email = new_email();
    let body = json!({ "name": "Ada", "email": email, "password": PASSWORD });
    client.post("/users/signup").json(&body).send().await.is(201);
    email
}

#[tokio::test]
async fn a_password_is_guessed_a_few_times_and_then_not_even_the_right_one_is_taken() {
    let server = strict(&[("MUSTER_RATE_LIMIT_ATTEMPTS", "3")]).await;
    let client = Client::new(&server.base_url);
    let (ada, ben) = (sign_up(&client).await, sign_up(&client).await);

    for _ in 0..3 {
        log_in(&client, &ada, "a wrong passphrase").await.problem(401, "wrong_credentials");
    }
    for password in ["a wrong passphrase", PASSWORD] {
        assert_refused(&log_in(&client, &ada.to_uppercase(), password).await, "attempts", 3);
    }
    log_in(&client, &ben, PASSWORD).await.is(200);
}

#[tokio::test]
async fn an_address_that_nobody_has_is_throttled_like_any_other() {
    let server = strict(&[("MUSTER_RATE_LIMIT_ATTEMPTS", "3")]).await;
    let client = Client::new(&server.base_url);
    let nobody = new_email();
    for _ in 0..3 {
        log_in(&client, &nobody, PASSWORD).await.problem(401, "wrong_credentials");
    }
    assert_refused(&log_in(&client, &nobody, PASSWORD).await, "attempts", 3);
}

#[tokio::test]
async fn an_administrator_who_repeats_a_request_guesses_no_password_and_one_who_guesses_is_refused() {
    let server = strict(&[("MUSTER_RATE_LIMIT_ATTEMPTS", "2")]).await;
    let client = Client::new(&server.base_url);
    let tokens = log_in(&client, &server.admin_email, &server.admin_password).await.is(200).value();
    let admin = client.with_token(tokens["access_token"].as_str().unwrap());
    let email = new_email();
    let ask = async |password: &str| {
        let body = json!({ "name": "Ada", "email": email, "password": password });
        admin.post("/users").key("ada").json(&body).send().await
    };
    let all = join_all((0..8).map(|_| ask(PASSWORD))).await;
    let made: Vec<Value> = all.iter().map(|one| one.is(201).value()).collect();
    assert!(made.iter().all(|one| *one == made[0]), "{made:?}");
    for _ in 0..2 {
        ask("another long passphrase").await.problem(422, "idempotency_key_reused");
    }
    assert_refused(&ask("another long passphrase").await, "attempts", 2);
    ask(PASSWORD).await.is(201);
}

#[tokio::test]
async fn the_link_of_an_invitation_is_no_way_to_guess_the_password_of_the_account_that_it_made() {
    let server = strict(&[("MUSTER_RATE_LIMIT_ATTEMPTS", "2")]).await;
    let client = Client::new(&server.base_url);
    let tokens = log_in(&client, &server.admin_email, &server.admin_password).await.is(200).value();
    let admin = client.with_token(tokens["access_token"].as_str().unwrap());
    let made = admin.post("/invitations").json(&json!({ "email": new_email() })).send().await.is(201).value();
    let token = made["link"].as_str().unwrap().split_once("#invitation=").unwrap().1.to_owned();
    let take = async |password: &str| {
        let body = json!({ "name": "Ada", "password": password, "invitation": token });
        client.post("/users/signup").json(&body).send().await
    };
    take(PASSWORD).await.is(201);

    for guess in ["a wrong passphrase", "another wrong passphrase"] {
        take(guess).await.problem(403, "link_not_good");
    }
    for password in ["a third wrong passphrase", PASSWORD] {
        assert_refused(&take(password).await, "attempts", 2);
    }
}

#[tokio::test]
async fn who_signs_in_rightly_may_do_so_often() {
    let server = strict(&[("MUSTER_RATE_LIMIT_ATTEMPTS", "2"), ("MUSTER_RATE_LIMIT_ATTEMPTS_FROM_ADDRESS", "4")]).await;
    let client = Client::new(&server.base_url);
    for _ in 0..8 {
        let tokens = log_in(&client, &server.admin_email, &server.admin_password).await.is(200).value();
        let body = json!({ "refresh_token": tokens["refresh_token"] });
        client.post("/users/refresh").json(&body).send().await.is(200);
    }
}

#[tokio::test]
async fn one_address_tries_so_many_accounts_and_tokens() {
    let server = strict(&[("MUSTER_RATE_LIMIT_ATTEMPTS_FROM_ADDRESS", "4")]).await;
    let client = Client::new(&server.base_url);
    for _ in 0..2 {
        log_in(&client, &new_email(), PASSWORD).await.problem(401, "wrong_credentials");
        let body = json!({ "refresh_token": "none" });
        client.post("/users/refresh").json(&body).send().await.problem(401, "wrong_credentials");
    }
    assert_refused(&log_in(&client, &new_email(), PASSWORD).await, "attempts-from-address", 4);
    let body = json!({ "refresh_token": "none" });
    assert_refused(&client.post("/users/refresh").json(&body).send().await, "attempts-from-address", 4);
    let body = json!({ "name": "Ada", "email": new_email(), "password": PASSWORD });
    assert_refused(&client.post("/users/signup").json(&body).send().await, "attempts-from-address", 4);
}

#[tokio::test]
async fn whoever_is_signed_in_goes_on_where_others_have_failed_too_often() {
    let server = strict(&[("MUSTER_RATE_LIMIT_ATTEMPTS_FROM_ADDRESS", "3")]).await;
    let client = Client::new(&server.base_url);
    let tokens = log_in(&client, &server.admin_email, &server.admin_password).await.is(200).value();
    let refresh = async |token: &serde_json::Value| {
        client.post("/users/refresh").json(&json!({ "refresh_token": token })).send().await
    };
    for _ in 0..3 {
        log_in(&client, &new_email(), PASSWORD).await.problem(401, "wrong_credentials");
    }
    assert_refused(&log_in(&client, &new_email(), PASSWORD).await, "attempts-from-address", 3);

    let next = refresh(&tokens["refresh_token"]).await.is(200).value();

    assert_refused(&refresh(&json!("none")).await, "attempts-from-address", 3);
    client.with_token(next["access_token"].as_str().unwrap()).post("/users/logout").send().await.is(204);
    let problem = refresh(&next["refresh_token"]).await.problem(401, "wrong_credentials");
    assert_eq!(problem["detail"], "The refresh token is not good, or not any more: sign in again.");
}

#[tokio::test]
async fn a_refresh_token_that_is_good_no_longer_counts_like_any_failure() {
    let server = strict(&[("MUSTER_RATE_LIMIT_ATTEMPTS_FROM_ADDRESS", "3")]).await;
    let client = Client::new(&server.base_url);
    let tokens = log_in(&client, &server.admin_email, &server.admin_password).await.is(200).value();
    client.with_token(tokens["access_token"].as_str().unwrap()).post("/users/logout").send().await.is(204);
    for _ in 0..3 {
        let body = json!({ "refresh_token": tokens["refresh_token"] });
        client.post("/users/refresh").json(&body).send().await.problem(401, "wrong_credentials");
    }
    assert_refused(&log_in(&client, &new_email(), PASSWORD).await, "attempts-from-address", 3);
}

#[tokio::test]
async fn an_address_that_a_proxy_names_counts_for_itself() {
    let limits = [("MUSTER_RATE_LIMIT_ATTEMPTS_FROM_ADDRESS", "1"), ("MUSTER_TRUSTED_PROXIES", "1")];
    let server = strict(&limits).await;
    let client = Client::new(&server.base_url);
    let from = async |address: &str| {
        let body = json!({ "email": new_email(), "password": PASSWORD });
        client.post("/users/login").header("x-forwarded-for", address).json(&body).send().await.status
    };
    assert_eq!([from("203.0.113.1").await, from("203.0.113.1").await], [401, 429]);
    assert_eq!([from("203.0.113.2").await, from("203.0.113.3, 203.0.113.2").await], [401, 429]);
}

#[tokio::test]
async fn without_a_proxy_nobody_is_believed_who_names_an_address() {
    let server = strict(&[("MUSTER_RATE_LIMIT_ATTEMPTS_FROM_ADDRESS", "1")]).await;
    let client = Client::new(&server.base_url);
    let from = async |address: &str| {
        let body = json!({ "email": new_email(), "password": PASSWORD });
        client.post("/users/login").header("x-forwarded-for", address).json(&body).send().await.status
    };
    assert_eq!([from("203.0.113.1").await, from("203.0.113.2").await], [401, 429]);
}

#[tokio::test]
async fn a_caller_asks_so_often_and_each_answer_says_what_is_left() {
    let server = strict(&[("MUSTER_RATE_LIMIT_CALLER", "5")]).await;
    let client = Client::new(&server.base_url);
    let tokens = log_in(&client, &server.admin_email, &server.admin_password).await.is(200).value();
    let admin = client.with_token(tokens["access_token"].as_str().unwrap());
    for left in (0..5).rev() {
        let answer = admin.get("/profile").send().await;
        assert_eq!(answer.is(200).header("ratelimit-policy"), "\"caller\";q=5;w=60");
        assert!(answer.header("ratelimit").starts_with(&format!("\"caller\";r={left};t=")), "{:?}", answer.headers);
    }
    assert_refused(&admin.get("/profile").send().await, "caller", 5);
    assert_refused(&admin.get("/tasks").send().await, "caller", 5);
    // Another session of the same account is the same caller.
    let tokens = log_in(&client, &server.admin_email, &server.admin_password).await.is(200).value();
    let elsewhere = client.with_token(tokens["access_token"].as_str().unwrap());
    assert_refused(&elsewhere.get("/profile").send().await, "caller", 5);
    admin.request("GET", "/healthz").send().await.is(200);
}

#[tokio::test]
async fn whoever_asks_too_often_is_in_the_access_log_with_what_they_came_with() {
    let server = strict(&[("MUSTER_RATE_LIMIT_CALLER", "5")]).await;
    let client = Client::new(&server.base_url);
    let tokens = log_in(&client, &sign_up(&client).await, PASSWORD).await.is(200).value();
    let ada = client.with_token(tokens["access_token"].as_str().unwrap());
    let token = made(&ada, &["users:read"]).await;
    // It is whose it says when it has been good once.
    while token.client.get("/profile").send().await.status == 200 {}
    assert_refused(&ada.get("/profile").send().await, "caller", 5);

    let chief = log_in(&client, &server.admin_email, &server.admin_password).await.is(200).value();
    let chief = client.with_token(chief["access_token"].as_str().unwrap());
    let path = format!("/audit/access?actor={}&kind=throttled", tokens["user_id"].as_str().unwrap());
    let throttled = chief.get(&path).send().await.is(200).value();
    let throttled = throttled["items"].as_array().unwrap();
    assert_eq!(throttled.len(), 2, "{throttled:?}");
    let came_with = |what: &str| throttled.iter().filter_map(|entry| entry[what].as_str()).collect::<Vec<_>>();
    assert_eq!((came_with("api_token_id"), came_with("session_id").len()), (vec![token.id.as_str()], 1));
}

#[tokio::test]
async fn who_has_no_token_asks_so_often_from_one_address() {
    let server = strict(&[("MUSTER_RATE_LIMIT_ADDRESS", "3")]).await;
    let client = Client::new(&server.base_url);
    for left in (0..3).rev() {
        let answer = client.get("/profile").send().await;
        answer.problem(401, "unauthenticated");
        assert!(answer.header("ratelimit").starts_with(&format!("\"address\";r={left};t=")), "{:?}", answer.headers);
    }
    assert_refused(&client.get("/profile").send().await, "address", 3);
    for path in ["/healthz", "/readyz"] {
        client.request("GET", path).send().await.is(200);
    }
}

#[tokio::test]
async fn every_route_of_the_api_says_that_it_can_be_asked_too_often() {
    let document = document().await;
    for route in ROUTES.iter().filter(|route| route.path.starts_with("/api/v1")) {
        let operation = &document["paths"][route.path][route.method.to_lowercase()];
        let answer = &operation["responses"]["429"]["description"];
        assert_eq!(answer, "Problem: `too_many_requests`", "{} {}", route.method, route.path);
    }
}
