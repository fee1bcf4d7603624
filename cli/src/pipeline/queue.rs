//! The queue between the bus and one projector, as SQS is on AWS: batches, redelivery with growing pauses, and a place
//! for what cannot be taken in.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use muster_domain::RecordedEvent;
use muster_handlers::topology::QueueShape;
use muster_projections::{Failure, Hosted, Message};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::ledger::{Ledger, Ticket};
use super::parking::Parking;

/// How many events may wait in one queue; then the bus waits.
const CAPACITY: usize = 2_000;
/// How many events may wait for another delivery; then no new ones are taken from the queue.
const MAX_WAITING: usize = 500;
/// The pause before the second delivery; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What takes in the messages of a queue.
#[async_trait]
pub trait Consumer: Send + Sync {
    /// The projection's name.
    fn name(&self) -> &str;

    /// Takes in a batch, and gives back what it could not take in.
    async fn handle(&self, batch: Vec<Message>) -> Vec<Failure>;
}

/// A projection as a consumer.
pub struct ProjectionConsumer(pub Arc<dyn Hosted>);

#[async_trait]
impl Consumer for ProjectionConsumer {
    fn name(&self) -> &str {
        self.0.name()
    }

    async fn handle(&self, batch: Vec<Message>) -> Vec<Failure> {
        self.0.handle(batch).await
    }
}

/// What a queue has done since the start.
#[derive(Debug, Default)]
pub struct QueueMeter {
    received: AtomicU64,
    acknowledged: AtomicU64,
    redelivered: AtomicU64,
    parked: AtomicU64,
}

/// What a queue has done, at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct QueueStatus {
    /// Events that came from the bus.
    pub received: u64,
    /// Events that are done with: taken in or parked.
    pub acknowledged: u64,
    /// Deliveries after the first.
    pub redelivered: u64,
    /// Events that were parked.
    pub parked: u64,
    /// Events that the projection is behind.
    pub lag: u64,
}

impl QueueMeter {
    /// What it has done so far.
    pub fn read(&self) -> QueueStatus {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (acknowledged, received) = (read(&self.acknowledged), read(&self.received));
        QueueStatus {
            received,
            acknowledged,
            redelivered: read(&self.redelivered),
            parked: read(&self.parked),
            lag: received.saturating_sub(acknowledged),
        }
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// The end of a queue where events go in.
pub(crate) struct QueueSender {
    projection: String,
    sender: mpsc::Sender<Delivery>,
    meter: Arc<QueueMeter>,
}

impl QueueSender {
    pub(crate) fn projection(&self) -> &str {
        &self.projection
    }

    /// Puts an event in, and waits for room. Fails when the queue has ended.
    pub(crate) async fn send(&self, ticket: Ticket, event: RecordedEvent) -> Result<(), ()> {
        count(&self.meter.received);
        self.sender.send(Delivery { ticket, event, deliveries: 0 }).await.map_err(|_| ())
    }
}

/// One event on its way to the projector.
#[derive(Clone, Debug)]
struct Delivery {
    ticket: Ticket,
    event: RecordedEvent,
    /// How often it was delivered.
    deliveries: u32,
}

/// The end of a queue where events come out.
pub(crate) struct Queue {
    consumer: Arc<dyn Consumer>,
    shape: QueueShape,
    receiver: mpsc::Receiver<Delivery>,
    /// Events that failed, and when they are delivered again.
    waiting: Vec<(Instant, Delivery)>,
    ledger: Arc<Ledger>,
    parking: Parking,
    meter: Arc<QueueMeter>,
}

/// A queue of this shape before this consumer: where events go in, where they come out, and its meter.
pub(crate) fn queue(
    consumer: Arc<dyn Consumer>,
    shape: QueueShape,
    ledger: Arc<Ledger>,
    parking: Parking,
) -> (QueueSender, Queue, Arc<QueueMeter>) {
    let (sender, receiver) = mpsc::channel(CAPACITY);
    let meter = Arc::new(QueueMeter::default());
    let sender = QueueSender { projection: consumer.name().to_owned(), sender, meter: Arc::clone(&meter) };
    let queue = Queue { consumer, shape, receiver, waiting: Vec::new(), ledger, parking, meter: Arc::clone(&meter) };
    (sender, queue, meter)
}

impl Queue {
    /// Delivers until it is told to stop; the batch in hand is finished. What was not acknowledged comes again after
    /// the next start, since the checkpoint is before it.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        while let Some(batch) = self.next_batch(&stop).await {
            self.deliver(batch).await;
        }
    }

