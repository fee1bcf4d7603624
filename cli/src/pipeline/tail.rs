//! Reads the stream of the event table and publishes it; keeps the checkpoint.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use muster_handlers::publisher::{StreamItem, publish};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::bus::LocalBus;
use super::checkpoint::Checkpoint;
use super::ledger::Ledger;
use super::parking::Parking;
use super::source::{SourceRecord, StreamSource};

/// How many records are read at once.
const BATCH: usize = 200;
/// The pause after a failure.
const PAUSE: Duration = Duration::from_millis(500);
/// The least time between two savings of the checkpoint: what comes twice after a crash is harmless, and saving costs a
/// write.
const SAVE_EVERY: Duration = Duration::from_millis(200);

/// Carries the stream to the bus.
pub(crate) struct Tail {
    pub(crate) stream: Arc<dyn StreamSource>,
    pub(crate) bus: LocalBus,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) position: Arc<Mutex<Option<String>>>,
    pub(crate) parking: Parking,
}

impl Tail {
    /// Publishes everything after `from`, and what comes, until it is told to stop.
    pub(crate) async fn run(self, mut from: Option<String>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let records = match self.stream.read(from.as_deref(), BATCH).await {
                Ok(records) => records,
                Err(error) => {
                    tracing::error!(%error, "the stream cannot be read");
                    pause(&stop).await;
                    continue;
                }
            };
            let places: Vec<_> = records.iter().map(|record| record.sequence_number.clone()).collect();
            let Some(last) = places.last() else {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => {}
                    waited = self.stream.wait(from.as_deref()) => if let Err(error) = waited {
                        tracing::error!(%error, "the stream cannot be waited for");
                        pause(&stop).await;
                    },
                }
                continue;
            };
            let items: Vec<StreamItem> = records.into_iter().filter_map(item).collect();
            match publish(&self.bus, &items).await {
                None => self.reached(&mut from, last.clone()),
                Some(_) if stop.is_cancelled() => {}
                Some(failed) => {
                    // Everything before the failed record is on the bus.
                    let before = places.iter().rev().find(|place| **place < failed);
                    if let Some(before) = before {
                        self.reached(&mut from, before.clone());
                    }
                    if self.put_aside(&items, &failed).await {
                        self.reached(&mut from, failed);
                    } else {
                        pause(&stop).await;
                    }
                }
            }
        }
    }

    fn reached(&self, from: &mut Option<String>, sequence_number: String) {
        *self.position.lock().unwrap_or_else(PoisonError::into_inner) = Some(sequence_number.clone());
        self.ledger.mark(sequence_number.clone());
        *from = Some(sequence_number);
    }

    /// Notes a record that is no commit and never will be, so that the stream can go on. One that the bus would not take
    /// is tried again for ever.
    async fn put_aside(&self, items: &[StreamItem], failed: &str) -> bool {
        let item = items.iter().find(|item| item.sequence_number == failed);
        let Some(StreamItem { commit: Err(reason), .. }) = item else { return false };
        let noted = self.parking.put_aside(failed, reason).await;
        match &noted {
            Ok(()) => tracing::error!(sequence_number = failed, reason, "a stream record was put aside"),
            Err(error) => tracing::warn!(%error, "a stream record could not be put aside"),
        }
        noted.is_ok()
    }
}

async fn pause(stop: &CancellationToken) {
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = sleep(PAUSE) => {}
    }
}

fn item(SourceRecord { sequence_number, record }: SourceRecord) -> Option<StreamItem> {
    match record {
        Ok(record) => StreamItem::from_record(record).map(|item| StreamItem { sequence_number, ..item }),
        Err(reason) => Some(StreamItem::unreadable(sequence_number, reason)),
    }
}

/// Saves the checkpoint when it moves, and trims the stream up to it.
pub(crate) struct Keeper {
    pub(crate) stream: Arc<dyn StreamSource>,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) saved: Option<String>,
    pub(crate) settled: watch::Receiver<Option<String>>,
}

impl Keeper {
    /// Until the ledger is gone; the last position is saved then.
    pub(crate) async fn run(mut self) {
        loop {
            let ended = self.settled.changed().await.is_err();
            let settled = self.settled.borrow_and_update().clone();
            if settled != self.saved
                && let Some(settled) = settled
            {
                if self.save(&settled).await {
                    self.saved = Some(settled);
                } else if !ended {
                    sleep(PAUSE).await;
                    self.settled.mark_changed();
                }
            }
            if ended {
                return;
            }
            sleep(SAVE_EVERY).await;
        }
    }

    async fn save(&self, sequence_number: &str) -> bool {
        if let Err(error) = self.checkpoint.save(sequence_number).await {
            tracing::error!(%error, "the stream's checkpoint could not be saved");
            return false;
        }
        if let Err(error) = self.stream.trim(sequence_number).await {
            tracing::warn!(%error, "the stream could not be trimmed");
        }
        true
    }
}
