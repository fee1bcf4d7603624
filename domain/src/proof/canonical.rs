//! JSON in the one form that is hashed and signed (RFC 8785).

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::commit::{Hash, NotCanonical};

/// The canonical JSON of a value.
pub fn canonical(value: &impl Serialize) -> Result<Vec<u8>, NotCanonical> {
    Ok(serde_json_canonicalizer::to_vec(value)?)
}

/// The SHA-256 of some bytes.
pub fn sha256(bytes: &[u8]) -> Hash {
    Hash::from_bytes(Sha256::digest(bytes).into())
}
