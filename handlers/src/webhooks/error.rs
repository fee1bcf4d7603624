//! What can go wrong with webhooks inside Muster; what goes wrong at a receiver is in the log of its deliveries.

use std::error::Error;

use aws_sdk_dynamodb::error::SdkError;
use muster_domain::ports::ReadError;
use muster_vault::MasterError;

use super::webhook::MOST_WEBHOOKS;

/// A table, the master key or the event store failed.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// A table could not be reached or refused; trying again may help.
    #[error("{doing} failed")]
    Store {
        /// What was tried.
        doing: &'static str,
        /// What the store said.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// An item is not as it is written here.
    #[error("an item of the table {table} cannot be read: {reason}")]
    Damaged {
        /// The table.
        table: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A secret could not be sealed or opened.
    #[error("a secret of a webhook could not be used")]
    Secret(#[source] Box<dyn Error + Send + Sync>),
    /// The event store failed.
    #[error(transparent)]
    Events(#[from] ReadError),
}

impl WebhookError {
    /// For `map_err`: what failed.
    pub(super) fn of<E: Error + Send + Sync + 'static>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Store { doing, source: Box::new(source) }
    }
}

impl From<MasterError> for WebhookError {
    fn from(error: MasterError) -> Self {
        Self::Secret(Box::new(error))
    }
}

/// Why a webhook was not made or changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// There are as many as there may be.
    #[error("there are {MOST_WEBHOOKS} webhooks already: remove one first")]
    TooMany,
    /// One was made under the same key by another request.
    #[error("this key came with another request before")]
    KeyReused,
    /// It was made by the same request before, and is not what that answer said any more.
    #[error("this request has made a webhook that was changed since: read it, or use a new key")]
    ChangedSince,
    /// It is not there.
    #[error("there is no such webhook")]
    NotThere,
    /// It is at another version than it was read in, or expected in.
    #[error("the webhook is at another version")]
    Stale {
        /// The version that it is at.
        actual: u64,
    },
    /// Something failed.
    #[error(transparent)]
    Failed(#[from] WebhookError),
}

/// Whether a request was refused because the item is not as it was expected.
pub(super) fn is_condition<E, R>(error: &SdkError<E, R>) -> bool
where
    E: aws_sdk_dynamodb::error::ProvideErrorMetadata,
{
    matches!(error, SdkError::ServiceError(failure) if failure.err().code() == Some("ConditionalCheckFailedException"))
}
