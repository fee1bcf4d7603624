//! What a queue counts.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// What a queue has done since the start.
#[derive(Debug, Default)]
pub struct QueueMeter {
    pub(super) received: AtomicU64,
    pub(super) acknowledged: AtomicU64,
    pub(super) redelivered: AtomicU64,
    pub(super) parked: AtomicU64,
}

/// What a queue has done, at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct QueueStatus {
    /// Events that came from the bus.
    pub received: u64,
    /// Events that are done with: taken in or parked.
    pub acknowledged: u64,
    /// Deliveries after the first.
    pub redelivered: u64,
    /// Events that were parked.
    pub parked: u64,
    /// Events that the projection is behind.
    pub lag: u64,
}

impl QueueMeter {
    /// What it has done so far.
    pub fn read(&self) -> QueueStatus {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (acknowledged, received) = (read(&self.acknowledged), read(&self.received));
        QueueStatus {
            received,
            acknowledged,
            redelivered: read(&self.redelivered),
            parked: read(&self.parked),
            lag: received.saturating_sub(acknowledged),
        }
    }
}

/// One more.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
