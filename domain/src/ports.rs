//! What both sides need from outside, as traits: the clock, and reading the event store.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::commit::Commit;
use crate::envelope::RecordedEvent;
use crate::stream::StreamId;

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

    /// The events with versions after `after` and up to `up_to` (or the last), in order.
    async fn events(&self, stream: &StreamId, after: u64, up_to: Option<u64>) -> Result<Vec<RecordedEvent>, ReadError> {
        let commits = self.commits(stream, after, up_to).await?;
        let wanted = |event: &RecordedEvent| event.version > after && up_to.is_none_or(|last| event.version <= last);
        Ok(commits.iter().flat_map(Commit::recorded_events).filter(wanted).collect())
    }
}
