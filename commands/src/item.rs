//! A commit as an item of the event table: native attributes, nothing packed.
//!
//! Numbers keep their value but not their spelling (`52.0` comes back as `52`). The hash of a commit is over RFC 8785,
//! where one value has one spelling, so that it still verifies.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use muster_domain::commit::MAX_EVENTS_IN_COMMIT;
use muster_domain::ports::ReadError;
use muster_domain::{Actor, CommandId, Commit, EventData, Fingerprint, Hash, StreamId};
use serde::{Deserialize, Serialize};

use crate::limits::{MAX_COMMIT_BYTES, MAX_ITEM_BYTES, item_size};
use crate::log::{AppendError, CarriedState, StoredCommit};
use crate::trace::Trace;

/// An item of the SDK.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// The version of the shape of the carried state.
const STATE_SCHEMA: &str = "state_schema";
/// The carried state.
const STATE: &str = "state";
/// The trace that the commit belongs to, in W3C's form. Like the carried state it is no part of the commit.
const TRACE: &str = "trace";

/// The attributes of a commit. A new one must be optional: older items do not have it.
#[derive(Deserialize)]
struct CommitItem {
    /// The stream, like `task#0190b2f4-…`.
    pk: String,
    /// The version of the commit's first event.
    sk: u64,
    events: Vec<EventData>,
    command_id: CommandId,
    fingerprint: Fingerprint,
    actor: Actor,
    recorded_at: DateTime<Utc>,
    correlation_id: String,
    #[serde(default)]
    causation_id: Option<String>,
    prev_hash: Hash,
    hash: Hash,
}

/// The same to be written, without a copy of what is in it.
#[derive(Serialize)]
struct CommitAttributes<'a> {
    pk: String,
    sk: u64,
    events: &'a [EventData],
    command_id: CommandId,
    fingerprint: &'a Fingerprint,
    actor: &'a Actor,
    recorded_at: DateTime<Utc>,
    correlation_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    causation_id: Option<&'a str>,
    prev_hash: Hash,
    hash: Hash,
}

