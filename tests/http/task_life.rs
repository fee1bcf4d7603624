//! Comments on a task, its deletion and restoration.

use muster_projections::TaskDocument;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{admin, event_types, eventually, history, ids, member, moved, of_task, task};

#[tokio::test]
pub(crate) async fn a_comment_is_counted_and_logged() {
    let member = member().await;
    let task = task(&member.client, json!({})).await;
    let path = of_task(task.id, "/comments");
    let body = json!({ "text": "  The key is at the *desk*.\n\nAsk for Ben.  " });
    let commented: TaskDocument = member.client.post(&path).json(&body).send().await.document(201);
    assert_eq!((commented.id, commented.version, commented.comments), (task.id, 2, 1));
    let second: TaskDocument = member.client.post(&path).json(&body).send().await.document(201);
    assert_eq!((second.version, second.comments), (3, 2), "the same words again are another comment");

    let commits = history(task.id).await;
    let said = &commits[1]["events"][0]["data"];
    assert_eq!(said["text"], "The key is at the *desk*.\n\nAsk for Ben.");
    assert_ne!(said["comment_id"], commits[2]["events"][0]["data"]["comment_id"]);
}

#[tokio::test]
async fn a_comment_that_is_sent_again_under_its_key_is_one_comment() {
    let (member, key) = (member().await, Uuid::new_v4().to_string());
    let task = task(&member.client, json!({})).await;
    let say = async |text: &str| {
        let request = member.client.post(&of_task(task.id, "/comments")).key(&key);
        request.json(&json!({ "text": text })).send().await
    };
    let first: TaskDocument = say("Once").await.document(201);
    assert_eq!(say("Once").await.document::<TaskDocument>(201), first);
    say("Twice").await.problem(422, "idempotency_key_reused");
    assert_eq!(event_types(task.id).await, ["TaskCreated", "TaskCommented"]);
}

#[tokio::test]
async fn a_comment_has_between_1_and_10000_characters() {
    let admin = admin().await;
    let path = of_task(task(&admin, json!({})).await.id, "/comments");
    for wrong in [json!(""), json!("\n"), json!("x".repeat(10_001)), json!(null)] {
        admin.post(&path).json(&json!({ "text": wrong })).send().await.wrong_fields(&["/text"]);
    }
    admin.post(&path).json(&json!({ "text": "é".repeat(10_000) })).send().await.document::<TaskDocument>(201);
}

#[tokio::test]
async fn a_completed_task_may_still_be_spoken_of() {
    let admin = admin().await;
    let task = task(&admin, json!({})).await;
    moved(&admin, task.id, &["in_progress", "completed"]).await;
    let body = json!({ "text": "Well done." });
    let commented: TaskDocument = admin.post(&of_task(task.id, "/comments")).json(&body).send().await.document(201);
    assert_eq!(commented.comments, 1);
}

#[tokio::test]
pub(crate) async fn a_deleted_task_is_in_no_list_and_can_be_restored() {
    let member = member().await;
    let task = task(&member.client, json!({})).await;
    let listed = async || {
        let page = member.client.get("/tasks").send().await.is(200).value();
        ids(&page).contains(&task.id.0)
    };
    eventually("the task is listed", async || listed().await.then_some(())).await;

    let path = of_task(task.id, "");
    let deleted: TaskDocument = member.client.delete(&path).if_match(1).send().await.document(200);
    assert_eq!(deleted.version, 2);
    assert_eq!(deleted.deleted_at, Some(deleted.updated_at));
    eventually("the task is not listed any more", async || (!listed().await).then_some(())).await;
    let read: TaskDocument = member.client.get(&path).min_version(2).send().await.document(200);
    assert_eq!(read, deleted, "whoever knows of it can still read it");

    let restored: TaskDocument =
        member.client.post(&of_task(task.id, "/restore")).if_match(2).send().await.document(200);
    assert_eq!((restored.version, restored.deleted_at), (3, None));
    eventually("the task is listed again", async || listed().await.then_some(())).await;
    assert_eq!(event_types(task.id).await, ["TaskCreated", "TaskDeleted", "TaskRestored"]);
}

#[tokio::test]
async fn a_deleted_task_takes_nothing_but_its_restoration() {
    let admin = admin().await;
    let task = task(&admin, json!({ "deadline": "2040-01-01T00:00:00Z" })).await;
    admin.delete(&of_task(task.id, "")).send().await.is(200);
    let post = async |path: &str, body: Value| admin.post(&of_task(task.id, path)).json(&body).send().await;
    for answer in [
        admin.put(&of_task(task.id, "")).json(&json!({ "title": "New" })).send().await,
        admin.put(&of_task(task.id, "")).json(&json!({})).send().await,
        admin.delete(&of_task(task.id, "")).send().await,
        admin.delete(&of_task(task.id, "/deadline")).send().await,
        post("/deadline", json!({ "deadline": "2041-01-01T00:00:00Z" })).await,
        post("/assign", json!({ "assignee_id": null })).await,
        post("/status", json!({ "status": "in_progress" })).await,
        post("/hold", json!({ "reason": "Why" })).await,
        post("/resume", json!({ "reason": "Why" })).await,
        post("/comments", json!({ "text": "Hm" })).await,
    ] {
        let problem = answer.problem(409, "task_deleted");
        assert_eq!(problem["detail"], "the task is deleted; restore it first");
    }
    assert_eq!(event_types(task.id).await, ["TaskCreated", "TaskDeleted"]);
}

#[tokio::test]
async fn what_is_not_deleted_is_not_restored() {
    let admin = admin().await;
    let task = task(&admin, json!({})).await;
    let problem = admin.post(&of_task(task.id, "/restore")).send().await.problem(409, "conflict");
    assert_eq!(problem["detail"], "the task is not deleted");
}

#[tokio::test]
async fn a_restored_task_is_what_it_was() {
    let admin = admin().await;
    let task = task(&admin, json!({ "labels": ["a"], "priority": "high" })).await;
    let held: TaskDocument =
        admin.post(&of_task(task.id, "/hold")).json(&json!({ "reason": "Rain" })).send().await.document(200);
    admin.delete(&of_task(task.id, "")).send().await.is(200);
    let restored: TaskDocument = admin.post(&of_task(task.id, "/restore")).send().await.document(200);
    let expected = TaskDocument { version: 4, updated_at: restored.updated_at, ..held };
    assert_eq!(restored, expected);
}
