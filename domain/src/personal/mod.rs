//! Personal data in events. What says who a person is (name, address, telephone number, language) is stored as
//! `{"sealed": "…"}` under a key of that person's own (`docs/adr/0015-personal-data.md`). Typed events hold it in the open;
//! it is sealed when a commit is made, before its hash, and opened when an event is read. When the key is erased, what was
//! sealed reads as a placeholder, for ever, and nothing in the history has changed.

mod key;
mod memory;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::envelope::RecordedEvent;
use crate::event::DomainEvent;
use crate::stream::{AggregateType, StreamId};

pub use key::{KEY_BYTES, NotOpened, NotSealed, SubjectKey};
pub use memory::MemoryKeys;

/// The name of a person whose data was erased.
pub const ERASED_NAME: &str = "Erased person";
/// What stands in the place of their address. No mail goes there (RFC 2606).
pub const ERASED_EMAIL: &str = "erased@erased.invalid";

/// A personal value as it is stored and sent: only who has the person's key can read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    /// AES-256-GCM over the value's JSON: nonce, ciphertext and tag in base64url without padding.
    pub sealed: String,
}

/// A field of an event that holds personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PersonalField {
    /// Its name in the payload.
    pub name: &'static str,
    /// What it reads as when the key is erased.
    pub placeholder: Placeholder,
}

/// What a personal field reads as when the key is erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// [`ERASED_NAME`].
    Name,
    /// [`ERASED_EMAIL`].
    Email,
    /// Nothing: the field is not there.
    Absent,
    /// A change from [`ERASED_NAME`] to itself.
    NameChange,
    /// A change from nothing to nothing.
    AbsentChange,
}

impl Placeholder {
    fn value(self) -> Option<Value> {
        match self {
            Self::Name => Some(json!(ERASED_NAME)),
            Self::Email => Some(json!(ERASED_EMAIL)),
            Self::Absent => None,
            Self::NameChange => Some(json!({ "from": ERASED_NAME, "to": ERASED_NAME })),
            Self::AbsentChange => Some(json!({ "from": null, "to": null })),
        }
    }
}

/// The key to what is sealed in one history, as far as the reader has it.
#[derive(Clone, Debug, Default)]
pub enum Opener {
    /// There is none: what is sealed cannot be read. Histories without personal data need none.
    #[default]
    NoKey,
    /// This key.
    Key(SubjectKey),
    /// It was erased: what is sealed reads as placeholders.
    Erased,
}

/// Personal data that cannot be read although its key was not erased.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The key is not there: lost, not erased.
    #[error("the key to the field {field} is not there")]
    NoKey {
        /// The field.
        field: &'static str,
    },
    /// The key does not open it.
    #[error("the field {field}: {source}")]
    Damaged {
        /// The field.
        field: &'static str,
        /// Why.
        source: NotOpened,
    },
}

/// The personal fields of an event's payload.
pub fn personal_fields(aggregate: AggregateType, event_type: &str) -> &'static [PersonalField] {
    match aggregate {
        // Their events hold ids of people.
        AggregateType::Task | AggregateType::Team => &[],
        AggregateType::User => DomainEvent::kinds()
            .find(|(of, kind)| *of == aggregate && kind.event_type == event_type)
            .map_or(&[], |(_, kind)| kind.personal),
    }
}

/// Whether a payload holds personal data in the open: it was written before personal data was sealed.
pub fn holds_plain(aggregate: AggregateType, event_type: &str, data: &Value) -> bool {
    personal_fields(aggregate, event_type)
        .iter()
        .any(|field| data.get(field.name).is_some_and(|value| sealed_text(value).is_none()))
}

/// Whether a payload holds what is sealed.
pub fn holds_sealed(aggregate: AggregateType, event_type: &str, data: &Value) -> bool {
    personal_fields(aggregate, event_type)
        .iter()
        .any(|field| data.get(field.name).is_some_and(|value| sealed_text(value).is_some()))
}

/// Seals the personal fields of the event at this place.
pub fn seal_event(
    key: &SubjectKey,
    stream: &StreamId,
    version: u64,
    event_type: &str,
    data: &mut Value,
) -> Result<(), NotSealed> {
    for field in personal_fields(stream.aggregate, event_type) {
        if let Some(value) = data.get_mut(field.name) {
            *value = seal(key, &place(stream, version, event_type, field.name), value)?;
        }
    }
    Ok(())
}

/// The payload of the event at this place with its personal fields in the open, or as placeholders. One that was written
/// before personal data was sealed stays as it is.
pub fn open_event(
    opener: &Opener,
    stream: &StreamId,
    version: u64,
    event_type: &str,
    mut data: Value,
) -> Result<Value, OpenError> {
    for &PersonalField { name, placeholder } in personal_fields(stream.aggregate, event_type) {
        let Some(sealed) = data.get(name).and_then(sealed_text) else { continue };
        let value = match opener {
            Opener::NoKey => return Err(OpenError::NoKey { field: name }),
            Opener::Erased => placeholder.value(),
            Opener::Key(key) => {
                let plain = open(key, &place(stream, version, event_type, name), sealed);
                Some(plain.map_err(|source| OpenError::Damaged { field: name, source })?)
            }
        };
        if let Some(fields) = data.as_object_mut() {
            match value {
                Some(value) => fields.insert(name.to_owned(), value),
                None => fields.remove(name),
            };
        }
    }
    Ok(data)
}

