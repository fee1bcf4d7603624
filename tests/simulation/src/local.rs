//! Muster as one program: the command handler and the whole pipeline in one process, which can be killed at any call.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use muster_cli::pipeline::{
    Consumer, Pipeline, ProjectionConsumer, ReactorConsumer, SourceError, SourceRecord, StreamSource,
};
use muster_cli::system::System;
use tokio::time::{sleep, timeout};

use crate::instance::Instance;
use crate::keys;
use crate::observed::Lag;
use crate::port::Port;
use crate::reacting;
use crate::senders::{Executor, Executors, HandlerSettings};
use crate::sign_ins;
use crate::world::{PREFIX, World};

/// The stream of the event table, as this process reads it.
struct Stream {
    world: Arc<World>,
    instance: Arc<Instance>,
    /// Everything up to here is gone, for this process and those after it.
    trimmed: Arc<Mutex<Option<String>>>,
}

impl Stream {
    async fn call(&self) -> Result<(), SourceError> {
        self.instance.alive().await;
        sleep(self.world.millis(10)).await;
        self.instance.alive().await;
        if self.world.happens(|faults| faults.kill) {
            self.instance.end();
            self.instance.alive().await;
        }
        if self.world.happens(|faults| faults.error) { Err(SourceError("simulated".into())) } else { Ok(()) }
    }

    fn records(&self, after: Option<&str>, limit: usize) -> Vec<SourceRecord> {
        let trimmed = self.trimmed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let from = after.map(str::to_owned).max(trimmed);
        let records = self.world.stream(&format!("{PREFIX}events"), from.as_deref(), limit);
        let record = |record: serde_json::Value| SourceRecord {
            sequence_number: record["dynamodb"]["SequenceNumber"].as_str().unwrap_or_default().to_owned(),
            record: serde_json::from_value(record).map_err(|error| error.to_string()),
        };
        records.into_iter().map(record).collect()
    }
}

#[async_trait]
impl StreamSource for Stream {
    async fn read(&self, after: Option<&str>, limit: usize) -> Result<Vec<SourceRecord>, SourceError> {
        self.call().await?;
        let limit = limit.min(self.world.inner().rng.usize(1..8));
        let records = self.records(after, limit);
        self.world.step(("read", records.len()), || format!("{} records of the stream are read", records.len()));
        Ok(records)
    }

    async fn wait(&self, after: Option<&str>) -> Result<(), SourceError> {
        loop {
            let written = self.world.written.notified();
            self.call().await?;
            if !self.records(after, 1).is_empty() {
                return Ok(());
            }
            // The bound is for a wake-up that came in between.
            let _ = timeout(Duration::from_mins(1), written).await;
        }
    }

    async fn trim(&self, up_to: &str) -> Result<(), SourceError> {
        self.call().await?;
        self.world.step("trimmed", || format!("the stream is trimmed up to {up_to}"));
        let mut trimmed = self.trimmed.lock().unwrap_or_else(PoisonError::into_inner);
        *trimmed = trimmed.clone().max(Some(up_to.to_owned()));
        Ok(())
    }

    async fn last_sequence(&self) -> Result<Option<String>, SourceError> {
        self.call().await?;
        Ok(self.records(None, usize::MAX).pop().map(|record| record.sequence_number))
    }
}

/// The program, started again whenever it ends.
pub struct Local {
    settings: HandlerSettings,
    running: Mutex<Option<(Executor, Arc<Pipeline>)>>,
    /// How far the stream is trimmed. A checkpoint that was saved late may be before this: what is trimmed was settled.
    trimmed: Arc<Mutex<Option<String>>>,
    /// Whether a start has looked at all tables.
    looked: AtomicBool,
}

impl Executors for Local {
    fn pick(&self, _: &Arc<World>) -> Option<Executor> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.as_ref().map(|(executor, _)| executor.clone()).filter(|executor| !executor.instance.has_ended())
    }
}

impl Local {
    /// Starts it, and lets somebody start it again whenever it ends.
    pub fn start(world: &Arc<World>) -> Arc<Self> {
        let settings = HandlerSettings::draw(&mut world.inner().rng);
        let local = Arc::new(Self {
            settings,
            running: Mutex::default(),
            trimmed: Arc::default(),
            looked: AtomicBool::new(false),
        });
        tokio::spawn(Arc::clone(&local).supervise(Arc::clone(world)));
        local
    }

    async fn supervise(self: Arc<Self>, world: Arc<World>) {
        loop {
            let instance = world.start_instance("muster", false);
            let starting = tokio::spawn(Arc::clone(&self).serve(
                Arc::clone(&world),
                Arc::clone(&instance),
                Arc::clone(&self.trimmed),
            ));
            tokio::select! {
                biased;
                () = instance.ending() => {}
                started = starting => if matches!(started, Ok(true)) {
                    instance.ending().await;
                } else {
                    instance.end();
                },
            }
            *self.running.lock().unwrap_or_else(PoisonError::into_inner) = None;
            world.step(("restart", instance.id), || "the program has ended, and is started again".to_owned());
            sleep(world.millis(2_000)).await;
        }
    }

    /// Puts the program together. Whether it came up.
    async fn serve(
        self: Arc<Self>,
        world: Arc<World>,
        instance: Arc<Instance>,
        trimmed: Arc<Mutex<Option<String>>>,
    ) -> bool {
        let client = Port::new(&world, &instance).dynamodb();
        // A start that looks at its tables is ended at one of these hundred requests more often than not. Once one has come
        // through, those after it are about what can be lost.
        let system = if self.looked.load(Ordering::Relaxed) {
            System::over_made(client.clone(), keys::master())
        } else {
            System::over(client.clone(), keys::master()).await
        };
        let Ok(system) = system else { return false };
        self.looked.store(true, Ordering::Relaxed);
        let stream = Stream { world: Arc::clone(&world), instance: Arc::clone(&instance), trimmed };
        let consumer =
            |projection: &Arc<_>| -> Arc<dyn Consumer> { Arc::new(ProjectionConsumer(Arc::clone(projection))) };
        // With the clock of the simulation.
        let recurring = Arc::new(reacting::recurring(&world, &instance));
        let recurring: Arc<dyn Consumer> = Arc::new(ReactorConsumer(recurring));
        let consumers = system.projections.iter().map(consumer).chain([recurring]).collect();
        let Ok(pipeline) = Pipeline::start_with(&system, stream, consumers).await else { return false };
        let handler = self.settings.handler(system.events.clone());
        let sessions = sign_ins::sessions(&world, &instance, client);
        let executor = Executor { instance, handler, sessions };
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some((executor, Arc::new(pipeline)));
        true
    }

    /// What is under way.
    pub fn lag(&self, world: &World) -> Lag {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((_, pipeline)) = running.as_ref() else { return Lag { unpublished: 1, ..Lag::default() } };
        let status = pipeline.status();
        let trimmed = self.trimmed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let settled = status.settled.max(trimmed);
        let left = world.stream(&format!("{PREFIX}events"), settled.as_deref(), usize::MAX).len();
        let queued = status.queues.into_iter().filter(|(_, queue)| queue.lag > 0);
        Lag {
            unpublished: left,
            queued: queued.map(|(name, queue)| (name, usize::try_from(queue.lag).unwrap_or(usize::MAX))).collect(),
            ..Lag::default()
        }
    }
}
