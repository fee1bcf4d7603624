//! The rows of one generation of a projection, as a port.

mod dynamo;
mod memory;

use async_trait::async_trait;
use muster_domain::StreamId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::StoreError;
use crate::projection::{Entry, IndexKey, Place};

pub use dynamo::DynamoRows;
pub(crate) use dynamo::ROW;
pub use memory::MemoryRows;

/// Where and why a row stopped: the event at `version` could not be taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// The version of the event.
    pub version: u64,
    /// In words, for the operator.
    pub reason: String,
}

/// A row as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRow {
    /// The version that the row reflects; 0 when its first event could not be taken in.
    pub as_of: u64,
    /// The [`VERSION`](crate::Projection::VERSION) that wrote it.
    pub projection_version: u32,
    /// What is known; `None` as long as `as_of` is 0.
    pub row: Option<Value>,
    /// Where it stopped, if it did.
    pub parked: Option<Parked>,
    /// The sort keys of its places.
    pub places: Vec<String>,
}

/// A row to be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRow {
    /// The row itself.
    pub stored: StoredRow,
    /// By what it is found.
    pub keys: Vec<IndexKey>,
    /// Its places in lists.
    pub places: Vec<Place>,
    /// The sort keys of places that the row before had and it has not.
    pub gone: Vec<String>,
}

impl NewRow {
    /// A row that is in no list.
    pub const fn alone(stored: StoredRow) -> Self {
        Self { stored, keys: Vec::new(), places: Vec::new(), gone: Vec::new() }
    }
}

/// Why a row was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The row is not at the expected version any more: somebody else moved it.
    #[error("the row was moved by somebody else")]
    Conflict,
    /// The table failed; whether the row was saved is not known.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a scan tells of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowHead {
    /// The aggregate.
    pub stream: StreamId,
    /// The version that its row reflects.
    pub as_of: u64,
    /// Where it stopped, if it did.
    pub parked: Option<Parked>,
}

/// Where a scan of rows goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowCursor {
    pub(crate) pk: String,
    pub(crate) sk: String,
}

/// One page of a scan of rows.
#[derive(Debug, Default)]
pub struct RowPage {
    /// Heads of rows, in no order.
    pub rows: Vec<RowHead>,
    /// The rows among them that cannot be read, and what is wrong with each.
    pub damaged: Vec<(StreamId, StoreError)>,
    /// Where to go on; `None` at the end.
    pub next: Option<RowCursor>,
}

/// The rows of these aggregates, in their order; one that is damaged is an error of its own. It is found by loading
/// halves, as a load of several does not get past it.
pub(crate) async fn load_each(
    rows: &dyn RowStore,
    streams: &[StreamId],
) -> Result<Vec<Result<Option<StoredRow>, StoreError>>, StoreError> {
    let mut loaded = Vec::with_capacity(streams.len());
    let mut rest = vec![streams];
    while let Some(some) = rest.pop() {
        match rows.load(some).await {
            Ok(found) => loaded.extend(found.into_iter().map(Ok)),
            Err(error @ StoreError::Damaged { .. }) if some.len() == 1 => loaded.push(Err(error)),
            Err(StoreError::Damaged { .. }) if some.len() > 1 => {
                let (first, second) = some.split_at(some.len() / 2);
                rest.extend([second, first]);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(loaded)
}

/// The rows of one generation of a projection.
#[async_trait]
pub trait RowStore: Send + Sync {
    /// The rows of these aggregates, in their order, as they are now (consistent).
    async fn load(&self, streams: &[StreamId]) -> Result<Vec<Option<StoredRow>>, StoreError>;

    /// Puts the entries, then the row on the condition that the one before is at `expected` (0: at 0, or absent). So
    /// whoever dies in between leaves entries that the next attempt puts again. Its places come and go with the row.
    async fn save(&self, stream: &StreamId, expected: u64, row: NewRow, entries: Vec<Entry>) -> Result<(), SaveError>;

    /// The sort keys and bodies of an aggregate's entries, in the order of their sort keys (consistent).
    async fn entries(&self, stream: &StreamId) -> Result<Vec<(String, Value)>, StoreError>;

    /// One page of one of `segments` equal parts of all rows (consistent). A row that cannot be read does not fail it.
    async fn scan(&self, segment: u32, segments: u32, cursor: Option<RowCursor>) -> Result<RowPage, StoreError>;
}
