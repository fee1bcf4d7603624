//! What is on the disk.
//!
//! SQLite is told not to sync its write-ahead log at each commit (`synchronous = NORMAL`); the engine does that itself,
//! once for all the writes that wait. What SQLite still syncs by itself under that setting is what keeps the file sound:
//! the log before its pages are copied into the database, the database before the log is used anew, and the log's new
//! header. So a power cut leaves a prefix of the commits, and that prefix holds all that was synced here.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::tables::Tables;

/// Returns when all that was written to the log before the call is on the disk.
pub(crate) type SyncLog = Box<dyn FnMut() -> io::Result<()> + Send>;

/// The disk did not take what was written. It cannot be tried again: the system may have dropped the pages that it
/// could not write, and would then report success for what is lost.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the disk did not take what was written ({0}); the store must be closed and opened again")]
pub(crate) struct DiskFailure(pub(crate) Arc<io::Error>);

/// The sync of the write-ahead log at `path`.
///
/// The file is opened once and stays open: a handle reports each failed write, those of the system's own writing back
/// included, that happened since it was opened. SQLite never replaces the log while a connection is open; it starts it
/// anew in place.
pub(crate) fn sync_log(path: &Path) -> io::Result<SyncLog> {
    let log = File::options().read(true).write(true).open(path)?;
    Ok(Box::new(move || log.sync_data()))
}

/// How far the writes have come: which have begun, and which are on the disk.
#[derive(Debug)]
pub(crate) struct Durability {
    begun: Mutex<Begun>,
    synced: watch::Sender<Result<u64, DiskFailure>>,
}

/// The writes that have begun, counted.
#[derive(Debug, Default)]
struct Begun {
    count: u64,
    /// The last one of each table.
    by_table: HashMap<String, u64>,
    /// The last one that may touch any table.
    anywhere: u64,
}

impl Default for Durability {
    fn default() -> Self {
        Self { begun: Mutex::default(), synced: watch::Sender::new(Ok(0)) }
    }
}

impl Durability {
    /// To be called before a write begins, so that whoever sees its effect also sees that it has begun.
    pub(crate) fn begin(&self, tables: &Tables) {
        let mut begun = self.begun();
        begun.count += 1;
        let number = begun.count;
        match tables {
            Tables::Any => begun.anywhere = number,
            Tables::Named(names) => {
                for name in names {
                    if let Some(last) = begun.by_table.get_mut(name) {
                        *last = number;
                    } else {
                        begun.by_table.insert(name.clone(), number);
                    }
                }
            }
        }
    }

    /// To be called after a sync that began when no write was under way.
    pub(crate) fn end(&self, outcome: Result<(), DiskFailure>) {
        let reached = outcome.map(|()| self.begun().settle());
        self.synced.send_modify(|synced| *synced = reached);
    }

    /// Returns when everything that a read of these tables, which has ended, may have seen is on the disk.
    pub(crate) async fn settled(&self, tables: &Tables) -> Result<(), DiskFailure> {
        let seen = self.begun().last(tables);
        self.reached(seen).await
    }

    /// Whether the disk has taken everything so far.
    pub(crate) fn holds(&self) -> Result<(), DiskFailure> {
        self.synced.borrow().clone().map(drop)
    }

    async fn reached(&self, seen: u64) -> Result<(), DiskFailure> {
        let mut synced = self.synced.subscribe();
        let reached = synced.wait_for(|synced| synced.as_ref().map_or(true, |synced| *synced >= seen)).await;
        // The sender is `self`: it is there.
        reached.map_or(Ok(()), |synced| synced.clone().map(drop))
    }

    fn begun(&self) -> MutexGuard<'_, Begun> {
        // Nothing in here panics halfway.
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Begun {
    /// Notes that all of them are on the disk, and gives how many.
    fn settle(&mut self) -> u64 {
        self.by_table.clear();
        self.anywhere = 0;
        self.count
    }

    fn last(&self, tables: &Tables) -> u64 {
        match tables {
            Tables::Any => self.count,
            Tables::Named(names) => {
                names.iter().filter_map(|name| self.by_table.get(name)).copied().fold(self.anywhere, u64::max)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_rests_on_the_last_write_to_its_tables_or_to_any() {
        let named = |name: &str| Tables::Named(vec![name.to_owned()]);
        let durability = Durability::default();
        for tables in [named("one"), Tables::Any, named("two"), named("three")] {
            durability.begin(&tables);
        }
        let begun = durability.begun();
        let both = Tables::Named(vec!["two".to_owned(), "one".to_owned()]);
        let last = [named("one"), named("two"), named("none"), both, Tables::Any].map(|tables| begun.last(&tables));
        assert_eq!(last, [2, 3, 2, 3, 4]);
    }

    #[test]
    fn a_read_rests_on_nothing_that_was_synced() {
        let one = Tables::Named(vec!["one".to_owned()]);
        let durability = Durability::default();
        for tables in [&one, &Tables::Any] {
            durability.begin(tables);
        }
        durability.end(Ok(()));
        assert_eq!(durability.begun().last(&one), 0);
        durability.begin(&one);
        assert_eq!(durability.begun().last(&one), 3);
    }
}
