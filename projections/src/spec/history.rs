//! The events of a case.

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::task::TaskEvent;
use muster_domain::team::TeamEvent;
use muster_domain::user::UserEvent;
use muster_domain::{Actor, CommandId, EventData, RecordedEvent, StreamId};
use serde_json::Value;
use uuid::Uuid;

/// What a [`History`] can record.
pub trait Recordable {
    /// The event as it is stored.
    fn recorded(self) -> EventData;
}

impl Recordable for EventData {
    fn recorded(self) -> EventData {
        self
    }
}

macro_rules! recordable {
    ($($event:ty),+) => {
        $(impl Recordable for $event {
            fn recorded(self) -> EventData {
                let mut json = serde_json::to_value(&self).unwrap_or_default();
                let data = json.get_mut("data").map(Value::take).unwrap_or_default();
                EventData { event_type: self.event_type().to_owned(), schema: self.schema(), data }
            }
        })+
    };
}

recordable!(TaskEvent, UserEvent, TeamEvent);

/// Makes the recorded events of one aggregate, a minute apart from 2026-03-02 08:00 UTC on.
#[derive(Clone, Debug)]
pub struct History {
    stream: StreamId,
    actor: Actor,
    at: DateTime<Utc>,
    events: Vec<RecordedEvent>,
}

impl History {
    /// Of this aggregate, made by a part of Muster called `spec`.
    pub fn of(stream: impl Into<StreamId>) -> Self {
        let at = DateTime::from_timestamp(1_772_438_400, 0).unwrap_or_default();
        Self { stream: stream.into(), actor: Actor::system("spec"), at, events: Vec::new() }
    }

    /// From here on by this actor.
    #[must_use]
    pub fn by(mut self, actor: impl Into<Actor>) -> Self {
        self.actor = actor.into();
        self
    }

    /// From here on at this time and a minute apart.
    #[must_use]
    pub const fn at(mut self, at: DateTime<Utc>) -> Self {
        self.at = at;
        self
    }

    /// And then this happened.
    #[must_use]
    pub fn then(mut self, event: impl Recordable) -> Self {
        let version = self.events.len() as u64 + 1;
        let EventData { event_type, schema, data } = event.recorded();
        self.events.push(RecordedEvent {
            event_id: RecordedEvent::id_at(&self.stream, version),
            stream: self.stream,
            version,
            event_type,
            schema,
            recorded_at: self.at,
            actor: self.actor.clone(),
            command_id: CommandId(Uuid::from_u128(u128::from(version))),
            correlation_id: format!("request-{version}"),
            causation_id: None,
            data,
        });
        self.at += TimeDelta::minutes(1);
        self
    }

    /// The events so far.
    pub fn events(&self) -> &[RecordedEvent] {
        &self.events
    }
}

impl IntoIterator for History {
    type Item = RecordedEvent;
    type IntoIter = std::vec::IntoIter<RecordedEvent>;

    fn into_iter(self) -> Self::IntoIter {
        self.events.into_iter()
    }
}
