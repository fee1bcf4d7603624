//! API tokens that somebody made up, changed, kept, or brings to where they are not for.

use chrono::{TimeDelta, Utc};
use muster_tests::client::Client;
use muster_tests::server::Server;
use serde_json::{Value, json};

use crate::api_tokens::{Made, made};
use crate::support::{PASSWORD, admin, eventually, log_in, member, nobody, of_task, task};
use crate::token_attacks::{refused, unharmed};

const ALPHABET: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The checksum that belongs to this text.
fn checksum(text: &str) -> String {
    let mut number = crc32fast::hash(text.as_bytes());
    let mut digits = Vec::new();
    for _ in 0..6 {
        digits.push(char::from(ALPHABET.as_bytes()[(number % 62) as usize]));
        number /= 62;
    }
    digits.into_iter().rev().collect()
}

/// The text with the checksum that belongs to it, so that what is refused is what stands before.
fn sealed(rest: &str) -> String {
    format!("{rest}{}", checksum(rest))
}

/// The parts of a token: whose, which, secret, checksum.
fn parts(token: &str) -> [&str; 4] {
    let body = token.strip_prefix("muster_pat_").unwrap();
    [&body[..22], &body[22..44], &body[44..87], &body[87..]]
}

#[tokio::test]
async fn what_these_tests_put_together_is_good_when_nothing_is_changed() {
    let member = member().await;
    let token = made(&member.client, &["users:read"]).await.token;
    let [whose, which, secret, sum] = parts(&token);
    let rest = format!("muster_pat_{whose}{which}{secret}");
    assert_eq!(checksum(&rest), sum);
    nobody().await.with_token(&sealed(&rest)).get("/profile").send().await.is(200);
}

#[tokio::test]
async fn a_token_that_was_changed_is_refused_with_its_checksum_or_without() {
    let victim = member().await;
    let token = made(&victim.client, &["users:write"]).await.token;
    let [whose, which, secret, _] = parts(&token);
    let rest = &token[..token.len() - 6];
    let turned: String = secret.chars().rev().collect();
    let swapped: String = secret
        .chars()
        .map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
        .collect();
    let mut attacks: Vec<(&str, String)> = vec![
        ("cut short", token[..token.len() - 1].to_owned()),
        ("without its checksum", rest.to_owned()),
        ("another checksum", format!("{rest}000000")),
        ("upper case", token.to_uppercase()),
        ("lower case", token.to_lowercase()),
        ("the secret in another case, sealed", sealed(&format!("muster_pat_{whose}{which}{swapped}"))),
        ("the secret turned round, sealed", sealed(&format!("muster_pat_{whose}{which}{turned}"))),
        ("no secret, sealed", sealed(&format!("muster_pat_{whose}{which}"))),
        ("a secret of zeros, sealed", sealed(&format!("muster_pat_{whose}{which}{}", "0".repeat(43)))),
        ("another prefix", token.replace("muster_pat_", "MUSTER_PAT_")),
        ("no prefix", token.replace("muster_pat_", "")),
        ("the prefix alone", "muster_pat_".to_owned()),
        ("the prefix twice", format!("muster_pat_{token}")),
        ("with a part of a JWT", format!("{token}.e30.e30")),
        ("with padding", format!("{token}=")),
        ("twice", format!("{token} {token}")),
        ("a huge one", format!("{token}{}", "0".repeat(12_000))),
        ("its hash", sealed(&format!("muster_pat_{whose}{which}{}", &"f".repeat(43)))),
    ];
    for at in [11, 40, 60, 100] {
        let other = if &token[at..=at] == "x" { "y" } else { "x" };
        attacks.push(("one character", format!("{}{other}{}", &token[..at], &token[at + 1..])));
    }
    refused(&attacks).await;
    unharmed(&victim).await;
}

#[tokio::test]
async fn a_token_is_good_for_its_owner_and_its_id_and_for_no_other() {
    let (victim, attacker) = (member().await, member().await);
    let of_victim = made(&victim.client, &["users:write"]).await.token;
    let (first, second) =
        (made(&attacker.client, &["users:write"]).await.token, made(&attacker.client, &["tasks:read"]).await.token);
    let ([whose, which, ..], [mine, one, secret, _]) = (parts(&of_victim), parts(&first));
    let [_, another, ..] = parts(&second);
    let none = "0".repeat(22);
    let put_together = |whose: &str, which: &str| sealed(&format!("muster_pat_{whose}{which}{secret}"));
    refused(&[
        ("my secret for another's token", put_together(whose, which)),
        ("my token for another's account", put_together(whose, one)),
        ("another's token for my account", put_together(mine, which)),
        ("my other token", put_together(mine, another)),
        ("nobody's account", put_together(&none, one)),
        ("no token", put_together(mine, &none)),
        ("an id of more than 128 bits", put_together(mine, &"z".repeat(22))),
    ])
    .await;
    unharmed(&victim).await;
    // What is sent in a body or a path does not make it another's.
    let program = nobody().await.with_token(&first);
    program
        .put(&format!("/users/{}", victim.id))
        .json(&json!({ "name": "Mallory" }))
        .send()
        .await
        .problem(403, "forbidden");
    unharmed(&victim).await;
}

