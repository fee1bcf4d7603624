//! Rows in memory, which take and refuse what the table does.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use muster_domain::StreamId;
use serde_json::Value;

use super::{NewRow, RowCursor, RowHead, RowPage, RowStore, SaveError, StoredRow};
use crate::attribute;
use crate::error::StoreError;
use crate::projection::Entry;

/// The rows of one projection in memory, with everything that was ever saved.
#[derive(Debug, Default)]
pub struct MemoryRows(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    rows: BTreeMap<StreamId, NewRow>,
    entries: BTreeMap<(StreamId, String), Entry>,
    saved: Vec<(StreamId, u64)>,
}

impl MemoryRows {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The row and its keys.
    pub fn row(&self, stream: &StreamId) -> Option<NewRow> {
        self.state().rows.get(stream).cloned()
    }

    /// The aggregate's entries, by sort key.
    pub fn entries_of(&self, stream: &StreamId) -> Vec<Entry> {
        self.state().entries.iter().filter(|((of, _), _)| of == stream).map(|(_, entry)| entry.clone()).collect()
    }

    /// Every save that took effect, oldest first: the aggregate and the version that its row came to.
    pub fn saved(&self) -> Vec<(StreamId, u64)> {
        self.state().saved.clone()
    }
}

#[async_trait]
impl RowStore for MemoryRows {
    async fn load(&self, streams: &[StreamId]) -> Result<Vec<Option<StoredRow>>, StoreError> {
        let state = self.state();
        Ok(streams.iter().map(|stream| state.rows.get(stream).map(|row| row.stored.clone())).collect())
    }

    async fn save(
        &self,
        stream: &StreamId,
        expected: u64,
        mut row: NewRow,
        entries: Vec<Entry>,
    ) -> Result<(), SaveError> {
        let stored = |value: &Value| {
            attribute::as_stored(value).map_err(|reason| StoreError::damaged("in memory", stream, &reason))
        };
        let mut state = self.state();
        for mut entry in entries {
            entry.body = stored(&entry.body)?;
            state.entries.insert((*stream, entry.sort_key.clone()), entry);
        }
        if state.rows.get(stream).map_or(0, |row| row.stored.as_of) != expected {
            return Err(SaveError::Conflict);
        }
        row.stored.row = row.stored.row.as_ref().map(stored).transpose()?;
        for place in &mut row.places {
            place.facts = stored(&place.facts)?;
        }
        row.gone.clear();
        state.saved.push((*stream, row.stored.as_of));
        state.rows.insert(*stream, row);
        Ok(())
    }

    async fn entries(&self, stream: &StreamId) -> Result<Vec<(String, Value)>, StoreError> {
        Ok(self.entries_of(stream).into_iter().map(|entry| (entry.sort_key, entry.body)).collect())
    }

    async fn scan(&self, segment: u32, segments: u32, _cursor: Option<RowCursor>) -> Result<RowPage, StoreError> {
        let mine = |stream: &StreamId| stream.id.as_u128() % u128::from(segments.max(1)) == u128::from(segment);
        let state = self.state();
        let rows = state.rows.iter().filter(|(stream, _)| mine(stream)).map(|(stream, row)| RowHead {
            stream: *stream,
            as_of: row.stored.as_of,
            parked: row.stored.parked.clone(),
        });
        Ok(RowPage { rows: rows.collect(), ..RowPage::default() })
    }
}
