//! What stands between the password and the second factor: the proof that the first was right, good for five minutes.
//!
//! Nothing of it is stored. It is sealed over the password's hash too, so that a new password, or none any more, ends it. It
//! may be used again when a code was wrong; how often, the account's count of tries says.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::ids::UserId;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::hasher::PasswordHash;
use crate::secrets::ServerSecret;

/// How long somebody may look for their phone.
const LIFETIME: TimeDelta = TimeDelta::minutes(5);
/// The first byte, so that another shape can follow.
const SHAPE: u8 = 1;
const USER: usize = 16;
const TIME: usize = 8;
const SEAL: usize = 32;
const BODY: usize = 1 + USER + TIME;

/// A challenge, to be sent back with a code. A secret: `Debug` does not show it.
#[derive(Clone)]
pub struct Challenge(Zeroizing<String>);

impl Challenge {
    /// As it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Challenge(..)")
    }
}

/// Makes and opens challenges.
#[derive(Clone, Debug)]
pub(crate) struct Challenges {
    key: hmac::Key,
}

/// What a challenge claims, before its seal was looked at.
pub(crate) struct Claim {
    /// Who has shown their password.
    pub(crate) user: UserId,
    expires_at: i64,
    body: [u8; BODY],
    seal: [u8; SEAL],
}

impl Challenges {
    pub(crate) fn new(secret: &ServerSecret) -> Self {
        Self { key: secret.hmac_key("muster second factor challenge v1") }
    }

    /// For somebody who has just shown the password of this hash.
    pub(crate) fn make(&self, user: UserId, password: &PasswordHash, now: DateTime<Utc>) -> Challenge {
        let mut bytes = Vec::with_capacity(BODY + SEAL);
        bytes.push(SHAPE);
        bytes.extend_from_slice(user.0.as_bytes());
        bytes.extend_from_slice(&(now + LIFETIME).timestamp().to_be_bytes());
        let seal = hmac::sign(&self.key, &sealed(&bytes, password));
        bytes.extend_from_slice(seal.as_ref());
        Challenge(Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// What a text claims, if it has the shape of a challenge.
    pub(crate) fn claim(text: &str) -> Option<Claim> {
        if text.len() > 2 * (BODY + SEAL) {
            return None;
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let (body, seal) = bytes.split_first_chunk::<BODY>()?;
        let (&[shape], rest) = body.split_first_chunk::<1>()?;
        let (user, rest) = rest.split_first_chunk::<USER>()?;
        let expires_at = i64::from_be_bytes(*rest.first_chunk::<TIME>()?);
        let claim =
            Claim { user: UserId(Uuid::from_bytes(*user)), expires_at, body: *body, seal: seal.try_into().ok()? };
        (shape == SHAPE).then_some(claim)
    }

    /// Whether this server made it, for this password. The comparison takes the same time wherever it differs.
    pub(crate) fn is_genuine(&self, claim: &Claim, password: &PasswordHash) -> bool {
        hmac::verify(&self.key, &sealed(&claim.body, password), &claim.seal).is_ok()
    }

    /// Whether it is genuine, and was not made too long ago.
    pub(crate) fn is_good(&self, claim: &Claim, password: &PasswordHash, now: DateTime<Utc>) -> bool {
        self.is_genuine(claim, password) && now.timestamp() < claim.expires_at
    }
}

fn sealed(body: &[u8], password: &PasswordHash) -> Vec<u8> {
    [body, password.0.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: UserId = UserId(Uuid::from_u128(1));

    fn hash(text: &str) -> PasswordHash {
        PasswordHash(text.to_owned())
    }

    #[test]
    fn a_challenge_is_good_for_five_minutes_and_one_password() {
        let challenges = Challenges::new(&ServerSecret::from_bytes([7; 32]));
        let now = DateTime::UNIX_EPOCH;
        let challenge = challenges.make(ADA, &hash("one"), now);
        let claim = Challenges::claim(challenge.as_str()).expect("a claim");
        assert_eq!(claim.user, ADA);
        assert!(challenges.is_good(&claim, &hash("one"), now + TimeDelta::seconds(299)));
        assert!(!challenges.is_good(&claim, &hash("one"), now + TimeDelta::seconds(300)));
        assert!(challenges.is_genuine(&claim, &hash("one")), "whose it was is known however late it comes");
        assert!(!challenges.is_good(&claim, &hash("another"), now));
        let other = Challenges::new(&ServerSecret::from_bytes([8; 32]));
        assert!(!other.is_good(&claim, &hash("one"), now) && !other.is_genuine(&claim, &hash("one")));
        assert_eq!(format!("{challenge:?}"), "Challenge(..)");
    }

    #[test]
    fn each_changed_character_makes_it_worthless() {
        let challenges = Challenges::new(&ServerSecret::from_bytes([7; 32]));
        let (now, password) = (DateTime::UNIX_EPOCH, hash("one"));
        let challenge = challenges.make(ADA, &password, now);
        for at in 0..challenge.as_str().len() {
            let mut forged = challenge.as_str().to_owned().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).expect("text");
            let good = Challenges::claim(&forged).is_some_and(|claim| challenges.is_good(&claim, &password, now));
            assert!(!good, "changed at {at}");
        }
        for text in ["", "x", "not base64!", "AQ", &"A".repeat(100_000)] {
            assert!(Challenges::claim(text).is_none(), "{text:.20}");
        }
    }
}
