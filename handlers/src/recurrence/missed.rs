//! What comes after tasks whose completion nobody has heard of. The bus only hints; the event store tells.

use std::collections::{BTreeMap, BTreeSet};

use muster_domain::{AggregateType, Commit, StreamId, TaskId};
use serde_json::Value;
use uuid::Uuid;

use super::Recurring;
use crate::reactor::ReactError;

/// What a scan over all histories has seen of series.
#[derive(Debug, Default)]
struct Seen {
    /// The tasks that have or had a rule. Whatever was made by one has it from the start.
    recurring: BTreeSet<Uuid>,
    /// The versions at which tasks were done.
    done: BTreeMap<Uuid, Vec<u64>>,
}

impl Seen {
    fn take(&mut self, commit: &Commit) {
        for (version, event) in (commit.version..).zip(&commit.events) {
            match event.event_type.as_str() {
                "TaskRecurrenceSet" => {
                    self.recurring.insert(commit.stream.id);
                }
                "TaskStatusChanged" if event.data.get("to").and_then(Value::as_str) == Some("completed") => {
                    self.done.entry(commit.stream.id).or_default().push(version);
                }
                _ => {}
            }
        }
    }

    /// The tasks of series that were done and have no successor, and where they were. Some of them are the last ones.
    fn without_successor(self) -> impl Iterator<Item = (TaskId, Vec<u64>)> {
        let Self { recurring, done } = self;
        done.into_iter()
            .map(|(id, versions)| (TaskId(id), versions))
            .filter(move |(id, _)| recurring.contains(&id.0) && !recurring.contains(&id.successor().0))
    }
}

impl Recurring {
    /// Makes what comes after tasks that were done and have no successor although their series goes on. Gives how many there were. It
    /// reads the whole event store, in so many parts one after the other.
    pub async fn make_missed(&self, segments: u32) -> Result<u32, ReactError> {
        let mut seen = Seen::default();
        for segment in 0..segments {
            let mut cursor = None;
            loop {
                let page = self.reader.scan(segment, segments, cursor).await;
                let page = page.map_err(ReactError::of("looking for series that have stopped"))?;
                let tasks = page.commits.iter().filter(|commit| commit.stream.aggregate == AggregateType::Task);
                tasks.for_each(|commit| seen.take(commit));
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
        }
        let mut made = 0;
        for (id, mut versions) in seen.without_successor() {
            versions.sort_unstable();
            for version in versions {
                match self.make_after(id, version).await {
                    Ok(false) => {}
                    Ok(true) => {
                        tracing::warn!(task = %id, version, "what comes after it was missing, and is made");
                        made += 1;
                        break;
                    }
                    Err(error) => {
                        tracing::error!(task = %id, version, error = %crate::http::Causes(&error), "what comes after it is missing");
                    }
                }
            }
        }
        Ok(made)
    }

    async fn make_after(&self, id: TaskId, version: u64) -> Result<bool, ReactError> {
        let events = self.reader.events(&StreamId::from(id), version - 1, Some(version)).await;
        match events.map_err(ReactError::of("reading a task"))?.first() {
            Some(event) => self.follow(event).await,
            None => Ok(false),
        }
    }
}
