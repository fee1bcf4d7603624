//! A table's stream, read from a checkpoint.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test")]

mod common;

use aws_lambda_events::dynamodb::EventRecord;
use common::{create_table, put};
use muster_embedded::{Engine, EngineError, StreamRecord, StreamTail};
use serde_json::json;

async fn engine_with_stream() -> Engine {
    let engine = Engine::memory().unwrap();
    create_table(&engine.client(), "events", true).await;
    engine
}

fn versions(records: &[StreamRecord]) -> Vec<u64> {
    records.iter().map(|record| record.keys["sk"]["N"].as_str().unwrap().parse().unwrap()).collect()
}

async fn all(tail: &StreamTail) -> Vec<StreamRecord> {
    tail.read(None, 1000).await.unwrap()
}

#[tokio::test]
async fn records_come_in_the_order_of_the_writes_from_the_checkpoint_on() {
    let engine = engine_with_stream().await;
    let client = engine.client();
    for version in 1..=5 {
        put(&client, "events", "task#1", version, "x").await;
    }
    let tail = engine.stream("events");

    let first = tail.read(None, 2).await.unwrap();
    let rest = tail.read(Some(&first[1].sequence_number), 100).await.unwrap();

    assert_eq!(versions(&first), [1, 2]);
    assert_eq!(versions(&rest), [3, 4, 5]);
    let numbers: Vec<_> = first.iter().chain(&rest).map(|record| &record.sequence_number).collect();
    assert!(numbers.is_sorted() && numbers.iter().all(|number| number.len() == 21), "{numbers:?}");
    assert_eq!(tail.last_sequence().await.unwrap().as_ref(), Some(*numbers.last().unwrap()));
    assert_eq!(tail.read(Some(numbers[4]), 100).await.unwrap(), []);
}

#[tokio::test]
async fn a_record_carries_the_change_as_dynamodb_gives_it_to_a_function() {
    let engine = engine_with_stream().await;
    let client = engine.client();
    put(&client, "events", "task#1", 7, "Fix the pump").await;
    put(&client, "events", "task#1", 7, "Fix the pumps").await;
    client
        .delete_item()
        .table_name("events")
        .key("pk", common::s("task#1"))
        .key("sk", common::n(7))
        .send()
        .await
        .unwrap();

    let records = all(&engine.stream("events")).await;

    let names: Vec<_> = records.iter().map(|record| record.event_name.as_str()).collect();
    assert_eq!(names, ["INSERT", "MODIFY", "REMOVE"]);
    assert_eq!(records[0].keys, json!({"pk": {"S": "task#1"}, "sk": {"N": "7"}}));
    assert_eq!(
        records[1].new_image,
        Some(json!({"pk": {"S": "task#1"}, "sk": {"N": "7"}, "data": {"S": "Fix the pumps"}}))
    );
    assert_eq!(records[2].new_image, None);
    let event: EventRecord = serde_json::from_value(records[1].to_lambda_record()).unwrap();
    assert_eq!(event.event_name, "MODIFY");
    assert_eq!(event.event_id, records[1].event_id);
    assert_eq!(event.change.sequence_number.as_ref(), Some(&records[1].sequence_number));
    assert_eq!(event.change.approximate_creation_date_time.timestamp(), records[1].created_at);
    let data = event.change.new_image.get("data").unwrap();
    assert_eq!(data, &serde_dynamo::AttributeValue::S("Fix the pumps".to_owned()));
}

#[tokio::test]
async fn the_parts_of_a_transaction_and_only_what_was_written_are_in_the_stream() {
    let engine = engine_with_stream().await;
    let client = engine.client();
    create_table(&client, "quiet", false).await;
    put(&client, "quiet", "task#1", 1, "no stream").await;
    put(&client, "events", "task#1", 1, "x").await;
    let refused = client
        .put_item()
        .table_name("events")
        .item("pk", common::s("task#1"))
        .item("sk", common::n(1))
        .condition_expression("attribute_not_exists(pk)")
        .send()
        .await;
    assert!(refused.unwrap_err().into_service_error().is_conditional_check_failed_exception());

    assert_eq!(versions(&all(&engine.stream("events")).await), [1]);
    assert_eq!(all(&engine.stream("quiet")).await, []);
}

