//! From the event store to the read models, inside one process:
//!
//! ```text
//! stream of the event table → publisher → bus (rules) → a queue for each projection → its projector
//!                                                    → a queue for each reactor → what follows
//! ```
//!
//! The publisher and the projectors are the same functions as on AWS. Everything may come twice, and nothing is lost:
//! the stream's checkpoint is saved only when every queue has acknowledged everything up to it.

mod bus;
mod checkpoint;
mod consumer;
mod control;
mod ledger;
mod meter;
mod parking;
mod queue;
mod source;
mod tail;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use muster_handlers::reactor::Reactor;
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use bus::{RuleError, Rules};
pub use checkpoint::Checkpoint;
pub use consumer::{Consumer, ProjectionConsumer, ReactorConsumer};
pub(crate) use control::Control;
pub use control::ControlError;
pub(crate) use control::{read, text};
pub use meter::{QueueMeter, QueueStatus};
pub use parking::{AsideRecord, ParkedEvent, Parking};
pub use source::{SourceError, SourceRecord, StreamSource};

use bus::LocalBus;
use ledger::Ledger;
use queue::queue;
use tail::{Keeper, Tail};

use crate::report::{Failure, failed};
use crate::system::System;

/// The pipeline's parts, which run until it is stopped.
pub struct Pipeline {
    stream: Arc<dyn StreamSource>,
    stop: CancellationToken,
    settled: watch::Receiver<Option<String>>,
    meters: BTreeMap<String, Arc<QueueMeter>>,
    position: Arc<Mutex<Option<String>>>,
    /// The part that broke first.
    broken: watch::Receiver<Option<String>>,
    workers: Vec<JoinHandle<()>>,
    keeper: JoinHandle<()>,
}

/// What takes events in the local program: each projection, and the reactor that makes the next task of a series.
pub fn consumers(system: &System) -> Vec<Arc<dyn Consumer>> {
    let projection =
        |projection: &Arc<_>| -> Arc<dyn Consumer> { Arc::new(ProjectionConsumer(Arc::clone(projection))) };
    let recurring: Arc<dyn Consumer> = Arc::new(ReactorConsumer(Arc::new(system.recurring())));
    system.projections.iter().map(projection).chain([recurring]).collect()
}

/// How far the pipeline has come since it was started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PipelineStatus {
    /// The newest record of the stream that is on the bus.
    pub published: Option<String>,
    /// The newest record up to which every projection has acknowledged.
    pub settled: Option<String>,
    /// What each projection's queue has done.
    pub queues: BTreeMap<String, QueueStatus>,
}

impl Pipeline {
    /// Starts it where its checkpoint is, with a queue for each projection of the system.
    pub async fn start(system: &System, stream: impl StreamSource + 'static) -> Result<Self, Failure> {
        Self::start_reacting(system, stream, Vec::new()).await
    }

    /// The same, and with a queue for each of these reactors.
    pub async fn start_reacting(
        system: &System,
        stream: impl StreamSource + 'static,
        reactors: Vec<Arc<dyn Reactor>>,
    ) -> Result<Self, Failure> {
        let reacting = reactors.into_iter().map(|reactor| -> Arc<dyn Consumer> { Arc::new(ReactorConsumer(reactor)) });
        Self::start_with(system, stream, consumers(system).into_iter().chain(reacting).collect()).await
    }

