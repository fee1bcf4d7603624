//! How tasks stand to each other.

use muster_domain::TaskId;
use muster_domain::task::Status;
use muster_projections::TaskDocument;
use muster_tests::client::{Answer, Client};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{admin, event_types, eventually, ids, member, moved, of_task, task};

async fn relate(client: &Client, id: TaskId, kind: &str, to: TaskId) -> Answer {
    client.post(&of_task(id, "/relations")).json(&json!({ "kind": kind, "task_id": to })).send().await
}

async fn unrelate(client: &Client, id: TaskId, kind: &str, to: TaskId) -> Answer {
    client.delete(&of_task(id, "/relations")).json(&json!({ "kind": kind, "task_id": to })).send().await
}

/// What a task is to which others.
async fn relations(client: &Client, id: TaskId) -> Vec<(String, Uuid)> {
    let answer = client.get(&of_task(id, "/relations")).send().await.is(200).value();
    let kinds = answer["items"].as_array().unwrap().iter().map(|item| item["kind"].as_str().unwrap().to_owned());
    kinds.zip(ids(&answer)).collect()
}

async fn becomes(client: &Client, id: TaskId, expected: &[(&str, TaskId)]) {
    let expected: Vec<_> = expected.iter().map(|(kind, id)| ((*kind).to_owned(), id.0)).collect();
    eventually("both sides know it", async || (relations(client, id).await == expected).then_some(())).await;
}

#[tokio::test]
pub(crate) async fn each_relation_is_seen_from_both_sides_until_it_is_taken_away() {
    let admin = admin().await;
    for (kind, opposite) in [("blocked_by", "blocks"), ("child_of", "parent_of"), ("duplicate_of", "duplicated_by")] {
        let (a, b) = (task(&admin, json!({})).await.id, task(&admin, json!({})).await.id);
        let said: TaskDocument = relate(&admin, a, kind, b).await.document(200);
        assert_eq!((said.id, said.version), (a, 2));
        let others =
            [said.blocked_by_ids, said.parent_id.into_iter().collect(), said.duplicate_of_id.into_iter().collect()];
        assert_eq!(others.concat(), [b]);
        becomes(&admin, a, &[(kind, b)]).await;
        becomes(&admin, b, &[(opposite, a)]).await;
        // The other one may be named first, and a relation is there once.
        let again: TaskDocument = relate(&admin, b, opposite, a).await.document(200);
        assert_eq!((again.id, again.version), (a, 2));
        let gone: TaskDocument = unrelate(&admin, b, opposite, a).await.document(200);
        assert_eq!((gone.id, gone.version), (a, 3));
        becomes(&admin, b, &[]).await;
        becomes(&admin, a, &[]).await;
        unrelate(&admin, a, kind, b).await.is(200);
        assert_eq!(event_types(a).await, ["TaskCreated", "TaskRelated", "TaskUnrelated"]);
        assert_eq!(event_types(b).await, ["TaskCreated"]);
    }
}

#[tokio::test]
async fn relations_are_as_fresh_as_what_their_reader_has_just_written() {
    let admin = admin().await;
    let (a, b) = (task(&admin, json!({})).await.id, task(&admin, json!({})).await.id);
    let seen = async |id: TaskId, least: &TaskDocument| {
        let least = format!("task#{}@{}", least.id, least.version);
        let answer = admin.get(&of_task(id, "/relations")).header("muster-min-version", &least).send().await;
        let answer = answer.is(200).value();
        let items = answer["items"].as_array().unwrap().iter();
        items.map(|item| (item["kind"].as_str().unwrap().to_owned(), item["title"].clone())).collect::<Vec<_>>()
    };
    for round in 0..5 {
        for (kind, opposite) in [("blocked_by", "blocks"), ("child_of", "parent_of"), ("duplicate_of", "duplicated_by")]
        {
            let said: TaskDocument = relate(&admin, a, kind, b).await.document(200);
            let title = json!(said.title);
            assert_eq!(seen(b, &said).await, [(opposite.to_owned(), title)], "the other side, in round {round}");
            let title = json!(format!("{kind} {round}"));
            let renamed = admin.put(&of_task(b, "")).json(&json!({ "title": title })).send().await;
            assert_eq!(seen(a, &renamed.document(200)).await, [(kind.to_owned(), title)], "what the other one is now");
            let gone: TaskDocument = unrelate(&admin, a, kind, b).await.document(200);
            assert_eq!(seen(a, &gone).await, vec![]);
            assert_eq!(seen(b, &gone).await, vec![]);
        }
    }
}

