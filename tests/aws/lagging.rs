//! A projector that is kept from its work: how late its row is, is what the alarm looks at.

use std::time::{Duration, Instant};

use muster_domain::StreamId;
use serde_json::{Value, json};

use crate::deployment::{Deployment, listed, report, until};

/// How long the projector is kept.
const KEPT: Duration = Duration::from_secs(2);

#[tokio::test]
#[ignore = "needs the deployment: cargo xtask e2e"]
async fn an_event_that_waited_for_its_projector_is_counted_with_its_lag() {
    let aws = Deployment::here();
    let ada = aws.member().await;

    let (task, waited) = aws
        .unread("projector-task-list", async {
            let task = report(&ada.client, &json!({ "title": "Waits" })).await;
            let begun = Instant::now();
            tokio::time::sleep(KEPT).await;
            (task, begun.elapsed())
        })
        .await;

    assert_eq!(listed(&ada.client, task).await["title"], "Waits");
    let stream = StreamId::from(task);
    let line = until("the projector's line", async || {
        let lines = aws.logged("projector-task-list", &stream.to_string()).await;
        let mut lines = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.find(|line| line["fields"]["message"] == "projected")
    });
    let lag = line.await["fields"]["lag"].as_f64().unwrap();
    assert!(lag >= waited.as_secs_f64() * 1_000.0, "{lag} ms are less than {waited:?}");
    until("the same as the alarm's metric", async || {
        let counted = aws.counted("projector-task-list", "projection-lag-task-list").await;
        counted.iter().any(|values| values.as_array().unwrap().contains(&json!(lag))).then_some(())
    })
    .await;
}
