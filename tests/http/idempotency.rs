//! `Idempotency-Key`: the same request again has no second effect and gets the first answer again.

use futures::future::join_all;
use muster_projections::TaskDocument;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{admin, event_types, eventually, ids, member, of_task, task};
use muster_tests::client::{Answer, Client};

fn new_key() -> String {
    Uuid::new_v4().to_string()
}

async fn report(client: &Client, key: &str, body: &Value) -> Answer {
    client.post("/tasks").key(key).json(body).send().await
}

#[tokio::test]
async fn a_report_that_is_sent_again_is_the_same_task_as_it_was_then() {
    let (member, key, body) = (member().await, new_key(), json!({ "title": "Check", "priority": "high" }));
    let first = report(&member.client, &key, &body).await;
    let task: TaskDocument = first.document(201);
    member.client.put(&of_task(task.id, "")).json(&json!({ "title": "Later" })).send().await.is(200);
    member.client.delete(&of_task(task.id, "")).send().await.is(200);
    let again = report(&member.client, &key, &body).await;
    assert_eq!(again.document::<TaskDocument>(201), task, "whatever became of it since");
    assert_eq!(again.header("location"), first.header("location"));
    // The same meaning in other letters is the same request.
    let spelled = r#" { "priority":"high" , "title":"Check", "labels":[] } "#;
    let answer = member.client.post("/tasks").key(&key).body("application/json", spelled).send().await;
    assert_eq!(answer.document::<TaskDocument>(201), task);
    assert_eq!(event_types(task.id).await, ["TaskCreated", "TaskEdited", "TaskDeleted"]);
}

#[tokio::test]
async fn a_key_belongs_to_one_request() {
    let (member, key) = (member().await, new_key());
    let task: TaskDocument = report(&member.client, &key, &json!({ "title": "Check" })).await.document(201);
    for other in [json!({ "title": "Other" }), json!({ "title": "Check", "priority": "low" })] {
        let answer = report(&member.client, &key, &other).await;
        let problem = answer.problem(422, "idempotency_key_reused");
        assert!(problem["detail"].as_str().unwrap().contains("Use a new key"));
    }
    assert_eq!(event_types(task.id).await, ["TaskCreated"]);
}

#[tokio::test]
async fn a_key_belongs_to_one_person() {
    let (one, other, key) = (member().await, member().await, new_key());
    let body = json!({ "title": "Check" });
    let first: TaskDocument = report(&one.client, &key, &body).await.document(201);
    let second: TaskDocument = report(&other.client, &key, &body).await.document(201);
    assert_ne!(first.id, second.id);
    assert_eq!((first.reporter_id, second.reporter_id), (Some(one.id), Some(other.id)));
}

#[tokio::test]
async fn a_report_that_is_sent_twice_at_once_is_one_task() {
    let (member, key, body) = (member().await, new_key(), json!({ "title": "Check" }));
    let answers = join_all((0..6).map(|_| report(&member.client, &key, &body))).await;
    let tasks: Vec<TaskDocument> = answers.iter().map(|answer| answer.document(201)).collect();
    assert!(tasks.iter().all(|task| *task == tasks[0]), "{tasks:?}");
    let listed = eventually("the task is listed", async || {
        let page = member.client.get("/tasks").send().await.is(200).value();
        (!ids(&page).is_empty()).then(|| ids(&page))
    });
    assert_eq!(listed.await, [tasks[0].id.0]);
}

#[tokio::test]
async fn a_change_that_is_sent_again_gets_the_first_answer_even_after_later_changes() {
    let (admin, key) = (admin().await, new_key());
    let made = task(&admin, json!({})).await;
    let change = async |title: &str| {
        let request = admin.put(&of_task(made.id, "")).key(&key).if_match(1);
        request.json(&json!({ "title": title, "priority": "low" })).send().await
    };
    let first: TaskDocument = change("Second").await.document(200);
    assert_eq!(first.version, 3);
    admin.put(&of_task(made.id, "")).json(&json!({ "title": "Third" })).send().await.is(200);
    assert_eq!(change("Second").await.document::<TaskDocument>(200), first, "though version 1 is long gone");
    change("Fourth").await.problem(422, "idempotency_key_reused");
    let now: TaskDocument = admin.get(&of_task(made.id, "")).min_version(4).send().await.document(200);
    assert_eq!((now.version, now.title.as_str()), (4, "Third"));
}

