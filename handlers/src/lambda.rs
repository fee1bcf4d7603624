//! What the Lambdas in `src/bin` share: their configuration, and the shapes of the events that AWS sends them.

use std::sync::Arc;

use aws_config::SdkConfig;
use aws_lambda_events::dynamodb;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use aws_sdk_dynamodb::Client;
use muster_domain::{EventReader, RecordedEvent};
use muster_identity::{Secrets, TokenSettings};
use muster_projections::{Hosted, Message, hosted};
use serde::Deserialize;

use crate::http::App;
use crate::publisher::{EventBus, StreamItem, publish};
use crate::wiring::{app, event_store};

/// Why a Lambda cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An environment variable is missing.
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    /// There is no projection of the name in `MUSTER_PROJECTION`.
    #[error("there is no projection called {0:?}")]
    NoSuchProjection(String),
    /// The secrets are missing or wrong.
    #[error(transparent)]
    Secrets(#[from] muster_identity::SecretsError),
    /// The identity room cannot start.
    #[error(transparent)]
    Identity(#[from] muster_identity::IdentityError),
}

/// The environment variable of this name.
pub fn variable(name: &'static str) -> Result<String, StartError> {
    std::env::var(name).map_err(|_| StartError::Missing(name))
}

/// The parts behind the HTTP routes of a Lambda, as its environment says: `MUSTER_TABLE_PREFIX`, `MUSTER_ISSUER`, and the
/// secrets.
pub fn app_from_environment(config: &SdkConfig) -> Result<Arc<App>, StartError> {
    let issuer = variable("MUSTER_ISSUER")?;
    let tokens = TokenSettings::new(issuer.clone(), issuer);
    let app = app(&Client::new(config), &variable("MUSTER_TABLE_PREFIX")?, Secrets::from_env()?, tokens)?;
    Ok(Arc::new(app))
}

/// The projector of a Lambda, as its environment says: `MUSTER_TABLE_PREFIX` and `MUSTER_PROJECTION`.
pub fn projector_from_environment(config: &SdkConfig) -> Result<Arc<dyn Hosted>, StartError> {
    let (prefix, name) = (variable("MUSTER_TABLE_PREFIX")?, variable("MUSTER_PROJECTION")?);
    let client = Client::new(config);
    let reader: Arc<dyn EventReader> = Arc::new(event_store(&client, &prefix));
    let projections = hosted(&client, &prefix, &reader);
    projections.into_iter().find(|projection| projection.name() == name).ok_or(StartError::NoSuchProjection(name))
}

/// Logs as JSON lines, at the level in `MUSTER_LOG` (`info` if it is not set).
pub fn log_as_json() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("MUSTER_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_current_span(true).without_time().init();
}

/// Publishes one batch of the event table's stream. The answer names the first record that failed, so that Lambda sends
/// it and all after it again.
pub async fn publish_stream(bus: &dyn EventBus, event: dynamodb::Event) -> DynamoDbEventResponse {
    let records: Vec<StreamItem> = event.records.into_iter().filter_map(StreamItem::from_record).collect();
    let failed = publish(bus, &records).await;
    tracing::info!(records = records.len(), failed, "published");
    let mut response = DynamoDbEventResponse::default();
    if let Some(sequence_number) = failed {
        let mut failure = DynamoDbBatchItemFailure::default();
        failure.item_identifier = Some(sequence_number);
        response.batch_item_failures.push(failure);
    }
    response
}

/// Takes one batch of a projection's queue in. The answer names the messages that failed, so that SQS sends them again,
/// and in the end to the dead-letter queue.
pub async fn project_queue(projection: &dyn Hosted, event: SqsEvent) -> SqsBatchResponse {
    let messages: Vec<Message> = event.records.into_iter().map(message).collect();
    let taken = messages.len();
    let failures = projection.handle(messages).await;
    tracing::info!(projection = projection.name(), taken, failed = failures.len(), "projected");
    let mut response = SqsBatchResponse::default();
    for failure in failures {
        tracing::warn!(message = failure.id, reason = failure.reason, poison = failure.poison, "a message failed");
        response.add_failure(failure.id);
    }
    response
}

/// An event of EventBridge, as far as a projector needs it.
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
