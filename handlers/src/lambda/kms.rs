//! Keys that never leave AWS's key management service (KMS): the one that signs access tokens, and the one from which
//! the server secret is derived.

use async_trait::async_trait;
use aws_sdk_kms::Client;
use aws_sdk_kms::error::DisplayErrorContext;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{MacAlgorithmSpec, MessageType, SigningAlgorithmSpec};
use muster_identity::{KeyError, PublicKey, ServerSecret, SigningError, TokenSigner};
use p256::ecdsa::Signature;
use p256::elliptic_curve::sec1::ToSec1Point as _;
use p256::pkcs8::DecodePublicKey as _;
use sha2::{Digest as _, Sha256};

/// What the server secret is the authentication code of. Another text is another secret, and ends every session.
const SERVER_SECRET: &[u8] = b"muster server secret 1";

/// Why a key in KMS cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KmsError {
    /// KMS refused, or did not answer.
    #[error("the key {key} cannot be used: {reason}")]
    Refused {
        /// Its id or ARN.
        key: String,
        /// What KMS said.
        reason: String,
    },
    /// The key is of another kind.
    #[error("the key {key} is no {expected}")]
    WrongKind {
        /// Its id or ARN.
        key: String,
        /// What it should be.
        expected: &'static str,
    },
}

/// Signs with a key in KMS (`ECC_NIST_P256`, for signing).
pub struct KmsSigner {
    client: Client,
    key: String,
    public: PublicKey,
}

impl KmsSigner {
    /// With this key, whose public half is read once.
    pub async fn of(client: Client, key: String) -> Result<Self, KmsError> {
        let public = public_half(&client, &key).await?;
        Ok(Self { client, key, public })
    }
}

/// The public half of a key in KMS.
pub(super) async fn public_half(client: &Client, key: &str) -> Result<PublicKey, KmsError> {
    let answer = client.get_public_key().key_id(key).send().await;
    let answer = answer
        .map_err(|error| KmsError::Refused { key: key.to_owned(), reason: DisplayErrorContext(error).to_string() })?;
    let der = answer.public_key.map(Blob::into_inner).unwrap_or_default();
    let wrong = |_| KmsError::WrongKind { key: key.to_owned(), expected: "P-256 key for signing" };
    public_key(&der).map_err(wrong)
}

/// The key in a `SubjectPublicKeyInfo`, as KMS gives it.
fn public_key(der: &[u8]) -> Result<PublicKey, KeyError> {
    let key = p256::PublicKey::from_public_key_der(der).map_err(|_| KeyError::NotAPublicKey)?;
    PublicKey::from_point(key.to_sec1_point(false).as_bytes())
}

#[async_trait]
impl TokenSigner for KmsSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let digest = Blob::new(Sha256::digest(message).to_vec());
        let sign = self.client.sign().key_id(&self.key).message(digest).message_type(MessageType::Digest);
        let answer = sign.signing_algorithm(SigningAlgorithmSpec::EcdsaSha256).send().await;
        let answer = answer.map_err(|error| SigningError(Box::new(error)))?;
        let der = answer.signature.map(Blob::into_inner).unwrap_or_default();
        // KMS gives DER; a JWT has the two numbers side by side.
        let signature = Signature::from_der(&der).map_err(|error| SigningError(Box::new(error)))?;
        Ok(signature.to_bytes().to_vec())
    }
}

/// The server secret: what a key in KMS (`HMAC_256`) makes of a fixed text. It is the same for every instance, stored
/// nowhere, and only who may use the key can have it.
pub async fn server_secret(client: &Client, key: &str) -> Result<ServerSecret, KmsError> {
    let make = client.generate_mac().key_id(key).mac_algorithm(MacAlgorithmSpec::HmacSha256);
    let answer = make.message(Blob::new(SERVER_SECRET)).send().await;
    let answer = answer
        .map_err(|error| KmsError::Refused { key: key.to_owned(), reason: DisplayErrorContext(error).to_string() })?;
    let mac = answer.mac.map(Blob::into_inner).unwrap_or_default();
    let bytes = mac.try_into();
    bytes
        .map(ServerSecret::from_bytes)
        .map_err(|_| KmsError::WrongKind { key: key.to_owned(), expected: "HMAC-SHA-256 key" })
}