/// An item of the event table that is not a commit.
#[derive(Debug, thiserror::Error)]
pub enum ItemError {
    /// An attribute is missing or of the wrong shape.
    #[error("the item is not a commit: {0}")]
    Shape(#[from] serde_dynamo::Error),
    /// Its partition key names no stream.
    #[error(transparent)]
    Stream(#[from] muster_domain::stream::NotAStream),
    /// It has no events, which no commit has.
    #[error("the item has no events")]
    NoEvents,
    /// It has more than [`MAX_EVENTS_IN_COMMIT`] events.
    #[error("the item has {events} events, and a commit has at most {MAX_EVENTS_IN_COMMIT}")]
    TooManyEvents {
        /// How many.
        events: usize,
    },
    /// It begins at version 0, and histories begin at 1: no reader of a history would find it.
    #[error("the item begins at version 0, and histories begin at 1")]
    VersionZero,
    /// There is no number for the version that follows it.
    #[error("the item begins at version {version}, and its {events} events go beyond the last number")]
    VersionTooHigh {
        /// Where it begins.
        version: u64,
        /// How many events it has.
        events: usize,
    },
}

/// The commit in an item of the event table, or in an image of one from its stream.
pub fn commit_from_item(item: impl Into<serde_dynamo::Item>) -> Result<Commit, ItemError> {
    let item: CommitItem = serde_dynamo::from_item(item.into())?;
    check_extent(item.sk, item.events.len())?;
    Ok(Commit {
        stream: item.pk.parse()?,
        version: item.sk,
        events: item.events,
        command_id: item.command_id,
        fingerprint: item.fingerprint,
        actor: item.actor,
        recorded_at: item.recorded_at,
        correlation_id: item.correlation_id,
        causation_id: item.causation_id,
        prev_hash: item.prev_hash,
        hash: item.hash,
    })
}

/// The trace that the commit in an item belongs to, if one was recorded.
pub fn trace_from_item(item: &serde_dynamo::Item) -> Option<Trace> {
    match item.inner().get(TRACE) {
        Some(serde_dynamo::AttributeValue::S(trace)) => Trace::parse(trace),
        _ => None,
    }
}

/// Whether so many events from this version on are a commit's.
const fn check_extent(version: u64, events: usize) -> Result<(), ItemError> {
    if events == 0 {
        return Err(ItemError::NoEvents);
    }
    if events > MAX_EVENTS_IN_COMMIT {
        return Err(ItemError::TooManyEvents { events });
    }
    if version == 0 {
        return Err(ItemError::VersionZero);
    }
    if version.checked_add(events as u64).is_none() {
        return Err(ItemError::VersionTooHigh { version, events });
    }
    Ok(())
}

/// The commit and what it carries. A carried state that cannot be read is as good as none.
pub(crate) fn decode(mut item: Item) -> Result<StoredCommit, ItemError> {
    let carried = item.remove(STATE).zip(item.remove(STATE_SCHEMA));
    let commit = commit_from_item(item)?;
    let carried = carried.and_then(|(state, schema)| {
        let schema = serde_dynamo::from_attribute_value(schema);
        let state = serde_dynamo::from_attribute_value(state);
        match (schema, state) {
            (Ok(schema), Ok(state)) => Some(CarriedState { schema, state }),
            (Err(error), _) | (_, Err(error)) => {
                tracing::debug!(stream = %commit.stream, version = commit.version, %error, "unreadable carried state");
                None
            }
        }
    });
    Ok(StoredCommit { commit, carried })
}

/// The same for somebody who reads: what cannot be read is named.
pub(crate) fn read(item: Item) -> Result<StoredCommit, ReadError> {
    let (stream, version) = key_of(&item);
    decode(item).map_err(|error| ReadError::Damaged { stream, version, reason: error.to_string() })
}

/// The same for somebody who writes where this item stands, as far as the store gave it and it can be read.
pub(crate) fn taken(item: Option<&Item>) -> AppendError {
    let existing = item.and_then(|item| decode(item.clone()).ok());
    AppendError::Taken { existing: existing.map(|stored| Box::new(stored.commit)) }
}

/// The item of a commit. The state is left out when there is no room for it.
pub(crate) fn encode(
    commit: &Commit,
    carried: Option<&CarriedState>,
    trace: Option<&Trace>,
) -> Result<Item, AppendError> {
    let refused = |error: serde_dynamo::Error| AppendError::Refused(Box::new(error));
    let mut item: Item = serde_dynamo::to_item(CommitAttributes {
        pk: commit.stream.to_string(),
        sk: commit.version,
        events: &commit.events,
        command_id: commit.command_id,
        fingerprint: &commit.fingerprint,
        actor: &commit.actor,
        recorded_at: commit.recorded_at,
        correlation_id: &commit.correlation_id,
        causation_id: commit.causation_id.as_deref(),
        prev_hash: commit.prev_hash,
        hash: commit.hash,
    })
    .map_err(refused)?;
    let bytes = item_size(&item);
    if bytes > MAX_COMMIT_BYTES {
        return Err(AppendError::TooLarge { bytes });
    }
    if let Some(trace) = trace {
        item.insert(TRACE.to_owned(), AttributeValue::S(trace.to_string()));
    }
    if let Some(CarriedState { schema, state }) = carried {
        let state = HashMap::from([
            (STATE_SCHEMA.to_owned(), AttributeValue::N(schema.to_string())),
            (STATE.to_owned(), serde_dynamo::to_attribute_value(state).map_err(refused)?),
        ]);
        if bytes + item_size(&state) <= MAX_ITEM_BYTES {
            item.extend(state);
        } else {
            tracing::debug!(stream = %commit.stream, version = commit.version, "no room for the state");
        }
    }
    Ok(item)
}

/// The key of the commit that begins at this version.
pub(crate) fn key(stream: &StreamId, version: u64) -> Item {
    HashMap::from([
        ("pk".to_owned(), AttributeValue::S(stream.to_string())),
        ("sk".to_owned(), AttributeValue::N(version.to_string())),
    ])
}

/// The stream and version in the key of an item, as far as they can be read: for errors about it.
pub(crate) fn key_of(item: &Item) -> (String, u64) {
    let stream = item.get("pk").and_then(|pk| pk.as_s().ok()).cloned().unwrap_or_default();
    let version = item.get("sk").and_then(|sk| sk.as_n().ok()).and_then(|sk| sk.parse().ok());
    (stream, version.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use muster_domain::{AggregateType, Metadata};
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    /// The item of a commit, but with so many events from this version on.
    fn item(version: u64, events: usize) -> Item {
        let event = || EventData { event_type: "TaskCommented".to_owned(), schema: 1, data: json!({}) };
        let metadata = Metadata {
            command_id: CommandId(Uuid::from_u128(1)),
            fingerprint: Fingerprint::of("test", &()),
            actor: Actor::system("test"),
            at: DateTime::UNIX_EPOCH,
            correlation_id: "request".to_owned(),
            causation_id: None,
        };
        let stream = StreamId::new(AggregateType::Task, Uuid::from_u128(1));
        let commit = Commit::seal(stream, 1, vec![event()], &metadata, Hash::GENESIS).unwrap();
        let events = (0..events).map(|_| event()).collect();
        encode(&Commit { version, events, ..commit }, None, None).unwrap()
    }

    #[test]
    fn a_commit_begins_at_1_and_has_a_bounded_number_of_events_and_a_version_after_it() {
        let most = MAX_EVENTS_IN_COMMIT;
        for (version, events) in [(1, 1), (1, most), (u64::MAX - 1, 1), (u64::MAX - 64, most)] {
            let commit = commit_from_item(item(version, events)).unwrap();
            assert_eq!((commit.version, commit.last_version()), (version, version + (events as u64 - 1)));
        }
        let refused = |version, events| commit_from_item(item(version, events)).unwrap_err();
        assert!(matches!(refused(1, 0), ItemError::NoEvents));
        assert!(matches!(refused(0, 1), ItemError::VersionZero));
        assert!(matches!(refused(1, most + 1), ItemError::TooManyEvents { events: 65 }));
        assert!(matches!(refused(u64::MAX, 1), ItemError::VersionTooHigh { version: u64::MAX, events: 1 }));
        assert!(matches!(refused(u64::MAX - 1, 2), ItemError::VersionTooHigh { events: 2, .. }));
    }
}
