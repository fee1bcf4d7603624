//! Rows in a DynamoDB table.
//!
//! A row is the item `pk` = the stream, `sk` = `row`, with `as_of` (N), `projection_version` (N), `row` (M), `parked`
//! (M, only where it stopped) and the index keys at the top level. An entry is the item `pk` = the stream, `sk` =
//! `v#<20 digits>`, with `entry` (M) and its index keys.

use std::collections::HashMap;
use std::fmt::Display;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{KeysAndAttributes, PutRequest, WriteRequest};
use muster_domain::StreamId;
use muster_domain::mutant::{Mutant, planted};
use serde_json::Value;

use super::{NewRow, RowCursor, RowHead, RowPage, RowStore, SaveError, StoredRow};
use crate::attribute::{self, Item, Reader, number, text};
use crate::error::StoreError;
use crate::feed::FeedOrder;
use crate::projection::Entry;

/// The sort key of every row.
pub(crate) const ROW: &str = "row";
/// The most items in one `BatchGetItem`.
const MAX_GET: usize = 100;
/// The most items in one `BatchWriteItem`.
const MAX_WRITE: usize = 25;
/// How many items a page of a scan looks at, at most: the embedded store reads all that is left of a table for a page
/// without a limit.
const SCAN_LIMIT: i32 = 1_000;
/// How often what a batch call left undone is asked for again.
const MAX_ROUNDS: u32 = 8;

/// The rows in one physical table.
#[derive(Clone, Debug)]
pub struct DynamoRows {
    client: Client,
    table: String,
    /// Where the aggregates' events get their places before their rows are moved; of the feed's rows only.
    order: Option<FeedOrder>,
}

impl DynamoRows {
    /// The rows in the table of this physical name.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into(), order: None }
    }

    /// The same, whose aggregates' events get their places in this order.
    #[must_use]
    pub fn in_order(self, order: FeedOrder) -> Self {
        Self { order: Some(order), ..self }
    }

    /// The physical name of the table.
    pub fn table(&self) -> &str {
        &self.table
    }

    fn unavailable(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
        StoreError::unavailable(&self.table, source)
    }

    fn damaged(&self, stream: &StreamId, reason: &dyn Display) -> StoreError {
        StoreError::damaged(&self.table, stream, reason)
    }

    async fn load_some(&self, streams: &[StreamId], found: &mut HashMap<String, StoredRow>) -> Result<(), StoreError> {
        let keys = streams.iter().map(|stream| Item::from([key("pk", stream), key("sk", ROW)])).collect();
        let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
        let mut requests = HashMap::from([(self.table.clone(), wanted.map_err(|error| self.unavailable(error))?)]);
        for round in 0..MAX_ROUNDS {
            let call = self.client.batch_get_item().set_request_items(Some(requests)).send().await;
            let answer = call.map_err(|error| self.unavailable(error))?;
            for item in answer.responses.unwrap_or_default().into_values().flatten() {
                let row = self.stored(&item)?;
                found.insert(Reader { table: &self.table, item: &item }.text("pk")?.to_owned(), row);
            }
            requests = answer.unprocessed_keys.filter(|_| !planted(Mutant::UnprocessedDropped)).unwrap_or_default();
            if requests.is_empty() {
                return Ok(());
            }
            pause(round).await;
        }
        Err(self.unavailable("keys stayed unprocessed"))
    }

    fn stored(&self, item: &Item) -> Result<StoredRow, StoreError> {
        let read = Reader { table: &self.table, item };
        Ok(StoredRow {
            as_of: read.number("as_of")?,
            projection_version: u32::try_from(read.number("projection_version")?).unwrap_or(u32::MAX),
            row: read.json("row")?,
            parked: if item.contains_key("parked") { Some(read.typed("parked")?) } else { None },
        })
    }

    async fn put_entries(&self, stream: &StreamId, entries: &[Entry]) -> Result<(), StoreError> {
        let mut puts = Vec::with_capacity(entries.len());
        for entry in entries {
            let body = attribute::from_json(&entry.body).map_err(|error| self.damaged(stream, &error))?;
            let mut item = Item::from([key("pk", stream), key("sk", &entry.sort_key), ("entry".to_owned(), body)]);
            item.extend(entry.keys.iter().map(|(name, value)| ((*name).to_owned(), attribute::key(value))));
            let put = PutRequest::builder().set_item(Some(item)).build().map_err(|error| self.unavailable(error))?;
            puts.push(WriteRequest::builder().put_request(put).build());
        }
        for some in puts.chunks(MAX_WRITE) {
            self.write(some.to_vec()).await?;
        }
        Ok(())
    }

    async fn write(&self, puts: Vec<WriteRequest>) -> Result<(), StoreError> {
        let mut requests = HashMap::from([(self.table.clone(), puts)]);
        for round in 0..MAX_ROUNDS {
            let call = self.client.batch_write_item().set_request_items(Some(requests)).send().await;
            let unprocessed = call.map_err(|error| self.unavailable(error))?.unprocessed_items;
            requests = unprocessed.filter(|_| !planted(Mutant::UnprocessedDropped)).unwrap_or_default();
            if requests.is_empty() {
                return Ok(());
            }
            pause(round).await;
        }
        Err(self.unavailable("items stayed unprocessed"))
    }
}

