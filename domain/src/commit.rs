//! A commit: what one command appended to one aggregate's history, and its link in the hash chain.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::envelope::{Actor, CommandId, Fingerprint, Metadata, RecordedEvent};
use crate::stream::StreamId;

/// The most events that one commit may hold. Only a task that is brought in from elsewhere comes near it.
pub const MAX_EVENTS_IN_COMMIT: usize = 64;

/// SHA-256, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, utoipa::ToSchema)]
#[schema(value_type = String, min_length = 64, max_length = 64)]
pub struct Hash([u8; 32]);

impl Hash {
    /// What the first commit of every history points back to.
    pub const GENESIS: Self = Self([0; 32]);

    /// Of these 32 bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// Not 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256 hash: 64 lower-case hexadecimal digits are expected")]
pub struct NotAHash;

impl FromStr for Hash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(NotAHash),
        };
        let text = text.as_bytes();
        if text.len() != 64 {
            return Err(NotAHash);
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(text.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(hash))
    }
}

impl Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// One event inside a commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventData {
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The version of the payload's shape.
    pub schema: u32,
    /// The payload.
    pub data: Value,
}

/// What one command appended: 1 to [`MAX_EVENTS_IN_COMMIT`] events of one aggregate, stored as one item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Commit {
    /// The aggregate.
    pub stream: StreamId,
    /// The version of the first event.
    pub version: u64,
    /// The events, in order.
    pub events: Vec<EventData>,
    /// By which command.
    pub command_id: CommandId,
    /// What that command asked for.
    pub fingerprint: Fingerprint,
    /// Who sent it.
    pub actor: Actor,
    /// When it was recorded, UTC, to the millisecond.
    pub recorded_at: DateTime<Utc>,
    /// The request or process that it belongs to.
    pub correlation_id: String,
    /// What caused the command, if it was an event or a message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<String>,
    /// The hash of the commit before, or [`Hash::GENESIS`].
    pub prev_hash: Hash,
    /// `SHA-256(prev_hash ‖ canonical)`, see [`Commit::expected_hash`].
    pub hash: Hash,
}

/// What the hash covers: the commit without the two hashes.
#[derive(Serialize)]
struct Hashed<'a> {
    stream: &'a StreamId,
    version: u64,
    events: &'a [EventData],
    command_id: CommandId,
    fingerprint: &'a Fingerprint,
    actor: &'a Actor,
    recorded_at: DateTime<Utc>,
    correlation_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    causation_id: Option<&'a str>,
}

/// A commit's content has no canonical form: a number that is not finite, which no event has.
#[derive(Debug, thiserror::Error)]
#[error("the commit has no canonical JSON: {0}")]
pub struct NotCanonical(#[from] serde_json::Error);

impl Commit {
    /// The commit of these events at this place, linked to the one before. The time of the commit is that of the
    /// metadata.
    pub fn seal(
        stream: StreamId,
        version: u64,
        events: Vec<EventData>,
        metadata: &Metadata,
        prev_hash: Hash,
    ) -> Result<Self, NotCanonical> {
        let mut commit = Self {
            stream,
            version,
            events,
            command_id: metadata.command_id,
            fingerprint: metadata.fingerprint.clone(),
            actor: metadata.actor.clone(),
            recorded_at: metadata.at,
            correlation_id: metadata.correlation_id.clone(),
            causation_id: metadata.causation_id.clone(),
            prev_hash,
            hash: Hash::GENESIS,
        };
        commit.hash = commit.expected_hash()?;
        Ok(commit)
    }

    /// `SHA-256(prev_hash ‖ canonical)`, where `canonical` is the commit without `prev_hash` and `hash` as JSON in the
    /// form of RFC 8785, and `prev_hash` are its 32 bytes.
    pub fn expected_hash(&self) -> Result<Hash, NotCanonical> {
        let canonical = serde_json_canonicalizer::to_vec(&Hashed {
            stream: &self.stream,
            version: self.version,
            events: &self.events,
            command_id: self.command_id,
            fingerprint: &self.fingerprint,
            actor: &self.actor,
            recorded_at: self.recorded_at,
            correlation_id: &self.correlation_id,
            causation_id: self.causation_id.as_deref(),
        })?;
        let digest = Sha256::new().chain_update(self.prev_hash.0).chain_update(canonical).finalize();
        Ok(Hash(digest.into()))
    }

    /// The version of the last event: the aggregate's version after this commit.
    pub fn last_version(&self) -> u64 {
        self.version + self.events.len() as u64 - 1
    }

    /// The events with their envelope.
    pub fn recorded_events(&self) -> impl Iterator<Item = RecordedEvent> + use<> {
        self.clone().into_recorded_events()
    }

    /// The same, of a commit that is not needed any more: the payloads are not copied.
    pub fn into_recorded_events(self) -> impl Iterator<Item = RecordedEvent> + use<> {
        let Self { stream, events, command_id, actor, recorded_at, correlation_id, causation_id, .. } = self;
        (self.version..).zip(events).map(move |(version, event)| RecordedEvent {
            event_id: RecordedEvent::id_at(&stream, version),
            stream,
            version,
            event_type: event.event_type,
            schema: event.schema,
            recorded_at,
            actor: actor.clone(),
            command_id,
            correlation_id: correlation_id.clone(),
            causation_id: causation_id.clone(),
            data: event.data,
        })
    }
}

/// Follows one history and says where it was tampered with.
#[derive(Clone, Copy, Debug)]
pub struct ChainVerifier {
    next_version: u64,
    head: Hash,
}

/// A history that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Tampered {
    /// A commit is missing, doubled or out of its order.
    #[error("version {expected} is expected and {found} found: a commit was removed, inserted or moved")]
    Version {
        /// The version that should have come.
        expected: u64,
        /// The version that came.
        found: u64,
    },
    /// The commit does not point to the one before it.
    #[error("the commit at version {version} does not continue the one before it: that one was changed or replaced")]
    Link {
        /// The first version of the commit.
        version: u64,
    },
    /// The commit's content does not give its hash.
    #[error("the commit at version {version} was changed: its content does not give its hash")]
    Content {
        /// The first version of the commit.
        version: u64,
    },
    /// A commit without events.
    #[error("the commit at version {version} has no events")]
    Empty {
        /// The first version of the commit.
        version: u64,
    },
}

impl Default for ChainVerifier {
    fn default() -> Self {
        Self { next_version: 1, head: Hash::GENESIS }
    }
}

impl ChainVerifier {
    /// The version after the last commit that was followed.
    pub const fn version(&self) -> u64 {
        self.next_version - 1
    }

    /// The hash of the last commit that was followed.
    pub const fn head(&self) -> Hash {
        self.head
    }

    /// Follows the next commit of the history.
    pub fn follow(&mut self, commit: &Commit) -> Result<(), Tampered> {
        let version = commit.version;
        if commit.events.is_empty() {
            return Err(Tampered::Empty { version });
        }
        if version != self.next_version {
            return Err(Tampered::Version { expected: self.next_version, found: version });
        }
        if commit.prev_hash != self.head {
            return Err(Tampered::Link { version });
        }
        if commit.expected_hash().ok() != Some(commit.hash) {
            return Err(Tampered::Content { version });
        }
        self.next_version = commit.last_version() + 1;
        self.head = commit.hash;
        Ok(())
    }
}
