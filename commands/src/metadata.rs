//! `Metadata` as the map of texts in which cqrs-es hands it on.

use std::collections::HashMap;
use std::hash::BuildHasher;

use chrono::{DateTime, SecondsFormat, Utc};
use muster_domain::{Fingerprint, Metadata};

const COMMAND_ID: &str = "command_id";
const FINGERPRINT: &str = "fingerprint";
const ACTOR: &str = "actor";
const AT: &str = "at";
const CORRELATION_ID: &str = "correlation_id";
const CAUSATION_ID: &str = "causation_id";

/// A map that is not the metadata of a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// An entry is not there.
    #[error("the metadata have no {0}")]
    Missing(&'static str),
    /// An entry does not have the form that is expected.
    #[error("the metadata's {0} cannot be read")]
    Malformed(&'static str),
}

/// The metadata as a map.
pub fn metadata_to_map(metadata: &Metadata) -> HashMap<String, String> {
    let entry = |key: &str, value: String| (key.to_owned(), value);
    let causation = metadata.causation_id.as_ref().map(|id| entry(CAUSATION_ID, id.clone()));
    [
        entry(COMMAND_ID, metadata.command_id.to_string()),
        entry(FINGERPRINT, metadata.fingerprint.as_str().to_owned()),
        // An actor is an object of texts, which always has a JSON form.
        entry(ACTOR, serde_json::to_string(&metadata.actor).unwrap_or_default()),
        entry(AT, metadata.at.to_rfc3339_opts(SecondsFormat::Millis, true)),
        entry(CORRELATION_ID, metadata.correlation_id.clone()),
    ]
    .into_iter()
    .chain(causation)
    .collect()
}

/// The metadata that a map holds. Entries that are not known are passed over.
pub fn metadata_from_map<S: BuildHasher>(map: &HashMap<String, String, S>) -> Result<Metadata, MetadataError> {
    let entry = |key| map.get(key).ok_or(MetadataError::Missing(key));
    Ok(Metadata {
        command_id: entry(COMMAND_ID)?.parse().map_err(|_| MetadataError::Malformed(COMMAND_ID))?,
        fingerprint: Fingerprint::from(entry(FINGERPRINT)?.clone()),
        actor: serde_json::from_str(entry(ACTOR)?).map_err(|_| MetadataError::Malformed(ACTOR))?,
        at: entry(AT)?.parse::<DateTime<Utc>>().map_err(|_| MetadataError::Malformed(AT))?,
        correlation_id: entry(CORRELATION_ID)?.clone(),
        causation_id: map.get(CAUSATION_ID).cloned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use muster_domain::{Actor, CommandId, UserId};
    use uuid::Uuid;

    fn metadata(actor: Actor, causation_id: Option<&str>) -> Metadata {
        Metadata {
            command_id: CommandId(Uuid::from_u128(1)),
            fingerprint: Fingerprint::from("00ff".to_owned()),
            actor,
            at: "2026-03-02T08:00:00.120Z".parse().unwrap(),
            correlation_id: "request 7".into(),
            causation_id: causation_id.map(str::to_owned),
        }
    }

    #[test]
    fn metadata_come_back_from_the_map_as_they_went_in() {
        for metadata in
            [metadata(UserId(Uuid::from_u128(2)).into(), None), metadata(Actor::system("set: up\n"), Some("event 3"))]
        {
            assert_eq!(metadata_from_map(&metadata_to_map(&metadata)), Ok(metadata));
        }
    }

    #[test]
    fn what_is_missing_or_malformed_is_named() {
        let mut map = metadata_to_map(&metadata(Actor::system("setup"), None));
        map.insert(AT.into(), "yesterday".into());
        assert_eq!(metadata_from_map(&map), Err(MetadataError::Malformed("at")));
        map.remove(COMMAND_ID);
        assert_eq!(metadata_from_map(&map), Err(MetadataError::Missing("command_id")));
    }
}
