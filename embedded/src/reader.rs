//! Reads beside the writes, over a connection of their own.
//!
//! SQLite lets a second connection read while the first one writes: it sees all that was committed before it began.
//! What it saw may not be on the disk yet, so the answer waits for that ([`crate::durability`]).

use std::sync::{Mutex, MutexGuard, PoisonError};

use dynoxide::{Database, DynoxideError};

use crate::dispatch::{Answer, dispatch};

/// The connection.
pub(crate) struct Reader {
    location: String,
    /// `None`: it must be opened again.
    db: Mutex<Option<Database>>,
}

impl Reader {
    /// Opens the database at `location`, which the engine has open. Not while the engine writes.
    pub(crate) fn open(location: &str) -> Result<Self, DynoxideError> {
        Ok(Self { location: location.to_owned(), db: Mutex::new(Some(Database::new(location)?)) })
    }

    /// Runs a request that only reads. Blocks until the reads before it are done.
    pub(crate) fn read(&self, target: &str, body: &[u8]) -> Answer {
        self.answer(self.db(), target, body)
    }

    /// The same, unless it would have to wait for another.
    pub(crate) fn try_read(&self, target: &str, body: &[u8]) -> Option<Answer> {
        let db = self.db.try_lock().ok()?;
        db.is_some().then(|| self.answer(db, target, body))
    }

    /// Forgets what it knows of the tables, which dynoxide does for the connection that changed one alone.
    pub(crate) fn forget_tables(&self) {
        *self.db() = None;
    }

    fn answer(&self, mut db: MutexGuard<'_, Option<Database>>, target: &str, body: &[u8]) -> Answer {
        let opened = match db.take() {
            Some(opened) => Ok(opened),
            None => Database::new(&self.location),
        };
        match opened {
            Ok(opened) => dispatch(db.insert(opened), target, body),
            Err(error) => {
                tracing::error!(%error, "the embedded engine's second connection could not be opened again");
                Answer::internal_error(&error.to_string())
            }
        }
    }

    fn db(&self) -> MutexGuard<'_, Option<Database>> {
        // A request that panicked has left the lock; what dynoxide makes of its own is its own.
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