#[tokio::test]
async fn what_was_said_once_is_answered_again_whatever_became_of_the_task_that_says_it() {
    let admin = admin().await;
    let (a, b) = (task(&admin, json!({})).await.id, task(&admin, json!({})).await.id);
    let key = Uuid::new_v4().to_string();
    let body = json!({ "kind": "blocks", "task_id": b });
    let ask = async || admin.post(&of_task(a, "/relations")).key(&key).json(&body).send().await;
    let first: TaskDocument = ask().await.document(200);
    assert_eq!((first.id, &first.blocked_by_ids[..]), (b, &[a][..]));
    admin.delete(&of_task(b, "")).send().await.is(200);
    eventually("it is gone", async || {
        let seen: TaskDocument = admin.get(&of_task(b, "")).send().await.document(200);
        seen.deleted_at.map(|_| ())
    })
    .await;
    ask().await.is(200);
    relate(&admin, a, "blocks", b).await.wrong_fields(&["/task_id"]);
    assert_eq!(event_types(b).await, ["TaskCreated", "TaskRelated", "TaskDeleted"]);
}

#[tokio::test]
async fn a_new_parent_takes_the_place_of_the_old_one_and_its_parts_are_listed() {
    let admin = admin().await;
    let (a, b, part) =
        (task(&admin, json!({})).await.id, task(&admin, json!({})).await.id, task(&admin, json!({})).await.id);
    relate(&admin, part, "child_of", a).await.is(200);
    let moved: TaskDocument = relate(&admin, b, "parent_of", part).await.document(200);
    assert_eq!((moved.id, moved.parent_id), (part, Some(b)));
    eventually("the parts of each are known", async || {
        let parts = async |of: TaskId| ids(&admin.get(&format!("/tasks?parent_id={of}")).send().await.is(200).value());
        (parts(a).await.is_empty() && parts(b).await == [part.0]).then_some(())
    })
    .await;
    eventually("the past has it, too", async || {
        let path = format!("/tasks?parent_id={b}&as_of=2999-01-01T00:00:00Z");
        (ids(&admin.get(&path).send().await.is(200).value()) == [part.0]).then_some(())
    })
    .await;
    admin.delete(&of_task(part, "")).send().await.is(200);
    becomes(&admin, b, &[]).await;
}

#[tokio::test]
async fn a_relation_closes_no_circle() {
    let admin = admin().await;
    for kind in ["blocked_by", "child_of", "duplicate_of"] {
        let (a, b, c) =
            (task(&admin, json!({})).await.id, task(&admin, json!({})).await.id, task(&admin, json!({})).await.id);
        relate(&admin, a, kind, b).await.is(200);
        relate(&admin, b, kind, c).await.is(200);
        eventually("it is known", async || {
            (relations(&admin, a).await.len() + relations(&admin, b).await.len() >= 2).then_some(())
        })
        .await;
        let problem = relate(&admin, c, kind, a).await;
        assert_eq!(problem.problem(409, "conflict")["detail"], format!("This would close a circle of {kind}."));
        relate(&admin, b, kind, a).await.problem(409, "conflict");
        relate(&admin, a, kind, a).await.wrong_fields(&["/task_id"]);
        assert_eq!(event_types(c).await, ["TaskCreated"]);
    }
}

