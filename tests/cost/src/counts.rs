//! What AWS counts.

use std::collections::BTreeMap;

use crate::capacity::Units;

/// What AWS counted.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) commands: u64,
    pub(crate) capacity: Units,
    /// By the name of the binary.
    pub(crate) functions: BTreeMap<&'static str, Calls>,
    /// Events on the bus, by begun 64 KB.
    pub(crate) events: u64,
    pub(crate) archived_bytes: u64,
    pub(crate) queue_requests: u64,
    pub(crate) log_bytes: u64,
    pub(crate) mails: u64,
    pub(crate) notices: u64,
}

/// The invocations of a function.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Calls {
    pub(crate) invocations: u64,
    /// Requests, commits or messages, over all invocations.
    pub(crate) items: u64,
}
