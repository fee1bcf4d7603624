//! How a receiver knows that a delivery is from here, and new: a timestamp, and an HMAC over it and the body.

use std::fmt::Write as _;

use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use zeroize::Zeroizing;

/// What every secret begins with, so that one that leaks is found.
const PREFIX: &str = "muster_whsec_";
const BYTES: usize = 32;

/// The secret of a webhook, known here and to its receiver. `Debug` does not show it.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

/// The system gave no random numbers.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("a secret could not be made")]
pub struct NotMade;

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Secret {
    /// A new one, of 256 random bits.
    pub fn generate() -> Result<Self, NotMade> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        rand::fill(&mut *bytes).map_err(|_| NotMade)?;
        Ok(Self(Zeroizing::new(format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(*bytes)))))
    }

    /// As it was shown once.
    pub fn of(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// Its text, for its owner.
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn sign(&self, signed: &[&[u8]]) -> String {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, self.0.as_bytes()));
        for part in signed {
            context.update(part);
        }
        let mut hex = String::with_capacity(64);
        for byte in context.sign().as_ref() {
            let _ = write!(hex, "{byte:02x}");
        }
        hex
    }
}

/// The value of the header `Muster-Signature`: `t=<seconds since 1970>`, and `v1=<HMAC-SHA256 of "<t>.<body>" in hex>` for each
/// secret that is good now.
pub fn signature(secrets: &[Secret], at: DateTime<Utc>, body: &[u8]) -> String {
    let seconds = at.timestamp().to_string();
    let mut value = format!("t={seconds}");
    for secret in secrets {
        let _ = write!(value, ",v1={}", secret.sign(&[seconds.as_bytes(), b".", body]));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_the_hmac_that_others_compute() {
        let at = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac muster_whsec_test
        let known = "a4c5fdeef12ffb9fd829324e052b48196c87ed068f1315d695a3b802a29de53f";
        let value = signature(&[Secret::of("muster_whsec_test")], at, br#"{"a":1}"#);
        assert_eq!(value, format!("t=1700000000,v1={known}"));
    }

    #[test]
    fn while_a_secret_is_changed_for_another_both_sign() {
        let (new, old) = (Secret::generate().unwrap(), Secret::generate().unwrap());
        let value = signature(&[new.clone(), old.clone()], DateTime::UNIX_EPOCH, b"{}");
        let each = [new, old].map(|secret| secret.sign(&[b"0.{}"]));
        assert_eq!(value, format!("t=0,v1={},v1={}", each[0], each[1]));
        assert_ne!(each[0], each[1]);
    }

    #[test]
    fn debug_shows_no_secret() {
        let secret = Secret::generate().unwrap();
        assert!(secret.expose().starts_with(PREFIX) && secret.expose().len() == PREFIX.len() + 43);
        assert_eq!(format!("{secret:?}"), "Secret(..)");
    }
}
