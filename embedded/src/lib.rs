//! A DynamoDB engine in this process, reached through the ordinary AWS SDK.
//!
//! [`Engine::memory`] is for tests, [`Engine::open`] for a store in a directory. [`Engine::client`] gives an
//! `aws_sdk_dynamodb::Client` whose requests never leave the process: code written for DynamoDB runs unchanged.
//! [`Engine::stream`] reads a table's stream, and [`Engine::serve_socket`] lets other programs in.
//!
//! Underneath is dynoxide, a DynamoDB engine on SQLite. All writes go through one thread, one after the other, and every
//! one but those of [`Engine::derived_client`] is on the disk before it is answered; those that wait at the same time
//! share one sync. Reads go beside them, and are always consistent.

mod connector;
mod data_dir;
mod dispatch;
mod durability;
mod engine;
mod error;
#[cfg(test)]
mod group_commit_tests;
mod integrity;
mod jobs;
mod reader;
mod settings;
mod socket;
mod socket_client;
mod stream;
mod stream_index;
mod stream_log;
mod tables;
mod unfinished;
mod worker;

pub use engine::Engine;
pub use error::EngineError;
pub use socket::SocketHandle;
pub use socket_client::socket_client;
pub use stream::{StreamRecord, StreamTail};
