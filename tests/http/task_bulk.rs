//! Many tasks at once: each has its own outcome.

use std::collections::BTreeSet;

use muster_domain::TaskId;
use muster_domain::task::Priority;
use muster_domain::user::Role;
use muster_projections::TaskDocument;
use muster_tests::client::Client;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::page::walk;
use crate::support::{admin, event_types, eventually, history, member, moved, of_task, person, task};

/// The status, the version, and the code and the pointers of the problem.
type Outcome<'a> = (u64, Option<u64>, Option<&'a str>, Vec<&'a str>);

fn outcome(outcome: &Value) -> Outcome<'_> {
    let problem = outcome.get("problem");
    assert_eq!(problem.is_some(), outcome.get("version").is_none(), "one of the two: {outcome}");
    let errors = problem.and_then(|problem| problem["errors"].as_array()).map_or(&[][..], Vec::as_slice);
    let pointers = errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    let code = problem.map(|problem| problem["code"].as_str().unwrap());
    (outcome["status"].as_u64().unwrap(), outcome["version"].as_u64(), code, pointers)
}

fn outcomes(answer: &Value) -> Vec<Outcome<'_>> {
    answer["outcomes"].as_array().unwrap().iter().map(outcome).collect()
}

fn made(answer: &Value) -> Vec<Uuid> {
    let ids = answer["outcomes"].as_array().unwrap().iter().map(|outcome| &outcome["id"]);
    ids.filter_map(|id| id.as_str().map(|id| id.parse().unwrap())).collect()
}

async fn read(client: &Client, id: Uuid) -> TaskDocument {
    client.get(&of_task(id.into(), "")).send().await.document(200)
}

#[tokio::test]
pub(crate) async fn each_task_to_be_has_its_own_outcome() {
    let member = member().await;
    let stranger = person(Role::Member).await.id;
    let body = json!({ "tasks": [
        { "title": "First", "priority": "high" },
        { "title": "", "labels": ["a", ""] },
        { "title": "Second", "colour": "red" },
        "no task",
        { "title": "Third", "assignee_id": stranger },
        { "title": "Fourth", "assignee_id": Uuid::new_v4() },
        { "title": "Fifth", "deadline": "2040-01-01T00:00:00Z" },
    ] });
    let answer = member.client.post("/tasks/bulk").json(&body).send().await.is(200).value();
    assert_eq!(
        outcomes(&answer),
        [
            (201, Some(1), None, vec![]),
            (422, None, Some("invalid_request"), vec!["/tasks/1/title", "/tasks/1/labels/1"]),
            (422, None, Some("invalid_request"), vec!["/tasks/2/colour"]),
            (422, None, Some("invalid_request"), vec!["/tasks/3"]),
            (403, None, Some("forbidden"), vec![]),
            (422, None, Some("invalid_request"), vec!["/tasks/5/assignee_id"]),
            (201, Some(1), None, vec![]),
        ]
    );
    let ids = made(&answer);
    assert_eq!(ids.len(), 2, "what was not made has no id");
    let (first, fifth) = (read(&member.client, ids[0]).await, read(&member.client, ids[1]).await);
    assert_eq!((first.title.as_str(), first.priority, fifth.title.as_str()), ("First", Priority::High, "Fifth"));
    assert_eq!(first.reporter_id, Some(member.id));
    assert_eq!((fifth.created_at - first.created_at).num_milliseconds(), 6, "a millisecond for each place");
    assert_eq!(fifth.updated_at, fifth.created_at);
    let refused = walk(&admin().await, &format!("/audit/access?actor={}&kind=forbidden", member.id), 50).await;
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0]["route"], "POST /api/v1/tasks/bulk");
}

