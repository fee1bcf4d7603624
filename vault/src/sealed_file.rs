//! Keys under a passphrase: a file of one JSON object. The key that seals is argon2id of the passphrase, the cipher AES-256-GCM; what
//! the file says of itself is bound to what it holds.

use std::collections::BTreeMap;

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use muster_domain::UserId;
use muster_domain::personal::{KEY_BYTES, SubjectKey};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::copies::{Copies, KeyCopy};

const FORMAT: &str = "muster-keys";
const VERSION: u32 = 1;
const SALT_BYTES: usize = 16;

/// What a passphrase costs to try: 64 MiB, three times over. RFC 9106's second choice, in one lane.
const COST: Cost = Cost { memory_kib: 65_536, passes: 3, lanes: 1 };
/// More than this no file may ask of the machine that opens it: 1 GiB.
const MOST: Cost = Cost { memory_kib: 1_048_576, passes: 16, lanes: 8 };

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: String,
    version: u32,
    kdf: String,
    cost: Cost,
    salt: String,
    cipher: String,
    nonce: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SealedFile {
    header: Header,
    /// Ciphertext and tag, in base64.
    sealed: String,
}

/// One person's key in base64; `null` when it was erased.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Plain(BTreeMap<UserId, Option<String>>);

impl Drop for Plain {
    fn drop(&mut self) {
        self.0.values_mut().flatten().for_each(Zeroize::zeroize);
    }
}

/// Why keys were not sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealedFileError {
    /// The text is no file of keys that this program knows.
    #[error("it is not a file of keys, or one of a newer program: {0}")]
    Shape(String),
    /// The passphrase is another, or the file was changed.
    #[error("the passphrase is not the one, or the file was changed")]
    NotOpened,
    /// The cryptographic library refused.
    #[error("the keys could not be sealed")]
    NotSealed,
}

/// The file of these keys.
pub fn seal_copies(copies: &Copies, passphrase: &str) -> Result<String, SealedFileError> {
    let (mut salt, mut nonce) = ([0; SALT_BYTES], [0; NONCE_LEN]);
    rand::fill(&mut salt).and_then(|()| rand::fill(&mut nonce)).map_err(|_| SealedFileError::NotSealed)?;
    let header = Header {
        format: FORMAT.to_owned(),
        version: VERSION,
        kdf: "argon2id".to_owned(),
        cost: COST,
        salt: BASE64_STANDARD.encode(salt),
        cipher: "aes-256-gcm".to_owned(),
        nonce: BASE64_STANDARD.encode(nonce),
    };
    let plain = copies.0.iter().map(|(subject, copy)| match copy {
        KeyCopy::Key(key) => (*subject, Some(BASE64_STANDARD.encode(key.expose()))),
        KeyCopy::Erased => (*subject, None),
    });
    let plain = Plain(plain.collect());
    let mut text = Zeroizing::new(serde_json::to_vec(&plain).map_err(|_| SealedFileError::NotSealed)?);
    let tag = cipher(passphrase, &salt, COST)
        .ok_or(SealedFileError::NotSealed)?
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(said(&header)?), text.as_mut_slice())
        .map_err(|_| SealedFileError::NotSealed)?;
    let sealed = BASE64_STANDARD.encode([text.as_slice(), tag.as_ref()].concat());
    let mut file =
        serde_json::to_string_pretty(&SealedFile { header, sealed }).map_err(|_| SealedFileError::NotSealed)?;
    file.push('\n');
    Ok(file)
}

