//! Tables that answer late: the API waits as long as a caller can, says so, and nothing is done twice.

use std::time::{Duration, Instant};

use muster_tests::client::Answer;
use serde_json::{Value, json};

use crate::deployment::{Deployment, report, settled, until};

/// How much later each answer of a table comes.
const LATE: Duration = Duration::from_secs(1);
/// Later than any request may take.
const TOO_LATE: Duration = Duration::from_secs(12);

/// How long the function says that it took for a request, of which it writes one line.
async fn took(aws: &Deployment, function: &str, answer: &Answer) -> Duration {
    let request = answer.header("x-request-id");
    let line = until("the line of the request", async || {
        let lines = aws.logged(function, request).await;
        let mut lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.find(|line| line["fields"]["message"] == "answered" && line["span"]["correlation_id"] == request)
    });
    Duration::from_micros(line.await["fields"]["micros"].as_u64().unwrap())
}

#[tokio::test]
#[ignore = "needs the deployment: cargo xtask e2e"]
async fn when_the_tables_are_slow_an_answer_comes_late_and_the_log_says_how_late() {
    let aws = Deployment::here();
    let ada = aws.member().await;
    let task = report(&ada.client, &json!({ "title": "Slow" })).await;
    // The projectors would be slow as well.
    settled().await;
    let history = async || ada.client.get(&format!("/tasks/{task}/history")).send().await;

    let late = aws.slow("dynamodb", LATE, history()).await;

    late.is(200);
    assert!(took(&aws, "query-api", &late).await >= LATE);
    history().await.is(200);
}

#[tokio::test]
#[ignore = "needs the deployment: cargo xtask e2e"]
async fn a_change_that_takes_too_long_is_answered_and_its_key_tells_what_became_of_it() {
    let aws = Deployment::here();
    let ada = aws.member().await;
    let task = report(&ada.client, &json!({ "title": "Too slow" })).await;
    let comment = async || {
        let comment = ada.client.post(&format!("/tasks/{task}/comments")).json(&json!({ "text": "Once" }));
        comment.key("slow-comment").send().await
    };
    settled().await;
    let begun = Instant::now();

    let late = aws.slow("dynamodb", TOO_LATE, comment()).await;

    late.problem(504, "timeout");
    let patience = took(&aws, "command-api", &late).await;
    assert!(patience < begun.elapsed() && patience >= LATE, "{patience:?}");
    let told = comment().await.is(201).value();
    assert_eq!(comment().await.is(201).value(), told);
    let history = ada.client.get(&format!("/tasks/{task}/history")).send().await.is(200).value();
    assert_eq!(history["items"].as_array().unwrap().len(), 2, "it took effect once: {history}");
}
