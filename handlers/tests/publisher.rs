//! The Lambda between the event table's stream and the bus, with the JSON that DynamoDB sends it.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

mod support;

use std::collections::VecDeque;
use std::sync::Mutex;

use async_trait::async_trait;
use aws_lambda_events::dynamodb::Event;
use aws_sdk_dynamodb::types::AttributeValue;
use muster_domain::RecordedEvent;
use muster_domain::task::Priority;
use muster_handlers::lambda::publish_stream;
use muster_handlers::publisher::{BusError, Entry, EventBus, PutOutcome, StreamItem, publish};
use serde_json::{Value, json};
use support::{PREFIX, Store, fixture};

/// What the bus does with one put.
enum Answer {
    /// Refuses the events at these places of the put, and takes the others.
    Refuses(&'static [usize]),
    /// Takes the events, but says something of so many of them only.
    TellsOf(usize),
    /// Does not answer.
    IsSilent,
}

/// Stands for EventBridge: answers as it is told to, then takes everything, and remembers what it was given.
#[derive(Default)]
struct Bus {
    answers: Mutex<VecDeque<Answer>>,
    puts: Mutex<Vec<Vec<RecordedEvent>>>,
}

impl Bus {
    fn that(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self { answers: Mutex::new(answers.into_iter().collect()), puts: Mutex::default() }
    }

