//! The order of the feed: a few shards, each of them a sequence without gaps that is only ever appended to.
//!
//! An aggregate belongs to one shard for ever. The item `pk` = `shard#<n>`, `sk` = the position, has `stream` and
//! `version`: which event stands there; and `digest`, of all that stands up to there, by which a cursor's place is known
//! again. The item `pk` = the stream, `sk` = 0, has `version`: how far the aggregate has places. Both are written in one transaction, so that an event has one place, and an aggregate's events have theirs in
//! the order of their versions. A position is written only by who has seen the one before it: whoever has read up to a
//! position has read all that will ever stand before it.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use muster_domain::StreamId;
use muster_domain::mutant::{Mutant, planted};
use tokio::sync::Mutex;
use tokio::time::sleep;

use super::place::Place;
use crate::attribute::{Item, Reader, number, text};
use crate::error::StoreError;

/// How many shards there are. The number never changes: an aggregate that came into another shard could be read out of
/// order. Eight of them take some hundred aggregates a second each, and a reader asks all of them for each page.
pub const SHARDS: usize = 8;

/// The most events that one transaction gives places to; DynamoDB takes 100 items.
const MOST_AT_ONCE: u64 = 50;
/// How often a place is tried for that others take meanwhile.
const MAX_ROUNDS: u32 = 10;

/// One place in the feed: which event stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pointer {
    /// The shard.
    pub shard: usize,
    /// Its place in the shard; the first is 1.
    pub position: u64,
    /// Of all that the shard has up to it.
    pub digest: u64,
    /// The aggregate.
    pub stream: StreamId,
    /// The event's version.
    pub version: u64,
}

/// The order, in its table.
#[derive(Clone, Debug)]
pub struct FeedOrder {
    client: Client,
    table: String,
    /// The last place of each shard that this program has seen taken; the one before the first until it has looked. Whoever
    /// appends holds the lock: two of one program would only get in each other's way.
    seen: Arc<[Mutex<Place>; SHARDS]>,
}

/// What became of an attempt to append.
enum Appended {
    Done,
    /// Somebody else has taken the place, or has moved the aggregate on.
    Overtaken,
}

impl Pointer {
    /// Where a reader who has read it goes on.
    pub(super) const fn place(&self) -> Place {
        Place { position: self.position, digest: self.digest }
    }
}

/// The shard of an aggregate, by bits of its id that are as good as drawn. Not the very last two: so the first few ids that
/// somebody counts up, as the simulation does, meet in one shard.
fn shard_of(stream: &StreamId) -> usize {
    let shards = SHARDS as u128;
    usize::try_from((stream.id.as_u128() >> 2) % shards).unwrap_or(0)
}

fn shard_key(shard: usize) -> String {
    format!("shard#{shard}")
}

impl FeedOrder {
    /// In the table with this prefix. What a reader has seen must never be taken back, so the client must be one whose
    /// acknowledged writes survive a power cut.
    pub fn new(client: Client, prefix: &str) -> Self {
        Self { client, table: format!("{prefix}positions"), seen: Arc::default() }
    }

    fn unavailable(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
        StoreError::unavailable(&self.table, source)
    }

    /// Gives places to the events of an aggregate up to this version: those that have none yet.
    pub(crate) async fn extend(&self, stream: &StreamId, to: u64) -> Result<(), StoreError> {
        let mut round = 0;
        let mut done = self.reached(stream).await?;
        while done < to {
            let until = to.min(done + MOST_AT_ONCE);
            if let Appended::Done = self.append(stream, done, until).await? {
                done = until;
                continue;
            }
            if round == MAX_ROUNDS {
                return Err(self.unavailable("others take every place"));
            }
            // Those who got in each other's way are not to do so again.
            sleep(Duration::from_millis((5 << round.min(6)) + (stream.id.as_u128() % 16) as u64)).await;
            round += 1;
            done = self.reached(stream).await?;
        }
        Ok(())
    }

