//! What stands for AWS and for time.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::{Clock, RecordedEvent};
use muster_handlers::notifier::{Channel, Letter, NotSent};
use muster_handlers::publisher::{BusError, Entry, EventBus, PutOutcome};

use crate::day;

/// From one command to the next.
const PACE: TimeDelta = TimeDelta::seconds(1);
/// From a command to its rows.
const LAG: TimeDelta = TimeDelta::milliseconds(1_200);

/// The clock of the day.
#[derive(Debug, Default)]
pub(crate) struct DayClock(AtomicI64);

impl DayClock {
    /// Goes on to the next command.
    pub(crate) fn go_on(&self) {
        self.0.fetch_add(PACE.num_milliseconds(), Ordering::Relaxed);
    }
}

impl Clock for DayClock {
    fn now(&self) -> DateTime<Utc> {
        day::begin() + TimeDelta::milliseconds(self.0.load(Ordering::Relaxed))
    }
}

/// The same, a little later.
pub(crate) struct Later<'a>(pub(crate) &'a DayClock);

impl Clock for Later<'_> {
    fn now(&self) -> DateTime<Utc> {
        self.0.now() + LAG
    }
}

/// Stands for EventBridge: takes everything, and keeps it.
#[derive(Default)]
pub(crate) struct Bus(Mutex<Vec<RecordedEvent>>);

impl Bus {
    /// What was put on it since the last time.
    pub(crate) fn take(&self) -> Vec<RecordedEvent> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl EventBus for Bus {
    async fn put(&self, entries: &[Entry]) -> Result<Vec<PutOutcome>, BusError> {
        let events = entries.iter().map(|entry| entry.event.clone());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(events);
        Ok(vec![PutOutcome::Accepted; entries.len()])
    }
}

/// Stands for SES or SNS: counts.
pub(crate) struct Post {
    name: &'static str,
    pub(crate) sent: AtomicU64,
}

impl Post {
    pub(crate) fn called(name: &'static str) -> Arc<Self> {
        Arc::new(Self { name, sent: AtomicU64::default() })
    }
}

#[async_trait]
impl Channel for Post {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn send(&self, _: &Letter) -> Result<(), NotSent> {
        self.sent.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
