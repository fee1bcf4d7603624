//! Commits to test with.

use chrono::{DateTime, Utc};
use muster_commands::{AppendError, CommitLog, PageQuery, StoredCommit};
use muster_domain::{
    Actor, AggregateType, CommandId, Commit, EventData, Fingerprint, Hash, Metadata, StreamId, UserId,
};
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) fn stream(n: u128) -> StreamId {
    StreamId::new(AggregateType::Task, Uuid::from_u128(n))
}

pub(crate) fn now() -> DateTime<Utc> {
    "2026-03-02T08:00:00.120Z".parse().unwrap()
}

/// Command `n`.
pub(crate) fn metadata(n: u128) -> Metadata {
    Metadata {
        command_id: CommandId(Uuid::from_u128(n)),
        fingerprint: Fingerprint::of("test", &n),
        actor: Actor::from(UserId(Uuid::from_u128(1))),
        at: now(),
        correlation_id: format!("request {n}"),
        causation_id: n.is_multiple_of(2).then(|| format!("event {n}")),
    }
}

pub(crate) fn event(data: Value) -> EventData {
    EventData { event_type: "TaskCommented".to_owned(), schema: 1, data }
}

/// The commit of command `n` with these payloads, at this version.
pub(crate) fn commit(stream: StreamId, version: u64, n: u128, payloads: Vec<Value>, prev_hash: Hash) -> Commit {
    let events = payloads.into_iter().map(event).collect();
    Commit::seal(stream, version, events, &metadata(n), prev_hash).unwrap()
}

/// The first commit of a history, of one event.
pub(crate) fn first(stream: StreamId, n: u128) -> Commit {
    commit(stream, 1, n, vec![json!({ "n": n.to_string() })], Hash::GENESIS)
}

/// A history of so many commits of one event each, each padded to about so many bytes; appended.
pub(crate) async fn history(log: &impl CommitLog, stream: StreamId, commits: u64, bytes: usize) -> Vec<Commit> {
    let mut written: Vec<Commit> = Vec::new();
    for version in 1..=commits {
        let prev_hash = written.last().map_or(Hash::GENESIS, |last| last.hash);
        let payload = json!({ "padding": "x".repeat(bytes) });
        let commit = commit(stream, version, version.into(), vec![payload], prev_hash);
        log.append(&commit, None, &[]).await.unwrap();
        written.push(commit);
    }
    written
}

/// All that a query gives, over all its pages, and the number of pages.
pub(crate) async fn read(log: &impl CommitLog, query: PageQuery) -> (Vec<StoredCommit>, usize) {
    let (mut commits, mut pages) = (Vec::new(), 0);
    let mut query = Some(query);
    while let Some(next) = query {
        let page = log.page(&next).await.unwrap();
        commits.extend(page.commits);
        pages += 1;
        query = page.next;
    }
    (commits, pages)
}

/// The commits of a history.
pub(crate) async fn commits_of(log: &impl CommitLog, stream: StreamId) -> Vec<Commit> {
    read(log, PageQuery::forward(stream)).await.0.into_iter().map(|stored| stored.commit).collect()
}

#[track_caller]
pub(crate) fn assert_refused(answer: &Result<(), AppendError>, what: &str) {
    assert!(matches!(answer, Err(AppendError::Refused(_))), "{what}: {answer:?}");
}
