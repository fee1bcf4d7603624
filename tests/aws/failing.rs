//! A function that lost a right: what it refuses is not half done, and what it did not do is made up for.

use muster_domain::StreamId;
use serde_json::{Value, json};

use crate::deployment::{Deployment, listed, muster, report, told, until};

#[tokio::test]
#[ignore = "needs the deployment: cargo xtask e2e"]
async fn a_function_whose_grant_is_removed_refuses_and_changes_nothing() {
    let aws = Deployment::here();
    let ada = aws.member().await;
    let task = report(&ada.client, &json!({ "title": "Before" })).await;
    let history = async || ada.client.get(&format!("/tasks/{task}/history")).send().await.is(200).value();
    let comment = async |text: &str| {
        ada.client.post(&format!("/tasks/{task}/comments")).json(&json!({ "text": text })).send().await
    };
    let before = history().await;

    let (refused, read) =
        aws.without_grant("command-api", "dynamodb:PutItem", async { (comment("Lost").await, history().await) }).await;

    refused.problem(503, "unavailable");
    assert_eq!(read, before);
    comment("Kept").await.is(201);
    assert_eq!(history().await["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
#[ignore = "needs the deployment: cargo xtask e2e"]
async fn what_the_publisher_had_to_give_up_is_in_its_failure_queue_and_reconciled() {
    let aws = Deployment::here();
    let ada = aws.member().await;
    let refused = "\"EventsRefused\":";
    let refused_before = aws.logged("publisher", refused).await.len();

    let task = aws
        .without_grant("publisher", "events:PutEvents", async {
            let task = report(&ada.client, &json!({ "title": "Not published" })).await;
            until("the given-up record", async || (aws.waiting("publisher-failures").await > 0).then_some(())).await;
            task
        })
        .await;

    assert!(aws.logged("publisher", refused).await.len() > refused_before, "the alarm's metric");
    let behind = muster(&["reconcile", "task-list", "--dry-run", "--json"]);
    let behind: Value = serde_json::from_slice(&behind.stdout).unwrap();
    let behind: Vec<_> = behind["task-list"]["findings"].as_array().unwrap().iter().collect();
    assert_eq!(behind.iter().map(|found| &found["stream"]).collect::<Vec<_>>(), [&json!(StreamId::from(task))]);
    assert_eq!(told(&["reconcile", "--json"])["task-list"]["findings"][0]["outcome"]["outcome"], json!("repaired"));
    assert_eq!(listed(&ada.client, task).await["title"], "Not published");
    aws.empty("publisher-failures").await;
}

#[tokio::test]
#[ignore = "needs the deployment: cargo xtask e2e"]
async fn what_a_projector_could_not_write_is_taken_in_by_a_redrive() {
    let aws = Deployment::here();
    let ada = aws.member().await;

    let task = aws
        .without_grant("projector-task-list", "dynamodb:PutItem", async {
            let task = report(&ada.client, &json!({ "title": "Not written" })).await;
            let dead = async || (aws.waiting("task-list-dead-letters").await > 0).then_some(());
            until("the dead letter", dead).await;
            task
        })
        .await;

    assert_eq!(muster(&["parked", "task-list"]).status.code(), Some(1));
    let redriven = told(&["redrive", "task-list", "--json"]);
    // What others did shortly before was on its way, and may have met the same fate.
    let expected = json!({ "stream": StreamId::from(task), "outcome": "repaired", "from": 0, "to": 1 });
    let redriven = redriven["task-list"]["streams"].as_array().unwrap();
    assert!(redriven.contains(&expected), "{redriven:?}");
    assert_eq!(listed(&ada.client, task).await["title"], "Not written");
    assert_eq!(aws.waiting("task-list-dead-letters").await, 0);
}
