//! The queue of a projection or a reactor, as Lambda sends it.

use std::collections::BTreeMap;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_dynamodb::error::DisplayErrorContext;
use muster_commands::Trace;
use muster_domain::{Clock, RecordedEvent};
use muster_projections::{Hosted, Message};
use opentelemetry_aws::trace::xray_propagator::span_context_from_str;
use serde::Deserialize;
use tracing::{Instrument as _, Span};

use crate::metrics::{EVENTS_PARKED, PROJECTION, PROJECTION_LAG};
use crate::reactor::Reactor;
use crate::trace::follow_up;

/// The attribute of a message in which SQS hands on X-Ray's header.
const TRACE_HEADER: &str = "AWSTraceHeader";

/// Takes one batch of a projection's queue in. The answer names the messages that failed, so that SQS sends them again,
/// and in the end to the dead-letter queue.
pub async fn project_queue(projection: &dyn Hosted, clock: &dyn Clock, event: SqsEvent) -> SqsBatchResponse {
    let name = projection.name();
    let work = format!("project {name}");
    let mut messages: Vec<Message> = Vec::with_capacity(event.records.len());
    // They end when the batch is taken in, which takes all its messages the same time.
    let mut spans: Vec<Span> = Vec::new();
    let mut events: BTreeMap<String, RecordedEvent> = BTreeMap::new();
    for record in event.records {
        let trace = trace(&record);
        let message = message(record);
        if let Ok(event) = &message.event {
            spans.extend(trace.map(|trace| follow_up(&work, event, &trace)));
            events.insert(message.id.clone(), event.clone());
        }
        messages.push(message);
    }
    let failures = projection.handle(messages).await;
    drop(spans);
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
    let work = format!("react {}", reactor.name());
    for record in event.records {
        let trace = trace(&record);
        let Message { id, event } = message(record);
        let reacted = match &event {
            Ok(event) => {
                let span = trace.map_or_else(Span::none, |trace| follow_up(&work, event, &trace));
                let reacted = reactor.react(event).instrument(span).await;
                reacted.map_err(|error| DisplayErrorContext(error).to_string())
            }
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

/// What led to a message, if that is recorded.
fn trace(message: &SqsMessage) -> Option<Trace> {
    let header = message.attributes.get(TRACE_HEADER)?;
    span_context_from_str(header).as_ref().and_then(Trace::recorded)
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
