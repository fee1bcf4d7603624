//! The projector: hosts a projection, and takes events from the bus in any order and number.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use futures::{FutureExt as _, StreamExt as _};
use muster_domain::mutant::{Mutant, planted};
use muster_domain::ports::ReadError;
use muster_domain::{EventReader, RecordedEvent, StreamId};

use crate::advance::{Advance, AdvanceError, Advanced, Target};
use crate::error::StoreError;
use crate::projection::Projection;
use crate::rows::{Parked, RowStore, StoredRow, load_each};

/// How many aggregates of a batch are moved at a time.
const CONCURRENCY: usize = 8;

/// The tables that a projection's events are written to.
#[async_trait]
pub trait RowStores: Send + Sync {
    /// Those of the active generation and of the one that is being built, as they are now.
    async fn writable(&self) -> Result<Vec<Arc<dyn RowStore>>, StoreError>;
}

/// One table, always the same: for tests, and for filling a new generation.
#[derive(Clone)]
pub struct OneTable(pub Arc<dyn RowStore>);

#[async_trait]
impl RowStores for OneTable {
    async fn writable(&self) -> Result<Vec<Arc<dyn RowStore>>, StoreError> {
        Ok(vec![Arc::clone(&self.0)])
    }
}

/// One message of the projection's queue.
#[derive(Clone, Debug)]
pub struct Message {
    /// The queue's name for it.
    pub id: String,
    /// The event in it, or why there is none.
    pub event: Result<RecordedEvent, String>,
}

/// A message that was not taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The queue's name for it.
    pub id: String,
    /// In words, for the operator.
    pub reason: String,
    /// Whether trying again is of no use: it belongs into the dead-letter queue.
    pub poison: bool,
}

/// What a repair did to a row, over all generations that are written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repaired {
    /// The version that the row furthest behind was at.
    pub from: u64,
    /// The version that it is at now: the head of its history.
    pub to: u64,
}

/// Why an aggregate could not be brought up to its history.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// An event in its history cannot be taken in; the row says so and stays before it.
    #[error("{stream} is parked at version {version}: {reason}")]
    Poison {
        /// The aggregate.
        stream: StreamId,
        /// The version of the event.
        version: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The row is ahead of the history: the event store lost something, or is another one.
    #[error("the row of {stream} is at version {as_of}, and its history ends at {head}")]
    Ahead {
        /// The aggregate.
        stream: StreamId,
        /// Where the row is.
        as_of: u64,
        /// Where the history ends.
        head: u64,
    },
    /// A read model's table failed; trying again may help.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The event store failed; trying again may help.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Others moved the row all the time; trying again helps.
    #[error("{stream} is moved by others all the time")]
    Contended {
        /// The aggregate.
        stream: StreamId,
    },
}

impl RepairError {
    fn of(stream: StreamId, error: AdvanceError) -> Self {
        match error {
            AdvanceError::Store(error) => Self::Store(error),
            AdvanceError::Read(error) => Self::Read(error),
            AdvanceError::Contended => Self::Contended { stream },
            AdvanceError::NotInStore { stream, version, head } => Self::Ahead { stream, as_of: version, head },
        }
    }
}

/// Hosts one projection.
#[derive(Clone)]
pub struct Projector<P> {
    projection: Arc<P>,
    reader: Arc<dyn EventReader>,
    stores: Arc<dyn RowStores>,
}

/// The messages of one aggregate: the events by version, and which messages brought each.
#[derive(Default)]
struct Group {
    events: BTreeMap<u64, RecordedEvent>,
    messages: Vec<(u64, String)>,
}

impl<P: Projection> Projector<P> {
    /// Hosts this projection over this event store and these tables.
    pub fn new(projection: P, reader: Arc<dyn EventReader>, stores: Arc<dyn RowStores>) -> Self {
        Self { projection: Arc::new(projection), reader, stores }
    }

    /// The projection.
    pub fn projection(&self) -> &P {
        &self.projection
    }

    pub(crate) fn reader(&self) -> &Arc<dyn EventReader> {
        &self.reader
    }

    /// Takes in a batch: one read and one write for each aggregate in it and each generation. What is not in the answer
    /// is done; what is in it is to be delivered again, or to be put aside when it is poison.
    pub async fn handle(&self, batch: Vec<Message>) -> Vec<Failure> {
        let mut failures = BTreeMap::new();
        let groups = self.group(batch, &mut failures);
        if groups.is_empty() {
            return failures.into_values().collect();
        }
        match self.stores.writable().await {
            Ok(stores) => {
                for rows in stores {
                    self.handle_in(&*rows, &groups, &mut failures).await;
                }
            }
            Err(error) => {
                for (_, id) in groups.values().flat_map(|group| &group.messages) {
                    note(&mut failures, id, &error.to_string(), false);
                }
            }
        }
        failures.into_values().collect()
    }

    fn group(&self, batch: Vec<Message>, failures: &mut BTreeMap<String, Failure>) -> BTreeMap<StreamId, Group> {
        let mut groups: BTreeMap<StreamId, Group> = BTreeMap::new();
        for Message { id, event } in batch {
            match event {
                Ok(event) if self.projection.wants(event.stream.aggregate) => {
                    let group = groups.entry(event.stream).or_default();
                    group.messages.push((event.version, id));
                    group.events.insert(event.version, event);
                }
                Ok(_) => {}
                Err(reason) => note(failures, &id, &format!("not an event: {reason}"), true),
            }
        }
        groups
    }

