//! Comparing the heads of all histories with the rows, and bringing up what is behind. This finds the one loss that no
//! later gap shows: the last event of an aggregate.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::try_join_all;
use muster_domain::ports::{ReadError, ScanCursor};
use muster_domain::{EventReader, StreamId};
use serde::Serialize;

use crate::error::StoreError;
use crate::projection::Projection;
use crate::projector::{Projector, RepairError};
use crate::rows::{RowStore, load_each};

/// How to reconcile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReconcileOptions {
    /// In how many parts the stores are scanned side by side.
    pub segments: u32,
    /// Only say what is wrong.
    pub dry_run: bool,
}

impl Default for ReconcileOptions {
    fn default() -> Self {
        Self { segments: 4, dry_run: false }
    }
}

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// There is a history and no row.
    Missing,
    /// The row is behind its history, or cannot be read.
    Lagging,
    /// The row is ahead of its history, or has none: the event store lost something, or is another one.
    Ahead,
}

/// What became of a row that was wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// Nothing was tried: a dry run, or a row that is ahead.
    Listed,
    /// It is at the head of its history now.
    Repaired,
    /// It could not be repaired, or not even be read.
    Failed {
        /// In words, for the operator.
        reason: String,
    },
}

/// A row that is not where its history is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The aggregate.
    pub stream: StreamId,
    /// What is wrong.
    pub difference: Difference,
    /// Where the row was.
    pub as_of: u64,
    /// Where the history was.
    pub head: u64,
    /// What became of it.
    pub outcome: Outcome,
}

/// What a reconciliation found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReconcileReport {
    /// How many histories were compared.
    pub checked: u64,
    /// The rows that were wrong, by aggregate.
    pub findings: Vec<Finding>,
}

/// How far a long piece of work has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub phase: &'static str,
    /// How many aggregates are done.
    pub done: u64,
    /// How many there are, where that is known or guessed.
    pub total: Option<u64>,
}

/// Told of progress, from one task at a time or several.
pub type OnProgress<'a> = &'a (dyn Fn(Progress) + Send + Sync);

/// A reconciliation that did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// A read model's table failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The event store failed.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Compares every history that the projection wants with its row in `rows`.
pub async fn reconcile<P: Projection>(
    projector: &Projector<P>,
    rows: &dyn RowStore,
    options: ReconcileOptions,
    progress: OnProgress<'_>,
) -> Result<ReconcileReport, ReconcileError> {
    let segments = options.segments.max(1);
    let done = AtomicU64::new(0);
    let parts = (0..segments).map(|segment| histories(projector, rows, options, segment, &done, progress));
    let mut report = ReconcileReport::default();
    for findings in try_join_all(parts).await? {
        report.findings.extend(findings);
    }
    report.checked = done.load(Ordering::Relaxed);
    let parts = (0..segments).map(|segment| orphans(projector, rows, segments, segment));
    report.findings.extend(try_join_all(parts).await?.into_iter().flatten());
    report.findings.sort_by_key(|finding| (finding.stream, finding.difference));
    report.findings.dedup_by_key(|finding| finding.stream);
    Ok(report)
}

async fn histories<P: Projection>(
    projector: &Projector<P>,
    rows: &dyn RowStore,
    options: ReconcileOptions,
    segment: u32,
    done: &AtomicU64,
    progress: OnProgress<'_>,
) -> Result<Vec<Finding>, ReconcileError> {
    let mut findings = Vec::new();
    let mut scan = StreamScan::new(&**projector.reader(), segment, options.segments.max(1));
    while let Some(heads) = scan.next(|stream| projector.projection().wants(stream.aggregate)).await? {
        let streams: Vec<_> = heads.keys().copied().collect();
        let loaded = load_each(rows, &streams).await?;
        for ((stream, head), row) in heads.iter().zip(loaded) {
            let row = match row {
                Ok(row) => row,
                Err(error) => {
                    findings.push(unreadable(*stream, *head, &error));
                    continue;
                }
            };
            let as_of = row.as_ref().map_or(0, |row| row.as_of);
            // Parked before its end or not: a row that is behind is behind.
            let difference = if row.is_none() { Difference::Missing } else { Difference::Lagging };
            if as_of < *head {
                let outcome = if options.dry_run {
                    Outcome::Listed
                } else {
                    outcome(projector.repair_in(rows, stream).await.map(|_| ()))
                };
                findings.push(Finding { stream: *stream, difference, as_of, head: *head, outcome });
            }
        }
        let count = streams.len() as u64;
        let done = done.fetch_add(count, Ordering::Relaxed) + count;
        progress(Progress { phase: "compare", done, total: None });
    }
    Ok(findings)
}

fn outcome(repaired: Result<(), RepairError>) -> Outcome {
    match repaired {
        Ok(()) => Outcome::Repaired,
        Err(error) => Outcome::Failed { reason: error.to_string() },
    }
}

fn unreadable(stream: StreamId, head: u64, error: &StoreError) -> Finding {
    let outcome = Outcome::Failed { reason: format!("damaged row: {error}") };
    Finding { stream, difference: Difference::Lagging, as_of: 0, head, outcome }
}

