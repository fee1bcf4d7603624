//! The key of one person: what of theirs is sealed with it can be read as long as the key is there.
//!
//! Sealing is AES-256-GCM with a nonce that follows from what is sealed and where it stands (as in RFC 8452's idea of a
//! synthetic nonce): the same value in the same place is the same text, so that a commit that is made twice is the same
//! commit, and no two different values ever share a nonce but by a collision of 96 bits under one person's key.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::envelope::Fingerprint;

/// How many bytes a key has.
pub const KEY_BYTES: usize = 32;

/// What is sealed is filled up to a multiple of this, so that its length says little.
const BLOCK: usize = 32;

/// The 256-bit key of one person. Clones share it; it is wiped from memory with the last of them.
#[derive(Clone)]
pub struct SubjectKey(Arc<Zeroizing<[u8; KEY_BYTES]>>);

/// What was sealed with another key, for another place, or changed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what is sealed cannot be opened: of another key or place, or changed")]
pub struct NotOpened;

/// A value could not be sealed: the cryptographic library refused, which it has no reason to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a value could not be sealed")]
pub struct NotSealed;

impl SubjectKey {
    /// With these bytes, which nobody can guess.
    pub fn from_bytes(bytes: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        Self(Arc::new(bytes))
    }

    /// The bytes, for whoever keeps them elsewhere: wrapped, or sealed under a passphrase.
    pub fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// A key for one purpose.
    fn derived(&self, purpose: &[u8]) -> hmac::Tag {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, self.0.as_slice()), purpose)
    }

    fn cipher(&self) -> Option<LessSafeKey> {
        UnboundKey::new(&AES_256_GCM, self.derived(b"seal").as_ref()).ok().map(LessSafeKey::new)
    }

    /// Seals JSON text for one place: base64url of nonce ‖ ciphertext ‖ tag.
    pub(crate) fn seal(&self, place: &str, mut json: Vec<u8>) -> Result<String, NotSealed> {
        json.resize(json.len().next_multiple_of(BLOCK), b' ');
        let mut hash = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, self.derived(b"nonce").as_ref()));
        hash.update(&(place.len() as u64).to_be_bytes());
        hash.update(place.as_bytes());
        hash.update(&json);
        let mut nonce = [0; NONCE_LEN];
        nonce.copy_from_slice(&hash.sign().as_ref()[..NONCE_LEN]);
        let cipher = self.cipher().ok_or(NotSealed)?;
        let tag = cipher
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place), &mut json)
            .map_err(|_| NotSealed)?;
        Ok(BASE64_URL_SAFE_NO_PAD.encode([&nonce, json.as_slice(), tag.as_ref()].concat()))
    }

    /// The JSON text that was sealed for this place.
    pub(crate) fn open(&self, place: &str, sealed: &str) -> Result<Vec<u8>, NotOpened> {
        let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(sealed).map_err(|_| NotOpened)?;
        let nonce = *bytes.first_chunk::<NONCE_LEN>().ok_or(NotOpened)?;
        let text = &mut bytes[NONCE_LEN..];
        let cipher = self.cipher().ok_or(NotOpened)?;
        let opened = cipher.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(place), text);
        opened.map(|json| json.to_vec()).map_err(|_| NotOpened)
    }

    /// The fingerprint of a command that holds personal data, as it is stored: without the key, nobody can try whether
    /// it is that of a name or an address.
    #[must_use]
    pub fn fingerprint(&self, plain: &Fingerprint) -> Fingerprint {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.derived(b"fingerprint").as_ref());
        Fingerprint::from(crate::commit::hex(&hmac::sign(&key, plain.as_str().as_bytes()).as_ref()[..16]))
    }
}

impl fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SubjectKey {
        SubjectKey::from_bytes(Zeroizing::new([byte; KEY_BYTES]))
    }

    #[test]
    fn what_is_sealed_is_opened_with_its_key_in_its_place_and_nowhere_else() {
        let sealed = key(1).seal("user#1@1 name", b"\"Ada\"".to_vec()).unwrap();
        assert_eq!(key(1).open("user#1@1 name", &sealed).unwrap().trim_ascii_end(), b"\"Ada\"");
        assert_eq!(key(2).open("user#1@1 name", &sealed), Err(NotOpened));
        for place in ["user#1@2 name", "user#2@1 name", "user#1@1 email", ""] {
            assert_eq!(key(1).open(place, &sealed), Err(NotOpened), "{place:?}");
        }
    }

    #[test]
    fn a_changed_or_shortened_text_is_not_opened() {
        let sealed = key(1).seal("place", b"\"Ada\"".to_vec()).unwrap();
        let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(&sealed).unwrap();
        for at in 0..bytes.len() {
            bytes[at] ^= 1;
            assert_eq!(key(1).open("place", &BASE64_URL_SAFE_NO_PAD.encode(&bytes)), Err(NotOpened), "byte {at}");
            bytes[at] ^= 1;
        }
        for short in ["", "AAAA", &sealed[..sealed.len() - 4], "not base64!"] {
            assert_eq!(key(1).open("place", short), Err(NotOpened), "{short:?}");
        }
    }

    #[test]
    fn the_same_value_in_the_same_place_is_sealed_to_the_same_text_and_another_to_another() {
        let sealed = |place: &str, json: &str| key(1).seal(place, json.as_bytes().to_vec()).unwrap();
        assert_eq!(sealed("a", "\"Ada\""), sealed("a", "\"Ada\""));
        assert_ne!(sealed("a", "\"Ada\""), sealed("b", "\"Ada\""));
        assert_ne!(sealed("a", "\"Ada\""), sealed("a", "\"Ben\""));
    }

    #[test]
    fn the_length_of_a_short_value_does_not_show() {
        let length = |json: &str| key(1).seal("a", json.as_bytes().to_vec()).unwrap().len();
        assert_eq!(length("\"Al\""), length("\"Alexandra of the North\""));
    }

    #[test]
    fn a_stored_fingerprint_depends_on_the_key() {
        let plain = Fingerprint::of("PUT /profile", &"Ada");
        assert_eq!(key(1).fingerprint(&plain), key(1).fingerprint(&plain));
        assert_ne!(key(1).fingerprint(&plain), key(2).fingerprint(&plain));
        assert_ne!(key(1).fingerprint(&plain), plain);
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", key(7)), "SubjectKey(..)");
    }
}
