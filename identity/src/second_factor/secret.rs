//! The secret that the server and its owner's app share: made, sealed for the store, and asked for a code.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use muster_domain::ids::UserId;
use totp_rs::{Algorithm, Builder, Secret, Totp};
use zeroize::Zeroizing;

use crate::keys::KeyError;
use crate::secrets::ServerSecret;
use crate::store::StoreError;

/// As long as the output of the hash, as RFC 4226 recommends.
const BYTES: usize = 20;
/// What the app shows above the codes.
const ISSUER: &str = "Muster";

/// What its owner needs to set the factor up in an app. A secret: `Debug` does not show it.
pub struct Enrolment {
    /// The secret in base32, to be typed.
    pub secret: Zeroizing<String>,
    /// The same with all that an app needs to know, to be shown as a QR code.
    pub otpauth_uri: Zeroizing<String>,
}

impl fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Enrolment(..)")
    }
}

/// A shared secret.
pub(super) struct FactorSecret(Zeroizing<[u8; BYTES]>);

impl FactorSecret {
    pub(super) fn generate() -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        rand::fill(&mut *bytes).map_err(|_| KeyError::NotMade)?;
        Ok(Self(bytes))
    }

    pub(super) fn enrolment(&self, name: &str) -> Result<Enrolment, KeyError> {
        // A colon parts the issuer from the name.
        let totp = self.builder().with_issuer(Some(ISSUER)).with_account_name(name.replace(':', "_")).build();
        let totp = totp.map_err(|_| KeyError::NotMade)?;
        let otpauth_uri = Zeroizing::new(totp.to_url().map_err(|_| KeyError::NotMade)?);
        Ok(Enrolment { secret: Zeroizing::new(totp.secret().to_base32()), otpauth_uri })
    }

    /// The step (of 30 seconds since 1970) whose code this is: the present one, or one beside it, as clocks differ. The
    /// comparison takes the same time wherever it differs. Apps show codes in groups, and so they are typed.
    pub(super) fn step_of(&self, code: &str, now: DateTime<Utc>) -> Option<u64> {
        let digits: String = code.chars().filter(|character| !character.is_whitespace()).collect();
        self.totp().check(&digits, u64::try_from(now.timestamp()).ok()?)
    }

    fn totp(&self) -> Totp {
        self.builder().build_noncompliant()
    }

    /// RFC 6238 as every app knows it.
    fn builder(&self) -> Builder {
        let builder = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6).with_step_duration(30).with_skew(1);
        builder.with_secret(Secret::from(*self.0))
    }
}

/// Seals secrets with AES-256-GCM, each for its owner: moved to another account, it does not open.
pub(super) struct SecretSeal {
    key: RandomizedNonceKey,
}

impl SecretSeal {
    pub(super) fn new(secret: &ServerSecret) -> Result<Self, KeyError> {
        let key = secret.derived("muster second factor v1");
        Ok(Self { key: RandomizedNonceKey::new(&AES_256_GCM, &*key).map_err(|_| KeyError::NotMade)? })
    }

    pub(super) fn seal(&self, user: UserId, secret: &FactorSecret) -> Result<String, KeyError> {
        let mut sealed = secret.0.to_vec();
        let nonce = self.key.seal_in_place_append_tag(Aad::from(user.0.as_bytes()), &mut sealed);
        let nonce = nonce.map_err(|_| KeyError::NotMade)?;
        let whole = [nonce.as_ref().as_slice(), &sealed].concat();
        Ok(BASE64_URL_SAFE_NO_PAD.encode(whole))
    }

    pub(super) fn open(&self, user: UserId, sealed: &str) -> Result<FactorSecret, StoreError> {
        let opened = || {
            let mut whole = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.decode(sealed).ok()?);
            let (nonce, sealed) = whole.split_first_chunk_mut::<NONCE_LEN>()?;
            let nonce = Nonce::assume_unique_for_key(*nonce);
            let bytes = self.key.open_in_place(nonce, Aad::from(user.0.as_bytes()), sealed).ok()?;
            Some(FactorSecret(Zeroizing::new((&*bytes).try_into().ok()?)))
        };
        opened().ok_or(StoreError::damaged("opening a second factor", "its secret"))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const USER: UserId = UserId(Uuid::from_u128(1));

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).expect("a time")
    }

    #[test]
    fn the_codes_are_those_of_the_rfc() {
        // RFC 6238, appendix B, the last six of its eight digits.
        let secret = FactorSecret(Zeroizing::new(*b"12345678901234567890"));
        for (seconds, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            assert_eq!(secret.step_of(code, at(seconds)), u64::try_from(seconds / 30).ok(), "{seconds}");
        }
    }

    #[test]
    fn a_code_is_good_one_step_before_and_after_and_no_longer() {
        let secret = FactorSecret(Zeroizing::new(*b"12345678901234567890"));
        let now = 1_111_111_109;
        for (off, good) in [(-60, false), (-30, true), (0, true), (30, true), (60, false)] {
            assert_eq!(secret.step_of("081804", at(now + off)).is_some(), good, "{off}");
        }
        for wrong in ["", "81804", "0081804", "+81804", " 81804", "08180４", "081805", "081-804"] {
            assert_eq!(secret.step_of(wrong, at(now)), None, "{wrong}");
        }
        for grouped in ["081 804", " 081804 ", "08 18 04", "081\u{a0}804", "081\u{202f}804\n"] {
            assert!(secret.step_of(grouped, at(now)).is_some(), "{grouped}");
        }
    }

    #[test]
    fn a_sealed_secret_opens_for_its_owner_alone_and_only_whole() {
        let seal = SecretSeal::new(&ServerSecret::from_bytes([7; 32])).expect("a seal");
        let secret = FactorSecret::generate().expect("a secret");
        let sealed = seal.seal(USER, &secret).expect("a sealed one");
        assert_eq!(*seal.open(USER, &sealed).expect("the secret").0, *secret.0);
        assert_ne!(sealed, seal.seal(USER, &secret).expect("another"), "each with a nonce of its own");
        assert!(seal.open(UserId(Uuid::from_u128(2)), &sealed).is_err());
        let other = SecretSeal::new(&ServerSecret::from_bytes([8; 32])).expect("a seal");
        assert!(other.open(USER, &sealed).is_err());
        let swapped = if sealed.starts_with('A') { "B" } else { "A" };
        for damaged in ["", "AAAA", &sealed[..sealed.len() - 4], &format!("{swapped}{}", &sealed[1..])] {
            assert!(seal.open(USER, damaged).is_err(), "{damaged}");
        }
    }

    #[test]
    fn an_app_learns_all_that_it_needs() {
        let secret = FactorSecret(Zeroizing::new(*b"12345678901234567890"));
        let enrolment = secret.enrolment("ada@example.com").expect("an enrolment");
        assert_eq!(*enrolment.secret, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        let uri = &*enrolment.otpauth_uri;
        assert!(
            uri.starts_with("otpauth://totp/Muster:ada%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"),
            "{uri}"
        );
        assert!(uri.contains("issuer=Muster"), "{uri}");
        assert_eq!(format!("{enrolment:?}"), "Enrolment(..)");
    }
}
