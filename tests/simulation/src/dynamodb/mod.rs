//! A model of DynamoDB in memory, at the level of its JSON protocol: what Muster sends, answered as DynamoDB answers.
//!
//! It is made to be fast and to be the same in every run: no clock, no chance, no thread. It answers at once and reads
//! are always consistent; lateness and faults come from what is in front of it. An operation, a field, a function or a
//! type that it does not know is answered with status 500 and kept in [`Model::not_modelled`].
//!
//! Not modelled: sets, binary values as keys and prefixes, of `UpdateItem` all but `SET` of whole attributes to values, indexes that hold a
//! part of an item, local indexes, capacity, expiry, `UnprocessedItems` (only a fault makes those), and that a global index lags behind its table.

mod evaluate;
mod expression;
mod key;
mod number;
mod page;
mod query;
mod read;
mod refusal;
mod requests;
mod scan;
mod table;
mod tables;
mod transact;
mod update;
mod value;
mod write;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::backend::{Answer, Backend};
use expression::{Condition, Parsed, Step};
use refusal::Refusal;
use table::{Recorder, Table, number_of};
use transact::Token;

/// The store.
#[derive(Debug, Default)]
pub struct Model {
    tables: BTreeMap<String, Table>,
    tokens: HashMap<String, Token>,
    recorder: Recorder,
    expressions: Expressions,
    not_modelled: Vec<String>,
}

/// Every expression that was met, by its text: there are few, and each is sent often.
#[derive(Debug, Default)]
struct Expressions {
    conditions: HashMap<String, Arc<Parsed<Condition>>>,
    projections: HashMap<String, Arc<Parsed<Vec<Step>>>>,
}

impl Expressions {
    fn condition(&mut self, text: &str) -> Result<Arc<Parsed<Condition>>, Refusal> {
        remembered(&mut self.conditions, text, expression::condition)
    }

    fn projection(&mut self, text: &str) -> Result<Arc<Parsed<Vec<Step>>>, Refusal> {
        remembered(&mut self.projections, text, expression::projection)
    }
}

fn remembered<T>(
    known: &mut HashMap<String, Arc<T>>,
    text: &str,
    read: impl FnOnce(&str) -> Result<T, Refusal>,
) -> Result<Arc<T>, Refusal> {
    if let Some(found) = known.get(text) {
        return Ok(Arc::clone(found));
    }
    let parsed = Arc::new(read(text)?);
    known.insert(text.to_owned(), Arc::clone(&parsed));
    Ok(parsed)
}

impl Model {
    /// A store without tables.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets its time, in seconds since 1970: the time of stream records, and what tokens of transactions expire by.
    pub fn set_now(&mut self, seconds: i64) {
        self.recorder.now = seconds;
    }

    /// What was asked for and is not modelled. A run in which this is not empty says nothing.
    pub fn not_modelled(&self) -> &[String] {
        &self.not_modelled
    }

    /// Forgets the records of a table's stream up to and including this sequence number, as DynamoDB does after 24
    /// hours.
    pub fn trim(&mut self, table: &str, up_to_sequence: &str) {
        if let Some(stream) = self.tables.get_mut(table).and_then(|table| table.stream.as_mut()) {
            let kept_from = stream.partition_point(|record| record.number() <= number_of(up_to_sequence));
            stream.drain(..kept_from);
        }
    }

    fn run(&mut self, operation: &str, body: &[u8]) -> Result<Vec<u8>, Refusal> {
        match operation {
            "PutItem" => self.put_item(request(body)?),
            "UpdateItem" => self.update_item(&request(body)?),
            "GetItem" => self.get_item(&request(body)?),
            "DeleteItem" => self.delete_item(&request(body)?),
            "Query" => self.query(&request(body)?),
            "Scan" => self.scan(&request(body)?),
            "BatchGetItem" => self.batch_get(&request(body)?),
            "BatchWriteItem" => self.batch_write(request(body)?),
            "TransactWriteItems" => self.transact_write(&request(body)?),
            "CreateTable" => self.create_table(&request(body)?),
            "DescribeTable" => self.describe_table(&request(body)?),
            "DeleteTable" => self.delete_table(&request(body)?),
            "ListTables" => self.list_tables(&request(body)?),
            "UpdateTimeToLive" => self.update_time_to_live(request(body)?),
            "DescribeTimeToLive" => self.describe_time_to_live(&request(body)?),
            _ => Err(Refusal::NotModelled(format!("the operation {operation}"))),
        }
    }

    fn table(&self, name: &str) -> Result<&Table, Refusal> {
        self.tables.get(name).ok_or_else(no_table)
    }
}

fn no_table() -> Refusal {
    Refusal::NotFound("Requested resource not found".to_owned())
}

fn request<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::of_body(&error))
}

impl Backend for Model {
    fn execute(&mut self, operation: &str, body: &[u8]) -> Answer {
        match self.run(operation, body) {
            Ok(body) => Answer { status: 200, body },
            Err(refusal) => {
                if let Refusal::NotModelled(what) = &refusal {
                    self.not_modelled.push(format!("{operation}: {what}"));
                }
                refusal.answer()
            }
        }
    }

    fn stream(&mut self, table: &str, after: Option<&str>, limit: usize) -> Vec<Value> {
        let after = after.map_or(0, number_of);
        self.tables.get(table).map(|table| table.read_stream(after, limit)).unwrap_or_default()
    }

    fn items(&mut self, table: &str) -> Vec<Value> {
        let partitions = self.tables.get(table).into_iter().flat_map(|table| table.partitions.values());
        // What was written here is read again without fail.
        partitions
            .flat_map(BTreeMap::values)
            .map(|item| serde_json::from_slice(&item.json).unwrap_or_default())
            .collect()
    }
}
