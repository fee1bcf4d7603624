//! The notifier tells people what concerns them: so far, that a task is theirs now.

mod claims;
mod letter;

use std::sync::Arc;

use async_trait::async_trait;
use muster_domain::task::TaskEvent;
use muster_domain::user::{NotificationChannel, NotificationKind};
use muster_domain::{DomainEvent, EventReader, RecordedEvent, UserId};
use muster_projections::directory::{Account, fold_account};
use muster_projections::task_list::fold_task;

use crate::reactor::{ReactError, Reactor};
pub use claims::Claims;
pub use letter::{ByMail, Channel, Letter, NotSent};

/// Tells people what concerns them, on every channel that there is.
pub struct Notifier {
    reader: Arc<dyn EventReader>,
    claims: Claims,
    channels: Vec<Arc<dyn Channel>>,
}

impl Notifier {
    /// Reads the histories behind `reader`, and keeps in `claims` what was sent.
    pub fn new(reader: Arc<dyn EventReader>, claims: Claims, channels: Vec<Arc<dyn Channel>>) -> Self {
        Self { reader, claims, channels }
    }

    /// What the event says to whom, if it concerns anybody but its actor.
    async fn letter(&self, event: &RecordedEvent) -> Result<Option<Letter>, ReactError> {
        let Some(assignee) = assignee(event)?.filter(|assignee| event.actor.user() != Some(*assignee)) else {
            return Ok(None);
        };
        let history =
            self.reader.events(&assignee.into(), 0, None).await.map_err(ReactError::of("reading a person"))?;
        let opener = self.reader.keys().opener(&assignee.into()).await.map_err(ReactError::of("reading a person"))?;
        let account = fold_account(&history, &opener).map_err(ReactError::of("reading a person"))?;
        let by_mail = |account: &Account| {
            account.state.notifications().wants(NotificationKind::Assignment, NotificationChannel::Email)
        };
        let Some(account) = account.filter(|account| account.state.active && by_mail(account)) else {
            return Ok(None);
        };
        let person = account.document();
        let Some(address) = person.email else { return Ok(None) };
        let history = self.reader.events(&event.stream, 0, Some(event.version)).await;
        let task = fold_task(&history.map_err(ReactError::of("reading a task"))?);
        let Some(task) = task.map_err(ReactError::of("reading a task"))? else { return Ok(None) };
        Ok(Some(Letter::of_assignment(assignee, person.name, address, &task)))
    }
}

/// Who has the task since this event, if it says so.
fn assignee(event: &RecordedEvent) -> Result<Option<UserId>, ReactError> {
    let DomainEvent::Task(event) = event.decode().map_err(ReactError::of("reading an event"))? else {
        return Ok(None);
    };
    Ok(match event {
        TaskEvent::TaskCreated(created) => created.assignee,
        TaskEvent::TaskAssigned(assigned) => Some(assigned.to),
        // Nobody is told of hundreds of tasks one by one.
        TaskEvent::TaskImported(_)
        | TaskEvent::TaskEdited(_)
        | TaskEvent::TaskPriorityChanged(_)
        | TaskEvent::TaskUnassigned(_)
        | TaskEvent::TaskTeamChanged(_)
        | TaskEvent::TaskStatusChanged(_)
        | TaskEvent::TaskDeadlineSet(_)
        | TaskEvent::TaskDeadlineCleared(_)
        | TaskEvent::TaskHeld(_)
        | TaskEvent::TaskResumed(_)
        | TaskEvent::TaskCommented(_)
        | TaskEvent::TaskDeleted(_)
        | TaskEvent::TaskRestored(_) => None,
    })
}

#[async_trait]
impl Reactor for Notifier {
    fn name(&self) -> &'static str {
        "notifier"
    }

    async fn react(&self, event: &RecordedEvent) -> Result<(), ReactError> {
        if event.came_with_import() {
            return Ok(());
        }
        let Some(letter) = self.letter(event).await? else { return Ok(()) };
        for channel in &self.channels {
            let claim = self.claims.claim(event.event_id, channel.name(), letter.recipient).await?;
            let Some(claim) = claim else { continue };
            match channel.send(&letter).await {
                Ok(()) => {
                    // The address and the text are nobody's business here.
                    tracing::info!(channel = channel.name(), recipient = %letter.recipient,
                        correlation_id = event.correlation_id, "sent");
                    claim.sent().await;
                }
                Err(NotSent(reason)) => {
                    claim.give_up().await?;
                    return Err(ReactError::of("sending")(reason));
                }
            }
        }
        Ok(())
    }
}
