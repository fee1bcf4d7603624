//! Why an aggregate was not loaded or its events not committed.

use muster_domain::StreamId;
use muster_domain::ports::ReadError;

use crate::log::{AppendError, BoxError};

/// Why the event store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another commit came first: load again and decide again.
    #[error("the aggregate was changed in the meantime")]
    Conflict,
    /// Another aggregate holds a value that the events claim. The key is not shown, as it is an address.
    #[error("another aggregate holds the value")]
    Reserved {
        /// The reservation's key.
        key: String,
    },
    /// Nobody would be left on a roster, such as that of the administrators.
    #[error("nobody else is on the roster {key}")]
    LastOnRoster {
        /// The roster.
        key: String,
    },
    /// Somebody is on a roster, such as that of the administrators, whose first member the aggregate would be.
    #[error("somebody is on the roster {key}")]
    NotFirst {
        /// The roster.
        key: String,
    },
    /// The commit is larger than [`crate::MAX_COMMIT_BYTES`].
    #[error("the commit has {bytes} bytes, and may have {}", crate::MAX_COMMIT_BYTES)]
    TooLarge {
        /// Its size by DynamoDB's rules.
        bytes: usize,
    },
    /// The store had too much to do, several times in a row. Nothing was written.
    #[error("the event store has too much to do")]
    Busy,
    /// The store could not be reached, or refused. A commit may have been written: the same command again tells.
    #[error("the event store does not answer")]
    Unavailable(#[source] BoxError),
    /// What is stored is not what was written, or a newer program wrote it.
    #[error("{stream} cannot be read at version {version}: {reason}")]
    Damaged {
        /// The aggregate.
        stream: String,
        /// The first version of the commit.
        version: u64,
        /// What is wrong with it.
        reason: String,
    },
}

impl StoreError {
    pub(crate) fn damaged(stream: &StreamId, version: u64, reason: &impl ToString) -> Self {
        Self::Damaged { stream: stream.to_string(), version, reason: reason.to_string() }
    }
}

impl From<ReadError> for StoreError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Store(source) => Self::Unavailable(source),
            ReadError::Damaged { stream, version, reason } => Self::Damaged { stream, version, reason },
        }
    }
}

impl From<AppendError> for StoreError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Taken { .. } => Self::Conflict,
            AppendError::Reserved { key } => Self::Reserved { key },
            AppendError::LastOnRoster { key } => Self::LastOnRoster { key },
            AppendError::NotFirst { key } => Self::NotFirst { key },
            AppendError::TooLarge { bytes } => Self::TooLarge { bytes },
            AppendError::NoRoster { .. } | AppendError::Contention | AppendError::Throttled => Self::Busy,
            AppendError::Unknown(source) | AppendError::Refused(source) => Self::Unavailable(source),
        }
    }
}