    /// Up to which version an aggregate has places (consistent).
    pub(crate) async fn reached(&self, stream: &StreamId) -> Result<u64, StoreError> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let answer = get.key("pk", text(stream)).key("sk", number(&0)).send().await;
        let item = answer.map_err(|error| self.unavailable(error))?.item;
        item.map_or(Ok(0), |item| Reader { table: &self.table, item: &item }.number("version"))
    }

    async fn append(&self, stream: &StreamId, done: u64, until: u64) -> Result<Appended, StoreError> {
        let shard = shard_of(stream);
        let mut last = self.seen[shard].lock().await;
        if last.position == 0 {
            *last = self.last(shard).await?;
        }
        let mark = self.put(&text(stream), 0, stream, until);
        let mark = if done == 0 {
            mark.condition_expression("attribute_not_exists(pk)")
        } else {
            mark.condition_expression("version = :done").expression_attribute_values(":done", number(&done))
        };
        let pk = text(&shard_key(shard));
        let mut puts = vec![mark];
        let mut reached = *last;
        for version in done + 1..=until {
            reached = reached.then(stream, version);
            let put = self.put(&pk, reached.position, stream, version).item("digest", number(&reached.digest));
            let asked = !planted(Mutant::FeedPlaceNotAsked);
            puts.push(if asked { put.condition_expression("attribute_not_exists(pk)") } else { put });
        }
        let mut steps = Vec::with_capacity(puts.len());
        for put in puts {
            let put = put.build().map_err(|error| self.unavailable(error))?;
            steps.push(TransactWriteItem::builder().put(put).build());
        }
        match self.client.transact_write_items().set_transact_items(Some(steps)).send().await {
            Ok(_) => {
                *last = reached;
                Ok(Appended::Done)
            }
            Err(error) if overtaken(error.as_service_error()) => {
                *last = self.last(shard).await?;
                Ok(Appended::Overtaken)
            }
            // Whether it was written is not known: whoever tries again asks the aggregate's own item.
            Err(error) => {
                *last = Place::default();
                Err(self.unavailable(error))
            }
        }
    }

    fn put(
        &self,
        pk: &aws_sdk_dynamodb::types::AttributeValue,
        sk: u64,
        stream: &StreamId,
        version: u64,
    ) -> aws_sdk_dynamodb::types::builders::PutBuilder {
        let put = Put::builder().table_name(&self.table).item("pk", pk.clone()).item("sk", number(&sk));
        put.item("stream", text(stream)).item("version", number(&version))
    }

    /// The last place of a shard that is taken (consistent); the one before the first while it is empty.
    async fn last(&self, shard: usize) -> Result<Place, StoreError> {
        let query = self.of_shard(shard).key_condition_expression("pk = :shard").scan_index_forward(false).limit(1);
        let items = query.send().await.map_err(|error| self.unavailable(error))?.items.unwrap_or_default();
        items.first().map_or(Ok(Place::default()), |item| self.place(item))
    }

    fn place(&self, item: &Item) -> Result<Place, StoreError> {
        let read = Reader { table: &self.table, item };
        // One that was given before there were digests has none; those after it are told apart from there on.
        Ok(Place { position: read.number("sk")?, digest: read.optional_number("digest")?.unwrap_or_default() })
    }

    fn of_shard(&self, shard: usize) -> aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        query.expression_attribute_values(":shard", text(&shard_key(shard)))
    }

    /// The events that follow on a place of a shard, at most so many (consistent); `None` if the shard has no such place.
    pub(super) async fn after(
        &self,
        shard: usize,
        place: Place,
        limit: usize,
    ) -> Result<Option<Vec<Pointer>>, StoreError> {
        // The place itself is read with what follows: a request more would cost as much as the others.
        let begun = place.position > 0;
        let limit = i32::try_from(limit.saturating_add(usize::from(begun))).unwrap_or(i32::MAX);
        let query = self.of_shard(shard).key_condition_expression("pk = :shard AND sk >= :position");
        let query = query.expression_attribute_values(":position", number(&place.position)).limit(limit);
        let items = query.send().await.map_err(|error| self.unavailable(error))?.items.unwrap_or_default();
        let mut items = items.iter();
        if begun && items.next().map(|item| self.place(item)).transpose()? != Some(place) {
            return Ok(None);
        }
        let mut found = Vec::with_capacity(items.len());
        for (item, expected) in items.zip(place.position.saturating_add(1)..) {
            let pointer = self.pointer(shard, item)?;
            // A query is no snapshot: it may see a place and not the one before, which was written meanwhile.
            if pointer.position != expected {
                break;
            }
            found.push(pointer);
        }
        Ok(Some(found))
    }

    fn pointer(&self, shard: usize, item: &Item) -> Result<Pointer, StoreError> {
        let read = Reader { table: &self.table, item };
        let stream = read.text("stream")?;
        let stream = stream.parse().map_err(|error| StoreError::damaged(&self.table, &shard_key(shard), &error))?;
        let Place { position, digest } = self.place(item)?;
        Ok(Pointer { shard, position, digest, stream, version: read.number("version")? })
    }
}

/// Whether a transaction was refused because somebody else was quicker.
fn overtaken(error: Option<&aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError>) -> bool {
    use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError as Error;
    match error {
        Some(Error::TransactionCanceledException(canceled)) => {
            let codes = canceled.cancellation_reasons().iter().filter_map(|reason| reason.code());
            let mut codes = codes.filter(|code| *code != "None").peekable();
            codes.peek().is_some() && codes.all(|code| matches!(code, "ConditionalCheckFailed" | "TransactionConflict"))
        }
        Some(Error::TransactionInProgressException(_)) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use muster_domain::TaskId;

    #[test]
    fn an_aggregate_stays_in_its_shard_and_ids_come_into_all_of_them() {
        let shards: std::collections::BTreeSet<_> =
            (0..64).map(|n| shard_of(&TaskId(Uuid::from_u128(0x00aa_0000 + n)).into())).collect();
        assert_eq!(shards, (0..SHARDS).collect());
        // What it was when the first place was given.
        let known: StreamId = "task#018f2c1a-7b3e-7c4d-9a5f-0123456789ab".parse().unwrap();
        assert_eq!(shard_of(&known), 2);
    }
}
