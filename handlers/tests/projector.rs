//! The Lambda behind a projection's queue, with the JSON that SQS sends it, over the real engine.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod support;

use std::sync::Arc;

use aws_lambda_events::sqs::SqsEvent;
use muster_domain::task::Priority;
use muster_domain::{EventReader, RecordedEvent, TaskId};
use muster_embedded::Engine;
use muster_handlers::clock::SystemClock;
use muster_handlers::lambda::project_queue;
use muster_handlers::wiring::event_store;
use muster_projections::{AuditQueries, DirectoryQueries, Hosted, ReadModels, TaskQueries, hosted};
use serde_json::{Value, json};
use support::{PREFIX, Store, fixture, on_the_bus, queue_event};
use uuid::Uuid;

impl Store {
    fn projection(&self, name: &str) -> Arc<dyn Hosted> {
        let reader: Arc<dyn EventReader> = Arc::new(self.events());
        let mut all = hosted(&self.client, PREFIX, &reader).into_iter();
        all.find(|projection| projection.name() == name).unwrap()
    }

    /// What the Lambda of this projection answers to these messages, as JSON.
    async fn take_in(&self, projection: &str, messages: &[(&str, String)]) -> Value {
        take_in(&*self.projection(projection), &queue_event(messages)).await
    }

    /// Version, title and priority of a task in the read model.
    async fn task(&self, id: TaskId) -> Option<(u64, String, Priority)> {
        let task = TaskQueries::new(self.read_models()).get(id).await.unwrap()?;
        Some((task.version, task.title, task.priority))
    }

    fn read_models(&self) -> ReadModels {
        ReadModels::new(self.client.clone(), PREFIX)
    }
}

async fn take_in(projection: &dyn Hosted, event: &Value) -> Value {
    let event: SqsEvent = serde_json::from_value(event.clone()).unwrap();
    serde_json::to_value(project_queue(projection, &SystemClock, event).await).unwrap()
}

/// A message with an event, as EventBridge puts it into a queue.
fn message<'a>(id: &'a str, event: &RecordedEvent) -> (&'a str, String) {
    (id, on_the_bus(event).to_string())
}

fn all_done() -> Value {
    json!({ "batchItemFailures": [] })
}

fn failed(ids: &[&str]) -> Value {
    json!({ "batchItemFailures": ids.iter().map(|id| json!({ "itemIdentifier": id })).collect::<Vec<_>>() })
}

fn checked_pumps() -> (u64, String, Priority) {
    (3, "Check both pumps".to_owned(), Priority::High)
}

/// A task with three events.
async fn edited_task(store: &Store) -> (TaskId, Vec<RecordedEvent>) {
    let id = store.create_task("Check the pump").await;
    store.edit_task(id, "Check both pumps", Priority::High).await;
    (id, store.history(id).await)
}

#[tokio::test]
async fn each_projection_makes_its_rows_of_the_events_in_its_queue() {
    let store = Store::new().await;
    let (task, events) = edited_task(&store).await;
    let team = store.create_team("North").await;
    let founded = store.history(team).await;
    let of_task = [message("1", &events[0]), message("2", &events[1]), message("3", &events[2])];

    assert_eq!(store.take_in("task-list", &of_task).await, all_done());
    assert_eq!(store.take_in("audit-log", &of_task).await, all_done());
    assert_eq!(store.take_in("directory", &[message("4", &founded[0])]).await, all_done());

    assert_eq!(store.task(task).await, Some(checked_pumps()));
    let latest = AuditQueries::new(store.read_models(), store.keys()).latest(&task.into()).await.unwrap().unwrap();
    assert_eq!((latest.version, latest.event_type.as_str()), (3, "TaskPriorityChanged"));
    let team = DirectoryQueries::new(store.read_models()).team(team).await.unwrap().unwrap();
    assert_eq!((team.version, team.name.as_str()), (1, "North"));
}

#[tokio::test]
async fn messages_may_come_twice_and_in_any_order() {
    let store = Store::new().await;
    let (task, events) = edited_task(&store).await;

    for order in [[2, 0, 1], [1, 1, 0], [0, 2, 2]] {
        let ids = ["a", "b", "c"];
        let messages: Vec<_> = ids.into_iter().zip(order).map(|(id, place)| message(id, &events[place])).collect();

        assert_eq!(store.take_in("task-list", &messages).await, all_done());
        assert_eq!(store.task(task).await, Some(checked_pumps()));
    }
}

