//! A history that was changed and one that lost its end: put back from a restored table, as the runbook says (restore, way A).
//! Afterwards the whole store has to be well, so this goes before `poison`, which leaves something behind.

use std::process::Output;

use aws_sdk_dynamodb::types::AttributeValue;
use muster_domain::user::Role;
use muster_domain::{StreamId, TaskId};
use serde_json::{Value, json};

use crate::deployment::{Deployment, PREFIX, READ_MODELS, build_anew, listed, muster, report, settled, told};
use crate::faults::giving_back;
use crate::poison::{Item, commit, put};

/// The stage that there is of a restored table: its events only.
const RESTORED: &str = "restored";
/// The restored table.
const RESTORED_EVENTS: &str = "muster-restored-events";

/// Restores the event table beside itself.
async fn restore(aws: &Deployment) {
    let restore = aws.tables().await.restore_table_to_point_in_time().use_latest_restorable_time(true);
    let restore = restore.source_table_name(format!("{PREFIX}events")).target_table_name(RESTORED_EVENTS);
    restore.send().await.unwrap();
}

/// The operator's command line, on the restored events.
fn of_restored(arguments: &[&str]) -> Output {
    muster_tests::server::command(arguments).args(["--stage", RESTORED]).output().unwrap()
}

async fn remove(aws: &Deployment, item: Item) {
    let remove = aws.tables().await.delete_item().table_name(format!("{PREFIX}events"));
    remove.key("pk", item["pk"].clone()).key("sk", item["sk"].clone()).send().await.unwrap();
}

/// The commit with another title in its one event.
fn forged(mut commit: Item) -> Item {
    let Some(AttributeValue::L(events)) = commit.get_mut("events") else { panic!("no events") };
    let AttributeValue::M(event) = &mut events[0] else { panic!("no event") };
    let Some(AttributeValue::M(data)) = event.get_mut("data") else { panic!("no data: {event:?}") };
    data.insert("title".to_owned(), AttributeValue::S("Forged".to_owned()));
    commit
}

/// The streams that a command has something to say about.
fn found(output: &Output, projection: Option<&str>) -> Vec<Value> {
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    let said = projection.map_or(&said, |name| &said[name]);
    said["findings"].as_array().unwrap().iter().map(|finding| finding["stream"].clone()).collect()
}

async fn put_back(aws: &Deployment, changed: TaskId, shortened: TaskId) {
    let verified = of_restored(&["verify", "--json"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    let history = of_restored(&["history", &StreamId::from(shortened).to_string()]);
    assert!(String::from_utf8(history.stdout).unwrap().contains("TaskCommented"));
    put(aws, commit(aws, RESTORED_EVENTS, changed, 1).await).await;
    put(aws, commit(aws, RESTORED_EVENTS, shortened, 2).await).await;

    aws.renew("command-api", "Restored").await;
    build_anew();
    told(&["verify", "--json"]);
}

#[tokio::test]
#[ignore = "needs the deployment: cargo xtask e2e"]
async fn commits_that_were_changed_and_removed_are_put_back_from_a_restored_table() {
    let aws = Deployment::here();
    let admin = aws.person(Role::Admin).await;
    let changed = report(&admin.client, &json!({ "title": "Changed" })).await;
    let shortened = report(&admin.client, &json!({ "title": "Shortened" })).await;
    let comment = async |text: &str| {
        let comment = admin.client.post(&format!("/tasks/{shortened}/comments")).json(&json!({ "text": text }));
        comment.send().await.is(201);
    };
    comment("Kept").await;
    settled().await;
    let description = aws.function("command-api").await["Description"].clone();
    let events = format!("{PREFIX}events");
    // The emulator restores what there is now, so it does it before the damage.
    restore(&aws).await;

    let done = async {
        put(&aws, forged(commit(&aws, &events, changed, 1).await)).await;
        remove(&aws, commit(&aws, &events, shortened, 2).await).await;
        assert_eq!(found(&muster(&["verify", "--json"]), None), [json!(StreamId::from(changed).to_string())]);
        let ahead = muster(&["reconcile", "task-list", "--dry-run", "--json"]);
        assert_eq!(found(&ahead, Some("task-list")), [json!(StreamId::from(shortened))]);
        aws.throttled("command-api", put_back(&aws, changed, shortened)).await;
    };
    giving_back(done, async || {
        aws.tables().await.delete_table().table_name(RESTORED_EVENTS).send().await.unwrap();
        aws.renew("command-api", description.as_str().unwrap()).await;
    })
    .await;

    assert_eq!(listed(&admin.client, changed).await["title"], "Changed");
    comment("After it").await;
    let history = admin.client.get(&format!("/tasks/{shortened}/history")).send().await.is(200).value();
    assert_eq!(history["items"].as_array().unwrap().len(), 3);
    settled().await;
    for projection in READ_MODELS {
        told(&["rebuild", projection, "--back", "--json"]);
    }
}
