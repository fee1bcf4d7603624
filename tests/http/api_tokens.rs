//! API tokens: made, shown once, used, listed, revoked.

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use muster_domain::user::Role;
use muster_projections::TaskDocument;
use muster_projections::directory::UserDocument;
use muster_tests::client::Client;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::page::walk;
use crate::support::{PASSWORD, Person, admin, history, member, nobody, of_task, person, server, task};

/// A token that was made.
pub(crate) struct Made {
    pub(crate) id: String,
    pub(crate) token: String,
    /// Calls with it.
    pub(crate) client: Client,
}

/// A token of this client's owner.
pub(crate) async fn made(owner: &Client, scopes: &[&str]) -> Made {
    let answer = owner.post("/tokens").json(&json!({ "name": "A program", "scopes": scopes })).send().await;
    let body = answer.is(201).value();
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    Made { id: text("id"), client: owner.with_token(&text("token")), token: text("token") }
}

async fn listed(owner: &Client) -> Vec<Value> {
    let page = owner.get("/tokens").send().await.is(200).value();
    assert_eq!(page["next"], Value::Null);
    page["items"].as_array().unwrap().clone()
}

fn time(value: &Value) -> DateTime<Utc> {
    value.as_str().expect("a time").parse().expect("a time")
}

/// The entries of the access log of this kind by somebody, newest first.
async fn entries(who: &Person, kind: &str) -> Vec<Value> {
    walk(&admin().await, &format!("/audit/access?actor={}&kind={kind}", who.id), 50).await
}

#[tokio::test]
pub(crate) async fn a_token_is_shown_once_and_calls_in_its_owners_name() {
    let member = member().await;
    let body = json!({ "name": " Nightly report ", "scopes": ["users:read", "tasks:write", "users:read"] });
    let answer = member.client.post("/tokens").json(&body).send().await;
    let document = answer.is(201).value();
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(document["name"], "Nightly report");
    assert_eq!(document["scopes"], json!(["tasks:write", "users:read"]));
    assert_eq!(document["last_used_at"], Value::Null);
    assert_eq!(time(&document["expires_at"]) - time(&document["created_at"]), TimeDelta::days(90));
    let token = document["token"].as_str().unwrap();
    assert!(token.starts_with("muster_pat_") && token.len() == 104, "{token}");

    let program = nobody().await.with_token(token);
    let seen: UserDocument = program.get("/profile").send().await.document(200);
    assert_eq!((seen.id, seen.email.as_deref()), (member.id, Some(member.email.as_str())));
    let reported: TaskDocument =
        program.post("/tasks").json(&json!({ "title": "By night" })).send().await.document(201);
    assert_eq!(reported.reporter_id, Some(member.id));
    let commits = history(reported.id).await;
    assert_eq!(commits[0]["events"][0]["actor"], json!({ "type": "user", "id": member.id }), "its owner did it");

    // Nothing that anybody is shown afterwards has it, nor what is left of it in the log and on the disk.
    let id = document["id"].as_str().unwrap();
    let mut shown = vec![listed(&member.client).await];
    let of_member = admin().await.get(&format!("/users/{}/tokens", member.id)).send().await.is(200).value();
    shown.push(of_member["items"].as_array().unwrap().clone());
    shown.push(walk(&admin().await, &format!("/audit/access?actor={}", member.id), 50).await);
    shown.push(commits);
    let shown = json!(shown).to_string();
    assert!(shown.contains(id));
    let secret = &token[token.len() - 49..token.len() - 6];
    assert!(!shown.contains(secret));
    assert!(!server().await.logged().contains(secret) && !server().await.output().contains(secret));
    let mut kept = 0;
    for file in std::fs::read_dir(server().await.data()).unwrap().map(|entry| entry.unwrap().path()) {
        let Ok(bytes) = std::fs::read(&file) else { continue };
        assert!(!holds(&bytes, secret.as_bytes()), "{} holds the token", file.display());
        kept += usize::from(holds(&bytes, id.as_bytes()));
    }
    assert!(kept > 0, "the store holds its id, in plain text");
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

#[tokio::test]
pub(crate) async fn people_see_their_tokens_newest_first_and_what_they_are_for() {
    let member = member().await;
    assert_eq!(listed(&member.client).await, [] as [Value; 0]);
    let until = Utc::now() + TimeDelta::days(364);
    for (name, scope) in [("First", "tasks:read"), ("Second", "teams:write")] {
        let body = json!({ "name": name, "scopes": [scope], "expires_at": until });
        member.client.post("/tokens").json(&body).send().await.is(201);
    }

    let tokens = listed(&member.client).await;

    let told: Vec<_> = tokens.iter().map(|token| (token["name"].as_str().unwrap(), token["scopes"].clone())).collect();
    assert_eq!(told, [("Second", json!(["teams:write"])), ("First", json!(["tasks:read"]))]);
    for token in &tokens {
        let mut names: Vec<_> = token.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["created_at", "expires_at", "id", "last_used_at", "name", "scopes"]);
        assert_eq!(time(&token["expires_at"]).timestamp_millis(), until.timestamp_millis());
    }
    let other = self::member().await;
    assert_eq!(listed(&other.client).await, [] as [Value; 0], "and nobody else's");
}