#[tokio::test]
async fn an_event_that_overtook_others_brings_the_row_up_to_itself() {
    let store = Store::new().await;
    let (task, events) = edited_task(&store).await;

    assert_eq!(store.take_in("task-list", &[message("late", &events[2])]).await, all_done());

    assert_eq!(store.task(task).await, Some(checked_pumps()));
}

#[tokio::test]
async fn an_event_of_an_aggregate_that_the_projection_does_not_want_is_done() {
    let store = Store::new().await;
    let team = store.create_team("North").await;

    let answer = store.take_in("task-list", &[message("1", &store.history(team).await[0])]).await;

    assert_eq!(answer, all_done());
}

#[tokio::test]
async fn a_message_that_is_no_event_fails_alone() {
    let store = Store::new().await;
    let (first, second) = (store.create_task("Check the pump").await, store.create_task("Paint the fence").await);
    let no_detail = json!({ "version": "0", "source": "muster" }).to_string();
    let bare_event = serde_json::to_string(&store.history(first).await[0]).unwrap();
    let messages = [
        message("good", &store.history(first).await[0]),
        ("not-json", "Hello?".to_owned()),
        ("empty", String::new()),
        ("no-detail", no_detail),
        ("no-envelope", bare_event),
        message("good too", &store.history(second).await[0]),
    ];

    let answer = store.take_in("task-list", &messages).await;

    assert_eq!(answer, failed(&["empty", "no-detail", "no-envelope", "not-json"]));
    assert_eq!(store.task(first).await, Some((1, "Check the pump".to_owned(), Priority::Medium)));
    assert_eq!(store.task(second).await, Some((1, "Paint the fence".to_owned(), Priority::Medium)));
}

#[tokio::test]
async fn an_event_that_this_program_cannot_read_fails_alone() {
    let store = Store::new().await;
    let task = store.create_task("Check the pump").await;
    let mut unknown = store.history(store.create_task("Paint the fence").await).await.remove(0);
    unknown.event_type = "TaskPainted".to_owned();

    let messages = [message("unknown", &unknown), message("good", &store.history(task).await[0])];
    let answer = store.take_in("task-list", &messages).await;

    assert_eq!(answer, failed(&["unknown"]));
    assert_eq!(store.task(task).await, Some((1, "Check the pump".to_owned(), Priority::Medium)));
}

#[tokio::test]
async fn an_event_that_the_store_does_not_have_comes_again() {
    let store = Store::new().await;
    let (task, events) = edited_task(&store).await;
    let mut future = events[2].clone();
    future.version = 9;

    let answer = store.take_in("task-list", &[message("future", &future)]).await;

    assert_eq!(answer, failed(&["future"]));
    assert_eq!(store.task(task).await, Some(checked_pumps()));
}

#[tokio::test]
async fn when_the_tables_cannot_be_reached_every_message_comes_again() {
    let store = Store::new().await;
    let (_, events) = edited_task(&store).await;
    let without_tables = Engine::memory().unwrap().client();
    let reader: Arc<dyn EventReader> = Arc::new(event_store(&without_tables, PREFIX, store.keys()));

    for projection in hosted(&without_tables, PREFIX, &reader).iter().filter(|one| one.name() != "directory") {
        let messages = [message("1", &events[0]), message("2", &events[1])];
        assert_eq!(take_in(&**projection, &queue_event(&messages)).await, failed(&["1", "2"]), "{}", projection.name());
    }
}

#[tokio::test]
async fn an_empty_batch_is_done() {
    let store = Store::new().await;

    assert_eq!(store.take_in("task-list", &[]).await, all_done());
}

#[tokio::test]
async fn aws_example_of_a_queue_with_other_messages_is_answered_with_its_message() {
    let store = Store::new().await;
    let event = serde_json::from_str(&fixture("example-sqs-event.json")).unwrap();

    let answer = take_in(&*store.projection("task-list"), &event).await;

    assert_eq!(answer.to_string(), r#"{"batchItemFailures":[{"itemIdentifier":"MessageID_1"}]}"#);
}

#[tokio::test]
async fn a_row_of_another_task_is_not_touched_by_a_message_about_one_that_is_not_there() {
    let store = Store::new().await;
    let (task, events) = edited_task(&store).await;
    store.take_in("task-list", &[message("1", &events[2])]).await;
    let mut foreign = events[2].clone();
    foreign.stream = TaskId(Uuid::from_u128(7)).into();

    assert_eq!(store.take_in("task-list", &[message("foreign", &foreign)]).await, failed(&["foreign"]));

    assert_eq!(store.task(TaskId(Uuid::from_u128(7))).await, None);
    assert_eq!(store.task(task).await, Some(checked_pumps()));
}
