//! A process: a Lambda's container, the local program, an operator's command. It can end at any call, or stand still.

use std::sync::atomic::{AtomicBool, Ordering};

use chrono::TimeDelta;
use tokio::sync::Notify;

/// One process, from its start to its end.
#[derive(Debug)]
pub struct Instance {
    /// Its number in the run.
    pub id: u32,
    /// What it is, for the trace.
    pub name: &'static str,
    /// How far its clock is from the true time.
    pub skew: TimeDelta,
    /// Whether it runs a program of another version: carried states have another schema, rows another version.
    pub former: bool,
    ended: AtomicBool,
    ends: Notify,
}

impl Instance {
    /// A process that runs.
    pub fn new(id: u32, name: &'static str, skew: TimeDelta, former: bool) -> Self {
        Self { id, name, skew, former, ended: AtomicBool::new(false), ends: Notify::new() }
    }

    /// Ends it: none of its calls has an effect or an answer any more.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
        self.ends.notify_waiters();
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Returns when it ends.
    pub async fn ending(&self) {
        let ends = self.ends.notified();
        if !self.has_ended() {
            ends.await;
        }
    }

    /// Goes on if it runs, and never returns if it has ended: what is left of it must not act.
    pub async fn alive(&self) {
        if self.has_ended() {
            std::future::pending::<()>().await;
        }
    }
}