    /// The same, with other consumers, each of which the topology must name.
    pub async fn start_with(
        system: &System,
        stream: impl StreamSource + 'static,
        consumers: Vec<Arc<dyn Consumer>>,
    ) -> Result<Self, Failure> {
        let stream: Arc<dyn StreamSource> = Arc::new(stream);
        let rules = Rules::of(&system.topology).map_err(failed("reading the rules of the bus"))?;
        let checkpoint = system.checkpoint();
        let from = checkpoint.load().await.map_err(failed("reading the stream's checkpoint"))?;
        let ledger = Arc::new(Ledger::new(from.clone()));
        let parking = system.parking();
        let stop = CancellationToken::new();
        let (breaks, broken) = watch::channel(None);
        let watched = Watched { stop: stop.clone(), breaks };
        let (mut senders, mut workers, mut meters) = (Vec::new(), Vec::new(), BTreeMap::new());
        for consumer in consumers {
            let name = consumer.name().to_owned();
            let shape = system.topology.queue_of(&name);
            let shape = shape.ok_or_else(|| Failure::Refused(format!("schemas/topology.json does not name {name}")))?;
            let (sender, queue, meter) = queue(consumer, shape, Arc::clone(&ledger), parking.clone());
            workers.push(watched.spawn(format!("the queue of {name}"), queue.run(stop.clone())));
            senders.push(sender);
            meters.insert(name, meter);
        }
        let position = Arc::new(Mutex::new(from.clone()));
        let settled = ledger.settled();
        let bus = LocalBus::new(rules, senders, Arc::clone(&ledger));
        let reader = Tail { stream: Arc::clone(&stream), bus, ledger, position: Arc::clone(&position), parking };
        workers.push(watched.spawn("the reader of the stream".to_owned(), reader.run(from.clone(), stop.clone())));
        let keeper = Keeper { stream: Arc::clone(&stream), checkpoint, saved: from, settled: settled.clone() };
        // The keeper ends when the ledger is gone, which is when all workers have ended.
        let keeper = watched.spawn("the keeper of the checkpoint".to_owned(), keeper.run());
        Ok(Self { stream, stop, settled, meters, position, broken, workers, keeper })
    }

    /// How far it has come.
    pub fn status(&self) -> PipelineStatus {
        PipelineStatus {
            published: self.position.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            settled: self.settled.borrow().clone(),
            queues: self.meters.iter().map(|(name, meter)| (name.clone(), meter.read())).collect(),
        }
    }

    /// Returns when everything that is in the stream now was acknowledged by every projection. Fails when a part of the
    /// pipeline ends before that.
    pub async fn caught_up(&self) -> Result<(), Failure> {
        let last = self.stream.last_sequence().await.map_err(failed("reading the end of the stream"))?;
        let mut settled = self.settled.clone();
        // The numbers have one length: they compare as texts.
        tokio::select! {
            biased;
            reached = settled.wait_for(|settled| *settled >= last) => match reached {
                Ok(_) => Ok(()),
                Err(_) => Err(Failure::Broken { part: "all of it".to_owned() }),
            },
            part = self.broke() => Err(Failure::Broken { part }),
        }
    }

    /// Does the work that needs the pipeline. When a part of the pipeline breaks, the work is told to stop, and fails
    /// in the end, however it ends: without that part the read models would fall behind unseen.
    pub async fn beside<T>(
        &self,
        stop: &CancellationToken,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let mut work = std::pin::pin!(work);
        tokio::select! {
            // First, so that work that ends at the very moment fails too.
            biased;
            part = self.broke() => {
                stop.cancel();
                let _ = work.await;
                Err(Failure::Broken { part })
            }
            done = &mut work => done,
        }
    }

    /// The part that broke, once one has.
    async fn broke(&self) -> String {
        let mut broken = self.broken.clone();
        match broken.wait_for(Option::is_some).await.map(|part| part.clone()) {
            Ok(Some(part)) => part,
            // All parts have ended, and none before it was told to.
            _ => std::future::pending().await,
        }
    }

    /// Stops it: what is in hand is finished and the checkpoint saved. What is not acknowledged by then comes again
    /// after the next start.
    pub async fn stop(self) {
        self.stop.cancel();
        for part in self.workers.into_iter().chain([self.keeper]) {
            // It has told what went wrong with it.
            let _ = part.await;
        }
    }
}

/// Starts the parts, and notes one that ends before it is told to.
struct Watched {
    stop: CancellationToken,
    breaks: watch::Sender<Option<String>>,
}

impl Watched {
    fn spawn(&self, part: String, work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        let (stop, breaks) = (self.stop.clone(), self.breaks.clone());
        tokio::spawn(async move {
            let ended = tokio::spawn(work).await;
            if let Err(error) = &ended {
                tracing::error!(part, %error, "a part of the pipeline broke");
            } else if !stop.is_cancelled() {
                tracing::error!(part, "a part of the pipeline ended by itself");
            }
            if ended.is_err() || !stop.is_cancelled() {
                breaks.send_modify(|broken| {
                    broken.get_or_insert(part);
                });
            }
        })
    }
}
