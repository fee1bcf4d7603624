//! Reads beside the writes, over a connection of their own.
//!
//! SQLite lets a second connection read while the first one writes: it sees all that was committed before it began.
//! What it saw may not be on the disk yet, so the answer waits for that ([`crate::durability`]).

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

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
        let db = match self.db.try_lock() {
            Ok(db) => db,
            Err(TryLockError::Poisoned(left)) => left.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        db.is_some().then(|| self.answer(db, target, body))
    }

    /// Does what makes, changes or removes a table, on the thread that writes. No read sees it half done, and what the
    /// connection knew of tables is forgotten: dynoxide does that for the one that changes them alone.
    pub(crate) fn beside_a_change<T>(&self, change: impl FnOnce() -> T) -> T {
        let mut db = self.db();
        *db = None;
        let changed = change();
        // Opening waits for the writer; here is none at work. If it fails, the next read tries again and says why.
        *db = Database::new(&self.location).ok();
        changed
    }

    fn answer(&self, mut db: MutexGuard<'_, Option<Database>>, target: &str, body: &[u8]) -> Answer {
        let opened = match db.take() {
            Some(opened) => Ok(opened),
            None => Database::new(&self.location),
        };
        match opened {
            Ok(opened) => {
                let answer = dispatch(&opened, target, body);
                // Not if it panicked: dynoxide could not use it again.
                *db = Some(opened);
                answer
            }
            Err(error) => {
                tracing::error!(%error, "the embedded engine's connection for reads could not be opened again");
                Answer::internal_error(&error.to_string())
            }
        }
    }

    fn db(&self) -> MutexGuard<'_, Option<Database>> {
        // Whoever panicked with it has taken the connection out.
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
