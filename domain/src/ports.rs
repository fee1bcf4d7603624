//! What both sides need from outside, as traits: the clock, reading the event store, and the keys of personal data.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::commit::Commit;
use crate::envelope::RecordedEvent;
use crate::ids::UserId;
use crate::personal::Opener;
use crate::stream::{AggregateType, StreamId};

/// Where the time comes from.
pub trait Clock: Send + Sync {
    /// Now, UTC, to the millisecond.
    fn now(&self) -> DateTime<Utc>;
}

/// A reader that failed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store could not be reached or refused; trying again may help.
    #[error("the event store could not be read")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What is stored is not what was written; trying again does not help.
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

impl From<KeyError> for ReadError {
    fn from(error: KeyError) -> Self {
        Self::Store(Box::new(error))
    }
}

/// A person's key that could not be read, made or erased.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Where the keys are could not be reached or refused; trying again may help.
    #[error("the keys of personal data could not be reached")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What is stored is no key, or one of another master key.
    #[error("the key of user {subject} cannot be used: {reason}")]
    Damaged {
        /// Whose it is.
        subject: UserId,
        /// What is wrong with it.
        reason: String,
    },
}

/// The keys under which the personal data of people is sealed, one for each person.
#[async_trait]
pub trait SubjectKeys: Send + Sync + std::fmt::Debug {
    /// The person's key. One that was erased may be given for a bounded time after, which the implementation says.
    async fn find(&self, subject: UserId) -> Result<Opener, KeyError>;

    /// The person's key, which is made if there is none. One that was erased stays erased.
    async fn make(&self, subject: UserId) -> Result<Opener, KeyError>;

    /// Erases the person's key, for ever. Fine when it is erased, or never was.
    async fn erase(&self, subject: UserId) -> Result<(), KeyError>;

    /// The key to what is sealed in this history. Only those of people have one.
    async fn opener(&self, stream: &StreamId) -> Result<Opener, KeyError> {
        match stream.aggregate {
            AggregateType::User => self.find(UserId(stream.id)).await,
            AggregateType::Task | AggregateType::Team => Ok(Opener::NoKey),
        }
    }
}

/// One page of a scan over all histories.
#[derive(Debug, Default)]
pub struct CommitPage {
    /// Commits, in no order across aggregates.
    pub commits: Vec<Commit>,
    /// Those among them that cannot be read: the aggregate, and the version that the commit begins at. The others are
    /// given all the same, so that one of them does not stand in the way of every aggregate.
    pub damaged: Vec<(StreamId, u64)>,
    /// Where to go on; `None` at the end.
    pub next: Option<ScanCursor>,
}

/// Where a scan goes on: the last stream and version that it saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanCursor {
    /// The stream.
    pub stream: StreamId,
    /// The first version of the last commit.
    pub version: u64,
}

/// Reads the event store: always consistent, always complete.
#[async_trait]
pub trait EventReader: Send + Sync {
    /// The commits that hold the versions after `after`, in order, up to the one that holds `up_to` (or the last).
    /// The first one may begin before `after`, and the last end after `up_to`.
    async fn commits(&self, stream: &StreamId, after: u64, up_to: Option<u64>) -> Result<Vec<Commit>, ReadError>;

    /// The aggregate's version; 0 when it has no history.
    async fn head(&self, stream: &StreamId) -> Result<u64, ReadError>;

    /// One page of one of `segments` equal parts of the whole store.
    async fn scan(&self, segment: u32, segments: u32, cursor: Option<ScanCursor>) -> Result<CommitPage, ReadError>;

    /// The keys to the personal data in the histories.
    fn keys(&self) -> &dyn SubjectKeys;

    /// The events with versions after `after` and up to `up_to` (or the last), in order.
    async fn events(&self, stream: &StreamId, after: u64, up_to: Option<u64>) -> Result<Vec<RecordedEvent>, ReadError> {
        let commits = self.commits(stream, after, up_to).await?;
        let wanted = |event: &RecordedEvent| event.version > after && up_to.is_none_or(|last| event.version <= last);
        Ok(commits.iter().flat_map(Commit::recorded_events).filter(wanted).collect())
    }
}