/// Where a history ends; `None` where that cannot be read.
async fn readable_head(reader: &dyn EventReader, stream: &StreamId) -> Result<Option<u64>, ReadError> {
    match reader.head(stream).await {
        Ok(head) => Ok(Some(head)),
        Err(ReadError::Damaged { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The rows that are ahead of their histories, histories that are not there included. Rows are looked at first and heads
/// afterwards, so that what is written meanwhile is not taken for one. Rows that cannot be read are found here too when
/// they have no history.
async fn orphans<P: Projection>(
    projector: &Projector<P>,
    rows: &dyn RowStore,
    segments: u32,
    segment: u32,
) -> Result<Vec<Finding>, ReconcileError> {
    let mut findings = Vec::new();
    let mut cursor = None;
    loop {
        let page = rows.scan(segment, segments, cursor).await?;
        for row in page.rows {
            if let Some(head) = readable_head(&**projector.reader(), &row.stream).await?
                && row.as_of > head
            {
                findings.push(Finding {
                    stream: row.stream,
                    difference: Difference::Ahead,
                    as_of: row.as_of,
                    head,
                    outcome: Outcome::Listed,
                });
            }
        }
        for (stream, error) in page.damaged {
            let head = readable_head(&**projector.reader(), &stream).await?;
            findings.push(unreadable(stream, head.unwrap_or(0), &error));
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok(findings);
        }
    }
}

/// Walks over one segment of the event store by aggregate.
pub(crate) struct StreamScan<'a> {
    reader: &'a dyn EventReader,
    segment: u32,
    segments: u32,
    cursor: Option<ScanCursor>,
    /// The last aggregate of the page before: its history may go on. A scan gives a history in one piece.
    held: Option<(StreamId, u64)>,
    ended: bool,
}

impl<'a> StreamScan<'a> {
    pub(crate) const fn new(reader: &'a dyn EventReader, segment: u32, segments: u32) -> Self {
        Self { reader, segment, segments, cursor: None, held: None, ended: false }
    }

    /// The next aggregates that are wanted, each once and with the version that its history ends at; `None` at the end.
    /// A commit that cannot be read counts as one of one event, so that its aggregate is looked at like any other.
    pub(crate) async fn next(
        &mut self,
        wants: impl Fn(&StreamId) -> bool,
    ) -> Result<Option<BTreeMap<StreamId, u64>>, ReadError> {
        if self.ended {
            return Ok(None);
        }
        let page = self.reader.scan(self.segment, self.segments, self.cursor.take()).await?;
        self.cursor = page.next;
        self.ended = self.cursor.is_none();
        let mut heads: BTreeMap<StreamId, u64> = self.held.take().into_iter().collect();
        let readable = page.commits.iter().map(|commit| (commit.stream, commit.last_version()));
        // Histories begin at 1: what stands before is in none.
        let damaged = page.damaged.into_iter().filter(|(_, version)| *version > 0);
        for (stream, version) in readable.chain(damaged).filter(|(stream, _)| wants(stream)) {
            let head = heads.entry(stream).or_default();
            *head = version.max(*head);
        }
        if let Some(last) = &self.cursor {
            self.held = heads.remove_entry(&last.stream);
        }
        Ok(Some(heads))
    }
}

#[cfg(test)]
mod tests {
    use muster_domain::task::{TaskCommented, TaskEvent};
    use muster_domain::{CommentId, TaskId};
    use uuid::Uuid;

    use super::*;
    use crate::spec::{History, MemoryLog};

    #[tokio::test]
    async fn a_history_that_goes_over_the_edge_of_a_page_comes_once_and_whole() {
        let log = MemoryLog::default();
        let mut heads = BTreeMap::new();
        for (id, events) in [(1, 30), (2, 250), (3, 1)] {
            let said =
                |number| TaskCommented { comment_id: CommentId(Uuid::from_u128(number)), text: "…".parse().unwrap() };
            let task = TaskId(Uuid::from_u128(id));
            let history =
                (0..events).fold(History::of(task), |history, number| history.then(TaskEvent::from(said(number))));
            history.into_iter().for_each(|event| log.append(&event));
            heads.insert(StreamId::from(task), u64::try_from(events).unwrap());
        }

        let mut scan = StreamScan::new(&log, 0, 1);
        let mut seen = Vec::new();
        while let Some(page) = scan.next(|_| true).await.unwrap() {
            seen.extend(page);
        }

        assert_eq!(seen, heads.into_iter().collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn an_unreadable_commit_counts_from_version_1_on() {
        let log = MemoryLog::default();
        let task = |number| TaskId(Uuid::from_u128(number));
        let said = TaskCommented { comment_id: CommentId(Uuid::from_u128(1)), text: "…".parse().unwrap() };
        for (number, version) in [(1, 0), (2, 0), (2, 1), (3, 7)] {
            let mut event = History::of(task(number)).then(TaskEvent::from(said.clone())).events()[0].clone();
            event.version = version;
            log.append(&event);
        }
        for (number, version) in [(1, 0), (2, 0), (3, 7)] {
            log.damage(&task(number).into(), version);
        }

        let heads = StreamScan::new(&log, 0, 1).next(|_| true).await.unwrap().unwrap();
        assert_eq!(heads, BTreeMap::from([(task(2).into(), 1), (task(3).into(), 7)]));
    }
}
