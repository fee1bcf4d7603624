//! The queue between the bus and one projector, as SQS is on AWS: batches, redelivery with growing pauses, and a place
//! for what cannot be taken in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use muster_commands::Trace;
use muster_domain::RecordedEvent;
use muster_handlers::publisher::Entry;
use muster_handlers::topology::QueueShape;
use muster_handlers::trace::follow_up;
use muster_projections::{Failure, Message};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::consumer::Consumer;
use super::ledger::{Ledger, Ticket};
use super::meter::{QueueMeter, count};
use super::parking::Parking;

/// How many events may wait in one queue; then the bus waits.
const CAPACITY: usize = 2_000;
/// How many events may wait for another delivery; then no new ones are taken from the queue.
const MAX_WAITING: usize = 500;
/// The pause before the second delivery; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Why an event was parked at which the consumer panicked as often as the queue's shape allows.
const PANICKED: &str = "the projector panicked";

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
    pub(crate) async fn send(&self, ticket: Ticket, entry: Entry) -> Result<(), ()> {
        count(&self.meter.received);
        let Entry { event, trace } = entry;
        self.sender.send(Delivery { ticket, event, trace, deliveries: 0, panics: 0 }).await.map_err(|_| ())
    }
}

/// One event on its way to the projector.
#[derive(Clone, Debug)]
struct Delivery {
    ticket: Ticket,
    event: RecordedEvent,
    /// What it follows from, if that is recorded.
    trace: Option<Trace>,
    /// How often it was delivered.
    deliveries: u32,
    /// How often the consumer panicked at it alone.
    panics: u32,
}

/// Why the consumer has not taken an event in.
#[derive(Debug)]
enum Fault {
    /// It said so. Poison is not taken in later either; anything else passes, however long it takes.
    Told(Failure),
    /// It panicked.
    Panic { id: String },
}

impl Fault {
    fn id(&self) -> &str {
        match self {
            Self::Told(failure) => &failure.id,
            Self::Panic { id } => id,
        }
    }
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

/// The pause after so many deliveries.
fn pause_after(deliveries: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << deliveries.saturating_sub(1).min(10)).min(LONGEST_PAUSE)
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
                biased;
                () = stop.cancelled() => return None,
                () = sleep_until(next_due.unwrap_or_else(Instant::now)), if next_due.is_some() => {}
                received = self.receiver.recv(), if take => match received {
                    Some(delivery) => self.waiting.push((Instant::now(), delivery)),
                    None if self.waiting.is_empty() => return None,
                    // Nothing new comes; what waits is still delivered.
                    None => tokio::select! {
                        biased;
                        () = stop.cancelled() => return None,
                        () = sleep_until(next_due.unwrap_or_else(Instant::now)) => {}
                    },
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
        let work = format!("{} {}", self.consumer.verb(), self.consumer.name());
        let span = |delivery: &Delivery| {
            let Delivery { event, trace, .. } = delivery;
            trace.as_ref().map(|trace| follow_up(&work, event, trace))
        };
        // They end when the batch is taken in, which takes all its messages the same time.
        let spans: Vec<_> = batch.iter().filter_map(span).collect();
        let faults = self.handle(batch.iter().map(message).collect()).await;
        drop(spans);
        let mut faults: BTreeMap<String, Fault> =
            faults.into_iter().map(|fault| (fault.id().to_owned(), fault)).collect();
        for mut delivery in batch {
            delivery.deliveries = delivery.deliveries.saturating_add(1);
            match faults.remove(&delivery.ticket.to_string()) {
                None => self.acknowledge(&delivery),
                Some(Fault::Told(failure)) if failure.poison => self.park(delivery, &failure.reason).await,
                // The store does not answer, or the like: parking would leave a hole for a fault that passes.
                Some(Fault::Told(failure)) => self.again(delivery, &failure.reason),
                Some(Fault::Panic { .. }) => {
                    delivery.panics = delivery.panics.saturating_add(1);
                    if delivery.panics >= self.shape.max_receives {
                        self.park(delivery, PANICKED).await;
                    } else {
                        self.again(delivery, PANICKED);
                    }
                }
            }
        }
    }

