//! Concurrent writes share a sync, and nothing is answered before it: seen with a sync that is counted, held or failed.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use serde_json::{Value, json};

use crate::{Engine, EngineError};

/// One request, which is queued when this returns.
fn request(engine: &Engine, operation: &str, body: &Value) -> impl Future<Output = (u16, Value)> + Send + use<> {
    let answer = engine.request(&format!("DynamoDB_20120810.{operation}"), body.to_string().into_bytes());
    async move {
        let (status, body) = answer.await;
        (status, serde_json::from_slice(&body).unwrap())
    }
}

async fn create_table(engine: &Engine) {
    assert_eq!(create(engine, "events").await.0, 200);
}

fn create(engine: &Engine, table: &str) -> impl Future<Output = (u16, Value)> + Send + use<> {
    let table = json!({
        "TableName": table,
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
        "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"},
    });
    request(engine, "CreateTable", &table)
}

fn put(engine: &Engine, key: &str) -> impl Future<Output = (u16, Value)> + Send + use<> {
    let item = json!({"TableName": "events", "Item": {"pk": {"S": key}, "data": {"S": "x".repeat(400)}}});
    request(engine, "PutItem", &item)
}

fn get(engine: &Engine, key: &str) -> impl Future<Output = (u16, Value)> + Send + use<> {
    request(engine, "GetItem", &json!({"TableName": "events", "Key": {"pk": {"S": key}}, "ConsistentRead": true}))
}

fn scan(engine: &Engine) -> impl Future<Output = (u16, Value)> + Send + use<> {
    request(engine, "Scan", &json!({"TableName": "events", "ConsistentRead": true}))
}

async fn is_there(engine: &Engine, key: &str) -> bool {
    let (status, body) = get(engine, key).await;
    assert_eq!(status, 200, "{body}");
    body.get("Item").is_some()
}

/// Whether there is no answer yet.
async fn is_pending<F: Future>(answer: &mut Pin<Box<F>>) -> bool {
    std::future::poll_fn(|context| Poll::Ready(answer.as_mut().poll(context).is_pending())).await
}

/// Returns when the thread that reads has run what was queued before.
async fn reads_are_done(engine: &Engine) {
    let (say_done, done) = channel();
    let mut fence = Box::pin(engine.shared().read_stream(move |_| Ok(say_done.send(()))));
    is_pending(&mut fence).await;
    done.recv().unwrap();
}

/// An engine with a table, whose syncs are counted.
async fn counted(dir: &Path) -> (Engine, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&count);
    let engine = Engine::open_with(dir, |mut sync| {
        Box::new(move || {
            counting.fetch_add(1, Ordering::SeqCst);
            sync()
        })
    })
    .unwrap();
    create_table(&engine).await;
    (engine, count)
}

/// A sync that says when it has begun, and then waits for the outcome that it is to have.
struct HeldSync {
    begun: Receiver<()>,
    outcomes: Sender<io::Result<()>>,
}

impl HeldSync {
    /// An engine with a table, whose syncs from now on are held.
    async fn engine(dir: &Path) -> (Engine, Self) {
        let (say_begun, begun) = channel();
        let (outcomes, outcome) = channel::<io::Result<()>>();
        let engine = Engine::open_with(dir, |mut sync| {
            Box::new(move || {
                say_begun.send(()).unwrap();
                outcome.recv().unwrap()?;
                sync()
            })
        })
        .unwrap();
        outcomes.send(Ok(())).unwrap();
        create_table(&engine).await;
        begun.recv().unwrap();
        (engine, Self { begun, outcomes })
    }

    fn wait_until_begun(&self) {
        self.begun.recv().unwrap();
    }

    fn end(&self) {
        self.outcomes.send(Ok(())).unwrap();
    }

    fn fail(&self) {
        self.outcomes.send(Err(io::Error::other("the disk is gone"))).unwrap();
    }
}

