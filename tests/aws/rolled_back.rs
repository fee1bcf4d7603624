//! A build that does not start, and the one before it again: what was asked meanwhile is refused whole or waits, and nothing is lost.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use muster_domain::StreamId;
use serde_json::{Value, json};

use crate::deployment::{Deployment, PREFIX, listed, muster, report, settled, told, until};
use crate::faults::giving_back;

/// A zip file with one program in it, `bootstrap`, which is two lines: `#!/bin/sh` and `exit 1`.
const BROKEN: &str = "UEsDBBQAAAAAAAAAIQCjt17aEQAAABEAAAAJAAAAYm9vdHN0cmFwIyEvYmluL3NoCmV4aXQgMQpQSwECFAMUAAAAAAAAACEAo7de2hEAAAARAAAACQAAAAAAAAAAAAAA7YEAAAAAYm9vdHN0cmFwUEsFBgAAAAABAAEANwAAADgAAAAAAA==";

/// The code that a function has now, as it is sent to Lambda.
async fn code(aws: &Deployment, function: &str) -> String {
    let found = aws.lambda("GET", &format!("2015-03-31/functions/{PREFIX}{function}"), &Value::Null).await;
    // The emulator is at the address of its tests, whatever it calls itself.
    let location = found["Code"]["Location"].as_str().unwrap().replace("localhost", "127.0.0.1");
    let zip = reqwest::get(location).await.unwrap().error_for_status().unwrap().bytes().await.unwrap();
    BASE64_STANDARD.encode(zip)
}

/// Does the work while a function has a build that does not start, then rolls it back.
async fn broken<T>(aws: &Deployment, function: &str, work: impl Future<Output = T>) -> T {
    let former = code(aws, function).await;
    let digest = aws.function(function).await["CodeSha256"].clone();
    aws.update_function(function, "code", &json!({ "ZipFile": BROKEN })).await;
    let roll_back = async || aws.update_function(function, "code", &json!({ "ZipFile": former })).await;
    let done = giving_back(work, roll_back).await;
    assert_eq!(aws.function(function).await["CodeSha256"], digest, "the build of before");
    done
}

/// Whether a message of a queue is with its function, or waits for its next try.
async fn in_hand(aws: &Deployment, queue: &str) -> bool {
    let asked = json!({ "QueueUrl": aws.queue(queue), "AttributeNames": ["ApproximateNumberOfMessagesNotVisible"] });
    let answer = aws.json("sqs", "AmazonSQS.GetQueueAttributes", &asked).await;
    answer["Attributes"]["ApproximateNumberOfMessagesNotVisible"] != "0"
}

/// Calls a function with nothing to do, and gives what it says.
async fn called(aws: &Deployment, function: &str) -> Value {
    let path = format!("2015-03-31/functions/{PREFIX}{function}/invocations");
    aws.lambda("POST", &path, &json!({ "Records": [] })).await
}

#[tokio::test]
#[ignore = "needs the deployment: cargo xtask e2e"]
async fn after_a_roll_back_what_waited_for_a_projector_is_taken_in() {
    let aws = Deployment::here();
    let ada = aws.member().await;

    aws.patient("task-list", async {
        settled().await;
        let task = broken(&aws, "projector-task-list", async {
            let task = report(&ada.client, &json!({ "title": "Waits" })).await;
            let tried = async || in_hand(&aws, "task-list").await.then_some(());
            until("a try of the build", tried).await;
            let errors = aws.sum("function-errors-projector-task-list").await;
            let failed = called(&aws, "projector-task-list").await;
            assert!(failed["errorType"].is_string(), "{failed}");
            assert!(aws.sum("function-errors-projector-task-list").await > errors, "the alarm's metric");
            task
        });
        let task = task.await;
        assert_eq!(listed(&ada.client, task).await["title"], "Waits");
    })
    .await;

    assert_eq!(aws.waiting("task-list-dead-letters").await, 0);
    assert_eq!(told(&["reconcile", "task-list", "--dry-run", "--json"])["task-list"]["findings"], json!([]));
}

#[tokio::test]
#[ignore = "needs the deployment: cargo xtask e2e"]
async fn after_a_roll_back_the_api_takes_what_it_refused_and_what_the_publisher_gave_up_is_reconciled() {
    let aws = Deployment::here();
    let ada = aws.member().await;
    let task = report(&ada.client, &json!({ "title": "Before" })).await;
    settled().await;
    let history = async || ada.client.get(&format!("/tasks/{task}/history")).send().await.is(200).value();
    let comment = async || {
        let comment = ada.client.post(&format!("/tasks/{task}/comments")).json(&json!({ "text": "Kept" }));
        comment.key("rolled-back-comment").send().await
    };
    let before = history().await;

    let (refused, read) = broken(&aws, "command-api", async { (comment().await, history().await) }).await;
    let late = broken(&aws, "publisher", async {
        let late = report(&ada.client, &json!({ "title": "Given up" })).await;
        until("the given-up record", async || (aws.waiting("publisher-failures").await > 0).then_some(())).await;
        late
    })
    .await;

    assert!(refused.status >= 500, "{}: {}", refused.status, refused.text);
    assert_eq!(read, before);
    comment().await.is(201);
    assert_eq!(history().await["items"].as_array().unwrap().len(), 2);
    let behind = muster(&["reconcile", "task-list", "--dry-run", "--json"]);
    let behind: Value = serde_json::from_slice(&behind.stdout).unwrap();
    let behind = behind["task-list"]["findings"].as_array().unwrap();
    assert!(behind.iter().any(|found| found["stream"] == json!(StreamId::from(late))), "{behind:?}");
    told(&["reconcile", "--json"]);
    assert_eq!(listed(&ada.client, late).await["title"], "Given up");
    aws.empty("publisher-failures").await;
}
