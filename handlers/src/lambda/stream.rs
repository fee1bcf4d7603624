//! The stream of the event table, as Lambda sends it.

use aws_lambda_events::dynamodb::{Event, EventRecord};
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};

use crate::metrics::EVENT_TABLE_CHANGED;
use crate::publisher::{EventBus, StreamItem, publish};

/// Publishes one batch of the event table's stream. The answer names the first record that failed, so that Lambda sends
/// it and all after it again.
pub async fn publish_stream(bus: &dyn EventBus, event: Event) -> DynamoDbEventResponse {
    let records: Vec<StreamItem> = event.records.into_iter().filter_map(StreamItem::from_record).collect();
    let failed = publish(bus, &records).await;
    let published = records.iter().take_while(|record| Some(&record.sequence_number) != failed.as_ref());
    for commit in published.filter_map(|record| record.commit.as_ref().ok()) {
        let (stream, version, events) = (commit.stream, commit.version, commit.events.len());
        tracing::info!(%stream, version, events, correlation_id = commit.correlation_id, "published");
    }
    let mut response = DynamoDbEventResponse::default();
    if let Some(sequence_number) = failed {
        tracing::warn!(sequence_number, "not published");
        let mut failure = DynamoDbBatchItemFailure::default();
        failure.item_identifier = Some(sequence_number);
        response.batch_item_failures.push(failure);
    }
    response
}

/// Watches for what must never happen: an item of the event table that was changed or removed. Each is counted and told;
/// the hash chain shows what was done to the history.
pub fn guard_stream(event: &Event) {
    for record in &event.records {
        if record.event_name != "INSERT" {
            let keys = key_of(record);
            tracing::error!(event_name = record.event_name, keys, "an item of the event table was changed or removed");
            metrics::counter!(EVENT_TABLE_CHANGED).increment(1);
        }
    }
}

/// Which item: its keys are the name of a stream and a version.
fn key_of(record: &EventRecord) -> String {
    serde_json::to_string(&record.change.keys).unwrap_or_default()
}
