//! Rebuilding a read model: a new generation is filled from the log while live events go on, verified, and switched to
//! in one write. The generation before is kept, so that there is a way back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use futures::future::try_join_all;
use muster_domain::mutant::{Mutant, planted};
use muster_domain::ports::ReadError;
use muster_domain::{EventReader, StreamId};
use serde::Serialize;
use serde_json::Value;

use crate::advance::Fold;
use crate::attribute;
use crate::error::StoreError;
use crate::generations::{ChangeError, GenerationState, Generations};
use crate::projection::Projection;
use crate::projector::{OneTable, Projector, RepairError};
use crate::reconcile::{OnProgress, Progress, StreamScan};
use crate::rows::{Parked, RowStore, StoredRow};

/// Makes physical tables.
#[async_trait]
pub trait TableMaker: Send + Sync {
    /// Makes the table of this generation, with its indexes, and waits until it can be used. A table that is there
    /// already is fine: a rebuild that was interrupted goes on.
    async fn create(&self, projection: &str, generation: u64) -> Result<(), Box<dyn std::error::Error + Send + Sync>>;
}

/// How to rebuild.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RebuildOptions {
    /// In how many parts the log is scanned side by side.
    pub segments: u32,
    /// Into which generation: an older one to go back to it, or none for a new one (or the one that an interrupted
    /// rebuild was filling).
    pub generation: Option<u64>,
    /// How many aggregates there may be, for the progress; nothing depends on it.
    pub estimate: Option<u64>,
}

impl Default for RebuildOptions {
    fn default() -> Self {
        Self { segments: 4, generation: None, estimate: None }
    }
}

/// What a rebuild did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RebuildReport {
    /// The generation that was read before.
    pub before: u64,
    /// The generation that is read now.
    pub active: u64,
    /// How many aggregates were filled in and verified.
    pub aggregates: u64,
    /// The aggregates that stopped before an event that cannot be taken in.
    pub parked: Vec<StreamId>,
}

/// A rebuild that did not switch. The generation goes on being built: rebuilding again goes on with it, and
/// [`abandon`] gives it up.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// The new table was not made.
    #[error("the table of generation {generation} could not be made")]
    Table {
        /// The generation.
        generation: u64,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An older generation is asked for that never was.
    #[error("there is no generation {generation} to go back to: the last one is {last}")]
    NoSuchGeneration {
        /// The generation that was asked for.
        generation: u64,
        /// The highest number ever used.
        last: u64,
    },
    /// The generation that is asked for is the one that is read.
    #[error("generation {generation} is the active one")]
    AlreadyActive {
        /// The generation.
        generation: u64,
    },
    /// Another generation is being built.
    #[error("generation {building} is being built; go on with it or abandon it first")]
    OtherBuild {
        /// The generation that is being built.
        building: u64,
    },
    /// What was filled in is not what the log says.
    #[error("{} aggregates differ from the log; {}", .0.len(), first(.0))]
    Different(Vec<Mismatch>),
    /// The generations could not be changed.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// A table failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The event store failed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// An aggregate could not be filled in.
    #[error(transparent)]
    Repair(#[from] RepairError),
}

/// A row that is not what its history says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// The aggregate.
    pub stream: StreamId,
    /// In what they differ.
    pub reason: String,
}

fn first(mismatches: &[Mismatch]) -> String {
    mismatches.first().map_or_else(String::new, |first| format!("the first is {}: {}", first.stream, first.reason))
}

/// Fills a generation and switches to it. It can be interrupted at any time and run again.
pub async fn rebuild<P: Projection + Clone>(
    projection: P,
    reader: Arc<dyn EventReader>,
    generations: &Generations,
    tables: &dyn TableMaker,
    options: RebuildOptions,
    progress: OnProgress<'_>,
) -> Result<RebuildReport, RebuildError> {
    let seen = generations.read(P::NAME).await?;
    let generation = target(seen, options.generation)?;
    let created = tables.create(P::NAME, generation).await;
    created.map_err(|source| RebuildError::Table { generation, source })?;
    // From here on projectors write to the new table too; what they wrote before is in the log, and the scan begins
    // after this.
    let announced = seen.building == Some(generation);
    let late = planted(Mutant::RebuildLosesTraffic);
    let mut building = seen;
    if !announced && !late {
        building = generations.announce(P::NAME, generation, seen).await?;
    }
    let rows: Arc<dyn RowStore> = Arc::new(generations.rows(P::NAME, generation));
    let filler = Projector::new(projection, reader, Arc::new(OneTable(Arc::clone(&rows))));
    let work = Work { filler: &filler, rows: &*rows, segments: options.segments.max(1), progress };
    let (total, parked) = work.fill(options.estimate).await?;
    let (aggregates, mismatches) = work.verify(total).await?;
    if !mismatches.is_empty() {
        return Err(RebuildError::Different(mismatches));
    }
    if !announced && late {
        building = generations.announce(P::NAME, generation, seen).await?;
    }
    let now = generations.switch(P::NAME, building).await?;
    Ok(RebuildReport { before: seen.active, active: now.active, aggregates, parked })
}

/// Gives up the generation that is being built. Returns its number, so that its table can be deleted.
pub async fn abandon(generations: &Generations, projection: &str) -> Result<u64, ChangeError> {
    let seen = generations.read(projection).await?;
    generations.abandon(projection, seen).await?;
    seen.building.ok_or_else(|| ChangeError::NotBuilding { projection: projection.to_owned() })
}

