//! From the store to the read models.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use muster_cli::operate::reconcile::reconcile;
use muster_cli::operate::status;
use muster_cli::pipeline::{Consumer, Pipeline, ProjectionConsumer, Rules};
use muster_domain::{AggregateType, RecordedEvent, StreamId};
use muster_handlers::topology::Topology;
use muster_projections::{Failure, Message};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::{TestStore, text};

/// `task-list`, which notes what is delivered to it and fails as often as it is told.
struct Watched {
    inner: ProjectionConsumer,
    delivered: Mutex<Vec<(StreamId, u64)>>,
    failures: AtomicUsize,
}

impl Watched {
    fn of(store: &TestStore, failures: usize) -> Arc<Self> {
        let inner = ProjectionConsumer(Arc::clone(store.system.projection("task-list").unwrap()));
        Arc::new(Self { inner, delivered: Mutex::default(), failures: AtomicUsize::new(failures) })
    }

    fn delivered(&self) -> Vec<(StreamId, u64)> {
        self.delivered.lock().unwrap().clone()
    }
}

#[async_trait]
impl Consumer for Watched {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn handle(&self, batch: Vec<Message>) -> Vec<Failure> {
        let events = batch.iter().filter_map(|message| message.event.as_ref().ok());
        self.delivered.lock().unwrap().extend(events.map(|event| (event.stream, event.version)));
        let left = self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left.is_err() {
            return self.inner.handle(batch).await;
        }
        batch.into_iter().map(no_answer).collect()
    }
}

fn no_answer(message: Message) -> Failure {
    Failure { id: message.id, reason: "no answer".to_owned(), poison: false }
}

async fn start(store: &TestStore, watched: &Arc<Watched>) -> Pipeline {
    let consumer: Arc<dyn Consumer> = Arc::clone(watched) as Arc<dyn Consumer>;
    Pipeline::start_with(&store.system, store.tail(), vec![consumer]).await.unwrap()
}

#[tokio::test]
async fn what_is_committed_comes_to_every_read_model_and_the_checkpoint_follows() {
    let store = TestStore::new().await;
    let before = store.task("Written before the start").await;
    let pipeline = store.pipeline().await;
    let during = store.task("Written while it runs").await;
    store.rename(during, "And renamed").await;

    pipeline.caught_up().await.unwrap();
    assert_eq!(store.row(before).await.unwrap().title, "Written before the start");
    let row = store.row(during).await.unwrap();
    assert_eq!((row.title.as_str(), row.version), ("And renamed", 2));
    let queues = pipeline.status().queues;
    let done: Vec<_> = queues.iter().map(|(name, queue)| (name.as_str(), queue.acknowledged, queue.lag)).collect();
    assert_eq!(
        done,
        [
            ("audit-log", 3, 0),
            ("directory", 0, 0),
            ("feed", 3, 0),
            ("recurrence", 0, 0),
            ("task-list", 3, 0),
            ("task-past", 3, 0),
        ],
        "each gets what its rule matches"
    );

    pipeline.stop().await;
    assert_eq!(store.checkpoint().await, store.tail().last_sequence().await.unwrap());
    assert_eq!(store.tail().read(None, 10).await.unwrap().len(), 1, "the stream is trimmed; its newest record stays");
}

#[tokio::test]
async fn a_restart_goes_on_after_the_checkpoint() {
    let store = TestStore::new().await;
    let old = store.task("Old").await;
    let first = Watched::of(&store, 0);
    let pipeline = start(&store, &first).await;
    pipeline.caught_up().await.unwrap();
    pipeline.stop().await;
    assert_eq!(first.delivered(), [(old.into(), 1)]);

    let new = store.task("New").await;
    let second = Watched::of(&store, 0);
    let pipeline = start(&store, &second).await;
    pipeline.caught_up().await.unwrap();
    pipeline.stop().await;
    assert_eq!(second.delivered(), [(new.into(), 1)], "what was acknowledged does not come again");
}

/// `audit-log`, which holds what is delivered to it until it is released, and then has not taken it in.
#[derive(Default)]
struct Held {
    holds: Notify,
    release: Notify,
}

#[async_trait]
impl Consumer for Held {
    fn name(&self) -> &'static str {
        "audit-log"
    }

    async fn handle(&self, batch: Vec<Message>) -> Vec<Failure> {
        self.holds.notify_one();
        self.release.notified().await;
        batch.into_iter().map(no_answer).collect()
    }
}