#[tokio::test]
async fn a_lone_write_is_synced_once_and_a_lone_read_never() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, syncs) = counted(dir.path()).await;
    let before = syncs.load(Ordering::SeqCst);

    assert_eq!(put(&engine, "a").await.0, 200);
    assert_eq!(syncs.load(Ordering::SeqCst) - before, 1);

    assert!(is_there(&engine, "a").await);
    assert_eq!(syncs.load(Ordering::SeqCst) - before, 1);
}

#[tokio::test]
async fn writes_that_wait_at_the_same_time_share_one_sync() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, disk) = HeldSync::engine(dir.path()).await;
    let first = put(&engine, "first");
    disk.wait_until_begun();
    let waiting: Vec<_> = (0..50).map(|number| put(&engine, &number.to_string())).collect();

    disk.end();
    assert_eq!(first.await.0, 200);
    disk.wait_until_begun();
    disk.end();

    for answer in waiting {
        assert_eq!(answer.await.0, 200);
    }
    assert_eq!(disk.begun.try_iter().count(), 0, "there was a third sync");
}

#[tokio::test]
async fn a_write_is_answered_when_its_sync_has_ended() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, disk) = HeldSync::engine(dir.path()).await;

    let mut answer = Box::pin(put(&engine, "a"));
    disk.wait_until_begun();
    assert!(is_pending(&mut answer).await);

    disk.end();
    assert_eq!(answer.await.0, 200);
}

#[tokio::test]
async fn a_read_is_answered_when_the_write_that_it_may_have_seen_is_synced() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, disk) = HeldSync::engine(dir.path()).await;
    let write = put(&engine, "a");
    disk.wait_until_begun();

    let mut seen = Box::pin(get(&engine, "a"));
    let mut other = Box::pin(get(&engine, "b"));
    let mut listed = Box::pin(scan(&engine));
    for pending in [&mut seen, &mut other] {
        assert!(is_pending(pending).await);
    }
    assert!(is_pending(&mut listed).await);
    reads_are_done(&engine).await;
    assert!(is_pending(&mut listed).await);

    disk.end();
    assert_eq!(seen.await.1["Item"]["pk"], json!({"S": "a"}));
    assert_eq!(other.await.1, json!({}));
    assert_eq!(listed.await.1["Count"], 1);
    assert_eq!(write.await.0, 200);
}

#[tokio::test]
async fn a_read_of_one_table_waits_for_no_write_to_another() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, disk) = HeldSync::engine(dir.path()).await;
    let mut other = Box::pin(create(&engine, "people"));
    assert!(is_pending(&mut other).await);
    disk.wait_until_begun();
    disk.end();
    assert_eq!(other.await.0, 200);
    let write = put(&engine, "a");
    disk.wait_until_begun();

    let read = json!({"TableName": "people", "Key": {"pk": {"S": "a"}}, "ConsistentRead": true});
    assert_eq!(request(&engine, "GetItem", &read).await, (200, json!({})));

    disk.end();
    assert_eq!(write.await.0, 200);
}

#[tokio::test]
async fn what_reads_knows_a_table_as_it_is_now() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, _) = counted(dir.path()).await;
    assert!(!is_there(&engine, "a").await);

    assert_eq!(request(&engine, "DeleteTable", &json!({"TableName": "events"})).await.0, 200);
    let gone = get(&engine, "a").await;
    assert_eq!((gone.0, gone.1["message"].as_str().unwrap()), (400, "Requested resource not found"));

    let table = json!({
        "TableName": "events",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "N"}],
        "BillingMode": "PAY_PER_REQUEST",
    });
    assert_eq!(request(&engine, "CreateTable", &table).await.0, 200);
    let item = json!({"TableName": "events", "Item": {"id": {"N": "7"}}});
    assert_eq!(request(&engine, "PutItem", &item).await.0, 200);
    let read = json!({"TableName": "events", "Key": {"id": {"N": "7"}}});
    assert_eq!(request(&engine, "GetItem", &read).await.1["Item"], json!({"id": {"N": "7"}}));
}

