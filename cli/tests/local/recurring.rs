//! Series that go on although nobody heard that a task was done.

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::task::{Recurrence, Status, TaskCommand, UpdateTask};
use muster_domain::{EventReader as _, SeriesId, TaskId};
use serde_json::json;

use crate::support::{TestStore, at};

fn rule(more: &serde_json::Value) -> Recurrence {
    let mut rule = json!({ "frequency": "daily", "interval": 1, "time": "09:30", "time_zone": "Europe/Berlin" });
    rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(rule).unwrap()
}

async fn set(store: &TestStore, task: TaskId, rule: Recurrence) {
    store.command(task, TaskCommand::SetRecurrence { rule, series: SeriesId(task.0), at: at() }).await;
}

async fn done(store: &TestStore, task: TaskId) {
    done_at(store, task, at()).await;
}

async fn done_at(store: &TestStore, task: TaskId, time: DateTime<Utc>) {
    for status in [Status::InProgress, Status::Completed] {
        store.command(task, TaskCommand::Update(UpdateTask { status: Some(status), ..UpdateTask::at(time) })).await;
    }
}

async fn head(store: &TestStore, task: TaskId) -> u64 {
    store.system.events.head(&task.into()).await.unwrap()
}

#[tokio::test]
async fn what_nobody_heard_of_is_made_up_for_once() {
    // No pipeline: no event goes anywhere.
    let store = TestStore::new().await;
    let (series, open, plain, over) =
        (store.task("Daily").await, store.task("Open").await, store.task("Once").await, store.task("Last").await);
    set(&store, series, rule(&json!({}))).await;
    set(&store, open, rule(&json!({}))).await;
    // It is done when the last day of its series is over.
    let (last, late) = (at().date_naive() + TimeDelta::days(2), at() + TimeDelta::days(5));
    set(&store, over, rule(&json!({ "until": last }))).await;
    for task in [series, plain] {
        done(&store, task).await;
    }
    done_at(&store, over, late).await;
    let recurring = store.system.recurring();
    assert_eq!(recurring.make_missed(2).await.unwrap(), 1);
    assert_eq!(head(&store, series.successor()).await, 2);
    for task in [open, plain, over] {
        assert_eq!(head(&store, task.successor()).await, 0);
    }
    assert_eq!(recurring.make_missed(1).await.unwrap(), 0);
    assert_eq!(head(&store, series.successor()).await, 2);
}

#[tokio::test]
async fn what_was_heard_of_is_not_made_again() {
    let store = TestStore::new().await;
    let pipeline = store.pipeline().await;
    let series = store.task("Daily").await;
    set(&store, series, rule(&json!({}))).await;
    done(&store, series).await;
    pipeline.caught_up().await.unwrap();
    assert_eq!(head(&store, series.successor()).await, 2);
    assert_eq!(store.system.recurring().make_missed(1).await.unwrap(), 0);
    assert_eq!(head(&store, series.successor()).await, 2);
    pipeline.stop().await;
}
