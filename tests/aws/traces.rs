//! The traces that X-Ray gets.

use muster_domain::TaskId;
use serde_json::{Value, json};

use crate::deployment::{Deployment, PREFIX, report, until};

/// That one of these segments in which a function did this, and which follows from another.
fn after<'a>(segments: &'a [Value], parent: &Value, function: &str, work: &str) -> Option<&'a Value> {
    let is_it =
        |segment: &&Value| segment["name"] == format!("{PREFIX}{function}") && segment["annotations"]["work"] == work;
    segments.iter().filter(is_it).find(|segment| segment["parent_id"] == parent["id"])
}

/// The segments of the trace that led to the last event of a task.
fn trace_of(segments: &[Value], task: TaskId) -> Vec<Value> {
    let of_task = |segment: &&Value| segment["annotations"]["stream"] == json!(format!("task#{task}"));
    let Some(found) = segments.iter().find(of_task) else { return Vec::new() };
    segments.iter().filter(|segment| segment["trace_id"] == found["trace_id"]).cloned().collect()
}

#[tokio::test]
#[ignore = "needs the deployment of `cargo xtask e2e`"]
async fn one_trace_shows_a_request_the_bus_and_every_row_that_came_of_it() {
    let aws = Deployment::here();
    let member = aws.member().await;

    let task = report(&member.client, &json!({ "title": "Check the pump" })).await;

    until("the whole trace", async || {
        let segments = trace_of(&aws.segments().await, task);
        // What Lambda itself tells of the invocation, then what follows from it.
        let is_invocation = |segment: &&Value| segment["origin"] == "AWS::Lambda::Function";
        let invocation = segments.iter().find(is_invocation)?;
        let request = after(&segments, invocation, "command-api", "POST /api/v1/tasks")?;
        let publish = after(&segments, request, "publisher", "publish")?;
        after(&segments, publish, "projector-task-list", "project task-list")?;
        after(&segments, publish, "projector-audit-log", "project audit-log").map(|_| ())
    })
    .await;
}