#[tokio::test]
async fn what_one_projection_has_not_acknowledged_comes_to_all_again_and_changes_nothing() {
    let store = TestStore::new().await;
    let task = store.task("Fix the door").await;
    store.rename(task, "Fix the roof").await;
    let (first, held) = (Watched::of(&store, 0), Arc::new(Held::default()));
    let consumers: Vec<Arc<dyn Consumer>> = vec![first.clone(), held.clone()];
    let pipeline = Pipeline::start_with(&store.system, store.tail(), consumers).await.unwrap();
    held.holds.notified().await;
    while store.row(task).await.is_none_or(|row| row.version < 2) {
        tokio::task::yield_now().await;
    }
    // Polled in this order: it is told to stop before the batch in hand is done.
    futures::join!(pipeline.stop(), async { held.release.notify_one() });
    assert_eq!(store.checkpoint().await, None, "audit-log has acknowledged nothing");
    let row = store.row(task).await;

    let second = Watched::of(&store, 0);
    let audit_log = ProjectionConsumer(Arc::clone(store.system.projection("audit-log").unwrap()));
    let consumers: Vec<Arc<dyn Consumer>> = vec![second.clone(), Arc::new(audit_log)];
    let pipeline = Pipeline::start_with(&store.system, store.tail(), consumers).await.unwrap();
    pipeline.caught_up().await.unwrap();
    pipeline.stop().await;
    assert_eq!(second.delivered(), first.delivered(), "everything comes again");
    assert_eq!(store.row(task).await, row, "and changes nothing");
    let status = status::of(&store.system).await.unwrap();
    let mut lags = status.projections.iter().map(|model| (model.name.as_str(), model.lag)).collect::<Vec<_>>();
    lags.retain(|(name, _)| ["audit-log", "task-list"].contains(name));
    assert_eq!(lags, [("task-list", 0), ("audit-log", 0)], "those that took part");
}

#[tokio::test]
async fn a_projector_whose_store_fails_loses_nothing() {
    let store = TestStore::new().await;
    let task = store.task("Fix the door").await;
    let failing = Watched::of(&store, 2);
    let pipeline = start(&store, &failing).await;
    pipeline.caught_up().await.unwrap();

    assert_eq!(store.row(task).await.unwrap().version, 1);
    assert_eq!(failing.delivered(), [(task.into(), 1); 3], "two deliveries failed");
    let queue = pipeline.status().queues["task-list"];
    assert_eq!((queue.redelivered, queue.parked), (2, 0));
    pipeline.stop().await;
}

/// `task-list` before it knew the events that are delivered to it.
pub(crate) struct Outdated;

#[async_trait]
impl Consumer for Outdated {
    fn name(&self) -> &'static str {
        "task-list"
    }

    async fn handle(&self, batch: Vec<Message>) -> Vec<Failure> {
        let unknown = |message: Message| Failure { id: message.id, reason: "unknown".to_owned(), poison: true };
        batch.into_iter().map(unknown).collect()
    }
}

#[tokio::test]
async fn what_was_parked_is_taken_in_by_reconciling() {
    let store = TestStore::new().await;
    let task = store.task("Fix the door").await;
    let pipeline = Pipeline::start_with(&store.system, store.tail(), vec![Arc::new(Outdated)]).await.unwrap();
    pipeline.caught_up().await.unwrap();
    pipeline.stop().await;

    let parking = store.system.parking();
    let parked = parking.list("task-list").await.unwrap();
    assert_eq!(parked.len(), 1);
    assert_eq!((parked[0].stream, parked[0].version, parked[0].reason.as_str()), (task.into(), 1, "unknown"));
    assert_eq!(store.checkpoint().await, store.tail().last_sequence().await.unwrap(), "the others are not held up");

    let projection = store.system.projection("task-list").unwrap();
    reconcile(&store.system, &**projection, false).await.unwrap();
    assert_eq!(store.row(task).await.unwrap().version, 1);
    assert_eq!(parking.list("task-list").await.unwrap(), [], "it is parked no more");
}

/// A defect that ends the queue itself: after the first delivery not even the name can be told.
#[derive(Default)]
struct Nameless(AtomicBool);

#[async_trait]
impl Consumer for Nameless {
    fn name(&self) -> &'static str {
        assert!(!self.0.load(Ordering::SeqCst), "a defect");
        "task-list"
    }

    async fn handle(&self, batch: Vec<Message>) -> Vec<Failure> {
        self.0.store(true, Ordering::SeqCst);
        Outdated.handle(batch).await
    }
}

#[tokio::test]
async fn a_pipeline_of_which_a_part_ends_stops_what_needs_it_and_never_has_caught_up() {
    let store = TestStore::new().await;
    store.task("Fix the door").await;
    let consumer: Arc<dyn Consumer> = Arc::new(Nameless::default());
    let pipeline = Pipeline::start_with(&store.system, store.tail(), vec![consumer]).await.unwrap();
    let failed = pipeline.caught_up().await.unwrap_err().to_string();
    assert!(failed.contains("the queue of task-list ended by itself"), "{failed}");

    let stop = CancellationToken::new();
    let served = pipeline.beside(&stop, async {
        stop.cancelled().await;
        Ok(())
    });
    assert_eq!(served.await.unwrap_err().to_string(), failed);
    pipeline.stop().await;
    assert_eq!(store.checkpoint().await, None, "the event comes again");
}