    /// The events that are due again, and new ones beside them. `None` when it is time to stop.
    async fn next_batch(&mut self, stop: &CancellationToken) -> Option<Vec<Delivery>> {
        let size = self.shape.batch_size.max(1);
        loop {
            if stop.is_cancelled() {
                return None;
            }
            let mut batch = self.due(size);
            while batch.len() < size && self.waiting.len() < MAX_WAITING {
                let Ok(delivery) = self.receiver.try_recv() else { break };
                batch.push(delivery);
            }
            if !batch.is_empty() {
                return Some(batch);
            }
            let next_due = self.waiting.iter().map(|(due, _)| *due).min();
            let take = self.waiting.len() < MAX_WAITING;
            tokio::select! {
                () = stop.cancelled() => return None,
                () = sleep_until(next_due.unwrap_or_else(Instant::now)), if next_due.is_some() => {}
                received = self.receiver.recv(), if take => match received {
                    Some(delivery) => self.waiting.push((Instant::now(), delivery)),
                    None if self.waiting.is_empty() => return None,
                    None => sleep_until(next_due.unwrap_or_else(Instant::now)).await,
                },
            }
        }
    }

    fn due(&mut self, size: usize) -> Vec<Delivery> {
        let now = Instant::now();
        let mut due = Vec::new();
        let mut index = 0;
        while index < self.waiting.len() && due.len() < size {
            if self.waiting[index].0 <= now {
                due.push(self.waiting.remove(index).1);
            } else {
                index += 1;
            }
        }
        due
    }

    async fn deliver(&mut self, batch: Vec<Delivery>) {
        let message =
            |delivery: &Delivery| Message { id: delivery.ticket.to_string(), event: Ok(delivery.event.clone()) };
        let failures = self.handle(batch.iter().map(message).collect()).await;
        let failures: HashMap<String, Failure> =
            failures.into_iter().map(|failure| (failure.id.clone(), failure)).collect();
        for mut delivery in batch {
            delivery.deliveries += 1;
            match failures.get(&delivery.ticket.to_string()) {
                None => self.acknowledge(&delivery),
                Some(failure) if failure.poison || delivery.deliveries >= self.shape.max_receives => {
                    self.park(delivery, &failure.reason).await;
                }
                Some(_) => self.again(delivery),
            }
        }
    }

    /// A consumer that panics has not taken the batch in. Its messages are tried one by one then, so that one does not
    /// take the others with it.
    async fn handle(&self, batch: Vec<Message>) -> Vec<Failure> {
        if let Some(failures) = self.attempt(batch.clone()).await {
            return failures;
        }
        let mut failures = Vec::new();
        for message in batch {
            let id = message.id.clone();
            let panicked = || vec![Failure { id, reason: "the projector panicked".to_owned(), poison: false }];
            failures.extend(self.attempt(vec![message]).await.unwrap_or_else(panicked));
        }
        failures
    }

    /// What was not taken in; `None` when the consumer panicked.
    async fn attempt(&self, batch: Vec<Message>) -> Option<Vec<Failure>> {
        let consumer = Arc::clone(&self.consumer);
        tokio::spawn(async move { consumer.handle(batch).await }).await.ok()
    }

    fn acknowledge(&self, delivery: &Delivery) {
        count(&self.meter.acknowledged);
        self.ledger.acknowledge(delivery.ticket);
    }

    fn again(&mut self, delivery: Delivery) {
        count(&self.meter.redelivered);
        let pause = FIRST_PAUSE.saturating_mul(1 << (delivery.deliveries - 1).min(10)).min(LONGEST_PAUSE);
        self.waiting.push((Instant::now() + pause, delivery));
    }

    /// Puts the event aside. When even that fails, the store does not answer: the event stays and comes again.
    async fn park(&mut self, delivery: Delivery, reason: &str) {
        let Delivery { event, .. } = &delivery;
        match self.parking.park(self.consumer.name(), event, reason).await {
            Ok(()) => {
                tracing::error!(
                    projection = self.consumer.name(), stream = %event.stream, version = event.version, reason,
                    "an event was parked; `muster reconcile` takes it in once it can be read"
                );
                count(&self.meter.parked);
                self.acknowledge(&delivery);
            }
            Err(error) => {
                tracing::warn!(projection = self.consumer.name(), %error, "an event could not be parked");
                sleep(FIRST_PAUSE).await;
                self.again(delivery);
            }
        }
    }
}
