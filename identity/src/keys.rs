//! The key that signs access tokens, and the public half that others verify them with.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::{
    AlgorithmParameters, CommonParameters, EllipticCurve, EllipticCurveKeyParameters, EllipticCurveKeyType, Jwk,
    KeyAlgorithm, PublicKeyUse, ThumbprintHash,
};
use jsonwebtoken::{DecodingKey, EncodingKey};
use zeroize::Zeroizing;

/// A signature that could not be made.
#[derive(Debug, thiserror::Error)]
#[error("a token could not be signed")]
pub struct SigningError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// A key that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a PEM text with a P-256 private key in PKCS#8.
    #[error("not a P-256 private key in PKCS#8 PEM")]
    NotAPrivateKey,
    /// Not an uncompressed P-256 point.
    #[error("not a P-256 public key")]
    NotAPublicKey,
    /// The system gave no random numbers.
    #[error("a key could not be made")]
    NotMade,
}

/// Signs with ES256: the key in this process, or one in a key management service.
#[async_trait]
pub trait TokenSigner: Send + Sync {
    /// The public half of the key.
    fn public_key(&self) -> &PublicKey;

    /// The signature over the SHA-256 of `message`: r ‖ s, 64 bytes (RFC 7518 §3.4), not DER.
    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError>;
}

/// A P-256 public key and its name.
#[derive(Clone)]
pub struct PublicKey {
    jwk: Jwk,
    kid: Arc<str>,
    decoding: DecodingKey,
    point: Arc<[u8]>,
}

impl PublicKey {
    /// From an uncompressed point: 0x04 ‖ x ‖ y, 65 bytes.
    pub fn from_point(point: &[u8]) -> Result<Self, KeyError> {
        let Some((&[0x04], coordinates)) = point.split_first_chunk::<1>() else { return Err(KeyError::NotAPublicKey) };
        let (x, y) = coordinates.split_at_checked(32).ok_or(KeyError::NotAPublicKey)?;
        if y.len() != 32 {
            return Err(KeyError::NotAPublicKey);
        }
        let mut jwk = Jwk {
            common: CommonParameters {
                public_key_use: Some(PublicKeyUse::Signature),
                key_algorithm: Some(KeyAlgorithm::ES256),
                ..CommonParameters::default()
            },
            algorithm: AlgorithmParameters::EllipticCurve(EllipticCurveKeyParameters {
                key_type: EllipticCurveKeyType::EC,
                curve: EllipticCurve::P256,
                x: BASE64_URL_SAFE_NO_PAD.encode(x),
                y: BASE64_URL_SAFE_NO_PAD.encode(y),
            }),
        };
        let kid = jwk.thumbprint(ThumbprintHash::SHA256).map_err(|_| KeyError::NotAPublicKey)?;
        jwk.common.key_id = Some(kid.clone());
        let decoding = DecodingKey::from_jwk(&jwk).map_err(|_| KeyError::NotAPublicKey)?;
        Ok(Self { jwk, kid: kid.into(), decoding, point: point.into() })
    }

    /// Its name: the RFC 7638 thumbprint.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The uncompressed point: 0x04 ‖ x ‖ y, 65 bytes.
    pub fn point(&self) -> &[u8] {
        &self.point
    }

    pub(crate) fn jwk(&self) -> &Jwk {
        &self.jwk
    }

    pub(crate) fn shared_kid(&self) -> Arc<str> {
        Arc::clone(&self.kid)
    }

    pub(crate) const fn decoding_key(&self) -> &DecodingKey {
        &self.decoding
    }
}

/// The name is a digest of the key.
impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.kid == other.kid
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// A P-256 private key in this process.
pub struct SigningKey {
    pair: EcdsaKeyPair,
    public: PublicKey,
}

impl SigningKey {
    /// A new random key.
    pub fn generate() -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| KeyError::NotMade)?;
        Self::of(pair)
    }

    /// From PKCS#8 PEM, as [`Self::to_pem`] or `openssl genpkey` writes it.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let der = EncodingKey::from_ec_pem(pem.as_bytes()).map_err(|_| KeyError::NotAPrivateKey)?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.as_bytes())
            .map_err(|_| KeyError::NotAPrivateKey)?;
        Self::of(pair)
    }

    /// As PKCS#8 PEM. It is the secret itself: for a file of mode 0600 only.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        let document = self.pair.to_pkcs8v1().map_err(|_| KeyError::NotMade)?;
        let body = Zeroizing::new(BASE64_STANDARD.encode(document.as_ref()));
        let mut pem = Zeroizing::new(String::with_capacity(body.len() + 64));
        pem.push_str("-----BEGIN PRIVATE KEY-----\n");
        let mut rest = body.as_str();
        while !rest.is_empty() {
            let (line, more) = rest.split_at(rest.len().min(64));
            pem.push_str(line);
            pem.push('\n');
            rest = more;
        }
        pem.push_str("-----END PRIVATE KEY-----\n");
        Ok(pem)
    }

    fn of(pair: EcdsaKeyPair) -> Result<Self, KeyError> {
        let public = PublicKey::from_point(pair.public_key().as_ref())?;
        Ok(Self { pair, public })
    }
}

#[async_trait]
impl TokenSigner for SigningKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        match self.pair.sign(&SystemRandom::new(), message) {
            Ok(signature) => Ok(signature.as_ref().to_vec()),
            Err(unspecified) => Err(SigningError(Box::new(unspecified))),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.public.kid).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_pem() {
        let key = SigningKey::generate().expect("a key");
        let pem = key.to_pem().expect("a PEM");
        assert!(pem.lines().all(|line| line.len() <= 64));
        let again = SigningKey::from_pem(&pem).expect("the key");
        assert_eq!(again.public_key(), key.public_key());
    }

    #[test]
    fn the_key_id_is_the_thumbprint_of_the_public_key() {
        // The P-256 key of RFC 7515 appendix A.3; its thumbprint was computed apart, with another SHA-256.
        let x = BASE64_URL_SAFE_NO_PAD.decode("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU").expect("x");
        let y = BASE64_URL_SAFE_NO_PAD.decode("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0").expect("y");
        let key = PublicKey::from_point(&[&[4], x.as_slice(), y.as_slice()].concat()).expect("a key");
        assert_eq!(key.kid(), "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
    }

    #[test]
    fn what_is_no_p256_key_is_refused() {
        for pem in ["", "text", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
            assert_eq!(SigningKey::from_pem(pem).map(|_| ()), Err(KeyError::NotAPrivateKey), "{pem:?}");
        }
        for point in [&[][..], &[4; 64], &[4; 66], &[2; 33], &[2; 65]] {
            assert_eq!(PublicKey::from_point(point).map(|_| ()), Err(KeyError::NotAPublicKey));
        }
    }

    #[test]
    fn debug_shows_the_key_id_and_nothing_more() {
        let key = SigningKey::generate().expect("a key");
        assert_eq!(format!("{key:?}"), format!("SigningKey {{ kid: {:?}, .. }}", key.public_key().kid()));
    }
}
