//! The proof of histories: what somebody does to an export who cannot sign is found and named, by both verifiers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may panic, in its helpers too")]

mod bytes;
mod cases;
mod inclusion;
mod lists;
mod python;
mod sample;
mod store;
