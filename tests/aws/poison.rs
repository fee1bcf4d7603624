//! An event that no projector can take in, and what becomes of it. It stays in the store, as nothing can be removed there: from here on
//! `muster verify` finds it.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use muster_domain::user::Role;
use muster_domain::{StreamId, TaskId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::deployment::{Deployment, PREFIX, listed, muster, report, told, until};

pub(crate) type Item = HashMap<String, AttributeValue>;

/// The commit of a task that begins at this version, as a table has it.
pub(crate) async fn commit(aws: &Deployment, table: &str, task: TaskId, version: u64) -> Item {
    let get = aws.tables().await.get_item().table_name(table).consistent_read(true);
    let get = get.key("pk", AttributeValue::S(StreamId::from(task).to_string()));
    get.key("sk", AttributeValue::N(version.to_string())).send().await.unwrap().item.unwrap()
}

/// Puts an item into the event table, over the one that is there.
pub(crate) async fn put(aws: &Deployment, item: Item) {
    let put = aws.tables().await.put_item().table_name(format!("{PREFIX}events"));
    put.set_item(Some(item)).send().await.unwrap();
}

/// The parked events of each read model.
fn parked() -> Value {
    let output = muster(&["parked", "--json"]);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

/// Whether a read model has this aggregate among what it put aside.
fn has(parked: &Value, projection: &str, stream: StreamId) -> bool {
    let events = parked[projection]["events"].as_array().unwrap();
    events.iter().any(|event| event["stream"] == json!(stream) && event["version"] == 1)
}

#[tokio::test]
#[ignore = "needs the deployment: cargo xtask e2e"]
async fn a_poison_event_lands_in_its_dead_letter_queue_and_a_redrive_repairs_it() {
    let aws = Deployment::here();
    let admin = aws.person(Role::Admin).await;
    let good = report(&admin.client, &json!({ "title": "Once poison" })).await;
    let good = commit(&aws, &format!("{PREFIX}events"), good, 1).await;
    let task = TaskId(Uuid::new_v4());
    let stream = StreamId::from(task);
    let mut mended = good.clone();
    mended.insert("pk".to_owned(), AttributeValue::S(stream.to_string()));
    let mut poison = mended.clone();
    let Some(AttributeValue::L(events)) = poison.get_mut("events") else { panic!("no events") };
    let AttributeValue::M(event) = &mut events[0] else { panic!("no event") };
    event.insert("type".to_owned(), AttributeValue::S("TaskVanished".to_owned()));
    put(&aws, poison).await;
    let after = report(&admin.client, &json!({ "title": "After the poison" })).await;

    until("the dead letters", async || {
        let parked = parked();
        (has(&parked, "task-list", stream) && has(&parked, "audit-log", stream)).then_some(())
    })
    .await;
    listed(&admin.client, after).await;
    let listing = muster(&["redrive", "--dry-run"]);
    assert_eq!(listing.status.code(), Some(1));
    assert!(String::from_utf8(listing.stdout).unwrap().contains(&format!("{stream}  would be repaired")));
    let still = muster(&["redrive"]);
    assert_eq!(still.status.code(), Some(1), "what cannot be read yet stays parked");
    assert!(has(&parked(), "task-list", stream));

    // The defect is mended: here, in the event itself, which the guard sees.
    put(&aws, mended).await;
    let redriven = told(&["redrive", "--json"]);

    let expected = json!([{ "stream": stream, "outcome": "repaired", "from": 0, "to": 1 }]);
    assert_eq!(redriven["task-list"]["streams"], expected);
    assert_eq!(redriven["audit-log"]["streams"].as_array().unwrap().len(), 1);
    assert_eq!(listed(&admin.client, task).await["title"], "Once poison");
    let nothing = json!({ "rows": [], "events": [], "unreadable": [] });
    assert_eq!(told(&["parked", "--json"])["task-list"], nothing);
    until("the guard's count", async || aws.logged("guard", "\"EventTableChanged\":1").await.first().cloned()).await;

    let verified: Value = serde_json::from_slice(&muster(&["verify", "--json"]).stdout).unwrap();
    assert_eq!(verified["findings"][0]["stream"], json!(stream.to_string()), "a copy is no history: {verified}");
}
