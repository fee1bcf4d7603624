//! The sender of webhooks against receivers that mean no good, over real connections and the real engine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a helper of a test fails the test")]

#[path = "../support/mod.rs"]
mod support;

mod receiver;
mod world;

mod answers;
mod log;
mod once;
mod reach;
mod retries;
mod signatures;
mod subscriptions;
