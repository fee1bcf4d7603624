//! What reacts to events and to the clock: the next task of a series is made when one is done, and reminders fire.

use std::sync::Arc;
use std::time::Duration;

use muster_commands::CommandHandler;
use muster_handlers::lambda::react_queue;
use muster_handlers::recurrence::Recurring;
use muster_handlers::reminders::ReminderClock;
use muster_projections::{ReadModels, TaskQueries};
use tokio::time::sleep;

use crate::bus::RECURRENCE;
use crate::instance::Instance;
use crate::keys;
use crate::lambda::{Pool, invoke};
use crate::port::Port;
use crate::projecting::{LIMIT, QueueSettings, deliver};
use crate::world::{PREFIX, SkewedClock, World};

/// How long between two rounds of reminders.
const ROUND: Duration = Duration::from_mins(1);
/// How long one that finds series which have stopped may take.
const SWEEP: Duration = Duration::from_hours(1);

/// What makes the next task of a series, in a process.
pub fn recurring(world: &Arc<World>, instance: &Arc<Instance>) -> Recurring {
    let store = keys::event_store(&Port::new(world, instance).dynamodb());
    Recurring::new(Arc::new(store.clone()), CommandHandler::new(store), clock(world, instance))
}

fn clock(world: &Arc<World>, instance: &Arc<Instance>) -> Arc<SkewedClock> {
    Arc::new(SkewedClock { world: Arc::clone(world), instance: Arc::clone(instance) })
}

/// Starts the deliveries of the reactor's queue.
pub fn start(world: &Arc<World>, settings: QueueSettings) {
    let port = Arc::clone(world);
    let pool = Arc::new(Pool::new("recurrence", false, move |instance| recurring(&port, instance)));
    world.inner().queues.entry(RECURRENCE.to_owned()).or_default();
    for _ in 0..settings.concurrency {
        let react = |_: Arc<Instance>, recurring: Recurring, event| async move { react_queue(&recurring, event).await };
        tokio::spawn(deliver(Arc::clone(world), RECURRENCE, settings, Arc::clone(&pool), react));
    }
}

/// Lets reminders fire every minute, each time in a process of its own.
pub async fn remind_on(world: Arc<World>) {
    loop {
        sleep(ROUND).await;
        remind(&world).await;
    }
}

/// One round of reminders. Whether it came to its end.
pub async fn remind(world: &Arc<World>) -> bool {
    let instance = world.start_instance("reminders", false);
    let client = Port::new(world, &instance).dynamodb();
    let handler = CommandHandler::new(keys::event_store(&client));
    let reminders =
        ReminderClock::new(TaskQueries::new(ReadModels::new(client, PREFIX)), handler, clock(world, &instance));
    let done = invoke(world, &instance, LIMIT, async move { reminders.fire_due().await }).await;
    world.step(("reminded", matches!(done, Some(Ok(_)))), || format!("a round of reminders: {done:?}"));
    matches!(done, Some(Ok(_)))
}

/// Makes what comes after tasks whose completion was lost on its way.
pub async fn make_missed(world: &Arc<World>) -> bool {
    let instance = world.start_instance("recurrence-sweeper", false);
    let segments = world.inner().rng.u32(1..=3);
    let recurring = recurring(world, &instance);
    let done = invoke(world, &instance, SWEEP, async move { recurring.make_missed(segments).await }).await;
    world.step(("made", matches!(done, Some(Ok(_)))), || format!("what was missing of series: {done:?}"));
    matches!(done, Some(Ok(_)))
}