/// Before what was left undone is asked for again: 20 ms, then twice as long each time.
async fn pause(round: u32) {
    tokio::time::sleep(Duration::from_millis(20 << round.min(6))).await;
}

fn key(name: &str, value: &(impl ToString + ?Sized)) -> (String, aws_sdk_dynamodb::types::AttributeValue) {
    (name.to_owned(), text(value))
}

fn head(stream: StreamId, read: &Reader<'_>) -> Result<RowHead, StoreError> {
    let parked = if read.item.contains_key("parked") { Some(read.typed("parked")?) } else { None };
    Ok(RowHead { stream, as_of: read.number("as_of")?, parked })
}

#[async_trait]
impl RowStore for DynamoRows {
    async fn load(&self, streams: &[StreamId]) -> Result<Vec<Option<StoredRow>>, StoreError> {
        let mut found = HashMap::new();
        for some in streams.chunks(MAX_GET) {
            self.load_some(some, &mut found).await?;
        }
        Ok(streams.iter().map(|stream| found.remove(&stream.to_string())).collect())
    }

    async fn save(&self, stream: &StreamId, expected: u64, row: NewRow, entries: Vec<Entry>) -> Result<(), SaveError> {
        self.put_entries(stream, &entries).await?;
        // Before the row, which tells the next projector that nothing is left to do.
        let (order, late) = (self.order.as_ref(), planted(Mutant::FeedPlacesAfterRow));
        let reached = row.stored.as_of;
        if let Some(order) = order.filter(|_| !late) {
            order.extend(stream, reached).await?;
        }
        let NewRow { stored, keys } = row;
        let mut item = Item::from([
            key("pk", stream),
            key("sk", ROW),
            ("as_of".to_owned(), number(&stored.as_of)),
            ("projection_version".to_owned(), number(&stored.projection_version)),
        ]);
        if let Some(row) = &stored.row {
            let row = attribute::from_json(row).map_err(|error| self.damaged(stream, &error))?;
            item.insert("row".to_owned(), row);
        }
        if let Some(parked) = &stored.parked {
            let parked = serde_dynamo::to_attribute_value(parked).map_err(|error| self.damaged(stream, &error))?;
            item.insert("parked".to_owned(), parked);
        }
        item.extend(keys.iter().map(|(name, value)| ((*name).to_owned(), attribute::key(value))));
        let condition =
            if expected == 0 { "attribute_not_exists(pk) OR as_of = :expected" } else { "as_of = :expected" };
        let mut put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        if !planted(Mutant::NoRowCondition) {
            put = put.condition_expression(condition).expression_attribute_values(":expected", number(&expected));
        }
        match put.send().await {
            Ok(_) => match order.filter(|_| late) {
                Some(order) => Ok(order.extend(stream, reached).await?),
                None => Ok(()),
            },
            Err(SdkError::ServiceError(error))
                if matches!(error.err(), PutItemError::ConditionalCheckFailedException(_)) =>
            {
                Err(SaveError::Conflict)
            }
            Err(error) => Err(self.unavailable(error).into()),
        }
    }

    async fn entries(&self, stream: &StreamId) -> Result<Vec<(String, Value)>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :stream AND begins_with(sk, :entry)")
            .expression_attribute_values(":stream", text(stream))
            .expression_attribute_values(":entry", text("v#"));
        let mut pages = query.into_paginator().send();
        let mut entries = Vec::new();
        while let Some(page) = pages.next().await {
            for item in page.map_err(|error| self.unavailable(error))?.items.unwrap_or_default() {
                let read = Reader { table: &self.table, item: &item };
                entries.push((read.text("sk")?.to_owned(), read.typed("entry")?));
            }
        }
        Ok(entries)
    }

    async fn scan(&self, segment: u32, segments: u32, cursor: Option<RowCursor>) -> Result<RowPage, StoreError> {
        let parts = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
        let start = cursor.map(|at| Item::from([key("pk", &at.pk), key("sk", &at.sk)]));
        let scan = self
            .client
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .set_segment((segments > 1).then(|| parts(segment)))
            .set_total_segments((segments > 1).then(|| parts(segments)))
            .limit(SCAN_LIMIT)
            .filter_expression("sk = :row")
            .expression_attribute_values(":row", text(ROW))
            .projection_expression("pk, as_of, parked")
            .set_exclusive_start_key(start);
        let answer = scan.send().await.map_err(|error| self.unavailable(error))?;
        let mut page = RowPage::default();
        for item in answer.items.unwrap_or_default() {
            let read = Reader { table: &self.table, item: &item };
            let stream = match read.stream() {
                Ok(stream) => stream,
                Err(error) => {
                    // Nobody asks for such a row.
                    tracing::error!(%error, "a row of no aggregate");
                    continue;
                }
            };
            match head(stream, &read) {
                Ok(head) => page.rows.push(head),
                Err(error) => page.damaged.push((stream, error)),
            }
        }
        if let Some(last) = answer.last_evaluated_key {
            let read = Reader { table: &self.table, item: &last };
            page.next = Some(RowCursor { pk: read.text("pk")?.to_owned(), sk: read.text("sk")?.to_owned() });
        }
        Ok(page)
    }
}
