//! Tables, keys, indexes, projections and bus rules, as `schemas/topology.json` names them. The local program and the
//! AWS stacks read that one file, so that they cannot drift apart.

mod indexes;
mod tables;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

pub use tables::create_table;

/// The file, as it was when this program was built.
const TOPOLOGY: &str = include_str!("../../../schemas/topology.json");

/// What Muster is made of outside its code.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// The tables that are always there, by name.
    pub tables: BTreeMap<String, TableShape>,
    /// The bus.
    pub bus: Bus,
    /// The projections, by name. Each has a table for each of its generations.
    pub projections: BTreeMap<String, ProjectionShape>,
    /// What has effects outside, by name. They are on AWS only so far.
    pub reactors: BTreeMap<String, ReactorShape>,
}

/// A table's keys, indexes and switches.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableShape {
    /// What it is for.
    pub purpose: String,
    /// The key: its attributes are always called `pk` and `sk`.
    pub key: Key,
    /// Global secondary indexes.
    #[serde(default)]
    pub indexes: Vec<Index>,
    /// What the table's stream carries, if it has one.
    #[serde(default)]
    pub stream: Option<StreamView>,
    /// The attribute that says when an item expires, in seconds since 1970.
    #[serde(default)]
    pub ttl: Option<String>,
}

/// The types of `pk` and `sk`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// The partition key.
    pub pk: AttributeType,
    /// The sort key.
    #[serde(default)]
    pub sk: Option<AttributeType>,
}

/// A type of key attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum AttributeType {
    /// String.
    S,
    /// Number.
    N,
}

/// What a stream carries.
#[derive(Clone, Copy, Debug, Deserialize)]
pub enum StreamView {
    /// The item as it was written.
    #[serde(rename = "NEW_IMAGE")]
    NewImage,
}

/// A global secondary index.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// Its partition key.
    pub pk: KeyAttribute,
    /// Its sort key.
    #[serde(default)]
    pub sk: Option<KeyAttribute>,
    /// The attributes that it holds besides keys; all, if this is left out. A change of others is no write to it.
    #[serde(default)]
    pub holds: Option<Vec<String>>,
}

/// A key attribute of an index.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyAttribute {
    /// The attribute.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: AttributeType,
}

/// The bus that carries recorded events.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bus {
    /// Its name, without the stage's prefix.
    pub name: String,
    /// The `source` of every event on it.
    pub source: String,
}

/// A projection: its table, its rule on the bus and its queue.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectionShape {
    /// The version of its rows' shape.
    pub version: u32,
    /// The kinds of aggregate whose events it takes.
    pub consumes: Vec<String>,
    /// The pattern of its rule on the bus.
    pub rule: Value,
    /// The key of its tables.
    pub key: Key,
    /// The indexes of its tables.
    #[serde(default)]
    pub indexes: Vec<Index>,
    /// Its queue.
    pub queue: QueueShape,
}

/// A reactor: its rule on the bus and its queue.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReactorShape {
    /// What it is for.
    pub purpose: String,
    /// The pattern of its rule on the bus.
    pub rule: Value,
    /// Its queue.
    pub queue: QueueShape,
}

/// A queue between the bus and what takes its events.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueShape {
    /// How many messages are taken at once.
    pub batch_size: usize,
    /// How long to wait for a batch to fill.
    pub batch_window_seconds: u32,
    /// How long a message that was taken is kept from others; then it is delivered again.
    pub visibility_timeout_seconds: u32,
    /// How often SQS delivers a message before it goes to the dead-letter queue. The local program parks poison at once,
    /// delivers so often to a projector that panics, and to one whose store fails until it recovers.
    pub max_receives: u32,
}

impl Topology {
    /// The queue of the projection or reactor of this name.
    pub fn queue_of(&self, name: &str) -> Option<QueueShape> {
        let projection = self.projections.get(name).map(|shape| shape.queue);
        projection.or_else(|| self.reactors.get(name).map(|shape| shape.queue))
    }
}

impl ProjectionShape {
    /// The shape of this projection's tables.
    pub fn table(&self) -> TableShape {
        TableShape {
            purpose: "a read model".to_owned(),
            key: self.key,
            indexes: self.indexes.clone(),
            stream: None,
            ttl: None,
        }
    }
}

/// Why the topology could not be used.
#[derive(Debug, thiserror::Error)]
pub enum TopologyError {
    /// The file is not as this program expects.
    #[error("schemas/topology.json: {0}")]
    File(#[from] serde_json::Error),
    /// A table could not be made.
    #[error("the table {table} could not be created: {reason}")]
    CreateTable {
        /// The table.
        table: String,
        /// What the store said.
        reason: String,
    },
    /// A table of an older program lacks an index, and could not be given it.
    #[error("the table {table} has not the indexes that this program reads it by: {reason}")]
    AddIndex {
        /// The table.
        table: String,
        /// What is in the way.
        reason: String,
    },
}

impl Topology {
    /// What `schemas/topology.json` says.
    pub fn load() -> Result<Self, TopologyError> {
        Ok(serde_json::from_str(TOPOLOGY)?)
    }
}