    fn puts(&self) -> Vec<Vec<RecordedEvent>> {
        self.puts.lock().unwrap().clone()
    }
}

#[async_trait]
impl EventBus for Bus {
    async fn put(&self, entries: &[Entry]) -> Result<Vec<PutOutcome>, BusError> {
        self.puts.lock().unwrap().push(entries.iter().map(|entry| entry.event.clone()).collect());
        let accepted = vec![PutOutcome::Accepted; entries.len()];
        match self.answers.lock().unwrap().pop_front() {
            None => Ok(accepted),
            Some(Answer::Refuses(places)) => {
                let mut outcomes = accepted;
                for place in places {
                    outcomes[*place] = PutOutcome::Refused { reason: "ThrottlingException: slow down".to_owned() };
                }
                Ok(outcomes)
            }
            Some(Answer::TellsOf(count)) => Ok(accepted[..count].to_vec()),
            Some(Answer::IsSilent) => Err(BusError("the connection was reset".into())),
        }
    }
}

/// A store with three commits of one, two and one events; the events in the order of the stream.
async fn three_commits() -> (Store, Vec<RecordedEvent>) {
    let store = Store::new().await;
    let first = store.create_task("Check the pump").await;
    store.edit_task(first, "Check both pumps", Priority::High).await;
    let second = store.create_task("Paint the fence").await;
    let mut events = store.history(first).await;
    events.extend(store.history(second).await);
    assert_eq!(events.len(), 4);
    (store, events)
}

/// What the Lambda answers to this event, as JSON.
async fn answer(bus: &Bus, event: &Value) -> Value {
    let event: Event = serde_json::from_value(event.clone()).unwrap();
    serde_json::to_value(publish_stream(bus, event).await).unwrap()
}

/// The answer that names the record at this place of the event as the first that failed.
fn failed_from(event: &Value, place: usize) -> Value {
    json!({ "batchItemFailures": [{ "itemIdentifier": event["Records"][place]["dynamodb"]["SequenceNumber"] }] })
}

fn all_done() -> Value {
    json!({ "batchItemFailures": [] })
}

#[tokio::test]
async fn every_event_of_every_commit_is_put_once_in_the_order_of_the_stream() {
    let (store, events) = three_commits().await;
    let bus = Bus::default();

    let answer = answer(&bus, &store.stream_event().await).await;

    assert_eq!(answer, all_done());
    assert_eq!(bus.puts(), [events]);
}

#[tokio::test]
async fn an_empty_batch_is_done_without_a_word_to_the_bus() {
    let bus = Bus::default();

    assert_eq!(answer(&bus, &json!({ "Records": [] })).await, all_done());

    assert!(bus.puts().is_empty());
}

#[tokio::test]
async fn entries_that_the_bus_refuses_are_put_again_and_the_others_are_not() {
    let (store, events) = three_commits().await;
    let bus = Bus::that([Answer::Refuses(&[1, 3]), Answer::Refuses(&[0])]);

    let answer = answer(&bus, &store.stream_event().await).await;

    assert_eq!(answer, all_done());
    let again = vec![events[1].clone(), events[3].clone()];
    let once_more = vec![events[1].clone()];
    assert_eq!(bus.puts(), [events, again, once_more]);
}

#[tokio::test]
async fn an_event_that_is_refused_to_the_end_fails_its_record_and_those_after_it() {
    let (store, events) = three_commits().await;
    // The second event of the second commit: the record is not wholly on the bus.
    let bus = Bus::that([Answer::Refuses(&[2]), Answer::Refuses(&[0]), Answer::Refuses(&[0])]);
    let event = store.stream_event().await;

    let answer = answer(&bus, &event).await;

    assert_eq!(answer, failed_from(&event, 1));
    let refused = vec![events[2].clone()];
    assert_eq!(bus.puts(), [events, refused.clone(), refused]);
}

#[tokio::test]
async fn of_several_records_that_fail_the_first_is_named() {
    let (store, _) = three_commits().await;
    let bus = Bus::that([Answer::Refuses(&[0, 3]), Answer::Refuses(&[0, 1]), Answer::Refuses(&[0, 1])]);
    let event = store.stream_event().await;

    assert_eq!(answer(&bus, &event).await, failed_from(&event, 0));
}

#[tokio::test]
async fn an_event_that_the_bus_says_nothing_of_counts_as_refused() {
    let (store, events) = three_commits().await;
    let bus = Bus::that([Answer::TellsOf(3)]);

    let answer = answer(&bus, &store.stream_event().await).await;

    assert_eq!(answer, all_done());
    let unanswered = vec![events[3].clone()];
    assert_eq!(bus.puts(), [events, unanswered]);
}

#[tokio::test]
async fn a_bus_that_answers_at_the_second_attempt_gets_everything_again() {
    let (store, events) = three_commits().await;
    let bus = Bus::that([Answer::IsSilent]);

    let answer = answer(&bus, &store.stream_event().await).await;

    assert_eq!(answer, all_done());
    assert_eq!(bus.puts(), [events.clone(), events]);
}

#[tokio::test]
async fn a_bus_that_never_answers_fails_the_batch_from_its_first_record() {
    let (store, events) = three_commits().await;
    let bus = Bus::that([Answer::IsSilent, Answer::IsSilent, Answer::IsSilent]);
    let event = store.stream_event().await;

    assert_eq!(answer(&bus, &event).await, failed_from(&event, 0));

    assert_eq!(bus.puts(), [events.clone(), events.clone(), events]);
}

/// Puts an item that is no commit into the event table, behind the event store's back.
async fn put_foreign_item(store: &Store) {
    let put = store.client.put_item().table_name(format!("{PREFIX}events"));
    let put = put.item("pk", AttributeValue::S("who knows".to_owned())).item("sk", AttributeValue::N("1".to_owned()));
    put.send().await.unwrap();
}

#[tokio::test]
async fn a_record_that_is_no_commit_is_named_and_what_came_before_it_is_published() {
    let store = Store::new().await;
    let before = store.create_task("Check the pump").await;
    put_foreign_item(&store).await;
    store.create_task("Paint the fence").await;
    let bus = Bus::default();
    let event = store.stream_event().await;

    let answer = answer(&bus, &event).await;

    assert_eq!(answer, failed_from(&event, 1));
    assert_eq!(bus.puts(), [store.history(before).await]);
}

#[tokio::test]
async fn a_refused_event_before_a_record_that_is_no_commit_is_what_is_named() {
    let store = Store::new().await;
    store.create_task("Check the pump").await;
    put_foreign_item(&store).await;
    let bus = Bus::that([Answer::Refuses(&[0]), Answer::Refuses(&[0]), Answer::Refuses(&[0])]);
    let event = store.stream_event().await;

    assert_eq!(answer(&bus, &event).await, failed_from(&event, 0));
}

#[tokio::test]
async fn items_that_were_changed_or_removed_are_not_published() {
    let store = Store::new().await;
    let task = store.create_task("Check the pump").await;
    let history = store.history(task).await;
    let key = || {
        let pk = ("pk".to_owned(), AttributeValue::S(history[0].stream.to_string()));
        Some([pk, ("sk".to_owned(), AttributeValue::N("1".to_owned()))].into())
    };
    let table = format!("{PREFIX}events");
    let change = store.client.update_item().table_name(&table).set_key(key());
    let change = change.update_expression("SET correlation_id = :c");
    change.expression_attribute_values(":c", AttributeValue::S("forged".to_owned())).send().await.unwrap();
    store.client.delete_item().table_name(&table).set_key(key()).send().await.unwrap();
    let later = store.create_task("Paint the fence").await;
    let bus = Bus::default();
    let event = store.stream_event().await;
    let names: Vec<_> = event["Records"].as_array().unwrap().iter().map(|record| &record["eventName"]).collect();
    assert_eq!(names, ["INSERT", "MODIFY", "REMOVE", "INSERT"]);

    let answer = answer(&bus, &event).await;

    assert_eq!(answer, all_done());
    assert_eq!(bus.puts(), [[history, store.history(later).await].concat()]);
}

#[tokio::test]
async fn aws_examples_of_other_tables_are_named_as_failures_and_never_published() {
    for (example, sequence_number) in [
        ("example-dynamodb-event.json", "1405400000000002063282832"),
        ("example-dynamodb-event-null-items.json", "1405400000000002063282832"),
    ] {
        let bus = Bus::default();

        let answer = answer(&bus, &serde_json::from_str(&fixture(example)).unwrap()).await;

        assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": sequence_number }] }), "{example}");
        assert!(bus.puts().is_empty(), "{example}");
    }
}

/// Lambda takes an empty identifier as the failure of the whole batch.
#[tokio::test]
async fn a_record_without_a_sequence_number_fails_the_whole_batch() {
    let bus = Bus::default();
    let record = fixture("example-dynamodb-event-record-with-optional-fields.json");
    let event = json!({ "Records": [serde_json::from_str::<Value>(&record).unwrap()] });

    let answer = answer(&bus, &event).await;

    assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": "" }] }));
}

#[tokio::test]
async fn the_same_function_serves_a_reader_of_the_stream_that_is_no_lambda() {
    let (store, events) = three_commits().await;
    let event: Event = serde_json::from_value(store.stream_event().await).unwrap();
    let records: Vec<StreamItem> = event.records.into_iter().filter_map(StreamItem::from_record).collect();
    let bus = Bus::that([Answer::Refuses(&[3]), Answer::Refuses(&[0]), Answer::Refuses(&[0])]);

    let failed = publish(&bus, &records).await;

    assert_eq!(failed.as_ref(), Some(&records[2].sequence_number));
    assert_eq!(bus.puts()[0], events);
    // From there on the next call goes on.
    assert_eq!(publish(&bus, &records[2..]).await, None);
    assert_eq!(bus.puts()[3], events[3..]);
}
