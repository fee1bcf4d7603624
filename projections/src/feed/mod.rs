//! `feed`: every event of every aggregate in an order that readers can go on from. Why it is complete: `docs/adr/0027-feed.md`.
//!
//! The rows say how far each aggregate has come, as in every read model. The order itself is not theirs: it is written
//! once, before the row, and no rebuild changes it, so that a cursor outlives every generation. It is one store's: a cursor of another
//! one's order is refused.

mod cursor;
mod order;
mod place;
mod query;

use chrono::{DateTime, Utc};
use muster_domain::{AggregateType, DomainEvent, RecordedEvent, StreamId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::projection::{IndexKey, Poison, Projection};

pub use cursor::FeedCursor;
pub use order::{FeedOrder, Pointer, SHARDS};
pub use query::{FeedError, FeedQueries, PointerPage};

/// The projection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Feed;

/// The last event of an aggregate that has a place in the feed; its version is the row's `as_of`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeedRow {
    /// When it was recorded.
    pub last_at: DateTime<Utc>,
    /// Its id.
    pub last_event_id: Uuid,
}

impl Projection for Feed {
    const NAME: &'static str = "feed";
    const VERSION: u32 = 1;
    type Row = FeedRow;

    fn wants(&self, aggregate: AggregateType) -> bool {
        match aggregate {
            AggregateType::Task | AggregateType::User | AggregateType::Team => true,
        }
    }

    fn evolve(&self, _: Option<FeedRow>, event: &RecordedEvent, _: &DomainEvent) -> Result<FeedRow, Poison> {
        Ok(FeedRow { last_at: event.recorded_at, last_event_id: event.event_id })
    }

    fn index_keys(&self, _: &StreamId, _: &FeedRow) -> Vec<IndexKey> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests;
