//! The queue of a projection or a reactor, as Lambda sends it.

use std::collections::BTreeMap;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_dynamodb::error::DisplayErrorContext;
use muster_domain::{Clock, RecordedEvent};
use muster_projections::{Hosted, Message};
use serde::Deserialize;

use crate::metrics::{EVENTS_PARKED, PROJECTION, PROJECTION_LAG};
use crate::reactor::Reactor;

/// Takes one batch of a projection's queue in. The answer names the messages that failed, so that SQS sends them again,
/// and in the end to the dead-letter queue.
pub async fn project_queue(projection: &dyn Hosted, clock: &dyn Clock, event: SqsEvent) -> SqsBatchResponse {
    let messages: Vec<Message> = event.records.into_iter().map(message).collect();
    let name = projection.name();
    let mut events: BTreeMap<String, RecordedEvent> = BTreeMap::new();
    for message in &messages {
        if let Ok(event) = &message.event {
            events.insert(message.id.clone(), event.clone());
        }
    }
    let failures = projection.handle(messages).await;
    let mut response = SqsBatchResponse::default();
    for failure in failures {
        let (id, reason, poison) = (failure.id, failure.reason, failure.poison);
        let correlation_id = events.remove(&id).map(|event| event.correlation_id);
        tracing::warn!(projection = name, message_id = id, correlation_id, reason, poison, "not projected");
        if poison {
            metrics::counter!(EVENTS_PARKED, PROJECTION => name).increment(1);
        }
        response.add_failure(id);
    }
    let now = clock.now();
    for RecordedEvent { stream, version, correlation_id, recorded_at, .. } in events.into_values() {
        let lag = (now - recorded_at).num_milliseconds().max(0);
        tracing::info!(projection = name, %stream, version, correlation_id, lag, "projected");
        #[allow(clippy::cast_precision_loss, reason = "2⁵³ milliseconds are 285,000 years")]
        metrics::histogram!(PROJECTION_LAG, PROJECTION => name).record(lag as f64);
    }
    response
}

/// Takes one batch of a reactor's queue in. The answer names the messages whose effect was not had.
pub async fn react_queue(reactor: &dyn Reactor, event: SqsEvent) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for Message { id, event } in event.records.into_iter().map(message) {
        let reacted = match &event {
            Ok(event) => reactor.react(event).await.map_err(|error| DisplayErrorContext(error).to_string()),
            Err(reason) => Err(reason.clone()),
        };
        if let Err(reason) = reacted {
            let correlation_id = event.ok().map(|event| event.correlation_id);
            tracing::warn!(reactor = reactor.name(), message_id = id, correlation_id, reason, "not reacted");
            response.add_failure(id);
        }
    }
    response
}

/// An event of EventBridge, as far as it is needed here.
#[derive(Deserialize)]
struct Envelope {
    detail: RecordedEvent,
}

fn message(message: SqsMessage) -> Message {
    let body = message.body.unwrap_or_default();
    Message {
        id: message.message_id.unwrap_or_default(),
        event: serde_json::from_str::<Envelope>(&body)
            .map(|envelope| envelope.detail)
            .map_err(|error| error.to_string()),
    }
}
