//! What crosses rooms: store conformance, end to end, crashes.

pub mod client;
pub mod crash;
pub mod dynamodb_local;
pub mod issuer;
pub mod server;
pub mod smtp;
pub mod tables;
