//! Which events a webhook is for.

use muster_domain::task::TaskEvent;
use muster_domain::{AggregateType, DomainEvent, EventReader, RecordedEvent, TeamId};
use muster_projections::fold_task;

use super::error::WebhookError;
use super::webhook::Webhook;

/// Whether there are events of this type.
pub fn is_event_type(name: &str) -> bool {
    DomainEvent::kinds().any(|(_, kind)| kind.event_type == name)
}

/// Asks of one event which webhooks it is for. What has to be looked up for that is looked up once.
pub struct Wanted<'a> {
    event: &'a RecordedEvent,
    reader: &'a dyn EventReader,
    /// The teams that it is of.
    teams: Option<Vec<TeamId>>,
}

impl<'a> Wanted<'a> {
    /// By this event, whose history is behind `reader`.
    pub fn new(event: &'a RecordedEvent, reader: &'a dyn EventReader) -> Self {
        Self { event, reader, teams: None }
    }

    /// Whether this webhook is for it.
    pub async fn by(&mut self, webhook: &Webhook) -> Result<bool, WebhookError> {
        let (settings, event) = (&webhook.settings, self.event);
        let is_type = settings.event_types.is_empty() || settings.event_types.contains(&event.event_type);
        // What happened before it was there is none of its business, however late it comes.
        if !settings.enabled || !is_type || event.recorded_at < webhook.created_at {
            return Ok(false);
        }
        match settings.team_id {
            None => Ok(true),
            Some(team) => Ok(self.teams().await?.contains(&team)),
        }
    }

    /// Those whose task it is, before the event or after it; the team itself.
    async fn teams(&mut self) -> Result<&[TeamId], WebhookError> {
        if self.teams.is_none() {
            self.teams = Some(self.look_up().await?);
        }
        Ok(self.teams.as_deref().unwrap_or_default())
    }

    async fn look_up(&self) -> Result<Vec<TeamId>, WebhookError> {
        let RecordedEvent { stream, version, .. } = self.event;
        match stream.aggregate {
            AggregateType::Team => Ok(vec![TeamId(stream.id)]),
            AggregateType::User => Ok(Vec::new()),
            AggregateType::Task => {
                let history = self.reader.events(stream, 0, Some(*version)).await?;
                // What cannot be read is of no team: a webhook that is for all gets it.
                let after = fold_task(&history).ok().flatten().and_then(|task| task.team_id);
                let before = match self.event.decode() {
                    Ok(DomainEvent::Task(TaskEvent::TaskTeamChanged(changed))) => changed.from,
                    Ok(_) | Err(_) => None,
                };
                Ok(after.into_iter().chain(before).collect())
            }
        }
    }
}
