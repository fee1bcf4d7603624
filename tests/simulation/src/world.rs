//! What all processes of a run share: the store, the queues, the one source of chance, the clock and the trace.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::Clock;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::backend::{Answer, Backend};
use crate::faults::{Fate, Faults};
use crate::instance::Instance;
use crate::observed::{EventWrite, RowWrite};
use crate::queue::Queue;
use crate::trace::Trace;

/// What stands before the name of every table: the program's own.
pub const PREFIX: &str = muster_cli::system::PREFIX;

/// How far a clock may be off.
const SKEW: i64 = 300;

/// The virtual world of one run.
#[derive(Debug)]
pub struct World {
    start: Instant,
    /// The true time at its start.
    epoch: DateTime<Utc>,
    inner: Mutex<Inner>,
    /// Wakes whoever reads the stream.
    pub written: Notify,
}

/// What is behind the lock. There is one thread, so nobody ever waits for it.
#[derive(Debug)]
pub struct Inner {
    /// The one source of chance.
    pub rng: fastrand::Rng,
    /// The faults that happen now.
    pub faults: Faults,
    /// The course of the run.
    pub trace: Trace,
    /// The queue of each projection.
    pub queues: BTreeMap<String, Queue>,
    /// Writes to the event table, in order.
    pub event_writes: Vec<EventWrite>,
    /// Writes of rows, in order.
    pub row_writes: Vec<RowWrite>,
    /// Writes that are still to happen although nobody waits for them.
    pub late: usize,
    /// Records or messages were lost for good, so that only a reconciliation finds what they told of.
    pub lossy: bool,
    /// Programs of two versions run side by side.
    pub mixed: bool,
    /// What the code under test panicked with.
    pub panics: Vec<String>,
    backend: Box<dyn Backend>,
    /// The places that are taken in the event table.
    places: HashSet<(String, u64)>,
    /// When an item of the event table was written: a stale read does not see what is fresh.
    fresh: HashMap<(String, u64), Duration>,
    instances: u32,
}

impl World {
    /// A world over this store.
    pub fn new(seed: u64, backend: Box<dyn Backend>, keep_trace: bool) -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            epoch: DateTime::from_timestamp_millis(1_772_400_000_000).unwrap_or_default(),
            inner: Mutex::new(Inner {
                rng: fastrand::Rng::with_seed(seed),
                faults: Faults::none(),
                trace: Trace::new(keep_trace),
                queues: BTreeMap::new(),
                event_writes: Vec::new(),
                row_writes: Vec::new(),
                late: 0,
                lossy: false,
                mixed: false,
                panics: Vec::new(),
                backend,
                places: HashSet::new(),
                fresh: HashMap::new(),
                instances: 0,
            }),
            written: Notify::new(),
        })
    }

    /// All of it, for a moment without an `await`.
    pub fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long the run has taken, in virtual time.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// The true time.
    pub fn now(&self) -> DateTime<Utc> {
        self.epoch + TimeDelta::from_std(self.elapsed()).unwrap_or_default()
    }

    /// A new process.
    pub fn start_instance(&self, name: &'static str, may_be_former: bool) -> Arc<Instance> {
        let mut inner = self.inner();
        inner.instances += 1;
        let id = inner.instances;
        let skew = if inner.rng.bool() { TimeDelta::seconds(inner.rng.i64(-SKEW..=SKEW)) } else { TimeDelta::zero() };
        let former = may_be_former && inner.rng.bool();
        let at = self.elapsed();
        inner
            .trace
            .step(at, ("start", name, id, former), || format!("{name} {id} starts (skew {skew}, former {former})"));
        Arc::new(Instance::new(id, name, skew, former))
    }

    /// Whether programs of two versions run side by side.
    pub fn is_mixed(&self) -> bool {
        self.inner().mixed
    }

    /// A step of the run, in the trace.
    pub fn step(&self, what: impl std::hash::Hash, line: impl FnOnce() -> String) {
        let at = self.elapsed();
        self.inner().trace.step(at, what, line);
    }

    /// Chance: whether something of this rate happens.
    pub fn happens(&self, rate: impl FnOnce(&Faults) -> f64) -> bool {
        let mut inner = self.inner();
        let rate = rate(&inner.faults);
        rate > 0.0 && inner.rng.f64() < rate
    }

    /// Chance: a number of milliseconds up to `most`.
    pub fn millis(&self, most: u64) -> Duration {
        Duration::from_millis(self.inner().rng.u64(..=most))
    }

    /// What happens to a call that reads or writes.
    pub fn fate(&self, writes: bool) -> Fate {
        let mut inner = self.inner();
        let Faults { error, throttle, conflict, lost_answer, late_effect, crash, stall, .. } = inner.faults;
        let mut drawn = inner.rng.f64();
        let mut is = |rate: f64| {
            let hit = drawn < rate;
            drawn -= rate;
            hit
        };
        if is(error) {
            Fate::Error
        } else if is(throttle) {
            Fate::Throttle
        } else if is(if writes { conflict } else { 0.0 }) {
            Fate::Conflict
        } else if is(lost_answer) {
            Fate::LostAnswer
        } else if is(if writes { late_effect } else { 0.0 }) {
            Fate::LateEffect(Duration::from_millis(inner.rng.u64(1..4_000)))
        } else if is(crash) {
            if inner.rng.bool() { Fate::CrashBefore } else { Fate::CrashAfter }
        } else if is(stall) {
            Fate::Stall(Duration::from_millis(inner.rng.u64(1_000..120_000)))
        } else {
            Fate::Well
        }
    }

    /// Has the store answer one request, and notes what it wrote.
    pub fn execute(&self, operation: &str, body: &[u8], parsed: Option<&Value>) -> Answer {
        let at = self.elapsed();
        let mut inner = self.inner();
        let answer = inner.backend.execute(operation, body);
        // Nothing that the model does not know may pass for a fault.
        if answer.status == 500 {
            inner.panics.push(format!("{operation}: {}", String::from_utf8_lossy(&answer.body)));
        }
        if answer.status == 200
            && let Some(request) = parsed
        {
            let before = inner.event_writes.len();
            inner.note_writes(at, operation, request);
            if inner.event_writes.len() > before {
                self.written.notify_waiters();
            }
        }
        answer
    }

    /// Records of a table's stream.
    pub fn stream(&self, table: &str, after: Option<&str>, limit: usize) -> Vec<Value> {
        self.inner().backend.stream(table, after, limit)
    }

    /// Every item of a table.
    pub fn items(&self, table: &str) -> Vec<Value> {
        self.inner().backend.items(table)
    }
}

