//! A function that Lambda does not start: what it is called for waits, or is refused whole.

use muster_domain::user::Role;
use serde_json::json;

use crate::deployment::{Deployment, listed, report, until};

#[tokio::test]
#[ignore = "needs the deployment: cargo xtask e2e"]
async fn a_throttled_api_refuses_changes_whole_and_goes_on_answering_questions() {
    let aws = Deployment::here();
    let ada = aws.member().await;
    let task = report(&ada.client, &json!({ "title": "Before" })).await;
    let history = async || ada.client.get(&format!("/tasks/{task}/history")).send().await.is(200).value();
    let comment = async || {
        let comment = ada.client.post(&format!("/tasks/{task}/comments")).json(&json!({ "text": "Kept" }));
        comment.key("throttled-comment").send().await
    };
    let before = history().await;
    let counted = aws.sum("function-throttles-command-api").await;

    let (refused, read) = aws.throttled("command-api", async { (comment().await, history().await) }).await;

    assert_eq!(refused.status, 503, "{}", refused.text);
    assert_eq!(read, before);
    assert!(aws.sum("function-throttles-command-api").await > counted, "the alarm's metric");
    comment().await.is(201);
    comment().await.is(201);
    assert_eq!(history().await["items"].as_array().unwrap().len(), 2, "under its key it takes effect once");
}

#[tokio::test]
#[ignore = "needs the deployment: cargo xtask e2e"]
async fn what_waited_for_a_throttled_projector_is_taken_in_when_it_may_start_again() {
    let aws = Deployment::here();
    let admin = aws.person(Role::Admin).await;
    let counted = aws.sum("function-throttles-projector-task-list").await;

    aws.patient("task-list", async {
        let task = aws.throttled("projector-task-list", async {
            let task = report(&admin.client, &json!({ "title": "Waits" })).await;
            let throttles = async || aws.sum("function-throttles-projector-task-list").await;
            until("the alarm's metric", async || (throttles().await > counted).then_some(())).await;
            until("the event in another read model", async || {
                let logs = admin.client.get(&format!("/tasks/{task}/logs")).send().await;
                (logs.status == 200 && logs.value()["items"][0]["type"] == "TaskCreated").then_some(())
            })
            .await;
            let list = admin.client.get("/tasks?limit=100").send().await.is(200).value();
            let has = |item: &serde_json::Value| item["id"] == json!(task);
            assert!(!list["items"].as_array().unwrap().iter().any(has), "{list}");
            task
        });
        assert_eq!(listed(&admin.client, task.await).await["title"], "Waits");
    })
    .await;

    assert_eq!(aws.waiting("task-list-dead-letters").await, 0);
}
