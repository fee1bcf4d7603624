//! The local program's parts on the real engine, in memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic, in its helpers too")]

mod demo;
mod every_kind;
mod import;
mod import_tasks;
mod listen;
mod pipeline;
mod rebuild;
mod recurring;
mod redrive;
mod reminders;
mod setup;
mod support;
mod tls;
mod verify;