/// The keys in such a file.
pub fn open_copies(file: &str, passphrase: &str) -> Result<Copies, SealedFileError> {
    let shape = |reason: &dyn std::fmt::Display| SealedFileError::Shape(reason.to_string());
    let SealedFile { header, sealed } = serde_json::from_str(file).map_err(|error| shape(&error))?;
    let known = header.format == FORMAT
        && header.version == VERSION
        && header.kdf == "argon2id"
        && header.cipher == "aes-256-gcm";
    if !known {
        return Err(shape(&"its header names another format"));
    }
    let Cost { memory_kib, passes, lanes } = header.cost;
    if memory_kib > MOST.memory_kib || passes > MOST.passes || lanes > MOST.lanes {
        return Err(shape(&"its header asks for more memory or time than any that Muster writes"));
    }
    let bytes = |text: &str| BASE64_STANDARD.decode(text).map_err(|error| shape(&error));
    let nonce: [u8; NONCE_LEN] =
        bytes(&header.nonce)?.try_into().map_err(|_| shape(&"its nonce has another length"))?;
    let mut text = Zeroizing::new(bytes(&sealed)?);
    let plain = cipher(passphrase, &bytes(&header.salt)?, header.cost)
        .ok_or_else(|| shape(&"its header names parameters that argon2 does not take"))?
        .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(said(&header)?), text.as_mut_slice())
        .map_err(|_| SealedFileError::NotOpened)?;
    let plain: Plain = serde_json::from_slice(plain).map_err(|error| shape(&error))?;
    let copy = |(subject, key): (&UserId, &Option<String>)| {
        let Some(key) = key else { return Ok((*subject, KeyCopy::Erased)) };
        let decoded = Zeroizing::new(bytes(key)?);
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        if decoded.len() != bytes.len() {
            return Err(shape(&"a key has another length"));
        }
        bytes.copy_from_slice(&decoded);
        Ok((*subject, KeyCopy::Key(SubjectKey::from_bytes(bytes))))
    };
    Ok(Copies(plain.0.iter().map(copy).collect::<Result<_, _>>()?))
}

/// What the file says of itself, as bytes.
fn said(header: &Header) -> Result<Vec<u8>, SealedFileError> {
    serde_json::to_vec(header).map_err(|_| SealedFileError::NotSealed)
}

fn cipher(passphrase: &str, salt: &[u8], cost: Cost) -> Option<LessSafeKey> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(KEY_BYTES)).ok()?;
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password_into(passphrase.as_bytes(), salt, key.as_mut_slice()).ok()?;
    UnboundKey::new(&AES_256_GCM, key.as_slice()).ok().map(LessSafeKey::new)
}

#[cfg(test)]
mod tests {
    use muster_domain::Fingerprint;
    use muster_domain::personal::{MemoryKeys, Opener};
    use uuid::Uuid;

    use super::*;

    const ADA: UserId = UserId(Uuid::from_u128(1));
    const BEN: UserId = UserId(Uuid::from_u128(2));
    const CAT: UserId = UserId(Uuid::from_u128(3));

    fn copies() -> Copies {
        Copies([(ADA, KeyCopy::Key(MemoryKeys::of(ADA))), (BEN, KeyCopy::Erased)].into())
    }

    fn mark(opener: &Opener) -> String {
        match opener {
            Opener::Key(key) => key.fingerprint(&Fingerprint::of("test", &())).as_str().to_owned(),
            Opener::Erased => "erased".to_owned(),
            Opener::NoKey => "none".to_owned(),
        }
    }

    #[test]
    fn sealed_keys_are_opened_with_the_passphrase_and_with_no_other() {
        let file = seal_copies(&copies(), "correct horse").unwrap();
        let opened = open_copies(&file, "correct horse").unwrap();
        let found: Vec<_> = [ADA, BEN, CAT].map(|subject| mark(&opened.opener(subject))).into();
        assert_eq!(found, [mark(&Opener::Key(MemoryKeys::of(ADA))), "erased".to_owned(), "none".to_owned()]);
        assert!(matches!(open_copies(&file, "correct horses"), Err(SealedFileError::NotOpened)));
    }

    #[test]
    fn neither_a_key_nor_a_person_shows_in_the_file_and_no_two_files_are_the_same() {
        let file = seal_copies(&copies(), "correct horse").unwrap();
        assert!(!file.contains(&ADA.to_string()), "{file}");
        assert!(!file.contains(&BASE64_STANDARD.encode(MemoryKeys::of(ADA).expose())), "{file}");
        assert_ne!(file, seal_copies(&copies(), "correct horse").unwrap());
    }

    #[test]
    fn a_changed_file_is_not_opened() {
        let file = seal_copies(&copies(), "correct horse").unwrap();
        let cheaper = file.replace("\"passes\": 3", "\"passes\": 2");
        assert_ne!(cheaper, file);
        assert!(matches!(open_copies(&cheaper, "correct horse"), Err(SealedFileError::NotOpened)));
        let greedy = file.replace("65536", "4294967295");
        assert!(matches!(open_copies(&greedy, "correct horse"), Err(SealedFileError::Shape(_))));
        let newer = file.replace("\"version\": 1", "\"version\": 2");
        assert!(matches!(open_copies(&newer, "correct horse"), Err(SealedFileError::Shape(_))));
        assert!(matches!(open_copies("{}", "correct horse"), Err(SealedFileError::Shape(_))));
    }
}
