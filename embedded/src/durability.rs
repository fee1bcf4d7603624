//! What is on the disk.
//!
//! SQLite is told not to sync its write-ahead log at each commit (`synchronous = NORMAL`); the engine does that itself,
//! once for all the writes that wait. What SQLite still syncs by itself under that setting is what keeps the file sound:
//! the log before its pages are copied into the database, the database before the log is used anew, and the log's new
//! header. So a power cut leaves a prefix of the commits, and that prefix holds all that was synced here.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

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
    begun: AtomicU64,
    synced: watch::Sender<Result<u64, DiskFailure>>,
}

impl Default for Durability {
    fn default() -> Self {
        Self { begun: AtomicU64::new(0), synced: watch::Sender::new(Ok(0)) }
    }
}

impl Durability {
    /// To be called before a write begins, so that whoever sees its effect also sees that it has begun.
    pub(crate) fn begin(&self) {
        self.begun.fetch_add(1, Ordering::SeqCst);
    }

    /// To be called after a sync that began when no write was under way.
    pub(crate) fn end(&self, outcome: Result<(), DiskFailure>) {
        let reached = outcome.map(|()| self.begun.load(Ordering::SeqCst));
        self.synced.send_modify(|synced| *synced = reached);
    }

    /// Returns when everything that a read which has ended may have seen is on the disk.
    pub(crate) async fn settled(&self) -> Result<(), DiskFailure> {
        let seen = self.begun.load(Ordering::SeqCst);
        let mut synced = self.synced.subscribe();
        let reached = synced.wait_for(|synced| synced.as_ref().map_or(true, |synced| *synced >= seen)).await;
        // The sender is `self`: it is there.
        reached.map_or(Ok(()), |synced| synced.clone().map(drop))
    }
}