#[tokio::test]
async fn a_token_is_taken_from_its_header_and_from_nowhere_else() {
    let victim = member().await;
    let (client, token) = (nobody().await, made(&victim.client, &["users:read"]).await.token);
    for parameter in ["access_token", "token", "api_key"] {
        let answer = client.get(&format!("/profile?{parameter}={token}")).send().await;
        answer.problem(401, "unauthenticated");
    }
    for (name, value) in [
        ("cookie", format!("access_token={token}")),
        ("x-api-key", token.clone()),
        ("proxy-authorization", format!("Bearer {token}")),
        ("authorization", format!("token {token}")),
        ("authorization", format!("Basic {token}")),
        ("authorization", token.clone()),
    ] {
        client.get("/profile").header(name, &value).send().await.problem(401, "unauthenticated");
    }
}

#[tokio::test]
async fn a_token_is_no_password_and_no_refresh_token() {
    let victim = member().await;
    let Made { token, .. } = made(&victim.client, &["users:write"]).await;
    let nobody = nobody().await;
    log_in(&nobody, &victim.email, &token).await.problem(401, "wrong_credentials");
    let refresh = json!({ "refresh_token": token });
    for path in ["/users/refresh", "/refresh"] {
        nobody.post(path).json(&refresh).send().await.problem(401, "wrong_credentials");
    }
    let cookie = format!("__Host-muster-refresh={token}");
    let request = nobody.post("/users/refresh").json(&json!({})).header("cookie", &cookie);
    let host = crate::support::server().await.base_url.clone();
    request.header("origin", &host).send().await.problem(401, "wrong_credentials");
    let challenge = json!({ "challenge": token, "code": "000000" });
    nobody.post("/users/login/second-factor").json(&challenge).send().await.problem(401, "wrong_credentials");
    // With the right password beside it, it is a sign-in like any other.
    let answer = nobody.with_token(&token).post("/users/login");
    let body = json!({ "email": victim.email, "password": PASSWORD });
    let tokens = answer.json(&body).send().await.is(200).value();
    assert!(!tokens["access_token"].as_str().unwrap().starts_with("muster_pat_"));
}

#[tokio::test]
async fn a_token_makes_neither_tokens_nor_sign_ins_nor_more_of_itself() {
    let boss = crate::support::person(muster_domain::user::Role::Admin).await;
    let all = ["tasks:write", "users:write", "teams:write", "audit:read", "feed:read"];
    let token = made(&boss.client, &all).await;
    let other = made(&boss.client, &["tasks:read"]).await;
    let account = json!({ "name": "Mallory", "email": "mallory@example.com", "password": PASSWORD, "role": "admin" });
    let wider = json!({ "name": "More", "scopes": all });
    let id = boss.id;
    let victim = member().await;
    let requests = [
        ("POST", "/tokens".to_owned(), wider.clone()),
        ("GET", "/tokens".to_owned(), Value::Null),
        ("DELETE", format!("/tokens/{}", token.id), Value::Null),
        ("GET", format!("/users/{id}/tokens"), Value::Null),
        ("DELETE", format!("/users/{id}/tokens/{}", other.id), Value::Null),
        ("POST", "/users".to_owned(), account),
        ("PUT", format!("/users/{}", victim.id), json!({ "role": "admin" })),
        ("PUT", format!("/users/{}", victim.id), json!({ "email": "mallory@example.com" })),
        (
            "PUT",
            "/profile/password".to_owned(),
            json!({ "current_password": PASSWORD, "new_password": "mallory was here" }),
        ),
        ("POST", "/profile/second-factor".to_owned(), json!({ "password": PASSWORD })),
        ("DELETE", format!("/users/{}/second-factor", victim.id), Value::Null),
        ("GET", "/users/sessions".to_owned(), Value::Null),
        ("DELETE", format!("/users/{}/sessions", victim.id), Value::Null),
        ("POST", "/users/logout".to_owned(), Value::Null),
    ];
    for (method, path, body) in requests {
        let request = token.client.request(method, &format!("/api/v1{path}"));
        let request = if body.is_null() { request } else { request.json(&body) };
        request.send().await.problem(403, "session_required");
    }
    unharmed(&victim).await;
    // Nor is it more for saying so where it may write.
    let reader = made(&boss.client, &["tasks:read"]).await;
    for body in [json!({ "title": "x", "scopes": all }), json!({ "title": "x", "scope": "tasks:write" })] {
        let answer = reader.client.post("/tasks").json(&body).send().await;
        assert!([403, 422].contains(&answer.status), "{}", answer.text);
    }
    let header = reader.client.post("/tasks").header("x-scopes", "tasks:write").json(&json!({ "title": "x" }));
    header.send().await.problem(403, "insufficient_scope");
}

