//! The rules of the event store and the command handler, over a log in memory that fails when it is told to.

mod answers;
mod carried;
mod handling;
mod histories;
mod outcomes;
mod remembered;
mod repeats;
mod reservations;
mod restore;
mod test_log;

use chrono::{DateTime, Duration, Utc};
use muster_domain::personal::MemoryKeys;
use muster_domain::task::{CreateTask, Priority, Task, TaskCommand, TaskError, UpdateTask};
use muster_domain::{Actor, CommandId, CommentId, Fingerprint, Metadata};
use uuid::Uuid;

use crate::{CommandHandler, CommitLog, Committed, EventStore, ExecuteError, ExpectedVersion};
use test_log::TestLog;

const TASK: Uuid = Uuid::from_u128(0x7a5c);

type Answer = Result<Committed<Task>, ExecuteError<TaskError>>;

fn minute(minute: i64) -> DateTime<Utc> {
    "2026-03-02T08:00:00Z".parse::<DateTime<Utc>>().unwrap() + Duration::minutes(minute)
}

/// Command `n`, sent at minute `n`.
fn metadata(n: u32, meaning: &impl serde::Serialize) -> Metadata {
    Metadata {
        command_id: CommandId(Uuid::from_u128(n.into())),
        fingerprint: Fingerprint::of("test", meaning),
        actor: Actor::system("test"),
        at: minute(n.into()),
        correlation_id: format!("request {n}"),
        causation_id: None,
    }
}

fn create(title: &str) -> TaskCommand {
    TaskCommand::Create(CreateTask::new(title.parse().unwrap(), minute(0)))
}

fn rename(title: &str) -> TaskCommand {
    TaskCommand::Update(UpdateTask { title: Some(title.parse().unwrap()), ..UpdateTask::at(minute(0)) })
}

fn comment(text: &str) -> TaskCommand {
    TaskCommand::Comment { comment_id: CommentId(Uuid::from_u128(1)), text: text.parse().unwrap() }
}

fn handler<L: CommitLog>(log: L) -> CommandHandler<L> {
    CommandHandler::new(EventStore::new(log, MemoryKeys::shared()))
}

/// Sends command `n` to the task.
async fn send<L: CommitLog>(
    handler: &CommandHandler<L>,
    n: u32,
    command: TaskCommand,
    expected: ExpectedVersion,
) -> Answer {
    let metadata = metadata(n, &command);
    handler.execute(TASK, command, expected, &metadata).await
}

/// A handler over a log in which commands 1 to `commits` have made the task and commented on it.
async fn handler_with_history(commits: u32) -> CommandHandler<TestLog> {
    let handler = handler(TestLog::default());
    send(&handler, 1, create("Fix the lift"), ExpectedVersion::New).await.unwrap();
    for n in 2..=commits {
        send(&handler, n, comment(&format!("comment {n}")), ExpectedVersion::Any).await.unwrap();
    }
    handler
}

fn title(task: &Task) -> &str {
    task.state.as_ref().map_or("", |task| task.title.as_str())
}

fn comments(task: &Task) -> u32 {
    task.state.as_ref().map_or(0, |task| task.comments)
}
