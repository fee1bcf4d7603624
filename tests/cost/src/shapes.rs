//! What AWS makes of requests, events and messages.

use aws_lambda_events::sqs::SqsEvent;
use muster_cli::report::{Failure, failed};
use muster_domain::RecordedEvent;
use muster_handlers::publisher::SOURCE;
use serde_json::json;
use uuid::Uuid;

/// The event as EventBridge delivers it.
pub(crate) fn delivered(event: &RecordedEvent) -> String {
    json!({
        "version": "0",
        "id": event.event_id,
        "detail-type": event.event_type,
        "source": SOURCE,
        "account": "123456789012",
        "time": "2026-03-02T08:00:00Z",
        "region": "us-east-1",
        "resources": [event.stream.to_string()],
        "detail": event,
    })
    .to_string()
}

/// A batch of a queue's messages, as SQS hands it to a Lambda.
pub(crate) fn queue_event(messages: Vec<(Uuid, String)>) -> Result<SqsEvent, Failure> {
    let records = messages.into_iter().map(|(id, body)| json!({ "messageId": id, "body": body }));
    let event = json!({ "Records": records.collect::<Vec<_>>() });
    serde_json::from_value(event).map_err(failed("reading a queue"))
}

/// The line that API Gateway writes of a request (`infra/cdk/lib/api-stack.ts`).
pub(crate) fn access_log(method: &str, path: &str, status: u16, length: usize) -> String {
    json!({
        "requestId": "LV7fzho-PHcEJPw=",
        "requestTime": "02/Mar/2026:08:00:00 +0000",
        "sourceIp": "192.0.2.7",
        "method": method,
        "path": path,
        "routeKey": "ANY /{proxy+}",
        "status": status.to_string(),
        "responseLength": length.to_string(),
        "responseLatency": "18",
        "integrationLatency": "16",
        "integrationError": "-",
    })
    .to_string()
}
