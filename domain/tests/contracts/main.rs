//! The contracts with everybody outside: the JSON Schemas of the events in `schemas/events`, and an example of every shape
//! ever shipped in `schemas/golden`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a contract that cannot be read is a failed test")]

mod asyncapi;
mod golden;
mod published;