#[tokio::test]
async fn a_token_without_the_scope_does_nothing_to_a_task() {
    let member = member().await;
    let id = task(&member.client, json!({})).await.id;
    let reader = made(&member.client, &["tasks:read"]).await.client;
    let status = json!({ "status": "in_progress" });
    reader.post(&of_task(id, "/status")).json(&status).send().await.problem(403, "insufficient_scope");
    reader.delete(&of_task(id, "")).send().await.problem(403, "insufficient_scope");
    // Nor does the answer to a request that was let be before tell one more than it may know.
    let writer = made(&member.client, &["tasks:write"]).await.client;
    writer.post(&of_task(id, "/status")).key("begin").json(&status).send().await.is(200);
    let stranger = made(&member.client, &["users:write"]).await.client;
    let repeat = stranger.post(&of_task(id, "/status")).key("begin").json(&status).send().await;
    repeat.problem(403, "insufficient_scope");
    assert_eq!(crate::support::event_types(id).await, ["TaskCreated", "TaskStatusChanged"]);
}

#[tokio::test]
async fn a_token_whose_time_is_over_is_refused_and_told_of() {
    let member = member().await;
    let soon = Utc::now() + TimeDelta::milliseconds(1500);
    let body = json!({ "name": "Short", "scopes": ["users:read"], "expires_at": soon });
    let made = member.client.post("/tokens").json(&body).send().await.is(201).value();
    let program = nobody().await.with_token(made["token"].as_str().unwrap());
    let refused = eventually("its time is over", async || {
        let answer = program.get("/profile").send().await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    assert!(Utc::now() >= soon);
    assert_eq!(refused.problem(401, "unauthenticated")["detail"], "The API token has expired.");
    assert_eq!(member.client.get("/tokens").send().await.is(200).value()["items"], json!([]));
    let log = format!("/audit/access?actor={}&kind=token_refused", member.id);
    let entries = crate::page::walk(&admin().await, &log, 50).await;
    assert_eq!((entries.len(), &entries[0]["api_token_id"]), (1, &made["id"]));
}

#[tokio::test]
async fn a_made_up_token_says_nothing_of_an_account_in_the_access_log() {
    let victim = member().await;
    let token = made(&victim.client, &["users:read"]).await.token;
    let [whose, which, ..] = parts(&token);
    let forged = sealed(&format!("muster_pat_{whose}{which}{}", "0".repeat(43)));
    let answer = nobody().await.with_token(&forged).get("/profile").send().await;
    assert_eq!(answer.problem(401, "unauthenticated")["detail"], "The API token is not good.");
    let all = crate::page::walk(&admin().await, "/audit/access?kind=token_refused", 200).await;
    let entry = all.iter().find(|entry| entry["request_id"] == answer.header("x-request-id")).expect("an entry");
    assert_eq!((&entry["actor"], &entry["api_token_id"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn requests_with_a_token_count_for_its_owner_and_made_up_ones_for_their_address() {
    let server = Server::start_with(vec![("MUSTER_RATE_LIMIT_CALLER", "6".to_owned())]).await;
    let nobody = Client::new(&server.base_url);
    let boss = log_in(&nobody, &server.admin_email, &server.admin_password).await.is(200).value();
    let boss = nobody.with_token(boss["access_token"].as_str().unwrap());
    let (one, two) = (made(&boss, &["users:read"]).await, made(&boss, &["users:read"]).await);
    // The first use proves a token; from then on it counts for its owner, as the session and the other token do.
    one.client.get("/profile").send().await.is(200);
    two.client.get("/profile").send().await.is(200);
    let mut asked = 0;
    while one.client.get("/profile").send().await.status == 200 {
        asked += 1;
        assert!(asked < 100, "there is a limit");
    }
    for client in [&one.client, &two.client, &boss] {
        client.get("/profile").send().await.problem(429, "too_many_requests");
    }
    // Who makes tokens up takes nothing from those whom they name.
    let other = json!({ "name": "Ben", "email": "ben@example.com", "password": PASSWORD });
    nobody.post("/users/signup").json(&other).send().await.is(201);
    let ben = log_in(&nobody, "ben@example.com", PASSWORD).await.is(200).value();
    let ben = nobody.with_token(ben["access_token"].as_str().unwrap());
    let token = made(&ben, &["users:read"]).await;
    let [whose, which, ..] = parts(&token.token);
    let forged = nobody.with_token(&sealed(&format!("muster_pat_{whose}{which}{}", "0".repeat(43))));
    let mut tried = 0;
    while forged.get("/profile").send().await.status == 401 {
        tried += 1;
        assert!(tried < 100, "there is a limit");
    }
    ben.get("/profile").send().await.is(200);
}
