//! A log in memory that fails when it is told to, counts what is read, and can show what is stored otherwise.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use muster_domain::Commit;
use muster_domain::aggregate::Reservation;
use muster_domain::ports::{CommitPage, ReadError, ScanCursor};
use tokio::sync::Barrier;
use uuid::Uuid;

use super::{comment, handler, send};
use crate::{AppendError, CarriedState, CommitLog, ExpectedVersion, MemoryLog, Page, PageQuery, StoredCommit};

/// What goes wrong with one append.
pub(super) enum Fault {
    /// Nothing is written.
    Refuse(AppendError),
    /// It is written, and the answer is lost.
    LoseAnswer,
    /// The request is lost, and it looks the same from outside.
    LoseRequest,
    /// Command `n`, a comment, is carried out first.
    Rival(u32),
}

/// Shows a stored commit as it is, otherwise, or not at all.
pub(super) type View = fn(StoredCommit) -> Option<StoredCommit>;

#[derive(Clone)]
pub(super) struct TestLog {
    pub(super) inner: MemoryLog,
    faults: Arc<Mutex<VecDeque<Fault>>>,
    commits_read: Arc<AtomicUsize>,
    pages: Arc<AtomicUsize>,
    appends: Arc<AtomicUsize>,
    view: View,
    /// The first reads wait here for each other.
    start: Option<Arc<Barrier>>,
    reads: Arc<AtomicUsize>,
}

impl Default for TestLog {
    fn default() -> Self {
        Self {
            inner: MemoryLog::new(),
            faults: Arc::default(),
            commits_read: Arc::default(),
            pages: Arc::default(),
            appends: Arc::default(),
            view: Some,
            start: None,
            reads: Arc::default(),
        }
    }
}

impl TestLog {
    /// These faults meet the next appends, one each.
    pub(super) fn fail_with(&self, faults: impl IntoIterator<Item = Fault>) {
        self.faults.lock().unwrap().extend(faults);
    }

    /// The same log, seen through `view`.
    pub(super) fn seen(&self, view: View) -> Self {
        Self { view, ..self.clone() }
    }

    /// The same log, whose first two reads wait for each other.
    pub(super) fn two_at_once(&self) -> Self {
        Self { start: Some(Arc::new(Barrier::new(2))), reads: Arc::default(), ..self.clone() }
    }

    /// How many commits were read since the last call.
    pub(super) fn commits_read(&self) -> usize {
        self.commits_read.swap(0, Ordering::Relaxed)
    }

    /// How many pages were read since the last call.
    pub(super) fn pages(&self) -> usize {
        self.pages.swap(0, Ordering::Relaxed)
    }

    /// How many appends were tried since the last call.
    pub(super) fn appends(&self) -> usize {
        self.appends.swap(0, Ordering::Relaxed)
    }
}

#[async_trait]
impl CommitLog for TestLog {
    async fn append(
        &self,
        commit: &Commit,
        carried: Option<&CarriedState>,
        reservations: &[Reservation],
    ) -> Result<(), AppendError> {
        self.appends.fetch_add(1, Ordering::Relaxed);
        let fault = self.faults.lock().unwrap().pop_front();
        match fault {
            Some(Fault::Refuse(error)) => return Err(error),
            Some(Fault::LoseRequest) => return Err(AppendError::Unknown("no answer".into())),
            Some(Fault::LoseAnswer) => {
                self.inner.append(commit, carried, reservations).await?;
                return Err(AppendError::Unknown("no answer".into()));
            }
            Some(Fault::Rival(n)) => {
                let rival = handler(self.inner.clone());
                send(&rival, n, comment(&format!("rival {n}")), ExpectedVersion::Any).await.unwrap();
            }
            None => {}
        }
        self.inner.append(commit, carried, reservations).await
    }

    async fn begin_roster(&self, key: &str, members: &BTreeSet<Uuid>) -> Result<(), AppendError> {
        self.inner.begin_roster(key, members).await
    }

    async fn holders(&self) -> Result<BTreeSet<Uuid>, ReadError> {
        self.inner.holders().await
    }

    async fn page(&self, query: &PageQuery) -> Result<Page, ReadError> {
        let page = self.inner.page(query).await?;
        if let Some(start) = &self.start
            && self.reads.fetch_add(1, Ordering::Relaxed) < 2
        {
            start.wait().await;
        }
        self.pages.fetch_add(1, Ordering::Relaxed);
        self.commits_read.fetch_add(page.commits.len(), Ordering::Relaxed);
        Ok(Page { commits: page.commits.into_iter().filter_map(self.view).collect(), next: page.next })
    }

    async fn scan_page(
        &self,
        segment: u32,
        segments: u32,
        cursor: Option<&ScanCursor>,
    ) -> Result<CommitPage, ReadError> {
        self.inner.scan_page(segment, segments, cursor).await
    }
}
