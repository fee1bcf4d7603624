//! Keys in memory, the same ones in every run: for tests and the simulation.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{Opener, SubjectKey};
use crate::ids::UserId;
use crate::ports::{KeyError, SubjectKeys};

/// Keys that follow from whose they are, so that anybody has them until they are erased. Clones share what is erased.
#[derive(Clone, Debug, Default)]
pub struct MemoryKeys {
    erased: Arc<Mutex<BTreeSet<UserId>>>,
}

impl MemoryKeys {
    /// Keys of which none is erased.
    pub fn shared() -> Arc<dyn SubjectKeys> {
        Arc::new(Self::default())
    }

    /// The key of this person, erased or not.
    pub fn of(subject: UserId) -> SubjectKey {
        let digest = Sha256::new().chain_update(b"a key for tests").chain_update(subject.0.as_bytes()).finalize();
        SubjectKey::from_bytes(Zeroizing::new(digest.into()))
    }

    fn is_erased(&self, subject: UserId) -> bool {
        self.erased.lock().unwrap_or_else(PoisonError::into_inner).contains(&subject)
    }
}

#[async_trait]
impl SubjectKeys for MemoryKeys {
    async fn find(&self, subject: UserId) -> Result<Opener, KeyError> {
        Ok(if self.is_erased(subject) { Opener::Erased } else { Opener::Key(Self::of(subject)) })
    }

    async fn make(&self, subject: UserId) -> Result<Opener, KeyError> {
        self.find(subject).await
    }

    async fn erase(&self, subject: UserId) -> Result<(), KeyError> {
        self.erased.lock().unwrap_or_else(PoisonError::into_inner).insert(subject);
        Ok(())
    }
}