#[tokio::test]
async fn a_token_that_is_used_says_so_in_the_list() {
    let member = member().await;
    let token = made(&member.client, &["users:read"]).await;
    assert_eq!(listed(&member.client).await[0]["last_used_at"], Value::Null);
    let before = Utc::now();

    token.client.get("/profile").send().await.is(200);

    let first = listed(&member.client).await[0]["last_used_at"].clone();
    assert!(time(&first) >= before - TimeDelta::milliseconds(1) && time(&first) <= Utc::now(), "{first}");
    token.client.get("/profile").send().await.is(200);
    assert_eq!(listed(&member.client).await[0]["last_used_at"], first, "it is written once an hour");
}

#[tokio::test]
pub(crate) async fn a_revoked_token_is_refused_at_the_next_request() {
    let member = member().await;
    let (lost, other) = (made(&member.client, &["users:read"]).await, made(&member.client, &["users:read"]).await);
    lost.client.get("/profile").send().await.is(200);

    for _ in 0..2 {
        member.client.delete(&format!("/tokens/{}", lost.id)).send().await.is(204);
        let problem = lost.client.get("/profile").send().await.problem(401, "unauthenticated");
        assert_eq!(problem["detail"], "The API token was revoked.");
    }

    other.client.get("/profile").send().await.is(200);
    let left = listed(&member.client).await;
    assert_eq!((left.len(), left[0]["id"].as_str()), (1, Some(other.id.as_str())));
    let path = format!("/audit/access?actor={}&kind=api_token_revoked", member.id);
    let revoked = walk(&admin().await, &path, 50).await;
    assert_eq!(revoked.len(), 1, "what was revoked is not revoked again: {revoked:?}");
}

