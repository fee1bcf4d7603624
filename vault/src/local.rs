//! A master key in this process.

use std::fmt;

use async_trait::async_trait;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;
use muster_domain::UserId;
use muster_domain::personal::{KEY_BYTES, SubjectKey};
use zeroize::Zeroizing;

use crate::master::{Made, Master, MasterError};

/// Wraps with AES-256-GCM: nonce ‖ ciphertext ‖ tag, bound to the person. Its bytes are wiped from memory on drop.
pub struct LocalMaster(Zeroizing<[u8; KEY_BYTES]>);

impl LocalMaster {
    /// With these bytes, which nobody can guess.
    pub const fn new(bytes: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        Self(bytes)
    }

    fn cipher(&self) -> Result<LessSafeKey, Unspecified> {
        UnboundKey::new(&AES_256_GCM, &*self.0).map(LessSafeKey::new)
    }

    fn seal(&self, subject: UserId, key: &[u8; KEY_BYTES]) -> Result<Vec<u8>, Unspecified> {
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce)?;
        let mut text = Zeroizing::new(key.to_vec());
        let place = Aad::from(subject.0.into_bytes());
        let tag = self.cipher()?.seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            place,
            text.as_mut_slice(),
        )?;
        Ok([nonce.as_slice(), text.as_slice(), tag.as_ref()].concat())
    }
}

fn unavailable(error: Unspecified) -> MasterError {
    MasterError::Unavailable(Box::new(error))
}

#[async_trait]
impl Master for LocalMaster {
    async fn make(&self, subject: UserId) -> Result<Made, MasterError> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        rand::fill(key.as_mut_slice()).map_err(unavailable)?;
        let wrapped = self.seal(subject, &key).map_err(unavailable)?;
        Ok(Made { key: SubjectKey::from_bytes(key), wrapped })
    }

    async fn wrap(&self, subject: UserId, key: &SubjectKey) -> Result<Vec<u8>, MasterError> {
        self.seal(subject, key.expose()).map_err(unavailable)
    }

    async fn unwrap(&self, subject: UserId, wrapped: &[u8]) -> Result<SubjectKey, MasterError> {
        let (nonce, text) = wrapped.split_first_chunk::<NONCE_LEN>().ok_or(MasterError::NotOurs)?;
        let mut text = Zeroizing::new(text.to_vec());
        let place = Aad::from(subject.0.into_bytes());
        let opened = self
            .cipher()
            .map_err(unavailable)?
            .open_in_place(Nonce::assume_unique_for_key(*nonce), place, text.as_mut_slice())
            .map_err(|_| MasterError::NotOurs)?;
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        if opened.len() != key.len() {
            return Err(MasterError::NotOurs);
        }
        key.copy_from_slice(opened);
        Ok(SubjectKey::from_bytes(key))
    }
}

impl fmt::Debug for LocalMaster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalMaster(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use muster_domain::Fingerprint;
    use uuid::Uuid;

    fn master(byte: u8) -> LocalMaster {
        LocalMaster::new(Zeroizing::new([byte; KEY_BYTES]))
    }

    /// What tells keys apart.
    fn mark(key: &SubjectKey) -> Fingerprint {
        key.fingerprint(&Fingerprint::of("test", &()))
    }

    #[tokio::test]
    async fn a_key_is_unwrapped_for_its_person_by_its_master_and_by_nobody_else() {
        let (ada, ben) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        let made = master(1).make(ada).await.unwrap();
        assert_eq!(mark(&master(1).unwrap(ada, &made.wrapped).await.unwrap()), mark(&made.key));
        assert!(matches!(master(1).unwrap(ben, &made.wrapped).await, Err(MasterError::NotOurs)));
        assert!(matches!(master(2).unwrap(ada, &made.wrapped).await, Err(MasterError::NotOurs)));
        for short in [&[][..], &made.wrapped[1..], &made.wrapped[..20]] {
            assert!(matches!(master(1).unwrap(ada, short).await, Err(MasterError::NotOurs)));
        }
    }

    #[tokio::test]
    async fn no_two_keys_are_the_same_and_debug_shows_none() {
        let ada = UserId(Uuid::from_u128(1));
        let (first, second) = (master(1).make(ada).await.unwrap(), master(1).make(ada).await.unwrap());
        assert_ne!(mark(&first.key), mark(&second.key));
        assert_eq!(format!("{:?}", master(1)), "LocalMaster(..)");
    }
}
