//! The port beneath the event store: what a store of commits can do, page by page and item by item.

use std::collections::BTreeSet;

use async_trait::async_trait;
use muster_domain::aggregate::Reservation;
use muster_domain::ports::{CommitPage, ReadError, ScanCursor};
use muster_domain::{Commit, StreamId};
use serde_json::Value;
use uuid::Uuid;

/// Any error, as a source.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The state of an aggregate after a commit, as that commit carries it. A cache: whoever cannot use it passes it over.
#[derive(Clone, Debug, PartialEq)]
pub struct CarriedState {
    /// The version of the state's shape.
    pub schema: u32,
    /// The state.
    pub state: Value,
}

/// A commit as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredCommit {
    /// The commit.
    pub commit: Commit,
    /// The state that it carries, if it carries one that can be read at all.
    pub carried: Option<CarriedState>,
}

/// Which way a history is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The oldest first.
    Forward,
    /// The newest first.
    Backward,
}

/// Which commits of one history are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageQuery {
    /// The history.
    pub stream: StreamId,
    /// Commits that begin at this version or after it.
    pub lowest: u64,
    /// Commits that begin at this version or before it.
    pub highest: u64,
    /// In which order.
    pub direction: Direction,
    /// At most so many in one page; a page of large commits holds fewer.
    pub limit: Option<u32>,
}

impl PageQuery {
    /// The whole history, the oldest first.
    pub const fn forward(stream: StreamId) -> Self {
        Self { stream, lowest: 1, highest: u64::MAX, direction: Direction::Forward, limit: None }
    }

    /// The commits that begin at `highest` or before it, the newest first.
    pub const fn backward(stream: StreamId, highest: u64) -> Self {
        Self { stream, lowest: 1, highest, direction: Direction::Backward, limit: None }
    }

    /// The same, with at most `limit` commits in a page.
    #[must_use]
    pub const fn limit(self, limit: u32) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// Whether no version can be in its range.
    pub(crate) const fn is_empty(&self) -> bool {
        self.lowest > self.highest
    }

    /// What is left of this query after a page that ended with the commit that begins at `last`.
    pub(crate) fn after(&self, last: u64) -> Option<Self> {
        let rest = match self.direction {
            Direction::Forward => Self { lowest: last.checked_add(1)?, ..self.clone() },
            Direction::Backward => Self { highest: last.checked_sub(1)?, ..self.clone() },
        };
        (!rest.is_empty()).then_some(rest)
    }
}

/// One page of one history.
#[derive(Debug, Default)]
pub struct Page {
    /// The commits, in the order asked for.
    pub commits: Vec<StoredCommit>,
    /// The query that goes on; `None` when there is no more.
    pub next: Option<PageQuery>,
}

/// Why a commit was not appended, or not as far as is known.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// A commit begins at this version already.
    #[error("the place is taken")]
    Taken {
        /// The commit that stands there, where the store gave it.
        existing: Option<Box<Commit>>,
    },
    /// Another aggregate holds a value that the events claim or release. The key is not shown, as it is an address.
    #[error("another aggregate holds the value")]
    Reserved {
        /// The reservation's key.
        key: String,
    },
    /// Nobody would be left on a roster. Nothing was written.
    #[error("nobody else is on the roster {key}")]
    LastOnRoster {
        /// The roster.
        key: String,
    },
    /// Somebody is on a roster, whose first member the aggregate would be. Nothing was written.
    #[error("somebody is on the roster {key}")]
    NotFirst {
        /// The roster.
        key: String,
    },
    /// A roster that would change is not begun: see [`CommitLog::begin_roster`]. Nothing was written.
    #[error("the roster {key} is not begun")]
    NoRoster {
        /// The roster.
        key: String,
    },
    /// Another write to the same items was under way. Nothing was written.
    #[error("another write was under way")]
    Contention,
    /// The store has too much to do. Nothing was written.
    #[error("the store has too much to do")]
    Throttled,
    /// No answer came, or one that says nothing: it was written or it was not.
    #[error("it is not known whether the commit was written")]
    Unknown(#[source] BoxError),
    /// The commit is larger than [`crate::MAX_COMMIT_BYTES`]. Nothing was written.
    #[error("the commit has {bytes} bytes, and may have {}", crate::MAX_COMMIT_BYTES)]
    TooLarge {
        /// Its size by DynamoDB's rules.
        bytes: usize,
    },
    /// The store will never take it: trying again does not help. Nothing was written.
    #[error("the store refused the commit")]
    Refused(#[source] BoxError),
}

/// A store of commits. All reads are consistent: what was acknowledged is seen.
#[async_trait]
pub trait CommitLog: Send + Sync {
    /// Writes a commit where none begins yet, together with its reservations, or nothing at all. `carried` is left out
    /// when the two do not fit into one item.
    async fn append(
        &self,
        commit: &Commit,
        carried: Option<&CarriedState>,
        reservations: &[Reservation],
    ) -> Result<(), AppendError>;

    /// Begins a roster with these on it. One that was begun before stays as it is.
    async fn begin_roster(&self, key: &str, members: &BTreeSet<Uuid>) -> Result<(), AppendError>;

    /// All aggregates that hold a reservation.
    async fn holders(&self) -> Result<BTreeSet<Uuid>, ReadError>;

    /// One page of one history.
    async fn page(&self, query: &PageQuery) -> Result<Page, ReadError>;

    /// One page of one of `segments` equal parts of all histories. A commit that cannot be read is named, and does not
    /// fail the page.
    async fn scan_page(
        &self,
        segment: u32,
        segments: u32,
        cursor: Option<&ScanCursor>,
    ) -> Result<CommitPage, ReadError>;
}
