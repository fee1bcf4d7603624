//! What happens by the clock: it is time to remind of deadlines. Whom, and by which channels, is for whoever hears of it.

use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::iter;
use muster_commands::{CommandHandler, DynamoLog, ExecuteError, ExpectedVersion};
use muster_domain::task::{Task, TaskCommand};
use muster_domain::{Actor, Clock, CommandId, Fingerprint, Metadata, TaskId};
use muster_projections::{StoreError, TaskQueries};

use crate::http::Causes;

/// The name of the actor of what it does.
const NAME: &str = "reminders";
/// How many tasks are asked for at once.
const PAGE: i32 = 100;
/// How many tasks are reminded of at the same time.
const AT_ONCE: usize = 8;

/// Lets reminders fire when it is time.
#[derive(Clone)]
pub struct ReminderClock {
    tasks: TaskQueries,
    commands: CommandHandler<DynamoLog>,
    clock: Arc<dyn Clock>,
}

/// Some reminders did not fire; the log says why. The next round tries again.
#[derive(Debug, thiserror::Error)]
pub enum RemindError {
    /// It is not known which are due.
    #[error("the reminders that are due could not be read")]
    Due(#[from] StoreError),
    /// These are, and did not fire.
    #[error("{0} tasks were not reminded of")]
    Fire(usize),
}

impl ReminderClock {
    /// Finds what is due by `tasks`, and lets it fire by `commands`.
    pub fn new(tasks: TaskQueries, commands: CommandHandler<DynamoLog>, clock: Arc<dyn Clock>) -> Self {
        Self { tasks, commands, clock }
    }

    /// Lets every reminder fire that is due by now and has not fired. Gives how many did. Whether one has fired is asked of its task and
    /// not of the list of what is due, so that two rounds at the same time are one.
    pub async fn fire_due(&self) -> Result<usize, RemindError> {
        let (mut fired, mut failed, mut after) = (0, 0, None);
        let now = self.clock.now();
        loop {
            let due = self.tasks.due_reminders(now, PAGE, after).await?;
            let mut outcomes = iter(due.tasks).map(|task| self.fire(task)).buffer_unordered(AT_ONCE);
            while let Some(outcome) = outcomes.next().await {
                match outcome {
                    Ok(some) => fired += some,
                    Err(()) => failed += 1,
                }
            }
            after = due.next;
            if after.is_none() {
                break;
            }
        }
        if failed > 0 { Err(RemindError::Fire(failed)) } else { Ok(fired) }
    }

    /// Lets those of one task fire. How many did.
    async fn fire(&self, task: TaskId) -> Result<usize, ()> {
        let (actor, at) = (Actor::system(NAME), self.clock.now());
        let key = format!("{task}@{}", at.timestamp_millis());
        let metadata = Metadata {
            command_id: CommandId::from_key(&actor, &key),
            fingerprint: Fingerprint::of(NAME, &key),
            actor,
            at,
            correlation_id: key,
            causation_id: None,
        };
        let command = TaskCommand::FireReminders { at };
        match self.commands.execute::<Task>(task.0, command, ExpectedVersion::Any, &metadata).await {
            // Another round of the same millisecond has sent the same command.
            Ok(committed) => Ok(if committed.replayed { 0 } else { committed.events.len() }),
            // It was deleted, and the list is behind.
            Err(ExecuteError::Refused(_)) => Ok(0),
            Err(error) => {
                tracing::error!(%task, error = %Causes(&error), "not reminded");
                Err(())
            }
        }
    }
}
