//! Where the keys of people are kept: one item for each person, with the wrapped key, or the mark that it was erased.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use lru::LruCache;
use muster_domain::UserId;
use muster_domain::personal::Opener;
use muster_domain::ports::{KeyError, SubjectKeys};
use tokio::time::Instant;

use crate::master::{Made, Master, MasterError};

/// How long a process goes on using a key that it has read: so long after its erasure, no process reads with it any more.
pub const REMEMBERED_FOR: Duration = Duration::from_mins(1);

/// How many keys a process remembers.
pub const REMEMBERED_KEYS: NonZeroUsize = match NonZeroUsize::new(4096) {
    Some(keys) => keys,
    None => NonZeroUsize::MIN,
};

/// The wrapped key (B).
pub(crate) const WRAPPED: &str = "wrapped";
/// The mark of an erased key (BOOL). The item stays, so that no new key takes its place.
pub(crate) const ERASED: &str = "erased";

/// The keys in a table: `pk` (S) = user id. Clones share what they remember.
#[derive(Clone, Debug)]
pub struct KeyTable {
    client: Client,
    table: String,
    master: Arc<dyn Master>,
    remembered: Arc<Mutex<LruCache<UserId, (Instant, Opener)>>>,
}

impl KeyTable {
    /// The keys in this table, wrapped by this master.
    pub fn new(client: Client, table: impl Into<String>, master: Arc<dyn Master>) -> Self {
        let remembered = Arc::new(Mutex::new(LruCache::new(REMEMBERED_KEYS)));
        Self { client, table: table.into(), master, remembered }
    }

    fn remembered(&self) -> MutexGuard<'_, LruCache<UserId, (Instant, Opener)>> {
        // Nothing in here panics halfway.
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recall(&self, subject: UserId) -> Option<Opener> {
        let mut remembered = self.remembered();
        let (read_at, opener) = remembered.get(&subject)?;
        if read_at.elapsed() < REMEMBERED_FOR {
            return Some(opener.clone());
        }
        remembered.pop(&subject);
        None
    }

    fn remember(&self, subject: UserId, read_at: Instant, opener: Opener) -> Opener {
        match &opener {
            // One may be made at any moment.
            Opener::NoKey => {}
            Opener::Key(_) | Opener::Erased => {
                let mut remembered = self.remembered();
                // What was read before an erasure in this process does not take its place.
                if !matches!(remembered.peek(&subject), Some((_, Opener::Erased))) {
                    remembered.put(subject, (read_at, opener.clone()));
                }
            }
        }
        opener
    }

    async fn read(&self, subject: UserId) -> Result<Opener, KeyError> {
        let read_at = Instant::now();
        let get = self.client.get_item().table_name(&self.table).key("pk", pk(subject)).consistent_read(true);
        let answer = get.send().await.map_err(|error| KeyError::Unavailable(Box::new(error)))?;
        let Some(item) = answer.item else { return Ok(Opener::NoKey) };
        let opener = self.opener_in(subject, &item).await?;
        Ok(self.remember(subject, read_at, opener))
    }

    async fn opener_in(&self, subject: UserId, item: &HashMap<String, AttributeValue>) -> Result<Opener, KeyError> {
        if item.contains_key(ERASED) {
            return Ok(Opener::Erased);
        }
        let wrapped = item.get(WRAPPED).and_then(|wrapped| wrapped.as_b().ok());
        let wrapped = wrapped.ok_or_else(|| damaged(subject, &"it is missing or of another type"))?;
        let key = self.master.unwrap(subject, wrapped.as_ref()).await.map_err(|error| of_master(subject, error))?;
        Ok(Opener::Key(key))
    }
}

fn pk(subject: UserId) -> AttributeValue {
    AttributeValue::S(subject.to_string())
}

fn damaged(subject: UserId, reason: &dyn std::fmt::Display) -> KeyError {
    KeyError::Damaged { subject, reason: reason.to_string() }
}

fn of_master(subject: UserId, error: MasterError) -> KeyError {
    match error {
        MasterError::Unavailable(source) => KeyError::Unavailable(source),
        error @ MasterError::NotOurs => damaged(subject, &error),
    }
}

#[async_trait]
impl SubjectKeys for KeyTable {
    async fn find(&self, subject: UserId) -> Result<Opener, KeyError> {
        match self.recall(subject) {
            Some(opener) => Ok(opener),
            None => self.read(subject).await,
        }
    }

    async fn make(&self, subject: UserId) -> Result<Opener, KeyError> {
        match self.find(subject).await? {
            Opener::NoKey => {}
            found @ (Opener::Key(_) | Opener::Erased) => return Ok(found),
        }
        let read_at = Instant::now();
        let Made { key, wrapped } = self.master.make(subject).await.map_err(|error| of_master(subject, error))?;
        let put = self.client.put_item().table_name(&self.table).item("pk", pk(subject));
        let put = put.item(WRAPPED, AttributeValue::B(Blob::new(wrapped)));
        match put.condition_expression("attribute_not_exists(pk)").send().await {
            Ok(_) => Ok(self.remember(subject, read_at, Opener::Key(key))),
            // Somebody was faster, or an earlier try of this very put.
            Err(error) if error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => {
                match self.read(subject).await? {
                    Opener::NoKey => Err(damaged(subject, &"it was there a moment ago")),
                    found @ (Opener::Key(_) | Opener::Erased) => Ok(found),
                }
            }
            Err(error) => Err(KeyError::Unavailable(Box::new(error))),
        }
    }

    async fn erase(&self, subject: UserId) -> Result<(), KeyError> {
        let put = self.client.put_item().table_name(&self.table).item("pk", pk(subject));
        let put = put.item(ERASED, AttributeValue::Bool(true)).send().await;
        put.map_err(|error| KeyError::Unavailable(Box::new(error)))?;
        self.remembered().put(subject, (Instant::now(), Opener::Erased));
        Ok(())
    }
}
