//! Rebuilding a read model: a new generation is filled from the log while live events go on, verified, and switched to
//! in one write. The generation before is kept, so that there is a way back.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;

use async_trait::async_trait;
use futures::channel::mpsc;
use futures::stream;
use futures::{SinkExt as _, StreamExt as _, TryStreamExt as _};
use muster_domain::mutant::{Mutant, planted};
use muster_domain::ports::ReadError;
use muster_domain::{EventReader, RecordedEvent, StreamId};
use serde::Serialize;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::advance::Fold;
use crate::attribute;
use crate::error::StoreError;
use crate::generations::{ChangeError, GenerationState, Generations};
use crate::projection::Projection;
use crate::projector::{OneTable, Projector, RepairError};
use crate::reconcile::{OnProgress, Progress};
use crate::rows::{Parked, RowStore, StoredRow};
use crate::stream_scan::{IN_FLIGHT, Scanned, StreamScan};

/// For how many pages of scans rows are loaded at a time.
const PAGES_AHEAD: usize = 2;

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
    /// In how many parts the log is scanned side by side. Rows are written side by side in any case; the embedded store
    /// reads a log in one part best.
    pub segments: u32,
    /// Into which generation: an older one to go back to it, or none for a new one (or the one that an interrupted
    /// rebuild was filling).
    pub generation: Option<u64>,
    /// How many aggregates there may be, for the progress; nothing depends on it.
    pub estimate: Option<u64>,
}

impl Default for RebuildOptions {
    fn default() -> Self {
        Self { segments: 1, generation: None, estimate: None }
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
    let filler = Arc::new(Projector::new(projection, reader, Arc::new(OneTable(Arc::clone(&rows)))));
    let work = Work { filler, rows, segments: options.segments.max(1), progress };
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

/// An aggregate to be filled in or compared.
struct Aggregate {
    stream: StreamId,
    scanned: Scanned,
    /// Loaded after the scan.
    row: Option<StoredRow>,
}

type Loaded = Result<Aggregate, RebuildError>;

/// Filling and verifying one table.
struct Work<'a, P> {
    filler: Arc<Projector<P>>,
    rows: Arc<dyn RowStore>,
    segments: u32,
    progress: OnProgress<'a>,
}

impl<P: Projection> Work<'_, P> {
    async fn with_rows(&self, page: BTreeMap<StreamId, Scanned>) -> Result<Vec<Loaded>, RebuildError> {
        let streams: Vec<_> = page.keys().copied().collect();
        let rows = self.rows.load(&streams).await?;
        Ok(page.into_iter().zip(rows).map(|((stream, scanned), row)| Ok(Aggregate { stream, scanned, row })).collect())
    }

    /// Does this with every aggregate, with many at a time, and tells of each. Further pages are read meanwhile, on
    /// other threads where there are any.
    async fn each<T, W>(
        &self,
        work: impl Fn(Aggregate) -> W + Send,
        mut tell: impl FnMut(T) + Send,
    ) -> Result<(), RebuildError>
    where
        W: Future<Output = Result<T, RebuildError>> + Send,
    {
        let (ahead, pages) = mpsc::channel(0);
        // Dropped with this future: then they end too.
        let mut scans = JoinSet::new();
        for segment in 0..self.segments {
            scans.spawn(scan_ahead(Arc::clone(&self.filler), segment, self.segments, ahead.clone()));
        }
        drop(ahead);
        let pages = pages.map(|page| self.with_rows(page)).buffered(PAGES_AHEAD).map_ok(stream::iter);
        let mut done = pin!(pages.try_flatten().map_ok(work).try_buffer_unordered(IN_FLIGHT));
        while let Some(one) = done.try_next().await? {
            tell(one);
        }
        // The pages may have ended because one of them could not be read.
        while let Some(scan) = scans.join_next().await {
            scan.map_err(|error| ReadError::Store(Box::new(error)))??;
        }
        Ok(())
    }

    /// Brings every aggregate's row up to its history. How many there are, and which are parked.
    async fn fill(&self, total: Option<u64>) -> Result<(u64, Vec<StreamId>), RebuildError> {
        let (mut done, mut parked) = (0, Vec::new());
        let bring_up = |Aggregate { stream, scanned, row }| async move {
            match self.filler.bring_up(&*self.rows, &stream, row, scanned.history()).await {
                Ok(_) => Ok(None),
                Err(RepairError::Poison { .. }) => Ok(Some(stream)),
                Err(error) => Err(error.into()),
            }
        };
        let tell = |stopped| {
            parked.extend(stopped);
            done += 1;
            (self.progress)(Progress { phase: "fill", done, total });
        };
        self.each(bring_up, tell).await?;
        parked.sort_unstable();
        Ok((done, parked))
    }

