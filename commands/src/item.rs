//! A commit as an item of the event table: native attributes, nothing packed.
//!
//! Numbers keep their value but not their spelling (`52.0` comes back as `52`). The hash of a commit is over RFC 8785,
//! where one value has one spelling, so that it still verifies.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use muster_domain::{Actor, CommandId, Commit, EventData, Fingerprint, Hash, StreamId};
use serde::{Deserialize, Serialize};

use crate::limits::{MAX_COMMIT_BYTES, MAX_ITEM_BYTES, item_size};
use crate::log::{AppendError, CarriedState, StoredCommit};

/// An item of the SDK.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// The version of the shape of the carried state.
const STATE_SCHEMA: &str = "state_schema";
/// The carried state.
const STATE: &str = "state";

/// The attributes of a commit. A new one must be optional: older items do not have it.
#[derive(Serialize, Deserialize)]
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    causation_id: Option<String>,
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
}

/// The commit in an item of the event table, or in an image of one from its stream.
pub fn commit_from_item(item: impl Into<serde_dynamo::Item>) -> Result<Commit, ItemError> {
    let CommitItem {
        pk,
        sk,
        events,
        command_id,
        fingerprint,
        actor,
        recorded_at,
        correlation_id,
        causation_id,
        prev_hash,
        hash,
    } = serde_dynamo::from_item(item.into())?;
    if events.is_empty() {
        return Err(ItemError::NoEvents);
    }
    Ok(Commit {
        stream: pk.parse()?,
        version: sk,
        events,
        command_id,
        fingerprint,
        actor,
        recorded_at,
        correlation_id,
        causation_id,
        prev_hash,
        hash,
    })
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

/// The item of a commit. The state is left out when there is no room for it.
pub(crate) fn encode(commit: &Commit, carried: Option<&CarriedState>) -> Result<Item, AppendError> {
    let refused = |error: serde_dynamo::Error| AppendError::Refused(Box::new(error));
    let mut item: Item = serde_dynamo::to_item(CommitItem {
        pk: commit.stream.to_string(),
        sk: commit.version,
        events: commit.events.clone(),
        command_id: commit.command_id,
        fingerprint: commit.fingerprint.clone(),
        actor: commit.actor.clone(),
        recorded_at: commit.recorded_at,
        correlation_id: commit.correlation_id.clone(),
        causation_id: commit.causation_id.clone(),
        prev_hash: commit.prev_hash,
        hash: commit.hash,
    })
    .map_err(refused)?;
    let bytes = item_size(&item);
    if bytes > MAX_COMMIT_BYTES {
        return Err(AppendError::TooLarge { bytes });
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
