//! What operators do: the same commands as on the local program, with `--stage`.

use muster_domain::user::Role;
use serde_json::json;

use crate::deployment::{Deployment, listed, muster, report, settled, told, until};

#[tokio::test]
#[ignore = "needs the deployment: cargo xtask e2e"]
async fn what_was_done_can_be_verified_and_nothing_is_behind() {
    let aws = Deployment::here();
    let admin = aws.person(Role::Admin).await;
    let task = report(&admin.client, &json!({ "title": "Count me" })).await;
    listed(&admin.client, task).await;

    let verified = told(&["verify", "--json"]);
    assert_eq!(verified["findings"], json!([]));
    assert!(verified["events"].as_u64().unwrap() >= 2, "{verified}");
    let status = settled().await;
    let names: Vec<_> = status["projections"].as_array().unwrap().iter().map(|model| model["name"].clone()).collect();
    assert_eq!(names, ["task-list", "audit-log", "directory", "task-past", "feed"]);
    let reconciled = told(&["reconcile", "--dry-run", "--json"]);
    assert_eq!(reconciled["task-list"]["findings"], json!([]));
    let history = muster(&["history", &format!("task#{task}")]);
    assert!(String::from_utf8(history.stdout).unwrap().contains("TaskCreated"));
}

#[tokio::test]
#[ignore = "needs the deployment: cargo xtask e2e"]
async fn a_stage_that_there_is_not_is_told_in_a_sentence() {
    let output = muster_tests::server::command(&["status", "--stage", "nowhere"]).output().unwrap();

    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.trim(), "muster: there is no stage nowhere in us-east-1 of this AWS account");
}

#[tokio::test]
#[ignore = "needs the deployment: cargo xtask e2e"]
async fn the_archive_replayed_into_a_rebuilt_read_model_changes_nothing() {
    let aws = Deployment::here();
    let admin = aws.person(Role::Admin).await;
    let mut tasks = Vec::new();
    for number in 1..=3 {
        tasks.push(report(&admin.client, &json!({ "title": format!("Replay {number}") })).await);
    }
    for task in &tasks {
        listed(&admin.client, *task).await;
    }

    let rebuilt = told(&["rebuild", "task-list", "--json"]);
    // The one before may have been gone back to, so the next one is not always one further.
    assert!(rebuilt["active"].as_u64() > rebuilt["before"].as_u64(), "{rebuilt}");
    let rows = async || admin.client.get("/tasks?limit=100&sort=due").send().await.is(200).value();
    let before = until("the rows of the new generation", async || {
        let rows = rows().await;
        let has = |task: &_| rows["items"].as_array().unwrap().iter().any(|row| row["id"] == json!(task));
        tasks.iter().all(has).then_some(rows)
    });
    let before = before.await;
    let taken_in = aws.logged("projector-task-list", "\"projected\"").await.len();
    let replay = format!("replay-{}", tasks[0]);
    let bus = format!("arn:aws:events:us-east-1:000000000000:event-bus/{}", aws.output("BusName"));
    let start = json!({
        "ReplayName": replay,
        "EventSourceArn": aws.output("ArchiveArn"),
        "EventStartTime": 0,
        "EventEndTime": 4_102_444_800_u64,
        "Destination": { "Arn": bus },
    });
    aws.json("events", "AWSEvents.StartReplay", &start).await;

    until("the replayed events at the projector", async || {
        let now = aws.logged("projector-task-list", "\"projected\"").await.len();
        (now >= taken_in + tasks.len()).then_some(())
    })
    .await;
    assert_eq!(rows().await, before);
    assert_eq!(told(&["reconcile", "task-list", "--dry-run", "--json"])["task-list"]["findings"], json!([]));
    told(&["rebuild", "task-list", "--back", "--json"]);
}
