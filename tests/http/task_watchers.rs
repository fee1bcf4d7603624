//! Who watches a task, and whom its texts speak to.

use muster_domain::user::Role;
use muster_projections::TaskDocument;
use muster_tests::client::Client;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{admin, event_types, eventually, history, ids, member, of_task, person, task, team};

fn watcher(task: &TaskDocument, user: impl std::fmt::Display) -> String {
    of_task(task.id, &format!("/watchers/{user}"))
}

async fn watched_by(client: &Client, user: impl std::fmt::Display) -> Vec<Uuid> {
    ids(&client.get(&format!("/tasks?watcher_id={user}")).send().await.is(200).value())
}

#[tokio::test]
pub(crate) async fn people_watch_what_they_may_see() {
    let (admin, member) = (admin().await, member().await);
    let given = task(&admin, json!({ "assignee_id": member.id })).await;
    let own = watcher(&given, member.id);
    let watched: TaskDocument = member.client.put(&own).send().await.document(200);
    assert_eq!(watched.watcher_ids, [member.id]);
    let again: TaskDocument = member.client.put(&own).send().await.document(200);
    assert_eq!(again.version, watched.version, "once is enough");
    let listed = eventually("the list has it", async || {
        let found = watched_by(&member.client, member.id).await;
        (!found.is_empty()).then_some(found)
    })
    .await;
    assert_eq!(listed, [given.id.0]);
    // As it was at a moment to come is as it is.
    let as_of = format!("{}&as_of=2999-01-01T00:00:00Z", member.id);
    eventually("the past has it", async || (watched_by(&member.client, &as_of).await == [given.id.0]).then_some(()))
        .await;
    let left: TaskDocument = member.client.delete(&own).send().await.document(200);
    assert_eq!(left.watcher_ids, []);
    assert_eq!(event_types(given.id).await, ["TaskCreated", "TaskWatched", "TaskUnwatched"]);
    eventually("the list has it no more", async || watched_by(&admin, member.id).await.is_empty().then_some(())).await;
}

#[tokio::test]
async fn only_who_may_see_a_task_is_made_to_watch_it_and_only_by_who_may_edit_it() {
    let (admin, plain, auditor) = (admin().await, member().await, person(Role::Auditor).await);
    let (manager, stranger) = (person(Role::Manager).await, member().await);
    let ours = team(&[&manager]).await;
    let given = task(&admin, json!({ "assignee_id": plain.id, "team_id": ours })).await;
    for other in [&manager, &auditor] {
        plain.client.put(&watcher(&given, other.id)).send().await.problem(403, "forbidden");
        manager.client.put(&watcher(&given, other.id)).send().await.is(200);
    }
    let refused = manager.client.put(&watcher(&given, stranger.id)).send().await;
    assert_eq!(refused.problem(409, "conflict")["detail"], "This person may not see the task.");
    admin.put(&watcher(&given, Uuid::new_v4())).send().await.problem(404, "not_found");
    stranger.client.put(&watcher(&given, stranger.id)).send().await.problem(404, "not_found");
    auditor.client.delete(&watcher(&given, auditor.id)).send().await.problem(403, "forbidden");
    let seen: TaskDocument = plain.client.get(&of_task(given.id, "")).min_version(3).send().await.document(200);
    let mut watching = [manager.id, auditor.id];
    watching.sort_unstable();
    assert_eq!(seen.watcher_ids, watching);

    // Watching shows nobody what they may not see.
    let nobodys = json!({ "team_id": null, "assignee_id": null });
    let nobodys: TaskDocument = admin.put(&of_task(given.id, "")).json(&nobodys).send().await.document(200);
    let read = plain.client.get(&of_task(given.id, "")).min_version(nobodys.version);
    read.send().await.problem(404, "not_found");
}

/// What the last event of a task's history says.
async fn said(task: &TaskDocument) -> Value {
    let commit = history(task.id).await.pop().unwrap();
    commit["events"].as_array().unwrap()[0]["data"]["mentions"].clone()
}

#[tokio::test]
async fn a_text_speaks_to_people_by_their_ids() {
    let (admin, ada, ben) = (admin().await, member().await, member().await);
    let (ada, ben) = (ada.id, ben.id);
    let new = task(&admin, json!({ "description": format!("Ask @[{ada}] first.") })).await;
    assert_eq!(said(&new).await, json!([ada]));
    let body = json!({ "description": format!("Ask @[{ada}] or @[{ben}].") });
    admin.put(&of_task(new.id, "")).json(&body).send().await.is(200);
    assert_eq!(said(&new).await, json!([ben]), "whoever was spoken to before is not again");
    let body = json!({ "text": format!("@[{ben}]: come here, @[{ben}]!") });
    admin.post(&of_task(new.id, "/comments")).json(&body).send().await.is(201);
    assert_eq!(said(&new).await, json!([ben]));
    admin.post(&of_task(new.id, "/comments")).json(&json!({ "text": "@all: lunch" })).send().await.is(201);
    assert_eq!(said(&new).await, Value::Null);
}

#[tokio::test]
async fn a_text_speaks_to_people_who_are_there_and_not_to_too_many() {
    let admin = admin().await;
    let new = task(&admin, json!({})).await;
    let path = of_task(new.id, "/comments");
    let nobody = format!("@[{}]", Uuid::new_v4());
    let many = [(); 21].map(|()| format!("@[{}]", Uuid::new_v4())).join(" ");
    for text in [&nobody, &many] {
        admin.post(&path).json(&json!({ "text": text })).send().await.wrong_fields(&["/text"]);
        let body = json!({ "title": "Check the lift", "description": text });
        admin.post("/tasks").json(&body).send().await.wrong_fields(&["/description"]);
        admin.put(&of_task(new.id, "")).json(&body).send().await.wrong_fields(&["/description"]);
    }
    assert_eq!(event_types(new.id).await, ["TaskCreated"]);
}