impl Inner {
    /// Whether this commit was written less than so long ago.
    pub fn is_fresh(&self, stream: &str, version: u64, now: Duration) -> bool {
        self.fresh.get(&(stream.to_owned(), version)).is_some_and(|at| now.saturating_sub(*at) < Duration::from_secs(5))
    }

    fn note_writes(&mut self, at: Duration, operation: &str, request: &Value) {
        match operation {
            "PutItem" => self.note_put(at, &request["TableName"], &request["Item"]),
            "TransactWriteItems" => {
                for put in request["TransactItems"].as_array().into_iter().flatten().map(|item| &item["Put"]) {
                    self.note_put(at, &put["TableName"], &put["Item"]);
                }
            }
            "BatchWriteItem" => {
                for (table, writes) in request["RequestItems"].as_object().into_iter().flatten() {
                    let table = Value::String(table.clone());
                    for write in writes.as_array().into_iter().flatten() {
                        self.note_put(at, &table, &write["PutRequest"]["Item"]);
                    }
                }
            }
            _ => {}
        }
    }

    fn note_put(&mut self, at: Duration, table: &Value, item: &Value) {
        let Some(table) = table.as_str().and_then(|table| table.strip_prefix(PREFIX)) else { return };
        let Some(stream) = item["pk"]["S"].as_str() else { return };
        let number = |value: &Value| value["N"].as_str().and_then(|digits| digits.parse::<u64>().ok());
        if table == "events" {
            let version = number(&item["sk"]).unwrap_or_default();
            let replaced = !self.places.insert((stream.to_owned(), version));
            self.fresh.insert((stream.to_owned(), version), at);
            self.event_writes.push(EventWrite { at, stream: stream.to_owned(), version, replaced });
        } else if item["sk"]["S"].as_str() == Some("row")
            && let Some((projection, generation)) = table.rsplit_once('-')
            && let Ok(generation) = generation.parse()
        {
            self.row_writes.push(RowWrite {
                at,
                projection: projection.to_owned(),
                generation,
                stream: stream.to_owned(),
                as_of: number(&item["as_of"]).unwrap_or_default(),
                projection_version: number(&item["projection_version"]).unwrap_or_default(),
            });
        }
    }
}

/// The clock of one process.
#[derive(Clone, Debug)]
pub struct SkewedClock {
    /// The true time.
    pub world: Arc<World>,
    /// Whose clock it is.
    pub instance: Arc<Instance>,
}

impl Clock for SkewedClock {
    fn now(&self) -> DateTime<Utc> {
        self.world.now() + self.instance.skew
    }
}