#[tokio::test]
async fn a_key_of_one_route_is_not_good_for_another() {
    let (admin, key) = (admin().await, new_key());
    let made = task(&admin, json!({})).await;
    let body = json!({ "reason": "Rain" });
    admin.post(&of_task(made.id, "/hold")).key(&key).json(&body).send().await.document::<TaskDocument>(200);
    let other = admin.post(&of_task(made.id, "/resume")).key(&key).json(&body).send().await;
    other.problem(422, "idempotency_key_reused");
    assert_eq!(event_types(made.id).await, ["TaskCreated", "TaskHeld"]);
}

#[tokio::test]
async fn every_change_of_a_task_that_is_sent_twice_at_once_is_made_once() {
    let admin = admin().await;
    let made = task(&admin, json!({ "deadline": "2040-01-01T00:00:00Z" })).await;
    for (method, rest, body, status) in [
        ("PUT", "", json!({ "title": "Twice" }), 200),
        ("POST", "/comments", json!({ "text": "Twice" }), 201),
        ("POST", "/assign", json!({ "assignee_id": member().await.id }), 200),
        ("POST", "/status", json!({ "status": "in_progress" }), 200),
        ("POST", "/hold", json!({ "reason": "Twice" }), 200),
        ("POST", "/resume", json!({ "reason": "Twice" }), 200),
        ("POST", "/deadline", json!({ "deadline": "2041-01-01T00:00:00Z" }), 200),
        ("DELETE", "/deadline", Value::Null, 200),
        ("DELETE", "", Value::Null, 200),
        ("POST", "/restore", Value::Null, 200),
    ] {
        let (key, path) = (new_key(), format!("/api/v1{}", of_task(made.id, rest)));
        let send = async || {
            let request = admin.request(method, &path).key(&key);
            if body.is_null() { request } else { request.json(&body) }.send().await
        };
        let answers = join_all((0..3).map(|_| send())).await;
        let tasks: Vec<TaskDocument> = answers.iter().map(|answer| answer.document(status)).collect();
        assert!(tasks.iter().all(|task| *task == tasks[0]), "{method} {rest}");
    }
    assert_eq!(
        event_types(made.id).await,
        [
            "TaskCreated",
            "TaskEdited",
            "TaskCommented",
            "TaskAssigned",
            "TaskStatusChanged",
            "TaskHeld",
            "TaskResumed",
            "TaskDeadlineSet",
            "TaskDeadlineCleared",
            "TaskDeleted",
            "TaskRestored"
        ]
    );
}

#[tokio::test]
async fn a_request_that_was_refused_leaves_its_key_free() {
    let (admin, key) = (admin().await, new_key());
    let made = task(&admin, json!({})).await;
    let move_to = async |status: &str| {
        admin.post(&of_task(made.id, "/status")).key(&key).json(&json!({ "status": status })).send().await
    };
    move_to("completed").await.problem(409, "impossible_move");
    move_to("nowhere").await.wrong_fields(&["/status"]);
    assert_eq!(move_to("in_progress").await.document::<TaskDocument>(200).version, 2);
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_even_when_what_it_names_is_there_no_more() {
    let (admin, doer) = (admin().await, member().await);
    let (reported, assigned) = (new_key(), new_key());
    let body = json!({ "title": "Check", "assignee_id": doer.id });
    let first: TaskDocument = report(&admin, &reported, &body).await.document(201);
    let other = task(&admin, json!({})).await;
    let assign = async || {
        let body = json!({ "assignee_id": doer.id });
        admin.post(&of_task(other.id, "/assign")).key(&assigned).json(&body).send().await
    };
    let given: TaskDocument = assign().await.document(200);
    admin.delete(&format!("/users/{}", doer.id)).send().await.is(200);

    assert_eq!(report(&admin, &reported, &body).await.document::<TaskDocument>(201), first);
    assert_eq!(assign().await.document::<TaskDocument>(200), given);
    // A new request is held to what there is now.
    eventually("the account is closed", async || {
        let answer = report(&admin, &new_key(), &body).await;
        (answer.status == 422).then(|| answer.wrong_fields(&["/assignee_id"]))
    })
    .await;
}

#[tokio::test]
async fn what_is_left_out_and_what_is_taken_away_are_two_requests() {
    let (admin, key) = (admin().await, new_key());
    let before = task(&admin, json!({ "description": "Old" })).await;
    let put = async |body: Value| admin.put(&of_task(before.id, "")).key(&key).json(&body).send().await;
    put(json!({ "title": "New" })).await.is(200);
    put(json!({ "title": "New", "description": null })).await.problem(422, "idempotency_key_reused");
    let after: TaskDocument = admin.get(&of_task(before.id, "")).min_version(2).send().await.document(200);
    assert_eq!(after.description.as_deref(), Some("Old"));
}