#[tokio::test]
pub(crate) async fn each_change_has_its_own_outcome() {
    let (admin, member) = (admin().await, member().await);
    let own = task(&member.client, json!({})).await;
    let given = task(&admin, json!({ "assignee_id": member.id })).await;
    let hidden = task(&admin, json!({})).await;
    let done = task(&member.client, json!({})).await;
    moved(&member.client, done.id, &["in_progress", "completed"]).await;
    let nothing = Uuid::new_v4();
    let body = json!({ "tasks": [
        { "id": own.id, "version": 1, "changes": { "title": "Again", "status": "in_progress" } },
        { "id": own.id, "version": 1, "changes": { "title": "Too late" } },
        { "id": own.id, "version": 3.0, "changes": { "priority": "low" } },
        { "id": given.id, "changes": { "title": "Mine" } },
        { "id": given.id, "changes": { "status": "in_progress" } },
        { "id": hidden.id, "changes": { "title": "Seen" } },
        { "id": nothing, "changes": { "title": "Nothing" } },
        { "id": "7", "changes": {} },
        { "id": own.id, "changes": { "title": "" } },
        { "id": own.id, "changes": { "title": null } },
        { "id": done.id, "changes": { "priority": "low" } },
        { "id": own.id, "changes": {} },
    ] });
    let answer = member.client.request("PATCH", "/api/v1/tasks/bulk").json(&body).send().await.is(200).value();
    assert_eq!(
        outcomes(&answer),
        [
            (200, Some(3), None, vec![]),
            (412, None, Some("stale_version"), vec![]),
            (200, Some(4), None, vec![]),
            (403, None, Some("forbidden"), vec![]),
            (200, Some(2), None, vec![]),
            (404, None, Some("not_found"), vec![]),
            (404, None, Some("not_found"), vec![]),
            (404, None, Some("not_found"), vec![]),
            (422, None, Some("invalid_request"), vec!["/tasks/8/changes/title"]),
            (422, None, Some("invalid_request"), vec!["/tasks/9/changes/title"]),
            (409, None, Some("task_completed"), vec![]),
            (200, Some(4), None, vec![]),
        ]
    );
    let (hidden_one, missing) = (&answer["outcomes"][5]["problem"], &answer["outcomes"][6]["problem"]);
    assert_eq!(hidden_one, missing, "a hidden task is answered like one that is not there");
    assert_eq!(answer["outcomes"][1]["problem"]["version"], 3);
    assert_eq!(answer["outcomes"][7]["id"], Value::Null);
    let seen = read(&member.client, own.id.0).await;
    assert_eq!((seen.title.as_str(), seen.priority), ("Again", Priority::Low));
    assert_eq!(read(&admin, hidden.id.0).await, hidden);
    let refused = walk(&admin, &format!("/audit/access?actor={}&kind=forbidden", member.id), 50).await;
    let about: BTreeSet<_> = refused.iter().map(|entry| entry["subject"].as_str().unwrap().to_owned()).collect();
    assert_eq!(about, [given.id, hidden.id].map(|id| format!("task#{id}")).into(), "what is not there is no secret");
}

#[tokio::test]
async fn under_one_key_nothing_is_done_twice() {
    let admin = admin().await;
    let key = Uuid::new_v4().to_string();
    let body = json!({ "tasks": [{ "title": "One" }, { "title": "" }, { "title": "Two" }] });
    let create = async |body: &Value| admin.post("/tasks/bulk").key(&key).json(body).send().await.is(200).value();
    let first = create(&body).await;
    assert_eq!(create(&body).await, first);

    let ids = made(&first);
    let changes = |title: &str| {
        json!({ "tasks": [{ "id": ids[0], "version": 1, "changes": { "title": title } },
        { "id": ids[0], "changes": { "priority": "high" } }] })
    };
    let other_key = Uuid::new_v4().to_string();
    let update = async |body: Value| {
        admin.request("PATCH", "/api/v1/tasks/bulk").key(&other_key).json(&body).send().await.is(200).value()
    };
    let first = update(changes("Once")).await;
    assert_eq!(update(changes("Once")).await, first);
    assert_eq!(event_types(ids[0].into()).await, ["TaskCreated", "TaskEdited", "TaskPriorityChanged"]);
    let commits = history(ids[0].into()).await;
    assert_ne!(commits[1]["events"][0]["command_id"], commits[2]["events"][0]["command_id"]);
}

