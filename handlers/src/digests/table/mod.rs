//! The table `digests`: the digests themselves, their leaves, and which head of each history is under one.
//!
//! | `pk` | `sk` | what |
//! |---|---|---|
//! | `digest` | its sequence | the digest, as it is published |
//! | `leaves#<root>` | 0, 1, 2, … | its leaves in their order, [`CHUNK`] in each item |
//! | a stream | 0 | the last head of it that is under a digest: `version`, `hash`, `digest` |
//! | a stream | a sequence | the head that this digest holds: `version`, `hash`, and its place `index` |
//! | `key` | a sequence | from this digest on: the public key that signs, `pem` |
//! | `mark` | see [`Mark`] | how far what follows a digest was done: `digest` |
//!
//! The digest's own item is what counts, and is written once. The leaves are there before it; what is kept by stream follows from
//! them, and is written again until the mark says that it is there.

mod heads;
mod item;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::describe_table::DescribeTableError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::query::{QueryError, QueryOutput};
use muster_domain::Hash;
use muster_domain::proof::{DigestKey, Leaf, SignedDigest};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::DigestError;
use item::{Item, item, key, read, text};

pub use heads::{Head, Holder};

/// How many leaves an item has at most: a third of what DynamoDB takes.
const CHUNK: usize = 1_000;

/// Digests in their table.
#[derive(Clone, Debug)]
pub struct DigestTable {
    client: Client,
    table: String,
}

/// What follows a digest, and how far it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Its heads are kept by their streams.
    Applied = 0,
    /// It was given to the archive.
    Archived = 1,
}

impl DigestTable {
    /// In the tables with this prefix.
    pub fn new(client: Client, prefix: &str) -> Self {
        Self { client, table: format!("{prefix}digests") }
    }

    /// The last digest.
    pub async fn last(&self) -> Result<Option<SignedDigest>, DigestError> {
        Ok(self.page(None, 1, true).await?.pop())
    }

    /// The digest of this sequence.
    pub async fn digest(&self, sequence: u64) -> Result<Option<SignedDigest>, DigestError> {
        self.get("digest", sequence).await
    }