#[tokio::test]
pub(crate) async fn an_administrator_sees_somebodys_tokens_and_revokes_them() {
    let (admin, ada, ben) = (admin().await, member().await, member().await);
    let (of_ada, of_ben) = (made(&ada.client, &["users:read"]).await, made(&ben.client, &["users:read"]).await);
    let path = format!("/users/{}/tokens", ada.id);
    let page = admin.get(&path).send().await.is(200).value();
    assert_eq!(crate::support::ids(&page), [of_ada.id.parse::<Uuid>().unwrap()]);

    // A token is revoked under the name of its owner, and under no other.
    admin.delete(&format!("{path}/{}", of_ben.id)).send().await.problem(404, "not_found");
    of_ben.client.get("/profile").send().await.is(200);
    admin.delete(&format!("{path}/{}", of_ada.id)).send().await.is(204);

    of_ada.client.get("/profile").send().await.problem(401, "unauthenticated");
    assert_eq!(admin.get(&path).send().await.is(200).value()["items"], json!([]));
    for (user, token) in [("x", of_ben.id.as_str()), (&ben.id.to_string(), "x")] {
        admin.delete(&format!("/users/{user}/tokens/{token}")).send().await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_new_token_is_named() {
    let member = member().await;
    let asked = async |body: Value| member.client.post("/tokens").json(&body).send().await;
    let (now, scopes) = (Utc::now(), ["tasks:read"]);
    for (name, wrong) in [("", "/name"), ("a\tb", "/name"), (&"n".repeat(121), "/name")] {
        asked(json!({ "name": name, "scopes": scopes })).await.wrong_fields(&[wrong]);
    }
    for many in [vec![], vec!["tasks:read"; 17]] {
        asked(json!({ "name": "One", "scopes": many })).await.wrong_fields(&["/scopes"]);
    }
    for word in ["tasks:admin", "TASKS:READ", "*", "", "tasks"] {
        asked(json!({ "name": "One", "scopes": ["tasks:read", word] })).await.wrong_fields(&["/scopes/1"]);
    }
    let times =
        [now - TimeDelta::seconds(1), now + TimeDelta::days(366), DateTime::UNIX_EPOCH, DateTime::<Utc>::MAX_UTC];
    for time in times {
        let answer = asked(json!({ "name": "One", "scopes": scopes, "expires_at": time })).await;
        answer.wrong_fields(&["/expires_at"]);
    }
    asked(json!({ "name": "", "scopes": [], "expires_at": now })).await.wrong_fields(&[
        "/name",
        "/scopes",
        "/expires_at",
    ]);
    asked(json!({ "scopes": scopes })).await.wrong_fields(&["/name"]);
    assert_eq!(listed(&member.client).await, [] as [Value; 0]);
}

#[tokio::test]
async fn nobody_has_more_than_fifty_tokens_however_many_they_ask_for_at_once() {
    let member = member().await;
    let body = json!({ "name": "One of many", "scopes": ["tasks:read"] });
    let ask = async || member.client.post("/tokens").json(&body).send().await;
    for answer in join_all((0..40).map(|_| ask())).await {
        answer.is(201);
    }
    for answer in join_all((0..30).map(|_| ask())).await {
        if answer.status != 201 {
            answer.problem(409, "too_many_tokens");
        }
    }
    while ask().await.status == 201 {}
    let tokens = listed(&member.client).await;
    assert_eq!(tokens.len(), 50);

    let first = tokens[0]["id"].as_str().unwrap();
    member.client.delete(&format!("/tokens/{first}")).send().await.is(204);
    ask().await.is(201);
    ask().await.problem(409, "too_many_tokens");
}

#[tokio::test]
async fn what_its_owner_may_no_longer_do_a_token_may_not_either() {
    let (chief, boss) = (admin().await, person(Role::Admin).await);
    let token = made(&boss.client, &["teams:write", "users:read"]).await;
    let name = || json!({ "name": format!("Team {}", Uuid::new_v4().simple()) });
    token.client.post("/teams").json(&name()).send().await.is(201);

    chief.put(&format!("/users/{}", boss.id)).json(&json!({ "role": "member" })).send().await.is(200);

    token.client.post("/teams").json(&name()).send().await.problem(403, "forbidden");
}

#[tokio::test]
async fn a_new_password_and_the_end_of_all_sessions_leave_a_token_and_a_closed_account_ends_it() {
    let (chief, member) = (admin().await, member().await);
    let token = made(&member.client, &["users:read"]).await;
    let body = json!({ "current_password": PASSWORD, "new_password": "another passphrase for tests" });
    member.client.put("/profile/password").json(&body).send().await.is(204);
    chief.delete(&format!("/users/{}/sessions", member.id)).send().await.is(204);
    member.client.get("/profile").send().await.problem(401, "unauthenticated");
    token.client.get("/profile").send().await.is(200);

    chief.delete(&format!("/users/{}", member.id)).send().await.is(200);

    let problem = token.client.get("/profile").send().await.problem(401, "unauthenticated");
    assert_eq!(problem["detail"], "The API token was revoked.");
    let page = chief.get(&format!("/users/{}/tokens", member.id)).send().await.is(200).value();
    assert_eq!(page["items"], json!([]));
}

#[tokio::test]
async fn what_needs_a_sign_in_says_so_to_a_token() {
    let member = member().await;
    let token = made(&member.client, &["users:write", "tasks:read"]).await;
    let problem = token.client.post("/users/logout").send().await.problem(403, "session_required");
    assert_eq!(problem["detail"], "no API token is for this: sign in");
    token.client.put("/profile").json(&json!({ "name": "Ada" })).send().await.is(200);
    let email = json!({ "name": "Ada", "email": "mallory@example.com" });
    token.client.put("/profile").json(&email).send().await.problem(403, "session_required");
    let answer = token.client.post("/tasks").json(&json!({ "title": "By night" })).send().await;
    let problem = answer.problem(403, "insufficient_scope");
    assert_eq!(problem["detail"], "the API token has not the scope tasks:write");
    assert_eq!(answer.header("www-authenticate"), r#"Bearer error="insufficient_scope""#);
}

#[tokio::test]
async fn a_token_shows_of_a_person_what_it_is_for_also_in_the_answer_to_a_change() {
    let (boss, member) = (person(Role::Admin).await, member().await);
    let team = crate::support::team(&[]).await;
    let join = format!("/teams/{team}/members/{}", member.id);
    let (narrow, wide) =
        (made(&boss.client, &["teams:write"]).await, made(&boss.client, &["teams:write", "users:read"]).await);
    let joined: UserDocument = narrow.client.put(&join).send().await.document(200);
    assert_eq!((joined.id, joined.email), (member.id, None));
    let left: UserDocument = wide.client.delete(&join).send().await.document(200);
    assert_eq!(left.email.as_deref(), Some(member.email.as_str()));
}

#[tokio::test]
async fn who_made_revoked_and_used_a_token_is_in_the_access_log() {
    let member = member().await;
    let token = made(&member.client, &["users:read"]).await;
    token.client.post("/teams").json(&json!({ "name": "Mine" })).send().await.problem(403, "insufficient_scope");
    member.client.delete(&format!("/tokens/{}", token.id)).send().await.is(204);
    let answer = token.client.get("/profile").send().await;
    answer.problem(401, "unauthenticated");

    for kind in ["api_token_made", "api_token_revoked"] {
        let found = entries(&member, kind).await;
        assert_eq!(found.len(), 1, "{kind}");
        assert_eq!(found[0]["subject"], format!("api-token#{}", token.id));
        assert!(found[0]["session_id"].is_string() && found[0]["api_token_id"].is_null(), "{}", found[0]);
    }
    for (kind, reason) in
        [("forbidden", "the API token has not the scope teams:write"), ("token_refused", "The API token was revoked.")]
    {
        let found = entries(&member, kind).await;
        assert_eq!(found.len(), 1, "{kind}");
        let entry = &found[0];
        assert_eq!((&entry["reason"], &entry["api_token_id"]), (&json!(reason), &json!(token.id)));
        assert_eq!((&entry["session_id"], &entry["outcome"]), (&Value::Null, &json!("refused")));
    }
    let reader = person(Role::Auditor).await;
    made(&reader.client, &["audit:read"]).await.client.get("/audit/access").send().await.is(200);
    assert!(entries(&reader, "audit_read").await[0]["api_token_id"].is_string());
}

#[tokio::test]
async fn a_task_out_of_its_owners_reach_is_not_there_for_a_token() {
    let member = member().await;
    let foreign = task(&admin().await, json!({})).await.id;
    let mine = task(&member.client, json!({})).await.id;
    for scope in ["tasks:read", "tasks:write"] {
        let token = made(&member.client, &[scope]).await;
        for id in [foreign, Uuid::new_v4().into()] {
            token.client.get(&of_task(id, "")).send().await.problem(404, "not_found");
        }
        token.client.get(&of_task(mine, "")).send().await.is(200);
    }
    // A token that is not for tasks learns of none whether it is there.
    let token = made(&member.client, &["users:read"]).await;
    for id in [mine, foreign, Uuid::new_v4().into()] {
        token.client.get(&of_task(id, "")).send().await.problem(403, "insufficient_scope");
        token.client.delete(&of_task(id, "")).send().await.problem(403, "insufficient_scope");
    }
}
