//! What is ticked off on the way to a task's end.

use muster_domain::TaskId;
use muster_projections::TaskDocument;
use muster_tests::client::{Answer, Client};
use serde_json::{Value, json};

use crate::support::{admin, event_types, eventually, member, of_task, task};

async fn add(client: &Client, id: TaskId, body: Value) -> Answer {
    client.post(&of_task(id, "/checklist")).json(&body).send().await
}

async fn change(client: &Client, task: &TaskDocument, item: usize, body: Value) -> Answer {
    let path = of_task(task.id, &format!("/checklist/{}", task.checklist[item].id));
    client.put(&path).json(&body).send().await
}

fn texts(task: &TaskDocument) -> Vec<(&str, bool)> {
    task.checklist.iter().map(|item| (item.text.as_str(), item.done)).collect()
}

#[tokio::test]
pub(crate) async fn a_checklist_is_made_ticked_and_reordered() {
    let member = member().await;
    let client = &member.client;
    let new = task(client, json!({})).await;
    assert_eq!(new.checklist, []);
    let one: TaskDocument = add(client, new.id, json!({ "text": " Switch it off " })).await.document(201);
    let three: TaskDocument = add(client, new.id, json!({ "text": "Open the door" })).await.document(201);
    let before = json!({ "text": "Put up the sign", "before": one.checklist[0].id });
    let all: TaskDocument = add(client, new.id, before).await.document(201);
    assert_eq!(texts(&all), [("Put up the sign", false), ("Switch it off", false), ("Open the door", false)]);
    assert_eq!(all.checklist[2].id, three.checklist[1].id);

    let body = json!({ "text": "Switch the current off", "done": true, "before": null });
    let changed: TaskDocument = change(client, &all, 1, body.clone()).await.document(200);
    assert_eq!(
        texts(&changed),
        [("Put up the sign", false), ("Open the door", false), ("Switch the current off", true)]
    );
    let again: TaskDocument = change(client, &all, 1, body).await.document(200);
    assert_eq!(again.version, changed.version, "nothing is new");
    let path = of_task(new.id, &format!("/checklist/{}", all.checklist[0].id));
    let less: TaskDocument = client.delete(&path).send().await.document(200);
    assert_eq!(texts(&less), [("Open the door", false), ("Switch the current off", true)]);
    client.delete(&path).send().await.problem(404, "not_found");
    assert_eq!(
        event_types(new.id).await,
        [
            "TaskCreated",
            "TaskChecklistItemAdded",
            "TaskChecklistItemAdded",
            "TaskChecklistItemAdded",
            "TaskChecklistItemReworded",
            "TaskChecklistItemTicked",
            "TaskChecklistItemMoved",
            "TaskChecklistItemRemoved"
        ]
    );
    let entries = eventually("the log has it all", async || {
        let page = client.get(&of_task(new.id, "/logs?sort=version")).send().await.is(200).value();
        page["items"].as_array().filter(|items| items.len() == 8).cloned()
    })
    .await;
    let ticked = &entries[5];
    assert_eq!(ticked["changes"], json!([{ "field": "checklist_item_done", "from": false, "to": true }]));
    assert_eq!(ticked["note"], "Switch the current off");
}

#[tokio::test]
async fn whoever_does_a_task_ticks_and_whoever_reported_it_says_what_there_is_to_do() {
    let (admin, member) = (admin().await, member().await);
    let given = task(&admin, json!({ "assignee_id": member.id })).await;
    let given: TaskDocument = add(&admin, given.id, json!({ "text": "Open the door" })).await.document(201);
    let ticked: TaskDocument = change(&member.client, &given, 0, json!({ "done": true })).await.document(200);
    assert!(ticked.checklist[0].done);
    for body in
        [json!({ "text": "Close it" }), json!({ "before": null }), json!({ "done": false, "text": "x" }), json!({})]
    {
        change(&member.client, &given, 0, body).await.problem(403, "forbidden");
    }
    add(&member.client, given.id, json!({ "text": "More" })).await.problem(403, "forbidden");
}

#[tokio::test]
async fn a_repeat_of_an_added_item_is_the_same_item() {
    let admin = admin().await;
    let new = task(&admin, json!({})).await;
    let body = json!({ "text": "Open the door" });
    let path = of_task(new.id, "/checklist");
    let add = async || admin.post(&path).key("the-door").json(&body).send().await.document::<TaskDocument>(201);
    assert_eq!(add().await, add().await);
    assert_eq!(event_types(new.id).await, ["TaskCreated", "TaskChecklistItemAdded"]);
}

#[tokio::test]
async fn what_is_no_item_is_refused_and_a_checklist_has_a_hundred_at_most() {
    let admin = admin().await;
    let mut new = task(&admin, json!({})).await;
    for (body, pointer) in [
        (json!({}), "/text"),
        (json!({ "text": " " }), "/text"),
        (json!({ "text": "x".repeat(501) }), "/text"),
        (json!({ "text": "two\nlines" }), "/text"),
        (json!({ "text": "x", "before": 3 }), "/before"),
        (json!({ "text": "x", "done": true }), "/done"),
    ] {
        add(&admin, new.id, body).await.wrong_fields(&[pointer]);
    }
    let before = json!({ "text": "x", "before": new.id });
    add(&admin, new.id, before).await.wrong_fields(&["/before"]);
    for n in 0..100 {
        new = add(&admin, new.id, json!({ "text": format!("Step {n}") })).await.document(201);
    }
    add(&admin, new.id, json!({ "text": "One too many" })).await.problem(409, "conflict");
    for field in ["text", "done"] {
        change(&admin, &new, 0, json!({ field: null })).await.wrong_fields(&[&format!("/{field}")]);
    }
}
