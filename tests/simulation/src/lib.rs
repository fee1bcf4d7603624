//! A simulation of the whole system: the real command handler, publisher, projectors, reconciliation and rebuild, over
//! ports that fail in every way that the real ones do, in virtual time, from one seed.
//!
//! ```text
//! senders ─► command handlers ─┐                                        ┌─► the oracle reads what is stored
//!                              ▼                                        │
//!        port (faults) ─► store (model of DynamoDB, or the embedded engine)
//!                              │ stream
//!        AWS:   mapping (shards) ─► publisher ─► bus ─► queues ─► projectors ─► port (faults) ─► store
//!        local: the program's own pipeline, killed and started again
//! ```
//!
//! A run has one thread, one source of chance ([`World`](world::World)) and tokio's paused clock, so that a seed gives the
//! same run each time. Everything that a process sends goes through its [`Port`](port::Port), which is the HTTP connector
//! of its AWS SDK clients: the adapters above it are the real ones.

pub mod asks;
pub mod aws;
pub mod backend;
pub mod bus;
pub mod digesting;
pub mod dynamodb;
pub mod engine;
pub mod faults;
pub mod former;
pub mod instance;
pub mod keys;
pub mod lambda;
pub mod local;
pub mod mapping;
pub mod observed;
pub mod operators;
pub mod oracle;
pub mod port;
pub mod projecting;
pub mod queue;
pub mod reacting;
pub mod readers;
pub mod run;
pub mod senders;
pub mod sign_ins;
pub mod tables;
pub mod tamper;
pub mod trace;
pub mod world;
