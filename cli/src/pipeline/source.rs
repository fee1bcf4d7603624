//! The stream of the event table, as a port: the pipeline carries whatever stands behind it.

use std::sync::Arc;

use async_trait::async_trait;
use aws_lambda_events::dynamodb::EventRecord;
use muster_embedded::{StreamRecord, StreamTail};

/// The stream could not be read, waited for or trimmed; trying again may help.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct SourceError(pub Box<dyn std::error::Error + Send + Sync>);

/// One record of the stream.
#[derive(Clone, Debug)]
pub struct SourceRecord {
    /// Its place: greater than those of all earlier records. All places of a stream have one length, so that as texts
    /// they sort in their order.
    pub sequence_number: String,
    /// The record as a Lambda gets it, or why it has no such shape.
    pub record: Result<EventRecord, String>,
}

/// The stream of one table, oldest record first.
#[async_trait]
pub trait StreamSource: Send + Sync {
    /// Up to `limit` records after this place, or from the oldest that is kept. Empty when there are none.
    async fn read(&self, after: Option<&str>, limit: usize) -> Result<Vec<SourceRecord>, SourceError>;

    /// Returns when there is a record after this place; at once if there is one already. It may be dropped at any time.
    async fn wait(&self, after: Option<&str>) -> Result<(), SourceError>;

    /// Gives up the records up to and including this place: every reader has done with them.
    async fn trim(&self, up_to: &str) -> Result<(), SourceError>;

    /// The place of the newest record, if there ever was one.
    async fn last_sequence(&self) -> Result<Option<String>, SourceError>;
}

/// So that a source can be shared, and chosen while the program runs (`Arc<dyn StreamSource>`).
#[async_trait]
impl<S: StreamSource + ?Sized> StreamSource for Arc<S> {
    async fn read(&self, after: Option<&str>, limit: usize) -> Result<Vec<SourceRecord>, SourceError> {
        (**self).read(after, limit).await
    }

    async fn wait(&self, after: Option<&str>) -> Result<(), SourceError> {
        (**self).wait(after).await
    }

    async fn trim(&self, up_to: &str) -> Result<(), SourceError> {
        (**self).trim(up_to).await
    }

    async fn last_sequence(&self) -> Result<Option<String>, SourceError> {
        (**self).last_sequence().await
    }
}

/// The stream of the embedded store.
#[async_trait]
impl StreamSource for StreamTail {
    async fn read(&self, after: Option<&str>, limit: usize) -> Result<Vec<SourceRecord>, SourceError> {
        let records = Self::read(self, after, limit).await.map_err(unavailable)?;
        Ok(records.into_iter().map(record).collect())
    }

    async fn wait(&self, after: Option<&str>) -> Result<(), SourceError> {
        Self::wait(self, after).await.map_err(unavailable)
    }

    async fn trim(&self, up_to: &str) -> Result<(), SourceError> {
        Self::trim(self, up_to).await.map(|_| ()).map_err(unavailable)
    }

    async fn last_sequence(&self) -> Result<Option<String>, SourceError> {
        Self::last_sequence(self).await.map_err(unavailable)
    }
}

fn unavailable(error: muster_embedded::EngineError) -> SourceError {
    SourceError(Box::new(error))
}

fn record(record: StreamRecord) -> SourceRecord {
    let lambda = serde_json::from_value(record.to_lambda_record()).map_err(|error| error.to_string());
    SourceRecord { sequence_number: record.sequence_number, record: lambda }
}
