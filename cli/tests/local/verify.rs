//! Finding histories that were tampered with.

use std::path::Path;

use aws_sdk_dynamodb::types::AttributeValue;
use clap::Parser as _;
use muster_cli::args::{Command, Muster};
use muster_cli::operate::status::{self, UnreadableCommit};
use muster_cli::operate::verify::{Verified, of_store};
use muster_cli::report::Failure;
use muster_cli::store::LocalStore;
use muster_commands::ExpectedVersion;
use muster_domain::task::{CreateTask, Task, TaskCommand};
use muster_domain::{StreamId, TaskId};
use uuid::Uuid;

use crate::support::{TestStore, at, metadata, text};

/// Three tasks of three commits each.
async fn tasks(store: &TestStore) -> Vec<TaskId> {
    let mut tasks = Vec::new();
    for name in ["door", "roof", "lift"] {
        let task = store.task(&format!("Fix the {name}")).await;
        store.rename(task, &format!("Fix the old {name}")).await;
        store.rename(task, &format!("Fix the new {name}")).await;
        tasks.push(task);
    }
    tasks
}

fn found(verified: &Verified) -> Vec<(String, u64)> {
    verified.findings.iter().map(|finding| (finding.stream.clone(), finding.version)).collect()
}

fn name(task: TaskId) -> String {
    StreamId::from(task).to_string()
}

#[tokio::test]
async fn histories_that_are_as_they_were_written_are_followed_to_their_ends() {
    let store = TestStore::new().await;
    tasks(&store).await;
    let verified = of_store(&store.system, None).await.unwrap();
    assert_eq!(verified, Verified { streams: 3, commits: 9, events: 9, digests: 0, findings: vec![] });
}

#[tokio::test]
async fn a_changed_commit_is_named() {
    let store = TestStore::new().await;
    let tasks = tasks(&store).await;
    store.forge_title(tasks[1], 1, "Fix nothing").await;
    let verified = of_store(&store.system, None).await.unwrap();
    assert_eq!(found(&verified), [(name(tasks[1]), 1)]);
    assert!(verified.findings[0].reason.contains("its content does not give its hash"));
}

#[tokio::test]
async fn a_removed_commit_is_named() {
    let store = TestStore::new().await;
    let tasks = tasks(&store).await;
    store.remove(tasks[0], 2).await;
    store.remove(tasks[2], 1).await;
    let mut expected = vec![(name(tasks[0]), 2), (name(tasks[2]), 1)];
    expected.sort();
    assert_eq!(found(&of_store(&store.system, None).await.unwrap()), expected);
}

#[tokio::test]
async fn an_item_that_is_no_commit_is_named_and_the_others_are_followed() {
    let store = TestStore::new().await;
    let tasks = tasks(&store).await;
    store.forge_title(tasks[0], 1, "Fix nothing").await;
    let put = store.system.client.put_item().table_name("muster-events");
    let put = put.item("pk", text(&name(tasks[1]))).item("sk", AttributeValue::N("4".to_owned()));
    put.item("note", text(&"not a commit")).send().await.unwrap();
    let put = store.system.client.put_item().table_name("muster-events");
    let put = put.item("pk", text(&"nonsense")).item("sk", AttributeValue::N("1".to_owned()));
    put.send().await.unwrap();

    let mut expected = vec![(name(tasks[0]), 1), (name(tasks[1]), 4), ("nonsense".to_owned(), 0)];
    expected.sort();
    assert_eq!(found(&of_store(&store.system, None).await.unwrap()), expected);
}

#[tokio::test]
async fn a_commit_that_the_table_has_and_that_cannot_be_read_is_named() {
    let store = TestStore::new().await;
    let tasks = tasks(&store).await;
    let put = store.system.client.put_item().table_name("muster-events");
    let put = put.item("pk", text(&name(tasks[1]))).item("sk", AttributeValue::N("0".to_owned()));
    put.send().await.unwrap();
    let verified = of_store(&store.system, None).await.unwrap();
    assert_eq!(found(&verified), [(name(tasks[1]), 3)]);
    assert_eq!(verified.findings[0].reason, "the table has 4 commits of it, but 3 can be read");
}

