//! A master key in AWS's key management service (KMS), which never leaves it.

use std::collections::HashMap;
use std::fmt;

use async_trait::async_trait;
use aws_sdk_kms::Client;
use aws_sdk_kms::error::DisplayErrorContext;
use aws_sdk_kms::operation::decrypt::DecryptError;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use muster_domain::UserId;
use muster_domain::personal::{KEY_BYTES, SubjectKey};
use zeroize::Zeroizing;

use crate::master::{Made, Master, MasterError};

/// The entry of the encryption context that binds a key to its person. It shows in `CloudTrail`: an id, no name.
const SUBJECT: &str = "muster:user";

/// Wraps with a symmetric key in KMS.
#[derive(Clone)]
pub struct KmsMaster {
    client: Client,
    key: String,
}

impl KmsMaster {
    /// With the key of this id, ARN or alias.
    pub fn new(client: Client, key: impl Into<String>) -> Self {
        Self { client, key: key.into() }
    }
}

fn context(subject: UserId) -> HashMap<String, String> {
    HashMap::from([(SUBJECT.to_owned(), subject.to_string())])
}

fn key(plain: Option<Blob>) -> Result<SubjectKey, MasterError> {
    let plain = Zeroizing::new(plain.map(Blob::into_inner).unwrap_or_default());
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    if plain.len() != key.len() {
        return Err(MasterError::NotOurs);
    }
    key.copy_from_slice(&plain);
    Ok(SubjectKey::from_bytes(key))
}

fn unavailable<E: std::error::Error + Send + Sync + 'static>(error: E) -> MasterError {
    MasterError::Unavailable(DisplayErrorContext(error).to_string().into())
}

#[async_trait]
impl Master for KmsMaster {
    async fn make(&self, subject: UserId) -> Result<Made, MasterError> {
        let request = self.client.generate_data_key().key_id(&self.key).key_spec(DataKeySpec::Aes256);
        let made = request.set_encryption_context(Some(context(subject))).send().await.map_err(unavailable)?;
        let wrapped = made.ciphertext_blob.map(Blob::into_inner).unwrap_or_default();
        Ok(Made { key: key(made.plaintext)?, wrapped })
    }

    async fn wrap(&self, subject: UserId, key: &SubjectKey) -> Result<Vec<u8>, MasterError> {
        let request = self.client.encrypt().key_id(&self.key).plaintext(Blob::new(key.expose().as_slice()));
        let wrapped = request.set_encryption_context(Some(context(subject))).send().await.map_err(unavailable)?;
        let wrapped = wrapped.ciphertext_blob.map(Blob::into_inner);
        wrapped.ok_or_else(|| MasterError::Unavailable("KMS answered without a ciphertext".into()))
    }

    async fn unwrap(&self, subject: UserId, wrapped: &[u8]) -> Result<SubjectKey, MasterError> {
        let decrypt = self.client.decrypt().key_id(&self.key).ciphertext_blob(Blob::new(wrapped));
        let opened = decrypt.set_encryption_context(Some(context(subject))).send().await.map_err(|error| {
            let foreign = error.as_service_error().is_some_and(|error| {
                matches!(error, DecryptError::InvalidCiphertextException(_) | DecryptError::IncorrectKeyException(_))
            });
            if foreign { MasterError::NotOurs } else { unavailable(error) }
        })?;
        key(opened.plaintext)
    }
}

impl fmt::Debug for KmsMaster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KmsMaster").field("key", &self.key).finish_non_exhaustive()
    }
}
