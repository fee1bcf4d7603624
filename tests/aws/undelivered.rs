//! A queue that does not let its rule in: what the bus could not deliver is kept, and its row is made up for.

use muster_domain::StreamId;
use serde_json::{Value, json};

use crate::deployment::{Deployment, listed, muster, report, told, until};

/// The one message of a queue, as it is, with what EventBridge says of it.
async fn message(aws: &Deployment, queue: &str) -> Value {
    let asked = json!({ "QueueUrl": aws.queue(queue), "MessageAttributeNames": ["All"], "VisibilityTimeout": 0 });
    until("the undelivered event", async || {
        let received = aws.json("sqs", "AmazonSQS.ReceiveMessage", &asked).await;
        received["Messages"].as_array().and_then(|messages| messages.first().cloned())
    })
    .await
}

#[tokio::test]
#[ignore = "needs the deployment: cargo xtask e2e"]
async fn what_a_rule_could_not_deliver_is_in_its_dead_letters_and_reconciled() {
    let aws = Deployment::here();
    let ada = aws.member().await;

    let (task, undelivered) = aws
        .with_queue("task-list", &[("Policy", "")], async {
            let task = report(&ada.client, &json!({ "title": "Not delivered" })).await;
            (task, message(&aws, "task-list-undelivered").await)
        })
        .await;

    let reason = &undelivered["MessageAttributes"];
    assert_eq!(reason["ERROR_CODE"]["StringValue"], "NO_PERMISSIONS");
    assert!(reason["RULE_ARN"]["StringValue"].as_str().unwrap().ends_with("/muster-e2e-task-list"), "{reason}");
    let event: Value = serde_json::from_str(undelivered["Body"].as_str().unwrap()).unwrap();
    let stream = json!(StreamId::from(task));
    assert_eq!((&event["detail-type"], &event["detail"]["stream"]), (&json!("TaskCreated"), &stream));
    let behind = muster(&["reconcile", "task-list", "--dry-run", "--json"]);
    assert_eq!(behind.status.code(), Some(1), "there is something to find");
    let behind: Value = serde_json::from_slice(&behind.stdout).unwrap();
    let behind = behind["task-list"]["findings"].as_array().unwrap();
    assert_eq!(behind.iter().map(|found| &found["stream"]).collect::<Vec<_>>(), [&stream]);
    let repaired = told(&["reconcile", "task-list", "--json"]);
    assert_eq!(repaired["task-list"]["findings"][0]["outcome"]["outcome"], "repaired");
    assert_eq!(listed(&ada.client, task).await["title"], "Not delivered");
    aws.empty("task-list-undelivered").await;
    let next = report(&ada.client, &json!({ "title": "Delivered" })).await;
    assert_eq!(listed(&ada.client, next).await["title"], "Delivered");
}
