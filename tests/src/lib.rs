//! What crosses rooms: store conformance, end to end, crashes.

pub mod tables;