#[tokio::test]
async fn a_circle_is_seen_whatever_the_lists_know_yet() {
    let admin = admin().await;
    for round in 0..10 {
        let mut made = Vec::new();
        for _ in 0..4 {
            made.push(task(&admin, json!({})).await.id);
        }
        // Each as soon as the one before it is answered; the last one closes the circle.
        for pair in made.windows(2) {
            relate(&admin, pair[0], "blocked_by", pair[1]).await.is(200);
        }
        let problem = relate(&admin, made[3], "blocked_by", made[0]).await.problem(409, "conflict");
        assert_eq!(problem["detail"], "This would close a circle of blocked_by.", "round {round}");
        relate(&admin, made[0], "blocks", made[3]).await.problem(409, "conflict");
        relate(&admin, made[1], "blocks", made[2]).await.problem(409, "conflict");
    }
}

#[tokio::test]
async fn both_tasks_must_be_seen_and_the_one_that_says_it_be_edited() {
    let (admin, member) = (admin().await, member().await);
    let own = task(&member.client, json!({})).await.id;
    let given = task(&admin, json!({ "assignee_id": member.id })).await.id;
    let hidden = task(&admin, json!({})).await.id;
    let gone = task(&member.client, json!({})).await.id;
    member.client.delete(&of_task(gone, "")).send().await.is(200);
    for other in [hidden, gone, TaskId(Uuid::new_v4())] {
        for kind in ["blocked_by", "blocks"] {
            relate(&member.client, own, kind, other).await.wrong_fields(&["/task_id"]);
        }
    }
    relate(&member.client, hidden, "blocked_by", own).await.problem(404, "not_found");
    relate(&member.client, given, "blocked_by", own).await.problem(403, "forbidden");
    relate(&member.client, own, "blocks", given).await.problem(403, "forbidden");
    relate(&member.client, own, "blocked_by", given).await.is(200);
    relate(&admin, own, "child_of", hidden).await.is(200);
    becomes(&member.client, own, &[("blocked_by", given)]).await;
    // What was related and is hidden can be let go.
    unrelate(&member.client, own, "child_of", hidden).await.is(200);
    for body in [json!({}), json!({ "kind": "likes", "task_id": own })] {
        member.client.post(&of_task(own, "/relations")).json(&body).send().await.wrong_fields(&["/kind"]);
    }
}

#[tokio::test]
async fn a_task_that_waits_for_others_is_completed_with_a_warning() {
    let admin = admin().await;
    let (a, b) = (task(&admin, json!({})).await.id, task(&admin, json!({})).await.id);
    relate(&admin, a, "blocked_by", b).await.is(200);
    moved(&admin, a, &["in_progress"]).await;
    let complete = async |body: Value| admin.post(&of_task(a, "/status")).json(&body).send().await;
    let warned = complete(json!({ "status": "completed" })).await;
    assert_eq!(warned.header("muster-warning"), "open_blockers");
    assert_eq!(warned.document::<TaskDocument>(200).status, Status::Completed);
    complete(json!({ "status": "in_progress" })).await.is(200);
    let bulk = json!({ "tasks": [{ "id": a, "changes": { "status": "completed" } }] });
    let outcomes = admin.request("PATCH", "/api/v1/tasks/bulk").json(&bulk).send().await.is(200).value();
    assert_eq!(outcomes["outcomes"][0]["warning"], "open_blockers");
    complete(json!({ "status": "in_progress" })).await.is(200);
    moved(&admin, b, &["in_progress", "completed"]).await;
    eventually("the blocker is done", async || {
        let seen: TaskDocument = admin.get(&of_task(b, "")).send().await.document(200);
        (seen.status == Status::Completed).then_some(())
    })
    .await;
    let answer =
        admin.put(&of_task(a, "")).json(&json!({ "status": "completed" })).send().await.is(200).headers.clone();
    assert!(!answer.contains_key("muster-warning"));
}
