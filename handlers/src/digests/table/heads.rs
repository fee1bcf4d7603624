//! Which head of each history is under a digest.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::{KeysAndAttributes, PutRequest, WriteRequest};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use muster_domain::proof::Leaf;
use muster_domain::{Hash, StreamId};
use serde::{Deserialize, Serialize};

use super::DigestTable;
use super::item::{Item, item, key, number, read, text};
use crate::digests::DigestError;

/// The most items in one `BatchGetItem`.
const MAX_GET: usize = 100;
/// The most items in one `BatchWriteItem`.
const MAX_WRITE: usize = 25;
/// How many batches are under way at a time.
const IN_FLIGHT: usize = 16;
/// How often what a batch call left undone is asked for again.
const MAX_ROUNDS: u32 = 8;

/// The last head of a history that is under a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The version after its last commit then.
    pub version: u64,
    /// The hash of that commit.
    pub hash: Hash,
    /// Which digest.
    pub digest: u64,
}

/// Which digest holds a head, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Which digest.
    pub digest: u64,
    /// The version of the head.
    pub version: u64,
    /// Its place among the digest's leaves.
    pub index: u64,
}

/// What is kept of one leaf by its stream.
#[derive(Serialize, Deserialize)]
struct Held {
    version: u64,
    hash: Hash,
    index: u64,
}

impl DigestTable {
    /// The last heads of these histories that are under a digest.
    pub async fn heads(&self, streams: &[StreamId]) -> Result<HashMap<String, Head>, DigestError> {
        let batches: Vec<Vec<StreamId>> = streams.chunks(MAX_GET).map(<[_]>::to_vec).collect();
        let batches = stream::iter(batches).map(|some| self.some_heads(some));
        let found: Vec<_> = batches.buffer_unordered(IN_FLIGHT).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn some_heads(&self, streams: Vec<StreamId>) -> Result<Vec<(String, Head)>, DigestError> {
        const DOING: &str = "reading the heads under digests";
        let keys = streams.iter().map(|stream| key(&stream.to_string(), 0)).collect();
        let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
        let mut requests = HashMap::from([(self.table.clone(), wanted.map_err(DigestError::of(DOING))?)]);
        let mut found = Vec::new();
        for round in 0..MAX_ROUNDS {
            let call = self.client.batch_get_item().set_request_items(Some(requests)).send().await;
            let answer = call.map_err(DigestError::of(DOING))?;
            for item in answer.responses.unwrap_or_default().into_values().flatten() {
                let stream = item.get("pk").and_then(|key| key.as_s().ok()).cloned().unwrap_or_default();
                found.push((stream, read(item)?));
            }
            requests = answer.unprocessed_keys.unwrap_or_default();
            if requests.is_empty() {
                return Ok(found);
            }
            pause(round).await;
        }
        Err(DigestError::of(DOING)("keys stayed unprocessed"))
    }

    /// Keeps the heads of a digest by their streams. Doing it again changes nothing.
    pub(in crate::digests) async fn apply(&self, digest: u64, leaves: &[Leaf]) -> Result<(), DigestError> {
        let mut puts = Vec::with_capacity(leaves.len() * 2);
        for (index, Leaf { hash, stream, version }) in (0..).zip(leaves) {
            let (version, hash) = (*version, *hash);
            puts.push(put(item(stream, digest, &Held { version, hash, index })?)?);
            puts.push(put(item(stream, 0, &Head { version, hash, digest })?)?);
        }
        let batches: Vec<Vec<WriteRequest>> = puts.chunks(MAX_WRITE).map(<[_]>::to_vec).collect();
        let batches = stream::iter(batches).map(|some| self.write(some));
        batches.buffer_unordered(IN_FLIGHT).try_collect::<()>().await
    }

    async fn write(&self, puts: Vec<WriteRequest>) -> Result<(), DigestError> {
        const DOING: &str = "keeping the heads of a digest";
        let mut requests = HashMap::from([(self.table.clone(), puts)]);
        for round in 0..MAX_ROUNDS {
            let call = self.client.batch_write_item().set_request_items(Some(requests)).send().await;
            requests = call.map_err(DigestError::of(DOING))?.unprocessed_items.unwrap_or_default();
            if requests.is_empty() {
                return Ok(());
            }
            pause(round).await;
        }
        Err(DigestError::of(DOING)("items stayed unprocessed"))
    }

    /// The first digest that holds a head of this history at this version or after it.
    pub async fn holder(&self, stream: &StreamId, version: u64) -> Result<Option<Holder>, DigestError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :stream AND sk > :head")
            .filter_expression("version >= :version")
            .expression_attribute_values(":stream", text(&stream.to_string()))
            .expression_attribute_values(":head", number(0))
            .expression_attribute_values(":version", number(version))
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(DigestError::of("looking for the digest of an event"))?;
            if let Some(item) = page.items.unwrap_or_default().into_iter().next() {
                let digest = sequence_of(&item)?;
                let Held { version, index, hash: _ } = read(item)?;
                return Ok(Some(Holder { digest, version, index }));
            }
        }
        Ok(None)
    }
}

fn put(item: Item) -> Result<WriteRequest, DigestError> {
    let put = PutRequest::builder().set_item(Some(item)).build().map_err(DigestError::of("keeping a head"))?;
    Ok(WriteRequest::builder().put_request(put).build())
}

fn sequence_of(item: &Item) -> Result<u64, DigestError> {
    let sequence = item.get("sk").and_then(|key| key.as_n().ok()?.parse().ok());
    sequence.ok_or_else(|| DigestError::damaged("a head", "its sort key is no sequence"))
}

/// Before what was left undone is asked for again: 20 ms, then twice as long each time.
async fn pause(round: u32) {
    tokio::time::sleep(Duration::from_millis(20 << round.min(6))).await;
}
