//! A store that is open in one program, reached from another through its socket.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use common::{create_table, n, put, read, s};
use muster_embedded::{Engine, EngineError, SocketHandle, socket_client};
use tempfile::TempDir;

/// A store in memory and a client of its socket; the socket is served while this is there.
struct Served {
    engine: Engine,
    client: Client,
    path: PathBuf,
    _handle: SocketHandle,
    _dir: TempDir,
}

fn served() -> Served {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.sock");
    let engine = Engine::memory().unwrap();
    let handle = engine.serve_socket(&path).unwrap();
    let client = socket_client(&path).unwrap();
    Served { engine, client, path, _handle: handle, _dir: dir }
}

#[tokio::test]
async fn what_is_written_through_the_socket_is_in_the_store() {
    let Served { engine, client, path, _handle, _dir } = served();

    create_table(&client, "events", true).await;
    put(&client, "events", "task#1", 1, "through the socket").await;

    assert_eq!(read(&client, "events", "task#1", 1).await, Some("through the socket".to_owned()));
    assert_eq!(read(&engine.client(), "events", "task#1", 1).await, Some("through the socket".to_owned()));
    assert_eq!(engine.stream("events").read(None, 10).await.unwrap().len(), 1);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn refusals_come_through_the_socket_as_typed_errors() {
    let Served { client, .. } = &served();
    create_table(client, "events", false).await;
    put(client, "events", "task#1", 1, "first").await;

    let refused = client
        .put_item()
        .table_name("events")
        .item("pk", s("task#1"))
        .item("sk", n(1))
        .condition_expression("attribute_not_exists(pk)")
        .send()
        .await
        .unwrap_err();
    let unknown = client.list_backups().send().await.unwrap_err();

    assert!(refused.into_service_error().is_conditional_check_failed_exception());
    assert_eq!(unknown.code(), Some("UnknownOperationException"));
}

#[tokio::test]
async fn many_requests_at_once_are_all_answered() {
    let Served { client, .. } = &served();
    create_table(client, "events", false).await;

    let writes = (1..=50).map(|version| {
        let client = client.clone();
        tokio::spawn(async move { put(&client, "events", "task#1", version, "x").await })
    });
    for write in writes.collect::<Vec<_>>() {
        write.await.unwrap();
    }

    let found = client.scan().table_name("events").send().await.unwrap();
    assert_eq!(found.count(), 50);
}

#[tokio::test]
async fn the_socket_file_of_a_killed_process_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(matches!(socket_client(&path), Err(EngineError::Socket { .. })));

    let engine = Engine::memory().unwrap();
    let _handle = engine.serve_socket(&path).unwrap();

    let listed = socket_client(&path).unwrap().list_tables().send().await.unwrap();
    assert_eq!(listed.table_names(), [""; 0]);
}

#[tokio::test]
async fn a_path_that_is_taken_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Engine::memory().unwrap();
    let served = dir.path().join("store.sock");
    let _handle = engine.serve_socket(&served).unwrap();
    let file = dir.path().join("notes.txt");
    fs::write(&file, "mine").unwrap();

    assert!(matches!(engine.serve_socket(&served), Err(EngineError::SocketInUse { .. })));
    assert!(matches!(engine.serve_socket(&file), Err(EngineError::Socket { .. })));
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}

#[tokio::test]
async fn shutting_the_socket_down_lets_go_of_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.sock");
    let data = dir.path().join("data");
    let engine = Engine::open(&data).unwrap();
    let handle = engine.serve_socket(&path).unwrap();
    let client = socket_client(&path).unwrap();
    create_table(&client, "events", false).await;
    drop(engine);

    handle.shutdown().await;

    assert!(!path.exists());
    assert!(client.list_tables().send().await.is_err());
    let reopened = Engine::open(&data).unwrap().client();
    assert_eq!(reopened.list_tables().send().await.unwrap().table_names(), ["events"]);
}
