//! All events of all aggregates, and how stored ones become typed ones.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::personal::{OpenError, PersonalField};
use crate::stream::AggregateType;
use crate::task::TaskEvent;
use crate::team::TeamEvent;
use crate::upcast::{UpcastError, upcast};
use crate::user::UserEvent;

/// One event type at its present schema.
#[derive(Clone, Copy, Debug)]
pub struct EventKind {
    /// The name of the type.
    pub event_type: &'static str,
    /// The version of the payload's shape.
    pub schema: u32,
    /// The payload's JSON Schema, made from its Rust type.
    pub json_schema: fn() -> schemars::Schema,
    /// The fields that hold personal data, and are sealed.
    pub personal: &'static [PersonalField],
}

/// Any event.
#[derive(Clone, Debug, PartialEq)]
pub enum DomainEvent {
    /// Of a task.
    Task(TaskEvent),
    /// Of a user.
    User(UserEvent),
    /// Of a team.
    Team(TeamEvent),
}

/// A stored event that this program cannot read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// No upcaster leads from its schema to the present one.
    #[error(transparent)]
    Upcast(#[from] UpcastError),
    /// Its personal data cannot be read.
    #[error("the personal data of {event_type} cannot be read: {source}")]
    Personal {
        /// The type that it says.
        event_type: String,
        /// Why.
        source: OpenError,
    },
    /// Its payload does not have the shape that its type and schema name, or the type is unknown.
    #[error("{event_type} (schema {schema}) of a {aggregate} does not decode: {source}")]
    Shape {
        /// The kind of aggregate.
        aggregate: AggregateType,
        /// The type that it says.
        event_type: String,
        /// The schema that it says.
        schema: u32,
        /// What serde found.
        source: serde_json::Error,
    },
}

impl DomainEvent {
    /// Types a stored event: brings its payload to the present schema, then decodes it.
    pub fn decode(aggregate: AggregateType, event_type: &str, schema: u32, data: Value) -> Result<Self, DecodeError> {
        Ok(match aggregate {
            AggregateType::Task => Self::Task(decode_as(aggregate, event_type, schema, data)?),
            AggregateType::User => Self::User(decode_as(aggregate, event_type, schema, data)?),
            AggregateType::Team => Self::Team(decode_as(aggregate, event_type, schema, data)?),
        })
    }

    /// Every event type of every aggregate, at its present schema.
    pub fn kinds() -> impl Iterator<Item = (AggregateType, &'static EventKind)> {
        let of = |aggregate, kinds: &'static [EventKind]| kinds.iter().map(move |kind| (aggregate, kind));
        of(AggregateType::Task, TaskEvent::KINDS)
            .chain(of(AggregateType::User, UserEvent::KINDS))
            .chain(of(AggregateType::Team, TeamEvent::KINDS))
    }
}

/// Decodes a stored event of one aggregate as that aggregate's event type `E`.
pub fn decode_as<E: DeserializeOwned>(
    aggregate: AggregateType,
    event_type: &str,
    schema: u32,
    data: Value,
) -> Result<E, DecodeError> {
    let data = upcast(event_type, schema, data)?;
    serde_json::from_value(json!({ "type": event_type, "data": data })).map_err(|source| DecodeError::Shape {
        aggregate,
        event_type: event_type.to_owned(),
        schema,
        source,
    })
}