    async fn handle_in(
        &self,
        rows: &dyn RowStore,
        groups: &BTreeMap<StreamId, Group>,
        failures: &mut BTreeMap<String, Failure>,
    ) {
        let streams: Vec<StreamId> = groups.keys().copied().collect();
        let loaded = match load_each(rows, &streams).await {
            Ok(loaded) => loaded,
            Err(error) => {
                for (_, id) in groups.values().flat_map(|group| &group.messages) {
                    note(failures, id, &error.to_string(), false);
                }
                return;
            }
        };
        let mut moves = Vec::with_capacity(streams.len());
        for ((stream, group), stored) in groups.iter().zip(loaded) {
            match stored {
                Ok(stored) => moves.push(self.move_group(rows, stream, stored, group).boxed()),
                Err(error) => {
                    tracing::error!(projection = P::NAME, %stream, error = %error, "damaged row");
                    // Trying again does not mend it: a rebuild does.
                    for (_, id) in &group.messages {
                        note(failures, id, &format!("damaged row: {error}"), true);
                    }
                }
            }
        }
        let mut outcomes = futures::stream::iter(moves).buffer_unordered(CONCURRENCY);
        while let Some((stream, group, outcome)) = outcomes.next().await {
            match outcome {
                Ok(Advanced { parked: Some(Parked { version, reason }), .. }) => {
                    tracing::error!(projection = P::NAME, %stream, version, reason, "parked");
                    // Only the event that is poison is put aside: once it can be read, a repair of its aggregate takes
                    // in what came after it too.
                    for (_, id) in group.messages.iter().filter(|(of, _)| *of == version) {
                        note(failures, id, &reason, true);
                    }
                }
                Ok(Advanced { parked: None, .. }) => {}
                Err(error) => {
                    tracing::warn!(projection = P::NAME, %stream, error = %error, "not projected");
                    for (_, id) in &group.messages {
                        note(failures, id, &error.to_string(), false);
                    }
                }
            }
        }
    }

    async fn move_group<'a>(
        &'a self,
        rows: &'a dyn RowStore,
        stream: &'a StreamId,
        stored: Option<StoredRow>,
        group: &'a Group,
    ) -> (&'a StreamId, &'a Group, Result<Advanced, AdvanceError>) {
        let moved = self.advance(rows).move_row(stream, stored, &Target::Events(&group.events)).await;
        (stream, group, moved)
    }

    fn advance<'a>(&'a self, rows: &'a dyn RowStore) -> Advance<'a, P> {
        Advance { projection: &*self.projection, reader: &*self.reader, rows }
    }

    /// Brings one aggregate up to the head of its history in every generation that is written to, and takes away its
    /// mark if it was parked. Redriving, reconciling and rebuilding are this; it is always safe.
    pub async fn repair(&self, stream: &StreamId) -> Result<Repaired, RepairError> {
        let (mut repaired, mut failed) = (None::<Repaired>, None);
        for rows in self.stores.writable().await? {
            // What cannot be repaired in one generation may be in the other.
            match self.repair_in(&*rows, stream).await {
                Ok(Repaired { from, to }) => {
                    let so_far = repaired.unwrap_or(Repaired { from, to });
                    repaired = Some(Repaired { from: so_far.from.min(from), to: so_far.to.max(to) });
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(repaired.unwrap_or(Repaired { from: 0, to: 0 })), Err)
    }

    pub(crate) async fn repair_in(&self, rows: &dyn RowStore, stream: &StreamId) -> Result<Repaired, RepairError> {
        repaired(*stream, self.advance(rows).load_and_move(stream, &Target::Head).await)
    }

    /// The same for a row that was loaded, by the history that a scan showed if it showed all of it.
    pub(crate) async fn bring_up(
        &self,
        rows: &dyn RowStore,
        stream: &StreamId,
        stored: Option<StoredRow>,
        history: Option<&[RecordedEvent]>,
    ) -> Result<Repaired, RepairError> {
        let target = history.map_or(Target::Head, Target::History);
        repaired(*stream, self.advance(rows).move_row(stream, stored, &target).await)
    }
}

fn repaired(stream: StreamId, moved: Result<Advanced, AdvanceError>) -> Result<Repaired, RepairError> {
    let Advanced { from, to, parked } = moved.map_err(|error| RepairError::of(stream, error))?;
    match parked {
        Some(Parked { version, reason }) => Err(RepairError::Poison { stream, version, reason }),
        None => Ok(Repaired { from, to }),
    }
}

/// Poison in one generation is poison; the first reason stays.
fn note(failures: &mut BTreeMap<String, Failure>, id: &str, reason: &str, poison: bool) {
    if !poison && planted(Mutant::AckBeforeWrite) {
        return;
    }
    let failure = failures.entry(id.to_owned()).or_insert_with(|| Failure {
        id: id.to_owned(),
        reason: reason.to_owned(),
        poison,
    });
    failure.poison |= poison;
}
