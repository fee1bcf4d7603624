//! Comparing the heads of all histories with the rows, and bringing up what is behind. This finds the one loss that no
//! later gap shows: the last event of an aggregate.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::try_join_all;
use futures::{StreamExt as _, TryStreamExt as _};
use muster_domain::ports::ReadError;
use muster_domain::{EventReader, StreamId};
use serde::Serialize;

use crate::error::StoreError;
use crate::projection::Projection;
use crate::projector::{Projector, RepairError};
use crate::rows::{RowHead, RowStore, load_each};
use crate::stream_scan::{IN_FLIGHT, StreamScan};

/// How to reconcile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReconcileOptions {
    /// In how many parts the stores are scanned side by side. The embedded store reads them in one part best.
    pub segments: u32,
    /// Only say what is wrong.
    pub dry_run: bool,
}

impl Default for ReconcileOptions {
    fn default() -> Self {
        Self { segments: 1, dry_run: false }
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
    while let Some(page) = scan.next(|stream| projector.projection().wants(stream.aggregate)).await? {
        let streams: Vec<_> = page.keys().copied().collect();
        let loaded = load_each(rows, &streams).await?;
        let mut repairs = Vec::new();
        for ((stream, scanned), row) in page.into_iter().zip(loaded) {
            let head = scanned.head();
            let row = match row {
                Ok(row) => row,
                Err(error) => {
                    findings.push(unreadable(stream, head, &error));
                    continue;
                }
            };
            let as_of = row.as_ref().map_or(0, |row| row.as_of);
            // Parked before its end or not: a row that is behind is behind.
            let difference = if row.is_none() { Difference::Missing } else { Difference::Lagging };
            if as_of < head {
                repairs.push(async move {
                    let outcome = if options.dry_run {
                        Outcome::Listed
                    } else {
                        outcome(projector.bring_up(rows, &stream, row, scanned.history()).await.map(|_| ()))
                    };
                    Finding { stream, difference, as_of, head, outcome }
                });
            }
        }
        let repairs = futures::stream::iter(repairs).buffer_unordered(IN_FLIGHT);
        findings.extend(repairs.collect::<Vec<_>>().await);
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
        let reader = projector.reader();
        let heads = page.rows.into_iter().map(|RowHead { stream, as_of, .. }| async move {
            let head = readable_head(&**reader, &stream).await?;
            let ahead = head.filter(|head| as_of > *head);
            Ok::<_, ReadError>(ahead.map(|head| Finding {
                stream,
                difference: Difference::Ahead,
                as_of,
                head,
                outcome: Outcome::Listed,
            }))
        });
        let mut heads = pin!(futures::stream::iter(heads).buffer_unordered(IN_FLIGHT));
        while let Some(ahead) = heads.try_next().await? {
            findings.extend(ahead);
        }
        for (stream, error) in page.damaged {
            let head = readable_head(&**reader, &stream).await?;
            findings.push(unreadable(stream, head.unwrap_or(0), &error));
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok(findings);
        }
    }
}
