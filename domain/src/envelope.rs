//! What surrounds every event: who, when, by which command.

use std::fmt;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::event::{DecodeError, DomainEvent};
use crate::ids::{ImportId, UserId};
use crate::macros::id;
use crate::personal::{Opener, open_event};
use crate::stream::StreamId;

id!(
    /// The id of one command. A command takes effect at most once, however often it is sent.
    CommandId
);

/// Namespaces of the ids that are derived rather than drawn. They never change: the ids in every store follow from them.
mod namespace {
    use uuid::{Uuid, uuid};
    pub(super) const EVENT: Uuid = uuid!("6d757374-6572-5000-8000-6576656e7400");
    pub(super) const COMMAND: Uuid = uuid!("6d757374-6572-5000-8000-636f6d6d616e");
    pub(super) const CREATED: Uuid = uuid!("6d757374-6572-5000-8000-637265617465");
}

/// What the cause of a command that is part of an import begins with; the import's id follows.
const IMPORT_CAUSE: &str = "import:";

/// The cause of the commands of an import.
pub fn import_cause(id: ImportId) -> String {
    format!("{IMPORT_CAUSE}{id}")
}

impl CommandId {
    /// The command that this actor named by this idempotency key. The same key from another actor is another command.
    pub fn from_key(actor: &Actor, key: &str) -> Self {
        Self(Uuid::new_v5(&namespace::COMMAND, format!("{actor}\n{key}").as_bytes()))
    }

    /// The id of the aggregate that this command creates: a repeat of the command meets itself at version 1.
    pub fn created_id(self) -> Uuid {
        Uuid::new_v5(&namespace::CREATED, self.0.as_bytes())
    }
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Actor {
    /// A person.
    User {
        /// Their id.
        id: UserId,
    },
    /// A part of Muster itself, such as the one that sets up the first administrator.
    System {
        /// Which part.
        name: String,
    },
}

impl Actor {
    /// A part of Muster.
    pub fn system(name: &str) -> Self {
        Self::System { name: name.to_owned() }
    }

    /// The person, if it was one.
    pub const fn user(&self) -> Option<UserId> {
        match self {
            Self::User { id } => Some(*id),
            Self::System { .. } => None,
        }
    }
}

impl From<UserId> for Actor {
    fn from(id: UserId) -> Self {
        Self::User { id }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User { id } => write!(f, "user:{id}"),
            Self::System { name } => write!(f, "system:{name}"),
        }
    }
}

/// What a command asked for, as a digest: it tells a repeat of a command from another one under the same key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, utoipa::ToSchema)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The fingerprint of a request: its route and its meaning. Callers leave out of `meaning` what must not be
    /// guessable from a stored digest (a password).
    pub fn of(route: &str, meaning: &impl Serialize) -> Self {
        let meaning = serde_json::to_vec(meaning).unwrap_or_default();
        let digest = Sha256::new().chain_update(route.as_bytes()).chain_update([0]).chain_update(meaning).finalize();
        Self(crate::commit::hex(&digest[..16]))
    }

    /// As stored: 32 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Fingerprint {
    fn from(stored: String) -> Self {
        Self(stored)
    }
}

/// What comes with a command from outside: its id, who sent it, when, and in answer to what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// The command's id.
    pub command_id: CommandId,
    /// What it asked for.
    pub fingerprint: Fingerprint,
    /// Who sent it.
    pub actor: Actor,
    /// When it was taken in, UTC, to the millisecond.
    pub at: DateTime<Utc>,
    /// The request or process that it belongs to; the same in all that follows from it.
    pub correlation_id: String,
    /// The event or message that caused it, if it was one.
    pub causation_id: Option<String>,
}

/// One event as it was recorded: the one envelope. The item in the store, the `detail` on EventBridge and the input of
/// every projector have this shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordedEvent {
    /// UUID version 5 of stream and version: the same event has the same id wherever it is met.
    pub event_id: Uuid,
    /// The aggregate.
    pub stream: StreamId,
    /// Its place in the aggregate's history: 1, 2, 3, … without gaps.
    pub version: u64,
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The version of the payload's shape.
    pub schema: u32,
    /// When it was recorded, UTC, to the millisecond; it never runs back within a stream.
    pub recorded_at: DateTime<Utc>,
    /// Who did it.
    pub actor: Actor,
    /// By which command.
    pub command_id: CommandId,
    /// The request or process that it belongs to.
    pub correlation_id: String,
    /// The event or message that caused the command, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<String>,
    /// The payload, in the shape that `type` and `schema` name.
    pub data: Value,
}

impl RecordedEvent {
    /// The id of the event at this place.
    pub fn id_at(stream: &StreamId, version: u64) -> Uuid {
        Uuid::new_v5(&namespace::EVENT, format!("{stream}@{version}").as_bytes())
    }

    /// Whether it came with an import, of which nobody is told event by event.
    pub fn came_with_import(&self) -> bool {
        self.causation_id.as_deref().is_some_and(|cause| cause.starts_with(IMPORT_CAUSE))
    }

    /// The typed event, from whatever schema it was recorded in. One with personal data needs [`Self::decode_with`].
    pub fn decode(&self) -> Result<DomainEvent, DecodeError> {
        self.decode_with(&Opener::NoKey)
    }

    /// The same, with what is sealed in the open, or as placeholders.
    pub fn decode_with(&self, opener: &Opener) -> Result<DomainEvent, DecodeError> {
        let data = open_event(opener, &self.stream, self.version, &self.event_type, self.data.clone())
            .map_err(|source| DecodeError::Personal { event_type: self.event_type.clone(), source })?;
        DomainEvent::decode(self.stream.aggregate, &self.event_type, self.schema, data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_from_two_actors_is_two_commands() {
        let (ada, ben) = (Actor::from(UserId(Uuid::from_u128(1))), Actor::from(UserId(Uuid::from_u128(2))));
        assert_eq!(CommandId::from_key(&ada, "k"), CommandId::from_key(&ada, "k"));
        assert_ne!(CommandId::from_key(&ada, "k"), CommandId::from_key(&ben, "k"));
        assert_ne!(CommandId::from_key(&ada, "k"), CommandId::from_key(&ada, "l"));
    }

    #[test]
    fn derived_ids_are_the_same_in_every_release() {
        let stream: StreamId = "task#00000000-0000-0000-0000-000000000001".parse().unwrap();
        assert_eq!(RecordedEvent::id_at(&stream, 3).to_string(), "1a097ac7-c79f-58c5-84e4-a1d322e962f1");
        let command = CommandId::from_key(&Actor::system("setup"), "first");
        assert_eq!(command.created_id().to_string(), "39b8eeae-7276-561c-96b2-5122ae2ed6c1");
    }
}
