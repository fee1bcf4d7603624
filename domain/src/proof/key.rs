//! The public keys that digests are verified with, as an auditor keeps them: PEM.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};

use super::canonical::sha256;

/// What stands before the point in the `SubjectPublicKeyInfo` of every P-256 key.
const SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// An uncompressed point: 0x04 ‖ x ‖ y.
const POINT: usize = 65;
const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

/// Not the public keys of digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not P-256 public keys in PEM ({BEGIN} …)")]
pub struct NotAKey;

/// The public half of a key that signs digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DigestKey([u8; POINT]);

impl DigestKey {
    /// From an uncompressed point: 0x04 ‖ x ‖ y, 65 bytes.
    pub fn from_point(point: &[u8]) -> Result<Self, NotAKey> {
        let point: [u8; POINT] = point.try_into().map_err(|_| NotAKey)?;
        if point[0] == 4 { Ok(Self(point)) } else { Err(NotAKey) }
    }

    /// The point in hexadecimal digits, as it is stored.
    pub fn to_hex(&self) -> String {
        crate::commit::hex(&self.0)
    }

    /// From what [`Self::to_hex`] wrote.
    pub fn from_hex(digits: &str) -> Result<Self, NotAKey> {
        let byte = |at| u8::from_str_radix(digits.get(at..at + 2).ok_or(NotAKey)?, 16).map_err(|_| NotAKey);
        let point = (0..digits.len()).step_by(2).map(byte).collect::<Result<Vec<u8>, _>>()?;
        Self::from_point(&point)
    }

    /// Its name: the RFC 7638 thumbprint.
    pub fn name(&self) -> String {
        let (x, y) = self.0[1..].split_at(32);
        let [x, y] = [x, y].map(|coordinate| BASE64_URL_SAFE_NO_PAD.encode(coordinate));
        let jwk = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        BASE64_URL_SAFE_NO_PAD.encode(sha256(jwk.as_bytes()).as_bytes())
    }

    /// As PEM: a `SubjectPublicKeyInfo`.
    pub fn to_pem(&self) -> String {
        let body = BASE64_STANDARD.encode([&SPKI[..], &self.0].concat());
        let (first, second) = body.split_at(64);
        format!("{BEGIN}\n{first}\n{second}\n{END}\n")
    }

    fn from_pem_body(body: &str) -> Result<Self, NotAKey> {
        let body: String = body.split_ascii_whitespace().collect();
        let der = BASE64_STANDARD.decode(body).map_err(|_| NotAKey)?;
        Self::from_point(der.strip_prefix(&SPKI).ok_or(NotAKey)?)
    }
}

/// Public keys, by their names: more than one where the key was changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DigestKeys(BTreeMap<String, DigestKey>);

impl DigestKeys {
    /// Every key in a text of PEM, of which there must be one at least.
    pub fn from_pem(text: &str) -> Result<Self, NotAKey> {
        let mut keys = Vec::new();
        let mut rest = text;
        while let Some((_, after)) = rest.split_once(BEGIN) {
            let (body, after) = after.split_once(END).ok_or(NotAKey)?;
            keys.push(DigestKey::from_pem_body(body)?);
            rest = after;
        }
        if keys.is_empty() { Err(NotAKey) } else { Ok(keys.into_iter().collect()) }
    }

    /// All of them as PEM.
    pub fn to_pem(&self) -> String {
        self.0.values().map(DigestKey::to_pem).collect()
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether the key of this name signed the message: ES256, r ‖ s in base64url without padding.
    pub fn verify(&self, name: &str, message: &[u8], signature: &str) -> bool {
        let (Some(key), Ok(signature)) = (self.0.get(name), BASE64_URL_SAFE_NO_PAD.decode(signature)) else {
            return false;
        };
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.0).verify(message, &signature).is_ok()
    }
}

impl FromIterator<DigestKey> for DigestKeys {
    fn from_iter<I: IntoIterator<Item = DigestKey>>(keys: I) -> Self {
        Self(keys.into_iter().map(|key| (key.name(), key)).collect())
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};

    use super::*;

    fn pair() -> (EcdsaKeyPair, DigestKey) {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let key = DigestKey::from_point(pair.public_key().as_ref()).unwrap();
        (pair, key)
    }

    #[test]
    fn keys_survive_their_pem_and_verify_what_they_signed() {
        let ((one, first), (_, second)) = (pair(), pair());
        let keys = DigestKeys::from_pem(&format!("kept since March\n{}{}", first.to_pem(), second.to_pem())).unwrap();
        assert_eq!(keys, [second, first].into_iter().collect());
        assert_eq!(DigestKey::from_hex(&first.to_hex()), Ok(first));
        let signature = BASE64_URL_SAFE_NO_PAD.encode(one.sign(&SystemRandom::new(), b"text").unwrap());
        assert!(keys.verify(&first.name(), b"text", &signature));
        for (name, message, signature) in [
            (first.name(), &b"next"[..], signature.as_str()),
            (second.name(), b"text", &signature),
            ("another".to_owned(), b"text", &signature),
            (first.name(), b"text", &signature[1..]),
            (first.name(), b"text", ""),
        ] {
            assert!(!keys.verify(&name, message, signature), "{name} {signature}");
        }
    }

    #[test]
    fn the_name_is_the_thumbprint_of_rfc_7638() {
        // The P-256 key of RFC 7515 appendix A.3; its thumbprint was computed apart, with another SHA-256.
        let x = BASE64_URL_SAFE_NO_PAD.decode("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU").unwrap();
        let y = BASE64_URL_SAFE_NO_PAD.decode("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0").unwrap();
        let key = DigestKey::from_point(&[&[4], x.as_slice(), y.as_slice()].concat()).unwrap();
        assert_eq!(key.name(), "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "text", BEGIN, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
            assert_eq!(DigestKeys::from_pem(text), Err(NotAKey), "{text:?}");
        }
        for point in [&[][..], &[4; 64], &[2; 65]] {
            assert_eq!(DigestKey::from_point(point), Err(NotAKey));
        }
    }
}
