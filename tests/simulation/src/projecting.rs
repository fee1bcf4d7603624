//! The queues and their projectors, as Lambda's event source mapping for SQS runs them.

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use muster_domain::EventReader;
use muster_handlers::lambda::project_queue;
use muster_projections::generations::Generations;
use muster_projections::{AuditLog, Directory, Feed, Hosted, TaskList, TaskPast, host};
use tokio::time::{sleep, timeout};

use crate::former::Former;
use crate::instance::Instance;
use crate::keys;
use crate::lambda::Pool;
use crate::port::Port;
use crate::world::{PREFIX, SkewedClock, World};

/// How long a projector may take.
const LIMIT: Duration = Duration::from_secs(30);

/// How the queues of a run behave.
#[derive(Clone, Copy, Debug)]
pub struct QueueSettings {
    /// How long a message that was received is hidden: less than a projector may take means that it is delivered while
    /// the first delivery is still under way.
    pub hidden: Duration,
    /// After how many deliveries a message is dead.
    pub max_receives: u32,
    /// How many deliveries go on at the same time.
    pub concurrency: usize,
    /// Whether some projectors are of another version.
    pub mixed: bool,
}

impl QueueSettings {
    /// Those of this seed.
    pub fn draw(rng: &mut fastrand::Rng, mixed: bool) -> Self {
        Self {
            hidden: Duration::from_millis(if rng.u8(..3) == 0 { 400 } else { 45_000 }),
            max_receives: rng.u32(2..=6),
            concurrency: rng.usize(1..=3),
            mixed,
        }
    }
}

/// The projection of this name in a process, in the version that the process has.
pub fn projection(world: &Arc<World>, instance: &Arc<Instance>, name: &str) -> Arc<dyn Hosted> {
    let client = Port::new(world, instance).dynamodb();
    let reader: Arc<dyn EventReader> = Arc::new(keys::event_store(&client));
    let generations = Generations::new(client, PREFIX);
    match (name, instance.former) {
        ("task-list", false) => host(TaskList, &generations, &reader),
        ("task-list", true) => host(Former(TaskList), &generations, &reader),
        ("audit-log", false) => host(AuditLog, &generations, &reader),
        ("audit-log", true) => host(Former(AuditLog), &generations, &reader),
        ("task-past", false) => host(TaskPast, &generations, &reader),
        ("task-past", true) => host(Former(TaskPast), &generations, &reader),
        ("feed", false) => host(Feed, &generations, &reader),
        ("feed", true) => host(Former(Feed), &generations, &reader),
        ("directory", true) => host(Former(Directory), &generations, &reader),
        _ => host(Directory, &generations, &reader),
    }
}

/// Starts the deliveries of one projection's queue; gives the pool of its projectors.
pub fn start(world: &Arc<World>, name: &'static str, settings: QueueSettings) -> Arc<Pool<Arc<dyn Hosted>>> {
    let port = Arc::clone(world);
    let pool = Arc::new(Pool::new("projector", settings.mixed, move |instance| projection(&port, instance, name)));
    world.inner().queues.entry(name.to_owned()).or_default();
    for _ in 0..settings.concurrency {
        tokio::spawn(deliver(Arc::clone(world), name, settings, Arc::clone(&pool)));
    }
    pool
}

async fn deliver(world: Arc<World>, name: &'static str, settings: QueueSettings, pool: Arc<Pool<Arc<dyn Hosted>>>) {
    let Some(sent) = world.inner().queues.get(name).map(crate::queue::Queue::sent) else { return };
    loop {
        let waits = sent.notified();
        let now = world.elapsed();
        let (messages, next) = {
            let mut inner = world.inner();
            let most = inner.rng.usize(1..=10);
            let mut rng = inner.rng.fork();
            let Some(queue) = inner.queues.get_mut(name) else { return };
            let messages = queue.receive(&mut rng, now, most, settings.hidden, settings.max_receives);
            (messages, queue.next_visible())
        };
        if messages.is_empty() {
            let pause = next.map_or(Duration::from_hours(1), |next| next.saturating_sub(now));
            let _ = timeout(pause.max(Duration::from_millis(1)), waits).await;
            continue;
        }
        let mut event = SqsEvent::default();
        event.records = messages
            .iter()
            .map(|message| {
                let mut record = SqsMessage::default();
                record.message_id = Some(message.id.to_string());
                record.body = Some(message.body.to_string());
                record
            })
            .collect();
        world.step(("deliver", name, messages.len()), || {
            let ids: Vec<_> = messages.iter().map(|message| message.id).collect();
            format!("{name}: messages {ids:?} are delivered")
        });
        let port = Arc::clone(&world);
        let answer = pool.invoke(&world, LIMIT, |instance, projection| async move {
            project_queue(&*projection, &SkewedClock { world: port, instance }, event).await
        });
        let answer = answer.await;
        // Without an answer they can be received again once they are not hidden any more.
        let Some(answer) = answer else { continue };
        let failed: Vec<String> =
            answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect();
        for message in messages {
            let again = world.happens(|faults| faults.duplicate);
            let pause = world.millis(2_000);
            let visible = world.elapsed() + pause;
            let mut inner = world.inner();
            let Some(queue) = inner.queues.get_mut(name) else { return };
            if failed.contains(&message.id.to_string()) {
                queue.release(message.id, visible);
            } else {
                queue.delete(message.id);
                if again {
                    queue.send(Arc::clone(&message.body), visible);
                }
            }
            drop(inner);
        }
        if !failed.is_empty() {
            world.step(("failed", failed.len()), || format!("{name}: messages {failed:?} failed"));
            sleep(Duration::from_millis(20)).await;
        }
    }
}
