//! The notifier tells people what concerns them: so far, that a task is theirs now.

mod claims;
mod held;
mod letter;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use muster_domain::task::{Priority, TaskEvent};
use muster_domain::user::{NotificationChannel, NotificationKind, NotificationPreferences};
use muster_domain::values::TimeZone;
use muster_domain::{Clock, DomainEvent, EventReader, RecordedEvent, UserId};
use muster_projections::directory::{Account, fold_account};
use muster_projections::task_list::fold_task;

use crate::reactor::{ReactError, Reactor};
pub use claims::Claims;
use held::Held;
pub use held::HeldLetters;
pub use letter::{ByMail, Channel, Letter, NotSent};

/// Tells people what concerns them, on every channel that there is, when they want to be told.
pub struct Notifier {
    reader: Arc<dyn EventReader>,
    claims: Claims,
    held: HeldLetters,
    channels: Vec<Arc<dyn Channel>>,
    clock: Arc<dyn Clock>,
}

/// What somebody is told, and what they have chosen about it.
struct Told {
    letter: Letter,
    preferences: NotificationPreferences,
    zone: TimeZone,
    is_critical: bool,
}

impl Told {
    /// When it comes on this channel, if it could be sent now. Mails alone are put together.
    fn comes_at(&self, channel: &dyn Channel, now: DateTime<Utc>) -> DateTime<Utc> {
        if channel.is_mail() {
            self.preferences.mail_comes_at(now, self.zone, self.is_critical)
        } else {
            self.preferences.comes_at(now, self.zone, self.is_critical)
        }
    }
}

impl Notifier {
    /// Reads the histories behind `reader`, keeps in `claims` what was sent, and in `held` what is to be sent later.
    pub fn new(
        reader: Arc<dyn EventReader>,
        claims: Claims,
        held: HeldLetters,
        channels: Vec<Arc<dyn Channel>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { reader, claims, held, channels, clock }
    }

    /// What the event says to whom, if it concerns anybody but its actor.
    async fn told(&self, event: &RecordedEvent) -> Result<Option<Told>, ReactError> {
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
        let (preferences, zone) = (account.state.notifications(), account.state.time_zone);
        let person = account.document();
        let Some(address) = person.email else { return Ok(None) };
        let history = self.reader.events(&event.stream, 0, Some(event.version)).await;
        let task = fold_task(&history.map_err(ReactError::of("reading a task"))?);
        let Some(task) = task.map_err(ReactError::of("reading a task"))? else { return Ok(None) };
        let is_critical = task.priority == Priority::Critical;
        let letter = Letter::of_assignment(assignee, person.name, address, &task);
        Ok(Some(Told { letter, preferences, zone, is_critical }))
    }

    /// Sends what was held back and comes by now: what comes to one person on one channel goes as one letter. What could not be
    /// sent comes the next time.
    pub async fn send_held(&self) -> Result<usize, ReactError> {
        let (mut sent, mut failure) = (0, None);
        for ((recipient, channel), letters) in self.held.due(self.clock.now()).await? {
            let Some(channel) = self.channels.iter().find(|known| known.name() == channel) else {
                tracing::warn!(channel, "a letter is held back for a channel that there is not");
                continue;
            };
            match self.send_together(&**channel, recipient, &letters).await {
                Ok(true) => sent += 1,
                Ok(false) => {}
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(sent), Err)
    }

    /// Whether anything was sent.
    async fn send_together(&self, channel: &dyn Channel, recipient: UserId, held: &[Held]) -> Result<bool, ReactError> {
        let mut taken = Vec::new();
        for held in held {
            let Some(told) = self.told_of(held).await? else {
                // Nobody wants to know any more.
                self.held.take(held).await?;
                continue;
            };
            // Whoever takes it sends it; of two who sweep at once one does.
            if self.held.take(held).await? {
                taken.push((held, told.letter));
            }
        }
        let letters: Vec<Letter> = taken.iter().map(|(_, letter)| letter.clone()).collect();
        let Some(letter) = Letter::together(letters) else { return Ok(false) };
        if let Err(NotSent(reason)) = channel.send(&letter).await {
            for (held, _) in taken {
                self.held.hold(held).await?;
            }
            return Err(ReactError::of("sending")(reason));
        }
        tracing::info!(channel = channel.name(), %recipient, letters = taken.len(), "sent what was held back");
        for (held, _) in taken {
            self.claims.of(held.event, channel.name(), recipient).sent().await;
        }
        Ok(true)
    }

    /// What its event says now to whom it is held for, if they still are the one whom it concerns.
    async fn told_of(&self, held: &Held) -> Result<Option<Told>, ReactError> {
        const READING: &str = "reading an event";
        let before = held.version.saturating_sub(1);
        let events = self.reader.events(&held.stream, before, Some(held.version)).await;
        let events = events.map_err(ReactError::of(READING))?;
        let Some(event) = events.iter().find(|event| event.version == held.version) else { return Ok(None) };
        Ok(self.told(event).await?.filter(|told| told.letter.recipient == held.recipient))
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
        | TaskEvent::TaskChecklistItemAdded(_)
        | TaskEvent::TaskChecklistItemReworded(_)
        | TaskEvent::TaskChecklistItemTicked(_)
        | TaskEvent::TaskChecklistItemUnticked(_)
        | TaskEvent::TaskChecklistItemMoved(_)
        | TaskEvent::TaskChecklistItemRemoved(_)
        | TaskEvent::TaskWatched(_)
        | TaskEvent::TaskUnwatched(_)
        | TaskEvent::TaskRanked(_)
        | TaskEvent::TaskRelated(_)
        | TaskEvent::TaskUnrelated(_)
        | TaskEvent::TaskDeleted(_)
        | TaskEvent::TaskRestored(_)
        | TaskEvent::TaskRecurrenceSet(_)
        | TaskEvent::TaskRecurrenceCleared(_)
        | TaskEvent::TaskChecklistBegun(_)
        | TaskEvent::TaskRemindersSet(_)
        // Notifications of it are yet to come.
        | TaskEvent::TaskReminderFired(_) => None,
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
        let Some(told) = self.told(event).await? else { return Ok(()) };
        let (letter, now) = (&told.letter, self.clock.now());
        for channel in &self.channels {
            let claim = self.claims.claim(event.event_id, channel.name(), letter.recipient).await?;
            let Some(claim) = claim else { continue };
            let comes_at = told.comes_at(&**channel, now);
            if comes_at > now {
                let (recipient, channel) = (letter.recipient, channel.name().to_owned());
                let (event, stream, version) = (event.event_id, event.stream, event.version);
                match self.held.hold(&Held { recipient, channel, comes_at, event, stream, version }).await {
                    Ok(()) => continue,
                    Err(error) => {
                        claim.give_up().await?;
                        return Err(error);
                    }
                }
            }
            match channel.send(letter).await {
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