    /// A consumer that panics has not taken the batch in. Its messages are tried one by one then, so that one does not
    /// take the others with it.
    async fn handle(&self, batch: Vec<Message>) -> Vec<Fault> {
        if let Some(failures) = self.attempt(batch.clone()).await {
            return failures.into_iter().map(Fault::Told).collect();
        }
        let mut faults = Vec::new();
        for message in batch {
            let id = message.id.clone();
            match self.attempt(vec![message]).await {
                Some(failures) => faults.extend(failures.into_iter().map(Fault::Told)),
                None => faults.push(Fault::Panic { id }),
            }
        }
        faults
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

    fn again(&mut self, delivery: Delivery, reason: &str) {
        count(&self.meter.redelivered);
        let pause = pause_after(delivery.deliveries);
        // Told once: many events may wait for the same store.
        if pause == LONGEST_PAUSE && pause_after(delivery.deliveries - 1) < LONGEST_PAUSE {
            tracing::warn!(
                projection = self.consumer.name(), stream = %delivery.event.stream, version = delivery.event.version,
                deliveries = delivery.deliveries, reason, "an event is still not taken in; it comes again"
            );
        }
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
                self.again(delivery, reason);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use muster_embedded::Engine;
    use serde_json::json;
    use tokio::sync::Notify;
    use tokio::time::sleep;

    use super::super::control::Control;
    use super::*;

    /// Fails as often as it is told, and notes that it does.
    struct Failing {
        left: AtomicUsize,
        failed: Notify,
    }

    #[async_trait]
    impl Consumer for Failing {
        fn name(&self) -> &'static str {
            "task-list"
        }

        async fn handle(&self, batch: Vec<Message>) -> Vec<Failure> {
            if self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err() {
                return Vec::new();
            }
            self.failed.notify_one();
            let no_answer = |message: Message| Failure { id: message.id, reason: "no answer".into(), poison: false };
            batch.into_iter().map(no_answer).collect()
        }
    }

    fn event() -> RecordedEvent {
        serde_json::from_value(json!({
            "event_id": uuid::Uuid::nil(),
            "stream": { "type": "task", "id": uuid::Uuid::nil() },
            "version": 1,
            "type": "AnythingHappened",
            "schema": 1,
            "recorded_at": "2026-03-02T08:00:00Z",
            "actor": { "type": "system", "name": "test" },
            "command_id": uuid::Uuid::nil(),
            "correlation_id": "test",
            "data": {},
        }))
        .unwrap()
    }

    /// A queue that delivers an event at most twice if the consumer panics at it, before one that fails so often.
    fn failing(times: usize) -> (Arc<Failing>, Arc<Ledger>, QueueSender, Queue, Arc<QueueMeter>) {
        let consumer = Arc::new(Failing { left: AtomicUsize::new(times), failed: Notify::new() });
        let ledger = Arc::new(Ledger::new(None));
        let parking = Parking::new(Control::new(Engine::memory().unwrap().client(), "control".to_owned()));
        let topology = muster_handlers::topology::Topology::load().unwrap();
        let shape = QueueShape { max_receives: 2, ..topology.projections["task-list"].queue };
        let (sender, queue, meter) = queue(consumer.clone(), shape, Arc::clone(&ledger), parking);
        (consumer, ledger, sender, queue, meter)
    }

    #[tokio::test(start_paused = true)]
    async fn a_fault_that_passes_parks_nothing_however_long_it_takes() {
        let (_, ledger, sender, queue, meter) = failing(50);
        let mut settled = ledger.settled();
        let stop = CancellationToken::new();
        let runs = tokio::spawn(queue.run(stop.clone()));
        for _ in 0..3 {
            sender.send(ledger.issue(1), event().into()).await.unwrap();
        }
        ledger.mark("10".to_owned());
        settled.wait_for(Option::is_some).await.unwrap();
        let status = meter.read();
        assert_eq!((status.received, status.acknowledged, status.parked), (3, 3, 0));
        stop.cancel();
        runs.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn stopping_does_not_wait_for_the_next_delivery() {
        for closed in [false, true] {
            let (consumer, ledger, sender, queue, _) = failing(usize::MAX);
            let stop = CancellationToken::new();
            let runs = tokio::spawn(queue.run(stop.clone()));
            sender.send(ledger.issue(1), event().into()).await.unwrap();
            // Whether nothing new can come or not.
            let sender = (!closed).then_some(sender);
            for _ in 0..12 {
                consumer.failed.notified().await;
            }
            // The queue is in a pause now: nothing else is left to do.
            sleep(FIRST_PAUSE).await;
            let told = Instant::now();
            stop.cancel();
            runs.await.unwrap();
            assert_eq!(told.elapsed(), Duration::ZERO);
            drop(sender);
        }
    }
}
