//! The write side: the DynamoDB event store, the command handler, idempotency.
//!
//! Three layers, each over the one below:
//!
//! - [`CommitLog`] is what a store of commits can do, page by page and item by item: [`DynamoLog`] on DynamoDB,
//!   [`MemoryLog`] in memory. A faulty or slow log can take its place under everything else.
//! - [`EventStore`] makes aggregates of commits and commits of events. It is a `cqrs_es::EventStore` and a
//!   `muster_domain::EventReader`.
//! - [`CommandHandler`] carries out commands: expected version, idempotency, bounded retry.

mod backoff;
mod cache;
mod context;
mod cqrs;
mod dynamo;
mod error;
mod expected;
mod handler;
mod item;
mod limits;
mod log;
mod memory;
mod metadata;
mod outcome;
mod reader;
mod recent;
mod restore;
mod roster;
mod store;
#[cfg(test)]
mod tests;
mod trace;

pub use cache::CACHE_BYTES;
pub use context::Context;
pub use dynamo::DynamoLog;
pub use error::StoreError;
pub use expected::ExpectedVersion;
pub use handler::CommandHandler;
pub use item::{ItemError, commit_from_item, trace_from_item};
pub use limits::MAX_COMMIT_BYTES;
pub use log::{AppendError, BoxError, CarriedState, CommitLog, Direction, Page, PageQuery, StoredCommit};
pub use memory::MemoryLog;
pub use metadata::{MetadataError, metadata_from_map, metadata_to_map};
pub use outcome::{Committed, ExecuteError, GuardedError};
pub use recent::{REMEMBERED_COMMANDS, RecentCommand, RecentCommands};
pub use restore::{Prepared, RestoreError};
pub use store::{Appended, CARRY_EVERY, EventStore};
pub use trace::Trace;

/// The event store on DynamoDB.
pub type DynamoEventStore = EventStore<DynamoLog>;

/// The event store in memory.
pub type MemoryEventStore = EventStore<MemoryLog>;
