//! The read side on the real engine.

#![expect(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

mod audit;
mod directory;
mod feed;
mod generations;
mod oracle;
mod past;
mod projector;
mod rebuild;
mod reconcile;
mod rows;
mod scans;
mod support;
mod tasks;
mod topology;