#[tokio::test]
async fn the_status_of_a_store_names_the_commits_that_cannot_be_read() {
    let store = TestStore::new().await;
    let tasks = tasks(&store).await;
    let put = store.system.client.put_item().table_name("muster-events");
    let put = put.item("pk", text(&name(tasks[1]))).item("sk", AttributeValue::N("4".to_owned()));
    put.item("note", text(&"not a commit")).send().await.unwrap();

    let status = status::of(&store.system).await.unwrap();

    assert_eq!(status.unreadable, [UnreadableCommit { stream: name(tasks[1]), version: 4 }]);
    assert_eq!((status.aggregates, status.commits, status.events), (3, 9, 9));
}

/// A data directory with a task, and two digests that were taken in it.
async fn with_digests(data: &Path) {
    let store = LocalStore::open_or_make(data).await.unwrap();
    let system = store.system().await.unwrap();
    let create = TaskCommand::Create(CreateTask::new("Fix the door".parse().unwrap(), at()));
    let id = Uuid::from_u128(1);
    system.commands.execute::<Task>(id, create, ExpectedVersion::New, &metadata()).await.unwrap();
    drop((system, store));
    for _ in 0..2 {
        muster(data, &["digest", "take"]).await.unwrap();
    }
}

/// An operator's command on a data directory.
async fn muster(data: &Path, arguments: &[&str]) -> Result<(), Failure> {
    let mut line = vec!["muster"];
    line.extend(arguments);
    line.extend(["--data", data.to_str().unwrap()]);
    muster_cli::run(Muster::try_parse_from(line).unwrap()).await
}

/// Removes every item of the table of digests for which this holds.
async fn remove_digests(data: &Path, which: impl Fn(&str, u64) -> bool) {
    let client = LocalStore::open(data).await.unwrap().client().clone();
    let mut pages = client.scan().table_name("muster-digests").into_paginator().items().send();
    let mut keys = Vec::new();
    while let Some(item) = pages.next().await {
        let item = item.unwrap();
        keys.push((item["pk"].clone(), item["sk"].clone()));
    }
    for (pk, sk) in keys {
        if which(pk.as_s().unwrap(), sk.as_n().unwrap().parse().unwrap()) {
            let delete = client.delete_item().table_name("muster-digests").key("pk", pk).key("sk", sk);
            delete.send().await.unwrap();
        }
    }
}

#[tokio::test]
async fn digests_that_are_gone_from_a_data_directory_are_found_and_none_is_taken_in_their_place() {
    type Which = fn(&str, u64) -> bool;
    let everything: Which = |_, _| true;
    let every_digest: Which = |pk, _| pk == "digest";
    let the_last: Which = |pk, sk| pk == "digest" && sk == 2;
    for (number, gone) in [everything, every_digest, the_last].into_iter().enumerate() {
        let place = tempfile::tempdir().unwrap();
        with_digests(place.path()).await;
        muster(place.path(), &["verify"]).await.unwrap();

        remove_digests(place.path(), gone).await;

        let said = muster(place.path(), &["verify"]).await;
        assert!(matches!(said, Err(Failure::Found(_))), "{number}: {said:?}");
        let taken = muster(place.path(), &["digest", "take"]).await.unwrap_err();
        let reason = std::error::Error::source(&taken).unwrap().to_string();
        assert!(reason.starts_with("digest 2 was taken, and is not in the table as it was"), "{number}: {reason}");
        assert!(matches!(muster(place.path(), &["verify"]).await, Err(Failure::Found(_))), "{number}");
    }
}

#[tokio::test]
async fn a_data_directory_of_which_no_digest_was_taken_yet_verifies() {
    let place = tempfile::tempdir().unwrap();
    muster(place.path(), &["demo", "--tasks", "2"]).await.unwrap();
    muster(place.path(), &["verify"]).await.unwrap();
}

#[test]
fn a_digest_that_was_kept_is_asked_of_a_store_and_of_an_export_and_of_no_proof() {
    let parse = |line: &str| Muster::try_parse_from(line.split_whitespace());
    for line in ["muster verify --kept x --kept y", "muster verify --export e --key k --kept x --kept y"] {
        let Command::Verify(args) = parse(line).unwrap().command else { panic!("{line}") };
        assert_eq!(args.kept, [Path::new("x"), Path::new("y")], "{line}");
    }
    let refused = parse("muster verify --proof p --key k --kept x").unwrap_err();
    assert_eq!(refused.kind(), clap::error::ErrorKind::ArgumentConflict);
}
