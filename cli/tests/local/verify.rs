//! Finding histories that were tampered with.

use aws_sdk_dynamodb::types::AttributeValue;
use muster_cli::operate::status::{self, UnreadableCommit};
use muster_cli::operate::verify::{Verified, of_store};
use muster_domain::{StreamId, TaskId};

use crate::support::{TestStore, text};

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