#[tokio::test]
async fn a_stream_record_is_handed_out_when_its_write_is_synced() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, disk) = HeldSync::engine(dir.path()).await;
    let tail = engine.stream("events");
    let write = put(&engine, "a");
    disk.wait_until_begun();

    let (say_seen, seen) = channel();
    let mut read = Box::pin(engine.shared().read_stream(move |log| {
        let records = log.read("events", 0, 10);
        say_seen.send(records.as_ref().unwrap().len()).unwrap();
        records
    }));
    let mut last = Box::pin(tail.last_sequence());
    let mut waiting = Box::pin(tail.wait(None));
    // Polled once, they are queued.
    is_pending(&mut read).await;
    is_pending(&mut last).await;
    is_pending(&mut waiting).await;
    reads_are_done(&engine).await;

    assert_eq!(seen.recv().unwrap(), 1, "the reader's connection sees the commit");
    assert!(is_pending(&mut read).await);
    assert!(is_pending(&mut last).await);
    assert!(is_pending(&mut waiting).await);

    disk.end();
    let records = read.await.unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!(last.await.unwrap().as_ref(), records.last().map(|record| &record.sequence_number));
    waiting.await.unwrap();
    assert_eq!(write.await.0, 200);
}

#[tokio::test]
async fn an_engine_whose_disk_refuses_answers_nothing_any_more() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, disk) = HeldSync::engine(dir.path()).await;
    disk.end();
    assert_eq!(put(&engine, "kept").await.0, 200);
    disk.wait_until_begun();

    let tail = engine.stream("events");
    let last = tail.last_sequence().await.unwrap();
    let mut waiting = Box::pin(tail.wait(last.as_deref()));
    assert!(is_pending(&mut waiting).await);
    reads_are_done(&engine).await;
    // It has looked, and waits for a write.
    assert!(is_pending(&mut waiting).await);
    let refused = put(&engine, "refused");
    disk.wait_until_begun();
    let mut read = Box::pin(get(&engine, "refused"));
    assert!(is_pending(&mut read).await);

    disk.fail();

    let reason = "the disk did not take what was written (the disk is gone); the store must be closed and opened again";
    for (status, body) in [refused.await, read.await, get(&engine, "kept").await, put(&engine, "later").await] {
        assert_eq!((status, body["message"].as_str().unwrap()), (500, reason));
    }
    let (table, key) = ("events", aws_sdk_dynamodb::types::AttributeValue::S("kept".to_owned()));
    let derived = engine.derived_client().get_item().table_name(table).key("pk", key).send().await.unwrap_err();
    assert_eq!(derived.raw_response().unwrap().status().as_u16(), 500);
    let told = waiting.await.unwrap_err();
    assert!(matches!(&told, EngineError::Disk(reason) if reason.to_string() == "the disk is gone"), "{told}");
    let error = engine.stream("events").read(None, 10).await.unwrap_err();
    assert!(matches!(&error, EngineError::Disk(reason) if reason.to_string() == "the disk is gone"), "{error}");
    assert!(matches!(engine.remove_expired().await.unwrap_err(), EngineError::Disk(_)));
    drop((engine, tail));
    let engine = Engine::open(dir.path()).unwrap();
    assert!(is_there(&engine, "kept").await);
    assert!(!is_there(&engine, "later").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_sees_a_table_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, _) = counted(dir.path()).await;
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let reading = tokio::spawn({
        let engine = engine.clone();
        async move {
            let mut seen = BTreeSet::new();
            while stopped.try_recv().is_err() {
                seen.extend([get(&engine, "a").await.0, scan(&engine).await.0]);
            }
            seen
        }
    });

    for _ in 0..200 {
        assert_eq!(request(&engine, "DeleteTable", &json!({"TableName": "events"})).await.0, 200);
        create_table(&engine).await;
    }
    stop.send(()).unwrap();

    assert!(reading.await.unwrap().is_subset(&BTreeSet::from([200, 400])));
}