    /// Folds every history anew and compares it with its row and its entries.
    async fn verify(&self, total: u64) -> Result<(u64, Vec<Mismatch>), RebuildError> {
        let (mut done, mut mismatches) = (0, Vec::new());
        let compare = |Aggregate { stream, scanned, row }| async move {
            let reason = self.difference(&stream, &scanned, row).await?;
            Ok(reason.map(|reason| Mismatch { stream, reason }))
        };
        let tell = |mismatch| {
            mismatches.extend(mismatch);
            done += 1;
            (self.progress)(Progress { phase: "verify", done, total: Some(total.max(done)) });
        };
        self.each(compare, tell).await?;
        mismatches.sort_by_key(|mismatch: &Mismatch| mismatch.stream);
        Ok((done, mismatches))
    }

    /// In what an aggregate's row, as it was loaded after the scan, differs from its history.
    async fn difference(
        &self,
        stream: &StreamId,
        scanned: &Scanned,
        row: Option<StoredRow>,
    ) -> Result<Option<String>, RebuildError> {
        match (row, scanned.history()) {
            // Nothing has happened since the scan, so that nothing else needs to be asked for.
            (Some(row), Some(history))
                if row.as_of == scanned.head() && row.projection_version == P::VERSION && row.parked.is_none() =>
            {
                self.compare(stream, &row, history).await
            }
            (Some(_) | None, _) => self.difference_now(stream, scanned.head()).await,
        }
    }

    async fn load(&self, stream: &StreamId) -> Result<Option<StoredRow>, StoreError> {
        Ok(self.rows.load(&[*stream]).await?.pop().flatten())
    }

    /// In what an aggregate's row differs from its history, which goes at least up to `head`, as both are now.
    async fn difference_now(&self, stream: &StreamId, head: u64) -> Result<Option<String>, RebuildError> {
        // An event that was appended since the aggregate was filled in may still be on its way.
        match self.filler.repair_in(&*self.rows, stream).await {
            Ok(_) | Err(RepairError::Poison { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let Some(row) = self.load(stream).await? else { return Ok(Some("there is no row".to_owned())) };
        let events = match self.filler.reader().events(stream, 0, None).await {
            Ok(events) => events,
            // Parked like an event that cannot be taken in: there is no whole history to compare it with.
            Err(ReadError::Damaged { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let opener = self.filler.reader().keys().opener(stream).await.map_err(ReadError::from)?;
        let fold = Fold::from(0, None).through(self.filler.projection(), &events, &opener);
        let reached = match &fold.parked {
            Some(Parked { version, .. }) => version.saturating_sub(1),
            None => head,
        };
        if row.as_of < reached {
            return Ok(Some(format!("the row is at version {} and the history at {reached}", row.as_of)));
        }
        self.compare(stream, &row, &events).await
    }

    /// In what a row and its entries differ from the history up to the row's version.
    async fn compare(
        &self,
        stream: &StreamId,
        row: &StoredRow,
        events: &[RecordedEvent],
    ) -> Result<Option<String>, RebuildError> {
        // The history may have gone on since the row was loaded.
        let until = events.iter().take_while(|event| event.version <= row.as_of);
        let opener = self.filler.reader().keys().opener(stream).await.map_err(ReadError::from)?;
        let fold = Fold::from(0, None).through(self.filler.projection(), until, &opener);
        if fold.as_of != row.as_of {
            return Ok(Some(format!("the row is at version {} and the history at {}", row.as_of, fold.as_of)));
        }
        let expected = fold.row.as_ref().map(attribute::as_stored).transpose();
        if expected.as_ref() != Ok(&row.row) {
            return Ok(Some(format!("the row at version {} is not what the history says", row.as_of)));
        }
        let expected: Result<Vec<(String, Value)>, String> =
            fold.entries.iter().map(|entry| Ok((entry.sort_key.clone(), attribute::as_stored(&entry.body)?))).collect();
        if expected.as_ref().is_ok_and(Vec::is_empty) {
            return Ok(None);
        }
        let stored_entries = self.rows.entries(stream).await?;
        // A projector may be just about to move the row: then there are entries beyond it.
        let known = &stored_entries[..stored_entries.len().min(fold.entries.len())];
        if expected.as_deref() != Ok(known) {
            return Ok(Some(format!("the entries up to version {} are not what the history says", row.as_of)));
        }
        Ok(None)
    }
}

/// Scans one segment page by page, for the aggregates that are wanted.
async fn scan_ahead<P: Projection>(
    filler: Arc<Projector<P>>,
    segment: u32,
    segments: u32,
    mut ahead: mpsc::Sender<BTreeMap<StreamId, Scanned>>,
) -> Result<(), RebuildError> {
    let mut scan = StreamScan::new(&**filler.reader(), segment, segments);
    while let Some(page) = scan.next(|stream| filler.projection().wants(stream.aggregate)).await? {
        if ahead.send(page).await.is_err() {
            // The work has failed.
            break;
        }
    }
    Ok(())
}
