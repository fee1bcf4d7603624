//! The promises, checked on a server that came back.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures::{StreamExt as _, stream};
use muster_domain::event::decode_as;
use muster_domain::task::{Task, TaskEvent};
use muster_domain::{AggregateType, Commit, Decider as _, TaskId};
use muster_projections::TaskDocument;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::writer::Writer;
use super::{PATIENCE, id_of};
use crate::client::Client;
use crate::server::{Server, output};

/// How many reads are under way at a time.
const CONCURRENCY: usize = 4;

/// Every one of these answers is what the server still says of that version, which it folds from the log.
pub(super) async fn check_answers(client: &Client, answers: &[&Value]) {
    let reads = answers.iter().map(|answer| async move {
        let path = format!("/tasks/{}?as_of={}", id_of(answer), version_of(answer));
        assert_eq!(client.get(&path).send().await.is(200).value(), **answer, "what was acknowledged is there");
    });
    stream::iter(reads).buffer_unordered(CONCURRENCY).collect::<()>().await;
}

/// Every hash chain holds; every acknowledged version is in the log, with the content that was acknowledged, and nothing
/// else is there; the list of tasks is a fold of the log, and so are the logs of these tasks.
pub(super) async fn check_everything(server: &Server, client: &Client, writers: &[Writer], logs_of: &BTreeSet<TaskId>) {
    output(&server.data(), &["verify"]);
    let tasks = exported(server);
    let folds: BTreeMap<_, _> = tasks.iter().map(|(id, commits)| (*id, fold(*id, commits))).collect();
    for answer in writers.iter().flat_map(|writer| &writer.acknowledged) {
        let at = &folds.get(&id_of(answer)).expect("an acknowledged task")[&version_of(answer)];
        assert_eq!(at, answer, "the log has what was acknowledged");
    }
    let commits: usize = tasks.values().map(Vec::len).sum();
    let acknowledged: usize = writers.iter().map(|writer| writer.acknowledged.len()).sum();
    assert_eq!(writers.iter().map(Writer::unknown).sum::<usize>(), 0, "every request was answered in the end");
    assert_eq!(commits, acknowledged, "each command took effect exactly once");

    let expected: BTreeMap<_, _> =
        folds.iter().map(|(id, versions)| (*id, versions.last_key_value().expect("a version").1.clone())).collect();
    let listed: BTreeMap<_, _> = all(client, "/tasks").await.into_iter().map(|task| (id_of(&task), task)).collect();
    assert_eq!(listed, expected, "the list of tasks is a fold of the log");
    let logs = logs_of.iter().map(|id| {
        let folded = &folds[id];
        async move {
            let logs = all(client, &format!("/tasks/{id}/logs")).await;
            let logged: Vec<_> = logs.iter().rev().map(version_of).collect();
            let (last, _) = folded.last_key_value().expect("a version");
            assert_eq!(logged, (1..=*last).collect::<Vec<_>>(), "the log of {id}");
        }
    });
    stream::iter(logs).buffer_unordered(CONCURRENCY).collect::<()>().await;
}

/// Returns when no read model is behind.
pub(super) async fn caught_up(server: &Server) {
    let begun = Instant::now();
    loop {
        let status: Value = serde_json::from_str(&output(&server.data(), &["status", "--json"])).unwrap();
        let projections = status["projections"].as_array().unwrap();
        if projections.iter().all(|projection| projection["lag"] == 0) {
            assert!(projections.iter().all(|projection| projection["parked"] == json!([])), "{status}");
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "the read models do not catch up: {status}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Everything that was exported, by task.
fn exported(server: &Server) -> BTreeMap<TaskId, Vec<Commit>> {
    let mut tasks: BTreeMap<TaskId, Vec<Commit>> = BTreeMap::new();
    for line in output(&server.data(), &["export"]).lines() {
        let mut line: Value = serde_json::from_str(line).unwrap();
        let Some(commit) = line.get_mut("commit").map(Value::take) else { continue };
        let commit: Commit = serde_json::from_value(commit).unwrap();
        if commit.stream.aggregate == AggregateType::Task {
            tasks.entry(TaskId(commit.stream.id)).or_default().push(commit);
        }
    }
    tasks
}

/// The task after each of its commits, by version: a fold of the log that uses no read model.
fn fold(id: TaskId, commits: &[Commit]) -> BTreeMap<u64, Value> {
    let mut task = Task::default();
    let mut documents = BTreeMap::new();
    let mut version = 0;
    for commit in commits {
        assert_eq!(commit.version, version + 1, "{id}: versions are without gaps");
        version = commit.last_version();
        for event in &commit.events {
            let event: TaskEvent =
                decode_as(AggregateType::Task, &event.event_type, event.schema, event.data.clone()).unwrap();
            task.evolve(&event);
        }
        let state = task.state.as_ref().unwrap();
        let document = TaskDocument::new(id, state, version, commit.recorded_at, commit.actor.clone());
        documents.insert(version, serde_json::to_value(document).unwrap());
    }
    documents
}

/// Every item of a list, page by page.
async fn all(client: &Client, path: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = client.get(&format!("{path}?limit=200{cursor}")).send().await.is(200).value();
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

fn version_of(document: &Value) -> u64 {
    document["version"].as_u64().unwrap()
}
