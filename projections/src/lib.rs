//! The read side: the projector, and one module per read model with the queries that read it.
//!
//! An event on the bus is a hint; the event store is the truth. A [`Projection`] says purely how one aggregate's events
//! make its row; a [`Projector`] hosts it: it takes events in any order and number, and brings each row to where its
//! history is. The same projection is hosted by the Lambda, the local program, a [rebuild](rebuild::Rebuild) and
//! [`ProjectionSpec`](spec::ProjectionSpec).

mod advance;
mod attribute;
mod cursor;
mod listing;
mod read_models;
mod stream_scan;

pub mod audit_log;
pub mod directory;
pub mod error;
pub mod feed;
pub mod generations;
pub mod hosted;
pub mod projection;
pub mod projector;
pub mod rebuild;
pub mod reconcile;
pub mod rows;
pub mod spec;
pub mod status;
pub mod task_list;
pub mod task_past;

pub use audit_log::{AuditLog, AuditQueries};
pub use directory::{Directory, DirectoryQueries};
pub use error::{CursorError, QueryError, StoreError};
pub use feed::{Feed, FeedCursor, FeedError, FeedOrder, FeedQueries};
pub use generations::{GenerationState, Generations};
pub use hosted::{Hosted, host, hosted, hosted_over};
pub use listing::{Listed, Page};
pub use projection::{Entry, IndexKey, KeyValue, Place, Poison, Projection};
pub use projector::{Failure, Message, Projector, RepairError, Repaired};
pub use read_models::ReadModels;
pub use task_list::{TaskDocument, TaskFilter, TaskList, TaskPage, TaskQueries, TaskSort, TitleWords, fold_task};
pub use task_past::{TaskPast, TaskPastQueries};
