//! Reading the feed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};
use muster_domain::ports::ReadError;
use muster_domain::{EventReader, RecordedEvent, StreamId};

use super::cursor::FeedCursor;
use super::order::{FeedOrder, Pointer, SHARDS};
use crate::error::{CursorError, StoreError};

/// How many histories are read at the same time.
const CONCURRENCY: usize = 16;

/// A feed that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The caller's cursor is refused.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// The table of the order failed.
    #[error(transparent)]
    Order(#[from] StoreError),
    /// The event store failed.
    #[error(transparent)]
    Events(#[from] ReadError),
    /// An event has a place and is not in the event store.
    #[error("{stream} has no version {version} any more")]
    Missing {
        /// The aggregate.
        stream: StreamId,
        /// The event's version.
        version: u64,
    },
}

/// The places that follow on a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointerPage {
    /// The events, each aggregate's in order.
    pub pointers: Vec<Pointer>,
    /// Where the next page begins.
    pub next: FeedCursor,
    /// Whether there may be something on it already.
    pub more: bool,
}

/// The queries of `feed`.
#[derive(Clone)]
pub struct FeedQueries {
    order: FeedOrder,
    reader: Arc<dyn EventReader>,
}

impl FeedQueries {
    /// Over this order and this event store.
    pub fn new(order: FeedOrder, reader: Arc<dyn EventReader>) -> Self {
        Self { order, reader }
    }

    /// At most `limit` places after the cursor. What is on no page up to `next` comes on a later one: nothing is ever
    /// put before a cursor. One with a place that this feed does not have is refused.
    pub async fn pointers(&self, after: &FeedCursor, limit: usize) -> Result<PointerPage, FeedError> {
        let limit = limit.max(1);
        // One more than a shard's part, to see whether there is more: most often the shards are alike.
        let part = limit.div_ceil(SHARDS) + 1;
        let shards = (0..SHARDS).map(|shard| self.order.after(shard, after.0[shard], part));
        let found = futures::future::try_join_all(shards).await?;
        let found: Vec<Vec<Pointer>> = found.into_iter().collect::<Option<_>>().ok_or(CursorError::OtherFeed)?;
        // They take turns, and a page begins with another shard than the last: a busy one holds up no other, however
        // small the pages.
        let first = after.0.iter().fold(0, |sum: u64, place| sum.wrapping_add(place.position)) % SHARDS as u64;
        let turns = (0..part).flat_map(|turn| {
            let from = usize::try_from(first).unwrap_or(0);
            (0..SHARDS).map(move |shard| (turn, (shard + from) % SHARDS))
        });
        let all: Vec<Pointer> = turns.filter_map(|(turn, shard)| found[shard].get(turn)).copied().collect();
        let pointers: Vec<Pointer> = all.iter().take(limit).copied().collect();
        let mut next = *after;
        for pointer in &pointers {
            next.0[pointer.shard] = pointer.place();
        }
        let more = all.len() > pointers.len() || found.iter().any(|of_shard| of_shard.len() == part);
        Ok(PointerPage { pointers, next, more })
    }

    /// The events at these places, in their order.
    pub async fn events(&self, pointers: &[Pointer]) -> Result<Vec<RecordedEvent>, FeedError> {
        let mut wanted: BTreeMap<StreamId, (u64, u64)> = BTreeMap::new();
        for Pointer { stream, version, .. } in pointers {
            let (first, last) = wanted.entry(*stream).or_insert((*version, *version));
            (*first, *last) = ((*first).min(*version), (*last).max(*version));
        }
        let reads = wanted.into_iter().map(|(stream, (first, last))| async move {
            self.reader.events(&stream, first.saturating_sub(1), Some(last)).await
        });
        let read: Vec<Vec<RecordedEvent>> =
            futures::stream::iter(reads).buffer_unordered(CONCURRENCY).try_collect().await?;
        let mut events: HashMap<(StreamId, u64), RecordedEvent> =
            read.into_iter().flatten().map(|event| ((event.stream, event.version), event)).collect();
        let event_at = |Pointer { stream, version, .. }: &Pointer| {
            let event = events.remove(&(*stream, *version));
            event.ok_or(FeedError::Missing { stream: *stream, version: *version })
        };
        pointers.iter().map(event_at).collect()
    }
}
