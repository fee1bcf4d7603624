//! What an operator asks a read model: which generation, how many rows, which of them are parked.

use muster_domain::StreamId;
use serde::Serialize;

use crate::error::StoreError;
use crate::generations::Generations;
use crate::rows::{RowHead, RowStore as _};

/// A read model at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProjectionStatus {
    /// The projection.
    pub name: &'static str,
    /// The version of its rows' shape.
    pub version: u32,
    /// The generation that is read.
    pub active: u64,
    /// The generation that is being built, if there is one.
    pub building: Option<u64>,
    /// The rows of the active generation that were counted, tombstones included.
    pub rows: u64,
    /// Whether that is all of them: counting stops at a bound.
    pub complete: bool,
    /// The parked rows among them.
    pub parked: Vec<ParkedRow>,
}

/// A row that stopped before an event that it could not take in, or one that cannot be read: its versions are 0 then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ParkedRow {
    /// The aggregate.
    pub stream: StreamId,
    /// The version that the row reflects.
    pub as_of: u64,
    /// The version of the event.
    pub version: u64,
    /// In words, for the operator.
    pub reason: String,
}

/// Counts the rows of the active generation by a scan, which stops once it has seen `bound` rows.
pub async fn status(
    generations: &Generations,
    name: &'static str,
    version: u32,
    bound: u64,
) -> Result<ProjectionStatus, StoreError> {
    let state = generations.read(name).await?;
    let table = generations.rows(name, state.active);
    let (mut rows, mut parked, mut cursor) = (0, Vec::new(), None);
    let complete = loop {
        let page = table.scan(0, 1, cursor).await?;
        rows += (page.rows.len() + page.damaged.len()) as u64;
        parked.extend(page.damaged.into_iter().map(|(stream, error)| ParkedRow {
            stream,
            as_of: 0,
            version: 0,
            reason: error.to_string(),
        }));
        parked.extend(page.rows.into_iter().filter_map(|RowHead { stream, as_of, parked }| {
            parked.map(|parked| ParkedRow { stream, as_of, version: parked.version, reason: parked.reason })
        }));
        cursor = page.next;
        if cursor.is_none() {
            break true;
        }
        if rows >= bound {
            break false;
        }
    };
    parked.sort_by_key(|row| row.stream);
    Ok(ProjectionStatus { name, version, active: state.active, building: state.building, rows, complete, parked })
}