    /// Digests in their order, or the other way round, from beyond this sequence.
    pub async fn page(
        &self,
        beyond: Option<u64>,
        limit: usize,
        descending: bool,
    ) -> Result<Vec<SignedDigest>, DigestError> {
        let start = beyond.map(|sequence| key("digest", sequence));
        let mut digests = Vec::new();
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :digest")
            .expression_attribute_values(":digest", text("digest"))
            .scan_index_forward(!descending)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(start)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            for item in items_of(page, "reading the digests")? {
                digests.push(read(item)?);
            }
            if digests.len() >= limit {
                break;
            }
        }
        Ok(digests)
    }

    /// The public keys that digests were signed with, the first one first.
    pub async fn keys(&self) -> Result<Vec<DigestKey>, DigestError> {
        let kept: Vec<KeptKey> = self.partition("key").await?;
        kept.into_iter().map(|key| DigestKey::from_hex(&key.point).map_err(DigestError::from)).collect()
    }

    /// Keeps the key that signs from this digest on, unless it is the last one that was kept.
    pub(super) async fn keep_key(&self, key: &DigestKey, from: u64) -> Result<(), DigestError> {
        let known = self.keys().await?;
        match known.last() {
            Some(last) if last == key => return Ok(()),
            Some(last) => {
                tracing::warn!(before = last.name(), now = key.name(), "another key signs the digests from now on");
            }
            None => {}
        }
        self.put("key", from, &KeptKey { kid: key.name(), point: key.to_hex() }).await
    }

    /// The leaves of a digest, in their order.
    pub async fn leaves(&self, digest: &SignedDigest) -> Result<Vec<Leaf>, DigestError> {
        let chunks: Vec<Chunk> = self.partition(&leaves_key(digest.root)).await?;
        let leaves: Vec<Leaf> = chunks.into_iter().flat_map(|chunk| chunk.leaves).collect();
        if leaves.len() as u64 == digest.leaves {
            return Ok(leaves);
        }
        let reason = format!("{} leaves are expected, and {} are there", digest.leaves, leaves.len());
        Err(DigestError::damaged(&leaves_key(digest.root), &reason))
    }

    /// Keeps leaves under the root of their tree. The same ones give the same items, whoever writes them.
    pub(super) async fn put_leaves(&self, root: Hash, leaves: &[Leaf]) -> Result<(), DigestError> {
        for (number, leaves) in (0..).zip(leaves.chunks(CHUNK)) {
            self.put(&leaves_key(root), number, &Chunk { leaves: leaves.to_vec() }).await?;
        }
        Ok(())
    }

    /// Writes the digest, unless another one stands in its place; whether it did.
    pub(super) async fn append(&self, digest: &SignedDigest) -> Result<bool, DigestError> {
        let item = item("digest", digest.sequence, digest)?;
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        match put.condition_expression("attribute_not_exists(pk)").send().await {
            Ok(_) => Ok(true),
            Err(SdkError::ServiceError(error))
                if matches!(error.err(), PutItemError::ConditionalCheckFailedException(_)) =>
            {
                // It may be this one, of which the answer got lost.
                Ok(self.digest(digest.sequence).await?.as_ref() == Some(digest))
            }
            Err(error) => Err(DigestError::of("writing a digest")(error)),
        }
    }

    /// Whether there is such a table. Not in a store that is older, or restored without it.
    pub async fn is_there(&self) -> Result<bool, DigestError> {
        match self.client.describe_table().table_name(&self.table).send().await {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(DescribeTableError::is_resource_not_found_exception) => {
                Ok(false)
            }
            Err(error) => Err(DigestError::of("looking for the table of digests")(error)),
        }
    }

    /// The last digest of which it is marked that something was done with it: 0 where it is of none.
    pub async fn marked(&self) -> Result<u64, DigestError> {
        Ok(self.mark(Mark::Applied).await?.max(self.mark(Mark::Archived).await?))
    }

    /// Up to which digest this was done.
    pub(super) async fn mark(&self, mark: Mark) -> Result<u64, DigestError> {
        Ok(self.get::<Done>("mark", mark as u64).await?.map_or(0, |done| done.digest))
    }

    /// It was done up to this digest.
    pub(super) async fn set_mark(&self, mark: Mark, digest: u64) -> Result<(), DigestError> {
        self.put("mark", mark as u64, &Done { digest }).await
    }

    async fn get<T: DeserializeOwned>(&self, pk: &str, sk: u64) -> Result<Option<T>, DigestError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key(pk, sk))).consistent_read(true);
        let answer = get.send().await.map_err(DigestError::of("reading the table of digests"))?;
        answer.item.map(read).transpose()
    }

    async fn partition<T: DeserializeOwned>(&self, pk: &str) -> Result<Vec<T>, DigestError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(pk))
            .into_paginator()
            .send();
        let mut all = Vec::new();
        while let Some(page) = pages.next().await {
            for item in items_of(page, "reading the table of digests")? {
                all.push(read(item)?);
            }
        }
        Ok(all)
    }

    async fn put(&self, pk: &str, sk: u64, content: &impl Serialize) -> Result<(), DigestError> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item(pk, sk, content)?));
        put.send().await.map(|_| ()).map_err(DigestError::of("writing into the table of digests"))
    }
}

#[derive(Serialize, Deserialize)]
struct Done {
    digest: u64,
}

/// Some leaves of a digest, in their order.
#[derive(Serialize, Deserialize)]
struct Chunk {
    leaves: Vec<Leaf>,
}

/// A public key, and its name.
#[derive(Serialize, Deserialize)]
struct KeptKey {
    kid: String,
    point: String,
}

/// The items of a page. In a store that has no such table, as it is older or restored without it, there are none.
fn items_of(
    page: Result<QueryOutput, SdkError<QueryError, HttpResponse>>,
    doing: &'static str,
) -> Result<Vec<Item>, DigestError> {
    match page {
        Ok(page) => Ok(page.items.unwrap_or_default()),
        Err(error) if error.as_service_error().is_some_and(QueryError::is_resource_not_found_exception) => {
            Ok(Vec::new())
        }
        Err(error) => Err(DigestError::of(doing)(error)),
    }
}

fn leaves_key(root: Hash) -> String {
    format!("leaves#{root}")
}