#[tokio::test]
async fn large_records_are_read_a_few_megabytes_at_a_time() {
    let engine = engine_with_stream().await;
    let client = engine.client();
    let large = "x".repeat(390_000);
    for version in 1..=20 {
        put(&client, "events", "task#1", version, &large).await;
    }
    let tail = engine.stream("events");

    let first = all(&tail).await;
    let rest = tail.read(Some(&first.last().unwrap().sequence_number), 1000).await.unwrap();

    assert!(first.len() < 20, "{} records at once", first.len());
    assert_eq!(versions(&[first, rest].concat()), (1..=20).collect::<Vec<_>>());
}

#[tokio::test]
async fn trimming_removes_what_was_acknowledged_and_nothing_else() {
    let engine = engine_with_stream().await;
    let client = engine.client();
    create_table(&client, "other", true).await;
    put(&client, "other", "task#1", 9, "x").await;
    for version in 1..=5 {
        put(&client, "events", "task#1", version, "x").await;
    }
    let tail = engine.stream("events");
    let records = all(&tail).await;

    let removed = tail.trim(&records[2].sequence_number).await.unwrap();

    assert_eq!(removed, 3);
    assert_eq!(versions(&all(&tail).await), [4, 5]);
    assert_eq!(versions(&all(&engine.stream("other")).await), [9]);
    assert_eq!(tail.trim(&records[2].sequence_number).await.unwrap(), 0);
}

#[tokio::test]
async fn a_long_stream_is_trimmed_as_a_whole() {
    let engine = engine_with_stream().await;
    let client = engine.client();
    for version in 1..=1100 {
        put(&client, "events", "task#1", version, "x").await;
    }
    let tail = engine.stream("events");

    let removed = tail.trim(&tail.last_sequence().await.unwrap().unwrap()).await.unwrap();

    assert_eq!(removed, 1099);
    assert_eq!(versions(&all(&tail).await), [1100]);
}

#[tokio::test]
async fn numbers_go_on_after_trimming_everything_and_reopening_even_when_the_clock_was_set_back() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Engine::open(dir.path()).unwrap();
    create_table(&engine.client(), "events", true).await;
    for version in 1..=3 {
        put(&engine.client(), "events", "task#1", version, "x").await;
    }
    drop(engine);
    // As if the clock, which numbers never fall below, had been far ahead.
    let ahead = 9_000_000_000_000_000_i64;
    rusqlite::Connection::open(dir.path().join("muster.db"))
        .unwrap()
        .execute(
            "UPDATE _stream_records SET sequence_number = ?1 WHERE id = (SELECT MAX(id) FROM _stream_records)",
            [ahead.to_string()],
        )
        .unwrap();

    let engine = Engine::open(dir.path()).unwrap();
    let tail = engine.stream("events");
    let checkpoint = tail.last_sequence().await.unwrap().unwrap();
    assert_eq!(checkpoint, "100009000000000000000");
    assert_eq!(tail.trim(&checkpoint).await.unwrap(), 2);
    drop((engine, tail));
    let engine = Engine::open(dir.path()).unwrap();
    put(&engine.client(), "events", "task#1", 4, "x").await;

    let new = engine.stream("events").read(Some(&checkpoint), 10).await.unwrap();
    assert_eq!(versions(&new), [4]);
    assert_eq!(new[0].sequence_number, "100009000000000000001");
}

#[tokio::test]
async fn waiting_ends_with_the_next_record_and_at_once_when_there_is_one() {
    let dir = tempfile::tempdir().unwrap();
    for engine in [Engine::memory().unwrap(), Engine::open(dir.path()).unwrap()] {
        let client = engine.client();
        create_table(&client, "events", true).await;
        let tail = engine.stream("events");
        let mut checkpoint: Option<String> = None;
        for version in 1..=50 {
            let waiting = tokio::spawn({
                let (tail, checkpoint) = (tail.clone(), checkpoint.clone());
                async move { tail.wait(checkpoint.as_deref()).await }
            });
            put(&client, "events", "task#1", version, "x").await;
            waiting.await.unwrap().unwrap();
            tail.wait(checkpoint.as_deref()).await.unwrap();
            let records = tail.read(checkpoint.as_deref(), 10).await.unwrap();
            assert_eq!(versions(&records), [version]);
            checkpoint = Some(records[0].sequence_number.clone());
        }
    }
}

#[tokio::test]
async fn a_checkpoint_that_no_stream_gave_is_refused() {
    let tail = engine_with_stream().await.stream("events");

    for wrong in ["", "12", "x", "-1", "999999999999999999999999999999"] {
        let error = tail.read(Some(wrong), 1).await.unwrap_err();
        assert!(matches!(&error, EngineError::SequenceNumber(given) if given == wrong), "{error}");
    }
}
