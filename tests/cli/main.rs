//! The program as an operator uses it: how it starts and ends, what it refuses, and its commands on a live server.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic, in its helpers too")]

mod support;

mod commands;
mod exports;
mod imports;
mod life;
mod refusals;
mod secrets;
