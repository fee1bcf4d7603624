//! A digest: a signed statement of which heads the histories had at a moment, chained to the statement before it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::canonical::{canonical, sha256};
use super::key::DigestKeys;
use super::merkle::leaf_hash;
use crate::commit::{Commit, Hash, NotCanonical};
use crate::stream::StreamId;

/// What a digest says in its first member, so that a signature over one is good for nothing else.
pub const DIGEST_FORMAT: &str = "muster-digest-1";

/// The head that a history had when a digest was taken: a leaf of its Merkle tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaf {
    /// The hash of the history's last commit.
    pub hash: Hash,
    /// The history, as it is named: `task#0190b2f4-…`. Leaves are ordered by it, byte by byte.
    pub stream: String,
    /// The version after that commit.
    pub version: u64,
}

impl Leaf {
    /// The head that is this commit.
    pub fn of(commit: &Commit) -> Self {
        Self::at(&commit.stream, commit.last_version(), commit.hash)
    }

    /// The head of this history.
    pub fn at(stream: &StreamId, version: u64, hash: Hash) -> Self {
        Self { hash, stream: stream.to_string(), version }
    }

    /// Its hash in the tree: over its canonical JSON.
    pub fn tree_hash(&self) -> Result<Hash, NotCanonical> {
        Ok(leaf_hash(&canonical(self)?))
    }
}

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// Its place: 1, 2, 3, … without gaps.
    pub sequence: u64,
    /// When the reading of the heads began: every commit that was there by then is under this digest or one before it.
    pub taken_at: DateTime<Utc>,
    /// How many heads had changed since the digest before.
    pub leaves: u64,
    /// The root of the Merkle tree over them.
    pub root: Hash,
    /// The hash of the digest before, or [`Hash::GENESIS`].
    pub previous: Hash,
}

/// The members that are signed and hashed, of a digest and the key that signs it.
#[derive(Serialize)]
struct Signed<'a> {
    format: &'a str,
    key: &'a str,
    leaves: u64,
    previous: Hash,
    root: Hash,
    sequence: u64,
    taken_at: DateTime<Utc>,
}

impl Digest {
    /// What the signature of the key of this name is over, and the digest's hash: canonical JSON.
    pub fn message(&self, key: &str) -> Result<Vec<u8>, NotCanonical> {
        let Self { sequence, taken_at, leaves, root, previous } = *self;
        canonical(&Signed { format: DIGEST_FORMAT, key, leaves, previous, root, sequence, taken_at })
    }

    /// With a signature over [`Self::message`]: r ‖ s, 64 bytes, in base64url without padding.
    pub fn signed(self, key: &str, signature: String) -> SignedDigest {
        let Self { sequence, taken_at, leaves, root, previous } = self;
        let (format, key) = (DIGEST_FORMAT.to_owned(), key.to_owned());
        SignedDigest { format, key, leaves, previous, root, sequence, signature, taken_at }
    }
}

/// A digest with its signature, as it is kept, exported and published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignedDigest {
    /// `muster-digest-1`.
    pub format: String,
    /// The key that signed it: the RFC 7638 thumbprint of the public half.
    pub key: String,
    /// How many heads had changed since the digest before.
    pub leaves: u64,
    /// The hash of the digest before: SHA-256 of its canonical JSON without `signature`; 64 zeros in the first.
    pub previous: Hash,
    /// The root of the Merkle tree over the changed heads.
    pub root: Hash,
    /// Its place: 1, 2, 3, … without gaps.
    pub sequence: u64,
    /// ES256 over the canonical JSON without `signature`: r ‖ s, in base64url without padding.
    pub signature: String,
    /// When the reading of the heads began: every commit that was there by then is under this digest or one before it.
    pub taken_at: DateTime<Utc>,
}

impl SignedDigest {
    /// What is signed: the canonical JSON of everything but the signature.
    pub fn message(&self) -> Result<Vec<u8>, NotCanonical> {
        let Self { format, key, leaves, previous, root, sequence, signature: _, taken_at } = self;
        let (leaves, previous, root, sequence, taken_at) = (*leaves, *previous, *root, *sequence, *taken_at);
        canonical(&Signed { format, key, leaves, previous, root, sequence, taken_at })
    }

    /// Its hash, to which the next one points back. The signature is no part of it.
    pub fn hash(&self) -> Result<Hash, NotCanonical> {
        Ok(sha256(&self.message()?))
    }

    /// Whether one of these keys signed it.
    pub fn is_signed_by(&self, keys: &DigestKeys) -> bool {
        self.format == DIGEST_FORMAT
            && self.message().is_ok_and(|message| keys.verify(&self.key, &message, &self.signature))
    }
}
