//! The operator's commands on a live server.

use std::fs;

use muster_domain::Commit;
use muster_tests::client::Client;
use muster_tests::server::{Server, command, output, run};
use serde_json::{Value, json};

use crate::support::{kept_key, log_in, new_task, refused};

#[tokio::test]
async fn the_operators_commands_work_while_the_server_runs() {
    let mut server = Server::start().await;
    // The one of this hour; no other comes by itself.
    server.until_logged("took a digest").await;
    let (data, client) = (server.data(), log_in(&server).await);
    let id = new_task(&client, "Fix the door").await;
    let edit = client.put(&format!("/tasks/{id}")).json(&json!({ "title": "Fix the back door", "priority": "high" }));
    edit.send().await.is(200);

    let history = output(&data, &["history", &id, "--json"]);
    let commits: Vec<Commit> = history.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(commits.iter().map(Commit::last_version).collect::<Vec<_>>(), [1, 3]);
    let shown = output(&data, &["history", &format!("task#{id}")]);
    assert!(shown.contains("TaskEdited") && shown.contains("Fix the back door"), "{shown}");
    assert!(shown.contains(&commits[1].hash.to_string()), "{shown}");

    let export = data.with_file_name("export.jsonl");
    output(&data, &["export", "--out", export.to_str().unwrap()]);
    let again = output(&data, &["export"]);
    assert_eq!(
        fs::read_to_string(&export).unwrap(),
        again,
        "a file or the standard output; no digest over nothing new"
    );
    assert_eq!(output(&data, &["digest", "list"]).lines().count(), 2, "the hour's, and that of the first export");
    let verified: Value = serde_json::from_str(&output(&data, &["verify", "--json"])).unwrap();
    let expected = json!({ "streams": 2, "commits": 3, "events": 4, "digests": 2, "findings": [] });
    assert_eq!(verified, expected);
    let key = kept_key(&server);
    let offline = command(&["verify", "--json", "--export"]).arg(&export).arg("--key").arg(&key).output().unwrap();
    let offline: Value = serde_json::from_slice(&offline.stdout).unwrap();
    for name in ["streams", "commits", "events", "digests", "findings"] {
        assert_eq!(offline[name], verified[name], "{name}");
    }
    assert_eq!(offline["undigested"], 0);

    output(&data, &["reconcile"]);
    for (arguments, before, active) in
        [(&["rebuild", "task-list", "--json"][..], 1, 2), (&["rebuild", "task-list", "--back", "--json"], 2, 1)]
    {
        let report: Value = serde_json::from_str(&output(&data, arguments)).unwrap();
        assert_eq!((&report["before"], &report["active"]), (&json!(before), &json!(active)));
        assert_eq!(report["aggregates"], 1);
    }
    let task = client.get(&format!("/tasks/{id}")).send().await.is(200).value();
    assert_eq!(task["title"], "Fix the back door");

    let status: Value = serde_json::from_str(&output(&data, &["status", "--json"])).unwrap();
    assert_eq!((&status["serving"], &status["events"]), (&json!(true), &json!(4)));
    let models = status["projections"].as_array().unwrap().iter();
    let rows: Vec<_> = models.map(|of| (of["name"].clone(), of["lag"].clone())).collect();
    assert_eq!(rows, ["task-list", "audit-log", "directory", "task-past", "feed"].map(|name| (json!(name), json!(0))));
}

#[tokio::test]
async fn a_rebuild_is_given_up_only_when_there_is_one() {
    let server = Server::start().await;
    let said = refused(&run(&server.data(), &["rebuild", "task-list", "--abandon"]));
    assert!(said.contains("giving up the generation that is being built"), "{said}");
}

#[tokio::test]
async fn a_live_server_can_be_filled_with_the_demo_team_once() {
    let server = Server::start().await;
    let said: Value = serde_json::from_str(&output(&server.data(), &["demo", "--tasks", "20", "--json"])).unwrap();
    let (team, administrator) = (&said["team"], &said["administrator"]);
    assert_eq!((&team["people"], &team["teams"], &team["tasks"]), (&json!(30), &json!(4), &json!(20)));
    assert!(administrator.is_null(), "the server's first start has shown that sign-in: {administrator}");
    assert_eq!(team["sign_ins"][0]["role"], "manager");
    let body = json!({ "email": team["sign_ins"][0]["email"], "password": team["password"] });
    Client::new(&server.base_url).post("/users/login").json(&body).send().await.is(200);

    let said = refused(&run(&server.data(), &["demo"]));
    assert!(said.contains("the store has the demo team already"), "{said}");
}

#[tokio::test]
async fn a_store_with_tasks_is_not_filled_with_the_demo_team() {
    let server = Server::start().await;
    new_task(&log_in(&server).await, "Fix the door").await;
    let said = refused(&run(&server.data(), &["demo"]));
    assert!(said.contains("the store has tasks"), "{said}");
}

#[tokio::test]
async fn an_operator_opens_accounts_on_a_live_server() {
    let server = Server::start().await;
    let create = ["user", "create", "--email", "ada@example.com", "--name", "Ada", "--role", "auditor", "--json"];

    let opened: Value = serde_json::from_str(&output(&server.data(), &create)).unwrap();

    let body = json!({ "email": "ada@example.com", "password": opened["password"] });
    let tokens = Client::new(&server.base_url).post("/users/login").json(&body).send().await.is(200).value();
    assert_eq!(tokens["user_id"], opened["id"]);
    let client = Client::new(&server.base_url).with_token(tokens["access_token"].as_str().unwrap());
    let profile = client.get("/profile").send().await.is(200).value();
    assert_eq!((&profile["name"], &profile["role"]), (&json!("Ada"), &json!("auditor")));
    client.get("/tasks").send().await.problem(403, "password_change_required");
    let again = refused(&run(&server.data(), &create));
    assert_eq!(again, "muster: somebody has an account with ada@example.com\n");
}

#[tokio::test]
async fn whoever_opens_an_account_learns_how_long_the_password_is_good_that_was_made_up() {
    let server = Server::start().await;
    let said = output(&server.data(), &["user", "create", "--email", "ada@example.com", "--name", "Ada"]);
    let last = said.lines().last().unwrap();
    assert_eq!(last, "It is good for a week, and they choose another when they sign in: PUT /api/v1/profile/password");
}

#[tokio::test]
async fn a_store_with_nothing_parked_says_so_and_ends_well() {
    let server = Server::start().await;
    new_task(&log_in(&server).await, "Fix the door").await;

    let parked: Value = serde_json::from_str(&output(&server.data(), &["parked", "--json"])).unwrap();
    let redriven: Value = serde_json::from_str(&output(&server.data(), &["redrive", "task-list", "--json"])).unwrap();

    assert_eq!(parked["task-list"], json!({ "rows": [], "events": [], "unreadable": [] }));
    assert_eq!(redriven, json!({ "task-list": { "streams": [], "unreadable": [] } }));
}
