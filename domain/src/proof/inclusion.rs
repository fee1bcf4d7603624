//! The proof that one event stood in its history when a digest was taken: an auditor keeps it, and needs nothing else but the
//! public key.

use chrono::{DateTime, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::digest::{Leaf, SignedDigest};
use super::key::DigestKeys;
use super::merkle::root_of_path;
use crate::commit::{Commit, Hash};
use crate::envelope::RecordedEvent;

/// What a proof says in its first member.
pub const PROOF_FORMAT: &str = "muster-proof-1";

/// A proof, as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InclusionProof {
    /// `muster-proof-1`.
    pub format: String,
    /// The event.
    pub event_id: Uuid,
    /// Its history, as it is named: `task#0190b2f4-…`.
    pub stream: String,
    /// Its place in the history.
    pub version: u64,
    /// The commit that the event is in, and those after it up to the head that the digest holds.
    pub commits: Vec<Commit>,
    /// The place of that head among the digest's leaves, from 0.
    pub index: u64,
    /// The hash beside each node on the way from the leaf to the root.
    pub path: Vec<Hash>,
    /// The digest.
    pub digest: SignedDigest,
}

/// What was proven.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Proven {
    /// The event.
    pub event: RecordedEvent,
    /// The place of the digest.
    pub digest: u64,
    /// When it was taken: the event was there by then.
    pub taken_at: DateTime<Utc>,
    /// The key that signed it.
    pub key: String,
}

/// Why a proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotProven {
    /// It is of another format.
    #[error("the proof is not of the format {PROOF_FORMAT}")]
    Format,
    /// The event is not in the first commit, or has another id.
    #[error("the first commit does not hold the event that the proof names")]
    Event,
    /// A commit was changed, or does not follow the one before it.
    #[error("the commit at version {version} was changed, or does not follow the one before it")]
    Commit {
        /// The first version of the commit.
        version: u64,
    },
    /// The path leads to another root.
    #[error("the path does not lead to the root that the digest has")]
    Path,
    /// The digest is not signed by a key that is known.
    #[error("the digest is not signed by a key that is known")]
    Signature,
}

impl InclusionProof {
    /// The proof for the event at this version. `commits` begin with the one that it is in and end with the digest's head.
    pub fn new(version: u64, commits: Vec<Commit>, index: u64, path: Vec<Hash>, digest: SignedDigest) -> Option<Self> {
        let stream = commits.first()?.stream;
        Some(Self {
            format: PROOF_FORMAT.to_owned(),
            event_id: RecordedEvent::id_at(&stream, version),
            stream: stream.to_string(),
            version,
            commits,
            index,
            path,
            digest,
        })
    }

    /// Reads one. What a proof does not have, and what it writes in another form, is refused: so that every verifier, whether it
    /// hashes what it read or what it understood, says the same.
    pub fn read(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let value: Value = serde_json::from_slice(bytes)?;
        let proof = Self::deserialize(&value)?;
        if serde_json::to_value(&proof)? == value {
            Ok(proof)
        } else {
            Err(serde_json::Error::custom("not in the form that a proof has"))
        }
    }

    /// Verifies it with nothing but the keys.
    pub fn verify(&self, keys: &DigestKeys) -> Result<Proven, NotProven> {
        if self.format != PROOF_FORMAT {
            return Err(NotProven::Format);
        }
        let first = self.commits.first().ok_or(NotProven::Event)?;
        let mut events = first.recorded_events();
        let event = events.find(|event| event.version == self.version).ok_or(NotProven::Event)?;
        if event.event_id != self.event_id || self.stream != first.stream.to_string() {
            return Err(NotProven::Event);
        }
        let mut before: Option<&Commit> = None;
        for commit in &self.commits {
            let follows = before.is_none_or(|before| {
                (commit.stream, commit.version, commit.prev_hash)
                    == (before.stream, before.last_version() + 1, before.hash)
            });
            if !follows || commit.events.is_empty() || commit.expected_hash().ok() != Some(commit.hash) {
                return Err(NotProven::Commit { version: commit.version });
            }
            before = Some(commit);
        }
        let head = self.commits.last().unwrap_or(first);
        let leaf = Leaf::of(head).tree_hash().map_err(|_| NotProven::Path)?;
        if root_of_path(leaf, self.index, self.digest.leaves, &self.path) != Some(self.digest.root) {
            return Err(NotProven::Path);
        }
        if !self.digest.is_signed_by(keys) {
            return Err(NotProven::Signature);
        }
        let SignedDigest { sequence, taken_at, key, .. } = self.digest.clone();
        Ok(Proven { event, digest: sequence, taken_at, key })
    }
}
