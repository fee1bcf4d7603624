//! Muster on AWS: functions in containers, the stream's mapping, the bus, a queue for each projection.

use std::sync::{Arc, Mutex, PoisonError};

use muster_projections::Hosted;

use crate::bus;
use crate::keys;
use crate::lambda::Pool;
use crate::mapping::Mapping;
use crate::observed::Lag;
use crate::port::Port;
use crate::projecting::{self, QueueSettings};
use crate::reacting;
use crate::senders::{Executor, Executors, HandlerSettings};
use crate::sign_ins;
use crate::world::World;

/// The containers of the command function.
pub struct Containers {
    settings: HandlerSettings,
    mixed: bool,
    most: usize,
    running: Mutex<Vec<Executor>>,
}

impl Executors for Containers {
    fn pick(&self, world: &Arc<World>) -> Option<Executor> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|executor| !executor.instance.has_ended());
        if running.len() < self.most {
            let instance = world.start_instance("command", self.mixed);
            let client = Port::new(world, &instance).dynamodb();
            let handler = self.settings.handler(keys::event_store(&client));
            let sessions = sign_ins::sessions(world, &instance, client);
            running.push(Executor { instance, handler, sessions });
        }
        let one = world.inner().rng.usize(..running.len());
        Some(running[one].clone())
    }
}

/// The whole of it.
pub struct Aws {
    /// Where commands go.
    pub commands: Arc<Containers>,
    mapping: Arc<Mapping>,
    projectors: Vec<Arc<Pool<Arc<dyn Hosted>>>>,
}

impl Aws {
    /// Starts everything.
    pub fn start(world: &Arc<World>, mixed: bool) -> Self {
        let queues = QueueSettings::draw(&mut world.inner().rng, mixed);
        let settings = HandlerSettings::draw(&mut world.inner().rng);
        let most = world.inner().rng.usize(1..=3);
        let commands = Containers { settings, mixed, most, running: Mutex::default() };
        reacting::start(world, queues);
        Self {
            commands: Arc::new(commands),
            mapping: Mapping::start(world),
            projectors: bus::projections().map(|name| projecting::start(world, name, queues)).collect(),
        }
    }

    /// What is under way.
    pub fn lag(&self, world: &World) -> Lag {
        let inner = world.inner();
        let queued = inner.queues.iter().filter(|(_, queue)| !queue.is_empty());
        let dead = inner.queues.iter().filter(|(_, queue)| queue.dead() > 0);
        let queued = queued.map(|(name, queue)| (name.clone(), queue.len())).collect();
        let dead = dead.map(|(name, queue)| (name.clone(), queue.dead())).collect();
        drop(inner);
        Lag { unpublished: self.mapping.behind(), queued, dead }
    }

    /// Replaces the containers that wait by new ones.
    pub fn renew(&self) {
        self.projectors.iter().for_each(|pool| pool.renew());
    }
}
