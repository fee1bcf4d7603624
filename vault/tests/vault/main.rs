//! The keys of people in a table of the embedded engine.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a store that fails is a failed test")]

mod copies;
mod keys;
mod support;
