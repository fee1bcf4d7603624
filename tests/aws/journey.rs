//! What people do, over HTTP.

use muster_domain::user::Role;
use serde_json::{Value, json};

use crate::deployment::{Deployment, listed, new_email, report, until};

/// The types of the events in a history, in order.
fn types(history: &Value) -> Vec<String> {
    let commits = history["items"].as_array().unwrap();
    let events = commits.iter().flat_map(|commit| commit["events"].as_array().unwrap());
    events.map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
#[ignore = "needs the deployment: cargo xtask e2e"]
async fn a_task_goes_from_its_report_to_its_completion_and_into_every_read_model() {
    let aws = Deployment::here();
    let (ada, manager) = (aws.member().await, aws.person(Role::Admin).await);
    let task = report(&manager.client, &json!({ "title": "Lift 7 does not stop", "priority": "high" })).await;
    let path = format!("/tasks/{task}");
    let post = async |client: &muster_tests::client::Client, what: &str, body: Value| {
        client.post(&format!("{path}/{what}")).json(&body).send().await.is(200).value()
    };

    post(&manager.client, "assign", json!({ "assignee_id": ada.id })).await;
    post(&ada.client, "status", json!({ "status": "in_progress" })).await;
    post(&ada.client, "hold", json!({ "reason": "waiting for a relay" })).await;
    let refused = ada.client.post(&format!("{path}/status")).json(&json!({ "status": "completed" })).send().await;
    refused.problem(409, "task_on_hold");
    post(&ada.client, "resume", json!({ "reason": "the relay is here" })).await;
    let done = post(&ada.client, "status", json!({ "status": "completed" })).await;

    assert_eq!((&done["status"], &done["version"]), (&json!("completed"), &json!(6)));
    let expected = ["TaskCreated", "TaskAssigned", "TaskStatusChanged", "TaskHeld", "TaskResumed", "TaskStatusChanged"];
    let history = manager.client.get(&format!("{path}/history")).send().await.is(200).value();
    assert_eq!(types(&history), expected);
    let row = until("the task as it is, in the list of whoever has it", async || {
        let row = listed(&ada.client, task).await;
        (row["version"] == 6).then_some(row)
    });
    assert_eq!(row.await["status"], "completed");
    let logs = until("all that was done, in the log", async || {
        let logs = manager.client.get(&format!("{path}/logs")).send().await.is(200).value();
        (logs["items"].as_array().unwrap().len() == 6).then_some(logs)
    });
    let logged: Vec<_> = logs.await["items"].as_array().unwrap().iter().map(|item| item["type"].clone()).collect();
    let mut logged: Vec<_> = logged.iter().map(|logged| logged.as_str().unwrap()).collect();
    logged.sort_unstable();
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(logged, expected);
    let before = manager.client.get(&format!("{path}?as_of=3")).send().await.is(200).value();
    assert_eq!(before["status"], "in_progress");
}

#[tokio::test]
#[ignore = "needs the deployment: cargo xtask e2e"]
async fn a_request_that_is_sent_again_takes_effect_once() {
    let aws = Deployment::here();
    let ada = aws.member().await;
    let send =
        async || ada.client.post("/tasks").key("once").json(&json!({ "title": "Once" })).send().await.is(201).value();

    let (first, second) = (send().await, send().await);

    assert_eq!(first["id"], second["id"]);
    assert_eq!(second["version"], 1);
}

#[tokio::test]
#[ignore = "needs the deployment: cargo xtask e2e"]
async fn what_asks_is_answered_by_one_function_and_what_changes_by_another() {
    let aws = Deployment::here();
    let ada = aws.member().await;

    ada.client.get("/profile").header("x-request-id", "asks-1").send().await.is(200);
    report(&ada.client, &json!({ "title": "Look here" })).await;
    ada.client.get("/nothing").send().await.problem(404, "not_found");
    aws.api().get("/profile").send().await.problem(401, "unauthenticated");

    let found = until("the line about the request", async || aws.logged("query-api", "asks-1").await.first().cloned());
    assert!(found.await.contains("\"route\":\"/api/v1/profile\""));
    assert_eq!(aws.logged("command-api", "asks-1").await, [""; 0]);
}

#[tokio::test]
#[ignore = "needs the deployment: cargo xtask e2e"]
async fn an_api_token_is_good_at_both_functions_until_it_is_revoked() {
    let aws = Deployment::here();
    let ada = aws.member().await;
    let body = json!({ "name": "A program", "scopes": ["tasks:write"] });
    let made = ada.client.post("/tokens").json(&body).send().await.is(201).value();
    let program = aws.api().with_token(made["token"].as_str().unwrap());

    let task = report(&program, &json!({ "title": "By night" })).await;
    listed(&program, task).await;
    program.get("/tokens").send().await.problem(403, "session_required");
    program.post("/users/logout").send().await.problem(403, "session_required");
    let tokens = ada.client.get("/tokens").send().await.is(200).value();
    assert!(tokens["items"][0]["last_used_at"].is_string(), "{tokens}");

    ada.client.delete(&format!("/tokens/{}", made["id"].as_str().unwrap())).send().await.is(204);

    program.get("/tasks").send().await.problem(401, "unauthenticated");
    program.post("/tasks").json(&json!({ "title": "Refused" })).send().await.problem(401, "unauthenticated");
}

#[tokio::test]
#[ignore = "needs the deployment: cargo xtask e2e"]
async fn one_name_follows_a_request_into_every_log() {
    let aws = Deployment::here();
    let ada = aws.member().await;
    let name = format!("follow-{}", ada.id);

    ada.client.post("/tasks").header("x-request-id", &name).json(&json!({ "title": "Follow me" })).send().await.is(201);

    for function in ["command-api", "publisher", "projector-task-list", "projector-audit-log"] {
        until(function, async || aws.logged(function, &name).await.first().cloned()).await;
    }
}

#[tokio::test]
#[ignore = "needs the deployment: cargo xtask e2e"]
async fn whoever_gets_a_task_gets_one_letter() {
    let aws = Deployment::here();
    let (ada, admin) = (aws.member().await, aws.person(Role::Admin).await);

    let task = report(&admin.client, &json!({ "title": "Yours to mend", "assignee_id": ada.id })).await;

    let letters = until("the letter", async || {
        let letters = aws.letters_to(&ada.email).await;
        (!letters.is_empty()).then_some(letters)
    });
    let letters = letters.await;
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert!(letters[0].contains("Yours now: Yours to mend") && letters[0].contains(&task.to_string()), "{letters:?}");
}

#[tokio::test]
#[ignore = "needs the deployment: cargo xtask e2e"]
async fn whoever_forgot_their_password_gets_a_letter_that_sets_a_new_one() {
    let aws = Deployment::here();
    let ada = aws.member().await;
    let ask = async |email: &str| {
        aws.api().post("/users/password-reset").json(&json!({ "email": email })).send().await.is(202).text.clone()
    };

    assert_eq!(ask(&ada.email).await, ask("nobody-at-all@example.com").await);

    let letter = aws.letter_to(&ada.email, "Set a new password").await;
    let confirm = async || {
        let body = json!({ "token": after(&letter, "#token="), "new_password": "a new passphrase for tests" });
        aws.api().post("/users/password-reset/confirm").json(&body).send().await
    };
    confirm().await.is(204);
    confirm().await.problem(403, "link_not_good");
    ada.client.get("/profile").send().await.problem(401, "unauthenticated");
    let log_in = async |password: &str| {
        let body = json!({ "email": ada.email, "password": password });
        aws.api().post("/users/login").json(&body).send().await
    };
    log_in("a passphrase for tests").await.problem(401, "wrong_credentials");
    log_in("a new passphrase for tests").await.is(200);
    aws.letter_to(&ada.email, "A new password was set").await;
}

#[tokio::test]
#[ignore = "needs the deployment: cargo xtask e2e"]
async fn whoever_is_invited_gets_a_letter_and_signs_up() {
    let aws = Deployment::here();
    let (admin, email) = (aws.person(Role::Admin).await, new_email());
    let made = admin.client.post("/invitations").json(&json!({ "email": email, "role": "auditor" })).send().await;
    let made = made.is(201).value();
    until("the invitation in the list, and that it was sent", async || {
        let listed = admin.client.get("/invitations").send().await.is(200).value();
        let mut listed = listed["items"].as_array().unwrap().iter();
        listed.any(|one| one["id"] == made["id"] && one["sent_at"].is_string()).then_some(())
    })
    .await;

    let letter = aws.letter_to(&email, "You are invited").await;
    let token = after(&letter, "#invitation=");
    let body = json!({ "name": "Ben", "password": "a passphrase for tests", "invitation": token });
    let account = aws.api().post("/users/signup").json(&body).send().await.is(201).value();

    assert_eq!((&account["email"], &account["role"]), (&json!(email), &json!("auditor")));
    let path = format!("/invitations/{}", made["id"].as_str().unwrap());
    admin.client.delete(&path).send().await.problem(404, "not_found");
}

/// The token of a link in a letter, which is JSON here.
fn after<'a>(letter: &'a str, prefix: &str) -> &'a str {
    let (_, rest) = letter.split_once(prefix).unwrap_or_else(|| panic!("no {prefix}: {letter}"));
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_')).unwrap_or(rest.len());
    &rest[..end]
}
