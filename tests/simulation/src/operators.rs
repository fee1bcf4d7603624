//! What operators do while the system runs: reconcile, repair, rebuild. Each is a process of its own that can fail at any
//! call; then it is done again.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use muster_domain::{RecordedEvent, StreamId};
use muster_handlers::topology::{Topology, create_table};
use muster_projections::Hosted;
use muster_projections::rebuild::{RebuildError, RebuildOptions, TableMaker};
use muster_projections::reconcile::{Outcome, ReconcileOptions};
use serde::Deserialize;
use tokio::time::sleep;

use crate::bus;
use crate::lambda::invoke;
use crate::port::Port;
use crate::projecting::projection;
use crate::world::{PREFIX, World};

/// How long a command of an operator may take.
const LIMIT: Duration = Duration::from_hours(1);

/// Makes the tables of further generations.
struct Tables {
    client: Client,
    topology: Topology,
}

#[async_trait]
impl TableMaker for Tables {
    async fn create(&self, name: &str, generation: u64) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let shape = self.topology.projections.get(name).ok_or("the topology does not name it")?;
        Ok(create_table(&self.client, &format!("{PREFIX}{name}-{generation}"), &shape.table()).await?)
    }
}

/// Works as an operator's process: `None` when it came to nothing.
async fn operate<T: Send + 'static, W: Future<Output = T> + Send + 'static>(
    world: &Arc<World>,
    name: &'static str,
    what: &'static str,
    work: impl FnOnce(Arc<dyn Hosted>, Client) -> W,
) -> Option<T> {
    let instance = world.start_instance(what, false);
    let hosted = projection(world, &instance, name);
    let client = Port::new(world, &instance).dynamodb();
    invoke(world, &instance, LIMIT, work(hosted, client)).await
}

/// Rebuilds a projection. Whether it was done.
pub async fn rebuild(world: &Arc<World>, name: &'static str) -> bool {
    let Ok(topology) = Topology::load() else { return false };
    let segments = world.inner().rng.u32(1..=3);
    let options = RebuildOptions { segments, ..RebuildOptions::default() };
    let done = operate(world, name, "rebuild", |hosted, client| async move {
        hosted.rebuild(&Tables { client, topology }, options, &|_| {}).await
    });
    let done = done.await;
    world.step(("rebuilt", name, matches!(done, Some(Ok(_)))), || format!("rebuild of {name}: {done:?}"));
    // A program of another version writes rows of its own shape, into the new table too, as long as it runs.
    if let Some(Err(error @ RebuildError::Different(_))) = &done
        && !world.inner().mixed
    {
        world.inner().panics.push(format!("a rebuild of {name} found a difference: {error}"));
    }
    matches!(done, Some(Ok(_)))
}

/// Reconciles a projection. Whether it was done, and everything that was wrong repaired.
pub async fn reconcile(world: &Arc<World>, name: &'static str) -> bool {
    let segments = world.inner().rng.u32(1..=3);
    let options = ReconcileOptions { segments, dry_run: false };
    let done = operate(world, name, "reconcile", |hosted, _| async move { hosted.reconcile(options, &|_| {}).await });
    let done = done.await;
    world.step(("reconciled", name, matches!(done, Some(Ok(_)))), || format!("reconcile of {name}: {done:?}"));
    match done {
        Some(Ok(report)) => report.findings.iter().all(|finding| finding.outcome == Outcome::Repaired),
        Some(Err(_)) | None => false,
    }
}

/// An event of EventBridge, as far as a redrive needs it.
#[derive(Deserialize)]
struct Envelope {
    detail: RecordedEvent,
}

/// Repairs the aggregates whose messages are dead, and takes these out. What fails stays dead.
pub async fn redrive(world: &Arc<World>, name: &'static str) {
    let dead = world.inner().queues.get_mut(name).map(crate::queue::Queue::take_dead).unwrap_or_default();
    let mut streams: Vec<(StreamId, Vec<Arc<str>>)> = Vec::new();
    for message in dead {
        let Ok(envelope) = serde_json::from_str::<Envelope>(&message.body) else { continue };
        let stream = envelope.detail.stream;
        match streams.iter_mut().find(|(of, _)| *of == stream) {
            Some((_, bodies)) => bodies.push(message.body),
            None => streams.push((stream, vec![message.body])),
        }
    }
    for (stream, bodies) in streams {
        let done = operate(world, name, "redrive", |hosted, _| async move { hosted.repair(&stream).await }).await;
        world.step(("redriven", name, matches!(done, Some(Ok(_)))), || {
            format!("redrive of {stream} in {name}: {done:?}")
        });
        if !matches!(done, Some(Ok(_)))
            && let Some(queue) = world.inner().queues.get_mut(name)
        {
            for body in bodies {
                queue.bury(body);
            }
        }
    }
}

/// Now and then, while commands come in, does one of these.
pub async fn now_and_then(world: Arc<World>, times: u32) {
    let names: Vec<&'static str> = bus::projections().collect();
    for _ in 0..times {
        sleep(world.millis(6_000)).await;
        let (name, what) = {
            let mut inner = world.inner();
            (names[inner.rng.usize(..names.len())], inner.rng.u8(..4))
        };
        match what {
            0 => {
                reconcile(&world, name).await;
            }
            1 => redrive(&world, name).await,
            _ => {
                rebuild(&world, name).await;
            }
        }
    }
}