#[tokio::test]
async fn a_poison_event_is_parked_at_once_and_the_rest_goes_on() {
    let store = TestStore::new().await;
    let before = store.task("Before it").await;
    let poison = store.poison().await;
    let after = store.task("After it").await;
    let watched = Watched::of(&store, 0);
    let pipeline = start(&store, &watched).await;
    pipeline.caught_up().await.unwrap();

    assert_eq!(store.row(before).await.unwrap().version, 1);
    assert_eq!(store.row(after).await.unwrap().version, 1);
    let parked = store.system.parking().list("task-list").await.unwrap();
    assert_eq!(parked.iter().map(|parked| (parked.stream, parked.version)).collect::<Vec<_>>(), [(poison, 1)]);
    assert!(parked[0].reason.contains("TaskVanished"), "{}", parked[0].reason);
    assert_eq!(
        watched.delivered().iter().filter(|(stream, _)| *stream == poison).count(),
        1,
        "trying again is of no use"
    );
    pipeline.stop().await;
    assert_eq!(store.checkpoint().await, store.tail().last_sequence().await.unwrap());
}

#[tokio::test]
async fn a_commit_that_was_changed_in_the_store_does_not_stop_the_stream() {
    let store = TestStore::new().await;
    let forged = store.task("Fix the door").await;
    store.forge_title(forged, 1, "Fix the roof").await;
    let after = store.task("After it").await;
    let pipeline = store.pipeline().await;
    pipeline.caught_up().await.unwrap();
    assert_eq!(store.row(after).await.unwrap().version, 1);
    pipeline.stop().await;
}

/// `task-list` with a defect: it panics at one task.
struct Defective {
    inner: ProjectionConsumer,
    at: StreamId,
}

#[async_trait]
impl Consumer for Defective {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn handle(&self, batch: Vec<Message>) -> Vec<Failure> {
        let at = |message: &Message| message.event.as_ref().is_ok_and(|event| event.stream == self.at);
        assert!(!batch.iter().any(at), "a defect");
        self.inner.handle(batch).await
    }
}

#[tokio::test]
async fn a_projector_that_panics_at_one_event_takes_in_the_others() {
    let store = TestStore::new().await;
    let (before, bad, after) = (store.task("Before").await, store.task("Bad").await, store.task("After").await);
    let inner = ProjectionConsumer(Arc::clone(store.system.projection("task-list").unwrap()));
    let consumers: Vec<Arc<dyn Consumer>> = vec![Arc::new(Defective { inner, at: bad.into() })];
    let pipeline = Pipeline::start_with(&store.system, store.tail(), consumers).await.unwrap();
    pipeline.caught_up().await.unwrap();
    pipeline.stop().await;
    assert!(store.row(before).await.is_some() && store.row(after).await.is_some());
    let parked = store.system.parking().list("task-list").await.unwrap();
    assert_eq!(parked.iter().map(|parked| parked.stream).collect::<Vec<_>>(), [bad.into()]);
}

#[tokio::test]
async fn an_item_that_is_no_commit_is_put_aside_and_does_not_stop_the_stream() {
    let store = TestStore::new().await;
    let before = store.task("Before it").await;
    let put = store.system.client.put_item().table_name("muster-events").item("pk", text(&"nonsense"));
    put.item("sk", AttributeValue::N("1".to_owned())).send().await.unwrap();
    let after = store.task("After it").await;
    let pipeline = store.pipeline().await;
    pipeline.caught_up().await.unwrap();
    assert_eq!(store.row(before).await.unwrap().version, 1);
    assert_eq!(store.row(after).await.unwrap().version, 1);
    pipeline.stop().await;
    assert_eq!(store.system.parking().aside().await.unwrap().len(), 1);
    assert_eq!(store.checkpoint().await, store.tail().last_sequence().await.unwrap());
}

#[test]
fn the_rules_of_the_topology_give_each_projection_its_aggregates() {
    let rules = Rules::of(&Topology::load().unwrap()).unwrap();
    let matching = |aggregate| {
        let event: RecordedEvent = serde_json::from_value(serde_json::json!({
            "event_id": Uuid::nil(),
            "stream": { "type": aggregate, "id": Uuid::nil() },
            "version": 1,
            "type": "AnythingHappened",
            "schema": 1,
            "recorded_at": "2026-03-02T08:00:00Z",
            "actor": { "type": "system", "name": "test" },
            "command_id": Uuid::nil(),
            "correlation_id": "test",
            "data": {},
        }))
        .unwrap();
        let mut names = rules.matching(&event).unwrap();
        names.sort();
        names
    };
    assert_eq!(matching(AggregateType::Task), ["audit-log", "feed", "task-list", "task-past", "webhooks"]);
    assert_eq!(matching(AggregateType::User), ["audit-log", "directory", "feed", "webhooks"]);
    assert_eq!(matching(AggregateType::Team), ["audit-log", "directory", "feed", "webhooks"]);
}