fn target(seen: GenerationState, wanted: Option<u64>) -> Result<u64, RebuildError> {
    let GenerationState { active, building, last } = seen;
    match (wanted, building) {
        (Some(generation), _) if generation == active => Err(RebuildError::AlreadyActive { generation }),
        (Some(generation), _) if generation == 0 || generation > last => {
            Err(RebuildError::NoSuchGeneration { generation, last })
        }
        (Some(generation), Some(building)) if generation != building => Err(RebuildError::OtherBuild { building }),
        (Some(generation), _) | (None, Some(generation)) => Ok(generation),
        (None, None) => Ok(last + 1),
    }
}

/// Filling and verifying one table.
struct Work<'a, P> {
    filler: &'a Projector<P>,
    rows: &'a dyn RowStore,
    segments: u32,
    progress: OnProgress<'a>,
}

impl<P: Projection> Work<'_, P> {
    fn scan(&self, segment: u32) -> StreamScan<'_> {
        StreamScan::new(&**self.filler.reader(), segment, self.segments)
    }

    fn wants(&self, stream: &StreamId) -> bool {
        self.filler.projection().wants(stream.aggregate)
    }

    /// Brings every aggregate's row up to its history. How many there are, and which are parked.
    async fn fill(&self, estimate: Option<u64>) -> Result<(u64, Vec<StreamId>), RebuildError> {
        let done = AtomicU64::new(0);
        let parts = (0..self.segments).map(|segment| self.fill_segment(segment, estimate, &done));
        let mut parked: Vec<_> = try_join_all(parts).await?.into_iter().flatten().collect();
        parked.sort_unstable();
        Ok((done.into_inner(), parked))
    }

    async fn fill_segment(
        &self,
        segment: u32,
        total: Option<u64>,
        done: &AtomicU64,
    ) -> Result<Vec<StreamId>, RebuildError> {
        let mut scan = self.scan(segment);
        let mut parked = Vec::new();
        while let Some(heads) = scan.next(|stream| self.wants(stream)).await? {
            for stream in heads.into_keys() {
                match self.filler.repair_in(self.rows, &stream).await {
                    Ok(_) => {}
                    Err(RepairError::Poison { .. }) => parked.push(stream),
                    Err(error) => return Err(error.into()),
                }
                let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                (self.progress)(Progress { phase: "fill", done, total });
            }
        }
        Ok(parked)
    }

    /// Folds every history anew and compares it with its row and its entries.
    async fn verify(&self, total: u64) -> Result<(u64, Vec<Mismatch>), RebuildError> {
        let done = AtomicU64::new(0);
        let parts = (0..self.segments).map(|segment| self.verify_segment(segment, total, &done));
        let mismatches = try_join_all(parts).await?.into_iter().flatten().collect();
        Ok((done.into_inner(), mismatches))
    }

    async fn verify_segment(&self, segment: u32, total: u64, done: &AtomicU64) -> Result<Vec<Mismatch>, RebuildError> {
        let mut scan = self.scan(segment);
        let mut mismatches = Vec::new();
        while let Some(heads) = scan.next(|stream| self.wants(stream)).await? {
            for (stream, head) in heads {
                if let Some(reason) = self.difference(&stream, head).await? {
                    mismatches.push(Mismatch { stream, reason });
                }
                let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                (self.progress)(Progress { phase: "verify", done, total: Some(total.max(done)) });
            }
        }
        Ok(mismatches)
    }

    async fn load(&self, stream: &StreamId) -> Result<Option<StoredRow>, StoreError> {
        Ok(self.rows.load(&[*stream]).await?.pop().flatten())
    }

    /// In what an aggregate's row differs from its history, which goes at least up to `head`.
    async fn difference(&self, stream: &StreamId, head: u64) -> Result<Option<String>, RebuildError> {
        // An event that was appended since the aggregate was filled in may still be on its way.
        match self.filler.repair_in(self.rows, stream).await {
            Ok(_) | Err(RepairError::Poison { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let Some(row) = self.load(stream).await? else { return Ok(Some("there is no row".to_owned())) };
        let stored_entries = self.rows.entries(stream).await?;
        let events = match self.filler.reader().events(stream, 0, None).await {
            Ok(events) => events,
            // Parked like an event that cannot be taken in: there is no whole history to compare it with.
            Err(ReadError::Damaged { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let fold = Fold::from(0, None).through(self.filler.projection(), &events);
        let reached = match &fold.parked {
            Some(Parked { version, .. }) => version.saturating_sub(1),
            None => head,
        };
        if row.as_of < reached {
            return Ok(Some(format!("the row is at version {} and the history at {reached}", row.as_of)));
        }
        // The history may have gone on since the row was loaded: compare at the row's version.
        let until = events.iter().take_while(|event| event.version <= row.as_of);
        let fold = Fold::from(0, None).through(self.filler.projection(), until);
        if fold.as_of != row.as_of {
            return Ok(Some(format!("the row is at version {} and the history at {}", row.as_of, fold.as_of)));
        }
        let expected = fold.row.as_ref().map(attribute::as_stored).transpose();
        if expected.as_ref() != Ok(&row.row) {
            return Ok(Some(format!("the row at version {} is not what the history says", row.as_of)));
        }
        let expected: Result<Vec<(String, Value)>, String> =
            fold.entries.iter().map(|entry| Ok((entry.sort_key.clone(), attribute::as_stored(&entry.body)?))).collect();
        // A projector may be just about to move the row: then there are entries beyond it.
        let known = &stored_entries[..stored_entries.len().min(fold.entries.len())];
        if expected.as_deref() != Ok(known) {
            return Ok(Some(format!("the entries up to version {} are not what the history says", row.as_of)));
        }
        Ok(None)
    }
}
