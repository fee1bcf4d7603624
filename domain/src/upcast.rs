//! From every shape ever shipped to the present one.

use serde_json::Value;

use crate::event::DomainEvent;

/// Why a payload could not be brought to the present schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpcastError {
    /// This program has never heard of the type: a newer one wrote it.
    #[error("unknown event type {event_type:?}")]
    UnknownType {
        /// The type.
        event_type: String,
    },
    /// The payload is of a newer schema than this program knows.
    #[error("{event_type} has schema {schema}, and this program knows schemas up to {known}")]
    Newer {
        /// The type.
        event_type: String,
        /// Its schema.
        schema: u32,
        /// The newest schema that is known.
        known: u32,
    },
    /// There is no schema of this number: numbers start at 1.
    #[error("{event_type} never had a schema {schema}")]
    NoSuchSchema {
        /// The type.
        event_type: String,
        /// Its schema.
        schema: u32,
    },
}

/// Brings the payload of an event to the present schema of its type. Both sides read through this one function.
///
/// A new shape is a new schema number on the event (in its aggregate's `events!`) and one arm in `step`, which turns
/// the shape before into it; the old golden example stays and is decoded through it.
pub fn upcast(event_type: &str, schema: u32, mut data: Value) -> Result<Value, UpcastError> {
    let known = DomainEvent::kinds()
        .find(|(_, kind)| kind.event_type == event_type)
        .map(|(_, kind)| kind.schema)
        .ok_or_else(|| UpcastError::UnknownType { event_type: event_type.to_owned() })?;
    if schema == 0 {
        return Err(UpcastError::NoSuchSchema { event_type: event_type.to_owned(), schema });
    }
    if schema > known {
        return Err(UpcastError::Newer { event_type: event_type.to_owned(), schema, known });
    }
    for from in schema..known {
        data = step(event_type, from, data)?;
    }
    Ok(data)
}

/// One step, from schema `from` to the next.
fn step(event_type: &str, from: u32, data: Value) -> Result<Value, UpcastError> {
    match (event_type, from) {
        // Since schema 2 personal fields are sealed. Payloads come here opened, and so have the shape of before.
        ("UserRegistered" | "UserProfileChanged" | "UserEmailChanged" | "UserDeactivated" | "UserReactivated", 1) => {
            Ok(data)
        }
        // Since schema 2 they say whom they speak to, and a comment what is known of it where it was imported from. Before, neither was.
        ("TaskCreated" | "TaskEdited" | "TaskCommented", 1) => Ok(data),
        _ => Err(UpcastError::NoSuchSchema { event_type: event_type.to_owned(), schema: from }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_payload_of_the_present_schema_is_left_as_it_is() {
        let data = json!({ "reason": "waiting for parts", "at": "2026-01-01T00:00:00Z" });
        assert_eq!(upcast("TaskHeld", 1, data.clone()), Ok(data));
    }

    #[test]
    fn what_a_newer_program_wrote_is_refused_and_says_so() {
        assert_eq!(
            upcast("TaskHeld", 2, json!({})).unwrap_err().to_string(),
            "TaskHeld has schema 2, and this program knows schemas up to 1"
        );
        assert_eq!(
            upcast("TaskPainted", 1, json!({})),
            Err(UpcastError::UnknownType { event_type: "TaskPainted".into() })
        );
        assert_eq!(
            upcast("TaskHeld", 0, json!({})),
            Err(UpcastError::NoSuchSchema { event_type: "TaskHeld".into(), schema: 0 })
        );
    }
}
