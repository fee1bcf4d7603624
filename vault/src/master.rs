//! What wraps the keys of people, so that who has the table has none of them.

use async_trait::async_trait;
use muster_domain::UserId;
use muster_domain::personal::SubjectKey;

/// A new key, and how it is kept.
#[derive(Debug)]
pub struct Made {
    /// The key.
    pub key: SubjectKey,
    /// The key, wrapped for its person.
    pub wrapped: Vec<u8>,
}

/// Why a key was not made or unwrapped.
#[derive(Debug, thiserror::Error)]
pub enum MasterError {
    /// Trying again may help.
    #[error("the master key could not be used")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It was wrapped by another master key, for another person, or changed since.
    #[error("it was wrapped by another master key, for another person, or changed since")]
    NotOurs,
}

/// Makes and unwraps the keys of people.
#[async_trait]
pub trait Master: Send + Sync + std::fmt::Debug {
    /// A new random key for this person.
    async fn make(&self, subject: UserId) -> Result<Made, MasterError>;

    /// A key that is there already, wrapped for this person.
    async fn wrap(&self, subject: UserId, key: &SubjectKey) -> Result<Vec<u8>, MasterError>;

    /// The key that was wrapped for this person.
    async fn unwrap(&self, subject: UserId, wrapped: &[u8]) -> Result<SubjectKey, MasterError>;
}