#[tokio::test]
async fn another_body_under_a_key_is_refused_before_anything_is_done() {
    let member = member().await;
    let own = [task(&member.client, json!({})).await, task(&member.client, json!({})).await];
    let send = async |method: &str, key: &str, body: &Value| {
        member.client.request(method, "/api/v1/tasks/bulk").key(key).json(body).send().await
    };
    let created = Uuid::new_v4().to_string();
    send("POST", &created, &json!({ "tasks": [{ "title": "One" }, { "title": "" }] })).await.is(200);
    for other in [
        // What failed is told otherwise, something is added, and something is left out.
        json!({ "tasks": [{ "title": "One" }, { "title": "Two" }] }),
        json!({ "tasks": [{ "title": "One" }, { "title": "" }, { "title": "Three" }] }),
        json!({ "tasks": [{ "title": "" }] }),
    ] {
        send("POST", &created, &other).await.problem(422, "idempotency_key_reused");
    }
    let change = |id: TaskId| json!({ "tasks": [{ "id": id, "changes": { "title": "Changed" } }] });
    let changed = Uuid::new_v4().to_string();
    send("PATCH", &changed, &change(own[0].id)).await.is(200);
    send("PATCH", &changed, &change(own[1].id)).await.problem(422, "idempotency_key_reused");
    send("PATCH", &created, &change(own[1].id)).await.problem(422, "idempotency_key_reused");
    assert_eq!(event_types(own[1].id).await, ["TaskCreated"]);

    task(&member.client, json!({ "title": "Last" })).await;
    let mut titles = eventually("the list has the last one and those before it", async || {
        let listed = walk(&member.client, &format!("/tasks?reporter_id={}", member.id), 50).await;
        let titles: Vec<_> = listed.iter().map(|task| task["title"].as_str().unwrap().to_owned()).collect();
        (titles.len() >= 4 && titles.iter().any(|title| title == "Last")).then_some(titles)
    })
    .await;
    titles.sort_unstable();
    assert_eq!(titles, ["Changed", "Check the lift", "Last", "One"]);

    // Whoever sends a body that is not of its shape has not used the key.
    let free = Uuid::new_v4().to_string();
    send("POST", &free, &json!({ "tasks": [] })).await.wrong_fields(&["/tasks"]);
    send("POST", &free, &json!({ "tasks": [{ "title": "Four" }] })).await.is(200);
}

#[tokio::test]
async fn of_two_bodies_under_one_key_at_once_one_is_carried_out() {
    let member = member().await;
    let key = Uuid::new_v4().to_string();
    let send = async |title: &str| {
        let body = json!({ "tasks": [{ "title": "" }, { "title": title }] });
        member.client.post("/tasks/bulk").key(&key).json(&body).send().await
    };
    let (one, other) = tokio::join!(send("One"), send("Other"));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 422]);
}

#[tokio::test]
async fn a_request_that_is_not_of_its_shape_is_refused_as_a_whole() {
    let admin = admin().await;
    let own = task(&admin, json!({})).await;
    let many = vec![json!({ "title": "x" }); 101];
    for (body, pointer) in [
        (json!({}), "/tasks"),
        (json!({ "tasks": [] }), "/tasks"),
        (json!({ "tasks": {} }), "/tasks"),
        (json!({ "tasks": many }), "/tasks"),
        (json!({ "tasks": [{ "title": "x" }], "dry": true }), "/dry"),
    ] {
        admin.post("/tasks/bulk").json(&body).send().await.wrong_fields(&[pointer]);
    }
    let change = |version: Value| {
        json!({ "tasks": [{ "id": own.id, "changes": { "title": "Changed" } },
        { "id": own.id, "version": version, "changes": {} }] })
    };
    let patch = async |body: Value| admin.request("PATCH", "/api/v1/tasks/bulk").json(&body).send().await;
    for wrong in
        [json!(0), json!(-1), json!(7.5), json!("1"), json!(true), json!(9_007_199_254_740_992_u64), json!(1e300)]
    {
        patch(change(wrong)).await.wrong_fields(&["/tasks/1/version"]);
    }
    patch(json!({ "tasks": [{ "changes": {} }] })).await.wrong_fields(&["/tasks/0/id"]);
    patch(json!({ "tasks": [{ "id": own.id }] })).await.wrong_fields(&["/tasks/0/changes"]);
    assert_eq!(event_types(own.id).await, ["TaskCreated"]);
    let answer = patch(change(Value::Null)).await.is(200).value();
    assert_eq!(outcomes(&answer).len(), 2, "without a version, any will do");
}
