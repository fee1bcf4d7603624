//! What comes after a task that is done: the next one of its series, made once (`docs/adr/0034-reactors-on-tasks.md`).
//!
//! It is a reactor: what it does is an event in the log, so a rebuild or a replay, which makes read models again, must not do it.

mod missed;

use std::sync::Arc;

use async_trait::async_trait;
use muster_commands::{CommandHandler, DynamoLog, ExecuteError, ExpectedVersion};
use muster_domain::task::{Status, Task, TaskCommand, TaskError, TaskEvent};
use muster_domain::{
    Actor, Clock, CommandId, Decider as _, DomainEvent, EventReader, Fingerprint, Metadata, RecordedEvent, TaskId,
    UserId,
};
use muster_projections::directory::fold_account;

use crate::reactor::{ReactError, Reactor};

/// Its name in `schemas/topology.json`, and that of the actor of what it does.
const NAME: &str = "recurrence";

/// Makes the next task of a series when one is done.
#[derive(Clone)]
pub struct Recurring {
    reader: Arc<dyn EventReader>,
    commands: CommandHandler<DynamoLog>,
    clock: Arc<dyn Clock>,
}

impl Recurring {
    /// Reads the histories behind `reader`, and makes tasks by `commands`.
    pub fn new(reader: Arc<dyn EventReader>, commands: CommandHandler<DynamoLog>, clock: Arc<dyn Clock>) -> Self {
        Self { reader, commands, clock }
    }

    /// Makes what comes after the task that this event says is done, unless it is there. Whether something was to be made.
    ///
    /// The task's id follows from that of the one before, so there is one however often that is done; the command's id follows from the
    /// event, so that the same event twice is the same command.
    async fn follow(&self, event: &RecordedEvent) -> Result<bool, ReactError> {
        let id = TaskId(event.stream.id);
        let task = self.task(event).await?;
        let now = self.clock.now();
        let Some(mut next) = task.state.and_then(|task| task.successor(now)) else { return Ok(false) };
        if let Some(assignee) = next.task.assignee
            && !self.is_active(assignee).await?
        {
            next.task.assignee = None;
        }
        let actor = Actor::system(NAME);
        let event_id = event.event_id.to_string();
        let metadata = Metadata {
            command_id: CommandId::from_key(&actor, &event_id),
            fingerprint: Fingerprint::of(NAME, &event_id),
            actor,
            at: now,
            correlation_id: event.correlation_id.clone(),
            causation_id: Some(event_id),
        };
        let command = TaskCommand::Recur(Box::new(next));
        let made = self.commands.execute::<Task>(id.successor().0, command, ExpectedVersion::New, &metadata).await;
        match made {
            Ok(made) if made.replayed => {}
            Ok(_) => {
                tracing::info!(task = %id, next = %id.successor(), correlation_id = event.correlation_id, "comes again");
            }
            // It was done before, and reopened since: what comes after it is there.
            Err(ExecuteError::VersionMismatch { .. } | ExecuteError::Refused(TaskError::AlreadyExists)) => {}
            Err(error) => {
                let lasting = matches!(error, ExecuteError::Damaged { .. } | ExecuteError::TooLarge { .. });
                return Err(ReactError::of("making the next task of a series")(error).lasting_if(lasting));
            }
        }
        Ok(true)
    }

    /// The task as it was when this event had happened.
    async fn task(&self, event: &RecordedEvent) -> Result<Task, ReactError> {
        const DOING: &str = "reading a task";
        let history = self.reader.events(&event.stream, 0, Some(event.version)).await.map_err(ReactError::of(DOING))?;
        let mut task = Task::default();
        for event in &history {
            match event.decode().map_err(|error| ReactError::of(DOING)(error).lasting())? {
                DomainEvent::Task(event) => task.evolve(&event),
                DomainEvent::User(_) | DomainEvent::Team(_) => {}
            }
        }
        Ok(task)
    }

    /// Whether an account is open. One that is closed gets no more to do.
    async fn is_active(&self, id: UserId) -> Result<bool, ReactError> {
        const DOING: &str = "reading a person";
        let history = self.reader.events(&id.into(), 0, None).await.map_err(ReactError::of(DOING))?;
        let opener = self.reader.keys().opener(&id.into()).await.map_err(ReactError::of(DOING))?;
        let account = fold_account(&history, &opener).map_err(|error| ReactError::of(DOING)(error).lasting())?;
        Ok(account.is_some_and(|account| account.state.active))
    }
}

/// Whether the event says that a task is done.
fn is_done(event: &RecordedEvent) -> Result<bool, ReactError> {
    let decoded = event.decode().map_err(|error| ReactError::of("reading an event")(error).lasting())?;
    Ok(matches!(decoded, DomainEvent::Task(TaskEvent::TaskStatusChanged(moved)) if moved.to == Status::Completed))
}

#[async_trait]
impl Reactor for Recurring {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn react(&self, event: &RecordedEvent) -> Result<(), ReactError> {
        if is_done(event)? {
            self.follow(event).await?;
        }
        Ok(())
    }
}