/// What a power cut would leave, and what had been acknowledged when it came.
struct Cut {
    image: PathBuf,
    acknowledged: BTreeSet<String>,
}

/// The files as they are when a sync ends, with nothing written since: that is what the disk has for certain. Whatever is
/// acknowledged before the next sync must be in them. There are enough writes for SQLite to start its log anew a few
/// times.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_power_cut_at_any_moment() {
    const WRITERS: usize = 8;
    const EACH: usize = 120;
    let (dir, images) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let acknowledged: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let cuts: Arc<Mutex<Vec<Cut>>> = Arc::default();
    let engine = Engine::open_with(dir.path(), |mut sync| {
        let (from, to) = (dir.path().to_owned(), images.path().to_owned());
        let (acknowledged, cuts) = (Arc::clone(&acknowledged), Arc::clone(&cuts));
        let (mut number, mut synced) = (0, None::<PathBuf>);
        Box::new(move || {
            if let Some(image) = synced.take() {
                let acknowledged = acknowledged.lock().unwrap().clone();
                cuts.lock().unwrap().push(Cut { image, acknowledged });
            }
            number += 1;
            sync()?;
            // Not at regular distances, which the batches could fall in step with.
            if number * number % 23 < 4 {
                let image = to.join(number.to_string());
                fs::create_dir(&image)?;
                for file in ["format", "muster.db", "muster.db-wal"] {
                    fs::copy(from.join(file), image.join(file))?;
                }
                synced = Some(image);
            }
            Ok(())
        })
    })
    .unwrap();
    create_table(&engine).await;

    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (engine, acknowledged) = (engine.clone(), Arc::clone(&acknowledged));
            tokio::spawn(async move {
                for number in 0..EACH {
                    let key = format!("{writer}-{number}");
                    assert_eq!(put(&engine, &key).await.0, 200);
                    acknowledged.lock().unwrap().insert(key);
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    drop(engine);

    assert_eq!(acknowledged.lock().unwrap().len(), WRITERS * EACH);
    let cuts = std::mem::take(&mut *cuts.lock().unwrap());
    assert!(cuts.iter().any(|cut| !cut.acknowledged.is_empty()));
    for cut in cuts {
        let engine = Engine::open(&cut.image).unwrap();
        for key in &cut.acknowledged {
            assert!(is_there(&engine, key).await, "{key}, one of {}, is lost", cut.acknowledged.len());
        }
    }
}

#[tokio::test]
async fn a_derived_write_is_answered_without_a_sync_and_seen_by_all() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, syncs) = counted(dir.path()).await;
    let before = syncs.load(Ordering::SeqCst);

    let text = |text: &str| aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned());
    engine.derived_client().put_item().table_name("events").item("pk", text("derived")).send().await.unwrap();

    assert_eq!(syncs.load(Ordering::SeqCst) - before, 0);
    assert!(is_there(&engine, "derived").await);
    assert_eq!(put(&engine, "durable").await.0, 200);
    assert_eq!(syncs.load(Ordering::SeqCst) - before, 1);
}

#[tokio::test]
async fn a_derived_write_behind_one_that_is_being_synced_waits_for_no_further_sync() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, disk) = HeldSync::engine(dir.path()).await;
    let text = |text: &str| aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned());
    let first = put(&engine, "durable");
    disk.wait_until_begun();
    let client = engine.derived_client();
    let mut derived = Box::pin(client.put_item().table_name("events").item("pk", text("derived")).send());
    assert!(is_pending(&mut derived).await);

    disk.end();

    assert_eq!(first.await.0, 200);
    derived.await.unwrap();
    assert_eq!(disk.begun.try_iter().count(), 0, "there was a second sync");
}
