//! The event table's stream, as Lambda's event source mapping reads it: in shards that split, in batches that come again
//! until they are done.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lambda_events::dynamodb;
use muster_handlers::eventbridge::EventBridge;
use muster_handlers::lambda::publish_stream;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::lambda::Pool;
use crate::port::Port;
use crate::world::{PREFIX, World};

/// The most records in one batch.
const BATCH: usize = 10;
/// How long the publisher may take.
const LIMIT: Duration = Duration::from_secs(30);

/// A part of the stream: the records whose items hash to `residue` modulo `modulus`.
#[derive(Clone, Debug)]
struct Shard {
    modulus: u64,
    residue: u64,
    /// The last record that is done.
    done: Option<String>,
}

/// The mapping from the stream to the publisher.
pub struct Mapping {
    world: Arc<World>,
    publisher: Pool<EventBridge>,
    /// Records that are published, or lost.
    done: Mutex<HashSet<String>>,
}

impl Mapping {
    /// Begins to read.
    pub fn start(world: &Arc<World>) -> Arc<Self> {
        let port = Arc::clone(world);
        let publisher = Pool::new("publisher", false, move |instance| {
            EventBridge::new(Port::new(&port, instance).eventbridge(), format!("{PREFIX}events"))
        });
        let mapping = Arc::new(Self { world: Arc::clone(world), publisher, done: Mutex::default() });
        let shards = world.inner().rng.u64(1..=3);
        for residue in 0..shards {
            tokio::spawn(Arc::clone(&mapping).read(Shard { modulus: shards, residue, done: None }));
        }
        mapping
    }

    /// How many records are not published.
    pub fn behind(&self) -> usize {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner).len();
        self.world.inner().event_writes.len().saturating_sub(done)
    }

    fn note(&self, records: &[Value]) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.extend(records.iter().filter_map(sequence).map(str::to_owned));
    }

    async fn read(self: Arc<Self>, mut shard: Shard) {
        let mut most = BATCH;
        loop {
            let written = self.world.written.notified();
            let all = self.world.stream(&format!("{PREFIX}events"), shard.done.as_deref(), 40);
            let last = all.last().and_then(sequence).map(str::to_owned);
            let mut batch: Vec<Value> = all.into_iter().filter(|record| shard.has(record)).collect();
            if batch.is_empty() {
                if last.is_some() {
                    shard.done = last;
                } else {
                    // The bound is for a wake-up that came in between.
                    let _ = timeout(Duration::from_mins(1), written).await;
                    sleep(self.world.millis(200)).await;
                }
                continue;
            }
            if self.world.happens(|faults| faults.trim) {
                self.world.step(("trim", batch.len()), || format!("{} records of the stream are lost", batch.len()));
                self.world.inner().lossy = true;
                self.note(&batch);
                shard.done = last;
                continue;
            }
            let size = self.world.inner().rng.usize(1..=most);
            batch.truncate(size);
            match self.publish(&batch).await {
                // The whole of it again, or the half of it.
                None => {
                    most = (most / 2).max(1);
                    sleep(self.world.millis(1_000)).await;
                }
                Some(done) => {
                    most = BATCH;
                    let again = self.world.happens(|faults| faults.republish);
                    self.note(&batch[..done]);
                    if done > 0 && !again {
                        shard.done = sequence(&batch[done - 1]).map(str::to_owned);
                    }
                    if done < batch.len() || again {
                        sleep(self.world.millis(500)).await;
                    }
                }
            }
            let splits = shard.modulus < 8 && self.world.inner().rng.u8(..30) == 0;
            if splits {
                self.world.step(("split", shard.modulus, shard.residue), || "a shard of the stream splits".to_owned());
                let child = |residue| Shard { modulus: shard.modulus * 2, residue, done: shard.done.clone() };
                tokio::spawn(Self::spawn_read(&self, child(shard.residue + shard.modulus)));
                shard = child(shard.residue);
            }
        }
    }

    /// A reader of a further shard, as a boxed future: a reader starts readers.
    fn spawn_read(this: &Arc<Self>, shard: Shard) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(Arc::clone(this).read(shard))
    }

    /// How many of these records are on the bus, from the first on; `None` when the publisher gave no answer.
    async fn publish(&self, batch: &[Value]) -> Option<usize> {
        let event: dynamodb::Event = serde_json::from_value(json!({ "Records": batch })).ok()?;
        let answer =
            self.publisher.invoke(&self.world, LIMIT, |_, bus| async move { publish_stream(&bus, event).await });
        let failed = answer.await?.batch_item_failures.into_iter().next().and_then(|failure| failure.item_identifier);
        let done = match failed {
            None => batch.len(),
            Some(failed) => batch.iter().take_while(|record| sequence(record) != Some(failed.as_str())).count(),
        };
        self.world.step(("published", done, batch.len()), || format!("{done} of {} records published", batch.len()));
        Some(done)
    }
}

impl Shard {
    fn has(&self, record: &Value) -> bool {
        let keys = &record["dynamodb"]["Keys"];
        let mut hasher = DefaultHasher::new();
        (keys["pk"]["S"].as_str(), keys["sk"]["N"].as_str()).hash(&mut hasher);
        hasher.finish() % self.modulus == self.residue
    }
}

fn sequence(record: &Value) -> Option<&str> {
    record["dynamodb"]["SequenceNumber"].as_str()
}
