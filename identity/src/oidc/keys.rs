//! An issuer's public keys, and which of them a token may be checked with.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// What an issuer may sign with. Nothing with a shared secret, and never nothing.
pub(super) const ALGORITHMS: [Algorithm; 4] = [Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::EdDSA];

/// The keys of one answer.
#[derive(Debug)]
pub(super) struct Keys(Vec<Jwk>);

/// As the standard writes a set (RFC 7517, 5). A key of a kind that is not known is passed over, as it says there.
#[derive(Deserialize)]
pub(super) struct KeySet {
    keys: Vec<Value>,
}

impl From<KeySet> for Keys {
    fn from(set: KeySet) -> Self {
        Self(set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect())
    }
}

impl Keys {
    /// The key for a token that names this one and this algorithm. A token that names none is of the only key that fits.
    pub(super) fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<DecodingKey> {
        let named = |key: &&Jwk| kid.is_none() || key.common.key_id.as_deref() == kid;
        let mut fitting = self.0.iter().filter(named).filter(|key| fits(key, algorithm));
        let (first, second) = (fitting.next()?, fitting.next());
        if second.is_some() { None } else { DecodingKey::from_jwk(first).ok() }
    }
}

/// Whether a key is for signatures of this algorithm: the token does not choose what a key is used for.
fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    let (named, of_kind) = match (algorithm, &key.algorithm) {
        (Algorithm::RS256, AlgorithmParameters::RSA(_)) => (KeyAlgorithm::RS256, true),
        (Algorithm::PS256, AlgorithmParameters::RSA(_)) => (KeyAlgorithm::PS256, true),
        (Algorithm::ES256, AlgorithmParameters::EllipticCurve(key)) => {
            (KeyAlgorithm::ES256, key.curve == EllipticCurve::P256)
        }
        (Algorithm::EdDSA, AlgorithmParameters::OctetKeyPair(key)) => {
            (KeyAlgorithm::EdDSA, key.curve == EllipticCurve::Ed25519)
        }
        (_, _) => return false,
    };
    let for_signatures = key.common.public_key_use.as_ref().is_none_or(|purpose| *purpose == PublicKeyUse::Signature);
    of_kind && for_signatures && key.common.key_algorithm.is_none_or(|algorithm| algorithm == named)
}
