//! What a command comes to: what it has committed, or why it was not carried out.

use std::convert::Infallible;

use chrono::{DateTime, Utc};
use muster_domain::aggregate::Decider;
use muster_domain::{Actor, Metadata, RecordedEvent};

use crate::context::Context;
use crate::error::StoreError;
use crate::expected::ExpectedVersion;
use crate::log::BoxError;

/// What a command came to.
#[derive(Clone, Debug)]
pub struct Committed<A> {
    /// The aggregate's version after the command.
    pub version: u64,
    /// The events that it caused; none when there was nothing to change.
    pub events: Vec<RecordedEvent>,
    /// The state after the command.
    pub aggregate: A,
    /// When the aggregate's first commit was recorded.
    pub created_at: DateTime<Utc>,
    /// When its last commit was recorded, as of this command.
    pub updated_at: DateTime<Utc>,
    /// Who made its last commit, as of this command.
    pub updated_by: Actor,
    /// Whether this is the answer to an earlier sending of the same command.
    pub replayed: bool,
}

impl<A: Decider> Committed<A> {
    /// The command's own time and actor stand in for those of an aggregate that has no history, and still has none.
    pub(crate) fn after(context: &Context<A>, events: Vec<RecordedEvent>, metadata: &Metadata, replayed: bool) -> Self {
        Self {
            version: context.version,
            events,
            created_at: context.created_at.unwrap_or(metadata.at),
            updated_at: context.updated_at.unwrap_or(metadata.at),
            updated_by: context.updated_by.as_ref().unwrap_or(&metadata.actor).clone(),
            aggregate: context.aggregate.clone(),
            replayed,
        }
    }
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError<E: std::error::Error> {
    /// The aggregate's rules refuse it.
    #[error("{0}")]
    Refused(E),
    /// The aggregate is not at the version that was expected.
    #[error("{expected} is expected, and the aggregate is at version {actual}")]
    VersionMismatch {
        /// What was expected.
        expected: ExpectedVersion,
        /// What it is; 0 without a history.
        actual: u64,
    },
    /// The command's id was used before, for something else.
    #[error("the command id was used for another command")]
    KeyReused,
    /// Another aggregate holds a value that the command claims, such as an e-mail address.
    #[error("another aggregate holds the value")]
    Reserved {
        /// The reservation's key, like `email#ada@example.com`.
        key: String,
    },
    /// Nobody would be left on a roster, such as that of the administrators.
    #[error("nobody else is on the roster {key}")]
    LastOnRoster {
        /// The roster, like `role#admin`.
        key: String,
    },
    /// Somebody is on a roster, such as that of the administrators, whose first member the aggregate would be.
    #[error("somebody is on the roster {key}")]
    NotFirst {
        /// The roster, like `role#admin`.
        key: String,
    },
    /// What the command would record is larger than [`crate::MAX_COMMIT_BYTES`].
    #[error("the command would record {bytes} bytes, and may record {}", crate::MAX_COMMIT_BYTES)]
    TooLarge {
        /// How large.
        bytes: usize,
    },
    /// Others changed the aggregate each time it was decided, or the store has too much to do. It had no effect.
    #[error("others change the same aggregate all the time")]
    Contended,
    /// The store does not answer. The command may have taken effect; sent again with the same id, it tells.
    #[error("the event store does not answer")]
    Unavailable(#[source] BoxError),
    /// The aggregate's history cannot be read.
    #[error("{stream} cannot be read at version {version}: {reason}")]
    Damaged {
        /// The aggregate.
        stream: String,
        /// The first version of the commit that cannot be read.
        version: u64,
        /// What is wrong with it.
        reason: String,
    },
}

impl<E: std::error::Error> From<StoreError> for ExecuteError<E> {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict | StoreError::Busy => Self::Contended,
            StoreError::Reserved { key } => Self::Reserved { key },
            StoreError::LastOnRoster { key } => Self::LastOnRoster { key },
            StoreError::NotFirst { key } => Self::NotFirst { key },
            StoreError::TooLarge { bytes } => Self::TooLarge { bytes },
            StoreError::Unavailable(source) => Self::Unavailable(source),
            StoreError::Damaged { stream, version, reason } => Self::Damaged { stream, version, reason },
        }
    }
}

/// Why a guarded command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum GuardedError<E: std::error::Error, G> {
    /// The guard refused it: it had no effect.
    #[error("the guard refused the command")]
    Guard(G),
    /// As without a guard.
    #[error(transparent)]
    Execute(ExecuteError<E>),
}

impl<E: std::error::Error, G, T: Into<ExecuteError<E>>> From<T> for GuardedError<E, G> {
    fn from(error: T) -> Self {
        Self::Execute(error.into())
    }
}

/// What went wrong where nothing guards.
pub(crate) fn unguarded<E: std::error::Error>(error: GuardedError<E, Infallible>) -> ExecuteError<E> {
    match error {
        GuardedError::Execute(error) => error,
        GuardedError::Guard(never) => match never {},
    }
}
