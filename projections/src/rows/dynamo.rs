//! Rows in a DynamoDB table.
//!
//! A row is the item `pk` = the stream, `sk` = `row`, with `as_of` (N), `projection_version` (N), `row` (M), `parked`
//! (M, only where it stopped), `places` (L, where it has some) and the index keys at the top level. A place is the item `pk` = the
//! stream, `sk` = `in#…`, with `facts` (M) and its index keys. An entry is the item `pk` = the stream, `sk` =
//! `v#<20 digits>`, with `entry` (M) and its index keys.

use std::collections::HashMap;
use std::fmt::Display;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, KeysAndAttributes, Put, PutRequest, TransactWriteItem, WriteRequest,
};
use muster_domain::StreamId;
use muster_domain::mutant::{Mutant, planted};
use serde_json::Value;

use super::{NewRow, RowCursor, RowHead, RowPage, RowStore, SaveError, StoredRow};
use crate::attribute::{self, Item, Reader, number, text};
use crate::error::StoreError;
use crate::projection::{Entry, Place};

/// The sort key of every row.
pub(crate) const ROW: &str = "row";
/// The most items in one `BatchGetItem`.
const MAX_GET: usize = 100;
/// The most items in one transaction.
const MAX_TRANSACTION: usize = 100;
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
}

impl DynamoRows {
    /// The rows in the table of this physical name.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
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
            places: if item.contains_key("places") { read.typed("places")? } else { Vec::new() },
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

    /// Puts the row and its places, and takes away those that it has no longer: all at once. Only where it had so many others that
    /// they do not fit are those taken away before, from a row that is still as it was; whoever moves it next puts its places again.
    async fn put_with_places(&self, stream: &StreamId, expected: u64, put: Put, row: &NewRow) -> Result<(), SaveError> {
        let delete = |place: &String| -> Result<TransactWriteItem, SaveError> {
            let delete = Delete::builder().table_name(&self.table).set_key(Some(keyed(stream, place))).build();
            Ok(TransactWriteItem::builder().delete(delete.map_err(|error| self.unbuilt(error))?).build())
        };
        let mut writes = vec![TransactWriteItem::builder().put(put).build()];
        for place in &row.places {
            let put = self.place(stream, place)?.build().map_err(|error| self.unbuilt(error))?;
            writes.push(TransactWriteItem::builder().put(put).build());
        }
        let gone: Vec<_> = row.gone.iter().map(delete).collect::<Result<_, _>>()?;
        let fit = gone.len().min(MAX_TRANSACTION.saturating_sub(writes.len()));
        let (last, before) = gone.split_at(fit);
        for some in before.chunks(MAX_TRANSACTION - 1) {
            let unmoved = ConditionCheck::builder()
                .table_name(&self.table)
                .set_key(Some(keyed(stream, ROW)))
                .condition_expression("as_of = :expected")
                .expression_attribute_values(":expected", number(&expected))
                .build()
                .map_err(|error| self.unbuilt(error))?;
            let mut deletes = vec![TransactWriteItem::builder().condition_check(unmoved).build()];
            deletes.extend_from_slice(some);
            self.transact(deletes).await?;
        }
        writes.extend_from_slice(last);
        self.transact(writes).await
    }

    async fn transact(&self, writes: Vec<TransactWriteItem>) -> Result<(), SaveError> {
        let sent = self.client.transact_write_items().set_transact_items(Some(writes)).send().await;
        sent.map(|_| ()).map_err(|error| match error.as_service_error() {
            // Others are at the same items: what they come to counts.
            Some(TransactWriteItemsError::TransactionCanceledException(canceled))
                if canceled
                    .cancellation_reasons()
                    .iter()
                    .any(|reason| matches!(reason.code(), Some("ConditionalCheckFailed" | "TransactionConflict"))) =>
            {
                SaveError::Conflict
            }
            _ => self.unavailable(error).into(),
        })
    }

    fn place(
        &self,
        stream: &StreamId,
        place: &Place,
    ) -> Result<aws_sdk_dynamodb::types::builders::PutBuilder, SaveError> {
        let facts = attribute::from_json(&place.facts).map_err(|error| self.damaged(stream, &error))?;
        let mut item = keyed(stream, &place.sort_key);
        item.insert("facts".to_owned(), facts);
        item.extend(place.keys.iter().map(|(name, value)| ((*name).to_owned(), attribute::key(value))));
        Ok(Put::builder().table_name(&self.table).set_item(Some(item)))
    }

    fn unbuilt(&self, error: BuildError) -> SaveError {
        self.unavailable(error).into()
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

/// The key of an item beside the row, or of the row.
fn keyed(stream: &StreamId, sort_key: &str) -> Item {
    Item::from([key("pk", stream), key("sk", sort_key)])
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
        let NewRow { stored, keys, places, gone } = &row;
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
        if !stored.places.is_empty() {
            item.insert("places".to_owned(), AttributeValue::L(stored.places.iter().map(text).collect()));
        }
        item.extend(keys.iter().map(|(name, value)| ((*name).to_owned(), attribute::key(value))));
        let condition =
            if expected == 0 { "attribute_not_exists(pk) OR as_of = :expected" } else { "as_of = :expected" };
        if !places.is_empty() || !gone.is_empty() {
            let mut put = Put::builder().table_name(&self.table).set_item(Some(item));
            if !planted(Mutant::NoRowCondition) {
                put = put.condition_expression(condition).expression_attribute_values(":expected", number(&expected));
            }
            let put = put.build().map_err(|error| self.unbuilt(error))?;
            return self.put_with_places(stream, expected, put, &row).await;
        }
        let mut put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        if !planted(Mutant::NoRowCondition) {
            put = put.condition_expression(condition).expression_attribute_values(":expected", number(&expected));
        }
        match put.send().await {
            Ok(_) => Ok(()),
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
