//! What crosses rooms: store conformance, end to end, crashes.

pub mod client;
pub mod server;
pub mod tables;