/// The event without its personal fields, for readers outside: neither in the open nor sealed.
#[must_use]
pub fn without_personal(mut event: RecordedEvent) -> RecordedEvent {
    for field in personal_fields(event.stream.aggregate, &event.event_type) {
        if let Some(data) = event.data.as_object_mut() {
            data.remove(field.name);
        }
    }
    event
}

/// Seals any JSON for one place, which must be no event's field.
pub fn seal(key: &SubjectKey, place: &str, value: &Value) -> Result<Value, NotSealed> {
    Ok(json!({ "sealed": key.seal(place, value.to_string().into_bytes())? }))
}

/// What [`seal`] sealed for this place; `None` for anything else.
pub fn open_value(key: &SubjectKey, place: &str, value: &Value) -> Option<Value> {
    open(key, place, sealed_text(value)?).ok()
}

fn open(key: &SubjectKey, place: &str, sealed: &str) -> Result<Value, NotOpened> {
    serde_json::from_slice(&key.open(place, sealed)?).map_err(|_| NotOpened)
}

/// The text of `{"sealed": "…"}`, which no personal value in the open looks like.
fn sealed_text(value: &Value) -> Option<&str> {
    match value.as_object()? {
        fields if fields.len() == 1 => fields.get("sealed")?.as_str(),
        _ => None,
    }
}

/// What binds a sealed value to where it stands. The version is that of the event, so it says its place in its commit too.
fn place(stream: &StreamId, version: u64, event_type: &str, field: &str) -> String {
    format!("{stream}@{version} {event_type} {field}")
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::ids::UserId;

    const ADA: UserId = UserId(Uuid::from_u128(0xada));

    fn sealed(version: u64, event_type: &str, mut data: Value) -> Value {
        seal_event(&MemoryKeys::of(ADA), &ADA.into(), version, event_type, &mut data).unwrap();
        data
    }

    fn opened(opener: &Opener, version: u64, event_type: &str, data: &Value) -> Result<Value, OpenError> {
        open_event(opener, &ADA.into(), version, event_type, data.clone())
    }

    #[test]
    fn only_personal_fields_are_sealed_and_they_come_back_as_they_were() {
        let plain = json!({ "name": "Ada", "email": "ada@example.com", "role": "member", "time_zone": "UTC",
            "phone": "+44 20", "at": "2026-01-01T00:00:00Z" });
        let stored = sealed(1, "UserRegistered", plain.clone());
        assert_eq!((&stored["role"], &stored["time_zone"]), (&json!("member"), &json!("UTC")));
        let text = stored.to_string();
        assert!(!text.contains("Ada") && !text.contains("ada@") && !text.contains("+44"), "{text}");
        assert_eq!(opened(&Opener::Key(MemoryKeys::of(ADA)), 1, "UserRegistered", &stored), Ok(plain));
    }

    #[test]
    fn without_the_key_they_are_placeholders_if_it_was_erased_and_an_error_if_it_was_lost() {
        let change = json!({ "name": { "from": "Ada", "to": "Ada L." }, "phone": { "from": null, "to": "+44 20" } });
        let stored = sealed(2, "UserProfileChanged", change);
        let erased =
            json!({ "name": { "from": ERASED_NAME, "to": ERASED_NAME }, "phone": { "from": null, "to": null } });
        assert_eq!(opened(&Opener::Erased, 2, "UserProfileChanged", &stored), Ok(erased));
        let lost = opened(&Opener::NoKey, 2, "UserProfileChanged", &stored);
        assert_eq!(lost, Err(OpenError::NoKey { field: "name" }));
    }

    #[test]
    fn a_sealed_field_is_bound_to_its_place_and_an_old_one_is_read_as_it_is() {
        let stored = sealed(2, "UserEmailChanged", json!({ "from": "a@example.com", "to": "b@example.com" }));
        let key = Opener::Key(MemoryKeys::of(ADA));
        assert!(matches!(opened(&key, 3, "UserEmailChanged", &stored), Err(OpenError::Damaged { field: "from", .. })));
        let swapped = json!({ "from": stored["to"], "to": stored["from"] });
        assert!(matches!(opened(&key, 2, "UserEmailChanged", &swapped), Err(OpenError::Damaged { field: "from", .. })));
        let plain = json!({ "email": "ada@example.com" });
        assert_eq!(opened(&Opener::NoKey, 2, "UserDeactivated", &plain), Ok(plain.clone()));
        assert!(holds_plain(AggregateType::User, "UserDeactivated", &plain));
        assert!(!holds_plain(AggregateType::User, "UserEmailChanged", &stored));
    }
}
