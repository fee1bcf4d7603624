//! The sweep over the real engine: what counts as behind, and what becomes of it.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod support;

use std::sync::Arc;

use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use muster_domain::{EventReader, TaskId};
use muster_handlers::clock::SystemClock;
use muster_handlers::lambda::{project_queue, sweep};
use muster_projections::{Hosted, ReadModels, TaskQueries, hosted};
use support::{PREFIX, Store, on_the_bus, queue_event};

impl Store {
    fn projections(&self) -> Vec<Arc<dyn Hosted>> {
        let reader: Arc<dyn EventReader> = Arc::new(self.events());
        hosted(&self.client, PREFIX, &reader)
    }

    async fn title_in_the_list(&self, task: TaskId) -> Option<String> {
        let tasks = TaskQueries::new(ReadModels::new(self.client.clone(), PREFIX));
        tasks.get(task).await.unwrap().map(|task| task.title)
    }
}

/// The numbers that the sweep told, by projection.
struct Told(Snapshotter);

impl Told {
    fn behind(&self) -> Vec<(String, f64)> {
        let numbers = self.0.snapshot().into_vec().into_iter().filter_map(|(key, _, _, value)| {
            // What the projector counts meanwhile is none of it.
            let DebugValue::Gauge(number) = value else { return None };
            let projection = key.key().labels().next().unwrap().value().to_owned();
            Some((projection, number.into_inner()))
        });
        let mut numbers: Vec<_> = numbers.collect();
        numbers.sort_by(|(one, _), (other, _)| one.cmp(other));
        numbers
    }
}

/// Does the work, and gives the numbers that it told.
async fn told(work: impl Future<Output = ()>) -> Told {
    let recorder = DebuggingRecorder::new();
    let told = Told(recorder.snapshotter());
    let mut work = std::pin::pin!(work);
    std::future::poll_fn(|context| metrics::with_local_recorder(&recorder, || work.as_mut().poll(context))).await;
    told
}

fn numbers(audit_log: f64, directory: f64, feed: f64, task_list: f64) -> Vec<(String, f64)> {
    [
        ("audit-log", audit_log),
        ("directory", directory),
        ("feed", feed),
        ("task-list", task_list),
        ("task-past", task_list),
    ]
    .map(|(name, number)| (name.to_owned(), number))
    .into()
}

#[tokio::test]
async fn a_row_whose_last_event_was_lost_is_repaired_and_counted() {
    let store = Store::new().await;
    let task = store.create_task("Check the pump").await;

    let told = told(async { sweep(&store.projections(), async {}).await.unwrap() }).await;

    assert_eq!(store.title_in_the_list(task).await.as_deref(), Some("Check the pump"));
    assert_eq!(told.behind(), numbers(1.0, 0.0, 1.0, 1.0));
}

#[tokio::test]
async fn an_event_that_is_only_on_its_way_does_not_count() {
    let store = Store::new().await;
    let task = store.create_task("Check the pump").await;
    let projections: Vec<_> =
        store.projections().into_iter().filter(|projection| projection.name() != "directory").collect();
    let event = queue_event(&[("1", on_the_bus(&store.history(task).await[0]).to_string())]);
    let arrival = async {
        for projection in &projections {
            let event = serde_json::from_value(event.clone()).unwrap();
            let answer = project_queue(&**projection, &SystemClock, event).await;
            assert!(answer.batch_item_failures.is_empty());
        }
    };

    let told = told(async { sweep(&projections, arrival).await.unwrap() }).await;

    let none = ["audit-log", "feed", "task-list", "task-past"].map(|name| (name.to_owned(), 0.0));
    assert_eq!(told.behind(), none);
    assert_eq!(store.title_in_the_list(task).await.as_deref(), Some("Check the pump"));
}
