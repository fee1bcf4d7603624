//! Histories of tasks, made without asking the store what is there: the fastest way to a large store.

use std::ops::Range;

use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use muster_cli::report::{Failure, failed};
use muster_cli::system::{PREFIX, System};
use muster_commands::CommitLog as _;
use muster_domain::aggregate::Decider as _;
use muster_domain::task::{CreateTask, Priority, Task, TaskCommand, UpdateTask};
use muster_domain::{Actor, CommandId, Commit, EventData, Fingerprint, Hash, Metadata, StreamId, TaskId, UserId};
use muster_embedded::Engine;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

const DOING: &str = "making up a history";
/// How many histories are written at a time.
const WRITERS: usize = 32;

/// Appends a history of so many commits for each of these tasks, and gives the tasks' ids.
pub(crate) async fn histories(system: &System, tasks: Range<u32>, commits: u32) -> Result<Vec<TaskId>, Failure> {
    let write = async |number| {
        let mut history = History::new(TaskId(Uuid::new_v4()));
        for place in 0..commits {
            let commit = if place == 0 { history.create(number)? } else { history.rename()? };
            system.events.log().append(&commit, None, &[]).await.map_err(failed(DOING))?;
        }
        Ok(history.id)
    };
    stream::iter(tasks.map(write)).buffer_unordered(WRITERS).try_collect().await
}

/// The event table of the local program.
pub(crate) fn event_table() -> String {
    format!("{PREFIX}events")
}

/// Trims the stream of the event table, as the program does behind its checkpoint.
pub(crate) async fn trim(engine: &Engine) -> Result<(), Failure> {
    let stream = engine.stream(&event_table());
    if let Some(last) = stream.last_sequence().await? {
        stream.trim(&last).await?;
    }
    Ok(())
}

/// The history of one task, as far as it was made up.
pub(crate) struct History {
    id: TaskId,
    task: Task,
    version: u64,
    head: Hash,
}

impl History {
    /// Before its first event.
    pub(crate) fn new(id: TaskId) -> Self {
        Self { id, task: Task::default(), version: 0, head: Hash::GENESIS }
    }

    pub(crate) const fn id(&self) -> TaskId {
        self.id
    }

    /// The commit that reports the task. `number` says which task it is.
    pub(crate) fn create(&mut self, number: u32) -> Result<Commit, Failure> {
        self.commit(TaskCommand::Create(new_task(number)?))
    }

    /// The commit that gives it another title.
    pub(crate) fn rename(&mut self) -> Result<Commit, Failure> {
        self.commit(TaskCommand::Update(renamed(self.version)?))
    }

    fn commit(&mut self, command: TaskCommand) -> Result<Commit, Failure> {
        /// How every event is written as JSON.
        #[derive(Deserialize)]
        struct Tagged {
            #[serde(rename = "type")]
            event_type: String,
            data: Value,
        }
        let events = self.task.decide(command).map_err(failed(DOING))?;
        let mut data = Vec::new();
        for event in &events {
            let written = serde_json::to_value(event).and_then(serde_json::from_value).map_err(failed(DOING))?;
            let Tagged { event_type, data: payload } = written;
            data.push(EventData { event_type, schema: 1, data: payload });
            self.task.evolve(event);
        }
        let commit = Commit::seal(StreamId::from(self.id), self.version + 1, data, &metadata(), self.head);
        let commit = commit.map_err(failed(DOING))?;
        (self.version, self.head) = (commit.last_version(), commit.hash);
        Ok(commit)
    }
}

/// What comes with a new command.
pub(crate) fn metadata() -> Metadata {
    Metadata {
        command_id: CommandId(Uuid::new_v4()),
        fingerprint: Fingerprint::of("bench", &()),
        actor: Actor::from(UserId(Uuid::from_u128(1))),
        at: Utc::now(),
        correlation_id: Uuid::new_v4().to_string(),
        causation_id: None,
    }
}

/// A task as people report it.
pub(crate) fn new_task(number: u32) -> Result<CreateTask, Failure> {
    let hour = i64::from(number % 10_000);
    let title = format!("Replace the pump of line {number}").parse().map_err(failed(DOING))?;
    Ok(CreateTask {
        description: Some(DESCRIPTION.parse().map_err(failed(DOING))?),
        priority: Priority::High,
        reporter: Some(UserId(Uuid::from_u128(1))),
        deadline: Some(epoch() + TimeDelta::hours(hour)),
        ..CreateTask::new(title, Utc::now())
    })
}

/// Another title, which no earlier one of the same task is.
pub(crate) fn renamed(version: u64) -> Result<UpdateTask, Failure> {
    let title = format!("Replace the pump, step {version}").parse().map_err(failed(DOING))?;
    Ok(UpdateTask { title: Some(title), ..UpdateTask::at(Utc::now()) })
}

pub(crate) const DESCRIPTION: &str = "It loses oil at the lower seal. The spare part is in the container at the gate; \
     bring the long key.";

/// When the first deadline is.
fn epoch() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_up_history_is_one_chain_of_commits_without_gaps() {
        let mut history = History::new(TaskId(Uuid::from_u128(7)));
        let commits = [history.create(3).unwrap(), history.rename().unwrap(), history.rename().unwrap()];

        let mut head = Hash::GENESIS;
        for (commit, version) in commits.iter().zip(1..) {
            assert_eq!((commit.version, commit.prev_hash, commit.events.len()), (version, head, 1));
            assert_eq!(commit.expected_hash().unwrap(), commit.hash);
            assert!(commit.recorded_events().all(|event| event.decode().is_ok()), "{commit:?}");
            head = commit.hash;
        }
    }
}
