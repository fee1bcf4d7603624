//! A thread that runs blocking SQLite work for asynchronous callers.
//!
//! The engine serialises all writes behind one lock, and a commit waits for the disk. Run on the runtime's own
//! threads, a few concurrent writes would hold all of them: nothing else in the process would move meanwhile, and a
//! `current_thread` runtime would stand still. `block_in_place` does not exist there, and the blocking pool would grow
//! a thread for every waiter of one lock. So there is exactly one thread for what writes and one for what reads, with
//! requests in the order of their arrival ([`crate::jobs`] says which go first), on any kind of runtime.
//!
//! It also settles what cancelling means: a job that has started runs to its end whoever still waits for it; one
//! whose caller has gone before its turn is not started. Either way nothing is half done.
//!
//! **Group commit.** The urgent jobs that wait behind a write are run one after the other, each with its own transaction,
//! and then share one sync of the log. Until that has succeeded none of them is answered, not even one that only read,
//! for it may have read what is not on the disk yet. Jobs that find nothing unsynced and ask for no sync are answered at
//! once.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::durability::{DiskFailure, Durability, SyncLog};
use crate::jobs::{Jobs, Lane};
use crate::tables::Tables;

/// What a job may do to the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    /// Writes what can be made again from what was synced, and asks for no sync of its own: see
    /// [`crate::Engine::derived_client`].
    Derived,
    /// Writes to these tables.
    Write(Tables),
}

/// Gives the job's caller the answer, or the reason why there is none.
type Reply = Box<dyn FnOnce(Result<(), DiskFailure>) + Send>;

struct Job {
    access: Access,
    /// Runs the work, or with an error gives it to the caller instead. `None` when the caller has gone: nothing was run.
    run: Box<dyn FnOnce(Result<(), DiskFailure>) -> Option<Reply> + Send>,
}

/// In bytes. Expressions and documents are read by recursion; a stack that ends would end the process.
const STACK: usize = 16 * 1024 * 1024;

/// How many jobs at most share a sync: the first of them waits until all are run.
const BATCH: usize = 64;

/// How long a batch that is smaller than the last one waits for those who were in it, as a part of the time that the
/// last sync took: they were answered together and ask again together.
const STRAGGLERS: u32 = 8;

/// The job did not give a result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    /// It panicked, or the thread has ended.
    #[error("the embedded engine's thread gave no answer")]
    Gone,
    /// What was written before it, or by it, may not be on the disk.
    #[error(transparent)]
    Disk(#[from] DiskFailure),
}

/// What is done when jobs have written.
pub(crate) struct Commits {
    /// `None` for a store that is in memory only.
    pub(crate) sync: Option<SyncLog>,
    pub(crate) durability: Arc<Durability>,
    /// Called when what was written is on the disk, before the writers are answered, and when it never will be: whoever
    /// waits for writes looks again then, and is told.
    pub(crate) announce: Box<dyn Fn() + Send>,
}

impl Commits {
    fn end(&self, outcome: Result<(), DiskFailure>) {
        self.durability.end(outcome);
        (self.announce)();
    }
}

/// The thread. Dropping it finishes the jobs that wait and joins.
pub(crate) struct Worker {
    jobs: Arc<Jobs<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// A thread whose jobs may write.
    pub(crate) fn start(name: &str, commits: Commits) -> std::io::Result<Self> {
        let mut committer = Committer { commits, failed: None, last_size: 0, last_sync: Duration::ZERO };
        Self::spawn(name, move |jobs| committer.serve(jobs))
    }

    /// A thread whose jobs only read, and wait for no sync.
    pub(crate) fn start_reader(name: &str) -> std::io::Result<Self> {
        Self::spawn(name, |jobs| {
            while let Some(job) = jobs.next() {
                if let Some(reply) = run(job, Ok(())) {
                    reply(Ok(()));
                }
            }
        })
    }

    fn spawn(name: &str, serve: impl FnOnce(&Jobs<Job>) + Send + 'static) -> std::io::Result<Self> {
        let jobs = Arc::<Jobs<Job>>::default();
        let served = Serving(Arc::clone(&jobs));
        let thread = std::thread::Builder::new().name(name.to_owned()).stack_size(STACK);
        let thread = thread.spawn(move || serve(&served.0))?;
        Ok(Self { jobs, thread: Some(thread) })
    }

    /// Runs `work` on the thread. It is queued by this call, not by the first poll, so that calls made one after
    /// the other run in that order.
    pub(crate) fn run<T, F>(
        &self,
        access: Access,
        work: F,
    ) -> impl Future<Output = Result<T, NoAnswer>> + Send + use<T, F>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let run = move |may_run: Result<(), DiskFailure>| -> Option<Reply> {
            if caller.is_closed() {
                return None;
            }
            let result = may_run.map(|()| work());
            // When nobody listens any more, the work is done all the same.
            Some(Box::new(move |synced: Result<(), DiskFailure>| drop(caller.send(synced.and(result)))))
        };
        let lane = if access == Access::Derived { Lane::Background } else { Lane::Urgent };
        let queued = self.jobs.push(lane, Job { access, run: Box::new(run) }).is_ok();
        async move { if queued { Ok(answer.await.map_err(|_| NoAnswer::Gone)??) } else { Err(NoAnswer::Gone) } }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.jobs.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// While the thread serves. When it ends, in whichever way, nobody waits for it any longer.
struct Serving(Arc<Jobs<Job>>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// The thread that writes.
struct Committer {
    commits: Commits,
    /// Why no more is run.
    failed: Option<DiskFailure>,
    /// How many were answered after the last sync.
    last_size: usize,
    last_sync: Duration,
}

/// Nothing more will be synced once the thread has ended before its time.
impl Drop for Committer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.commits.end(Err(DiskFailure(Arc::new(io::Error::other("the thread that writes has ended")))));
        }
    }
}

impl Committer {
    fn serve(&mut self, jobs: &Jobs<Job>) {
        while let Some(job) = jobs.next() {
            match &job.access {
                Access::Write(_) if self.failed.is_none() => self.batch(job, jobs),
                access @ (Access::Read | Access::Derived | Access::Write(_)) => {
                    if *access == Access::Read {
                        jobs.owe(1);
                    }
                    let may_run = self.failed.clone().map_or(Ok(()), Err);
                    if let Some(reply) = run(job, may_run) {
                        reply(Ok(()));
                    }
                }
            }
        }
    }

    /// Runs a write and what waits behind it, syncs once, and answers.
    fn batch(&mut self, first: Job, jobs: &Jobs<Job>) {
        let mut replies = Vec::new();
        let mut add = |job: Job| {
            if let Access::Write(tables) = &job.access {
                self.commits.durability.begin(tables);
            }
            replies.extend(run(job, Ok(())));
            replies.len()
        };
        let mut size = add(first);
        let mut outcome = Ok(());
        if let Some(sync) = &mut self.commits.sync {
            let mut patience = self.last_sync / STRAGGLERS;
            while size < BATCH {
                let waited = Instant::now();
                let within = if size < self.last_size { patience } else { Duration::ZERO };
                let Some(job) = jobs.next_urgent(within) else { break };
                patience = patience.saturating_sub(waited.elapsed());
                size = add(job);
            }
            let began = Instant::now();
            outcome = sync().map_err(|error| {
                tracing::error!(%error, "the embedded engine stops: the disk did not take what was written");
                DiskFailure(Arc::new(error))
            });
            self.last_sync = began.elapsed();
            self.last_size = size;
        }
        self.failed = outcome.clone().err();
        self.commits.end(outcome.clone());
        jobs.owe(size);
        for reply in replies {
            reply(outcome.clone());
        }
    }
}

fn run(job: Job, may_run: Result<(), DiskFailure>) -> Option<Reply> {
    guarded(|| (job.run)(may_run)).unwrap_or(None)
}

/// The caller of work that panics gets no answer; the others must still be served.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, NoAnswer> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| {
        tracing::error!("a request panicked in the embedded engine");
        NoAnswer::Gone
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;

    /// A job that says when it has begun and ends when it is told to.
    fn gated(ran: &Arc<AtomicBool>) -> (impl FnOnce() + Send + use<>, mpsc::Receiver<()>, mpsc::Sender<()>) {
        let (say_begun, begun) = mpsc::channel();
        let (open, gate) = mpsc::channel();
        let ran = Arc::clone(ran);
        let job = move || {
            say_begun.send(()).unwrap();
            gate.recv().unwrap();
            ran.store(true, Ordering::SeqCst);
        };
        (job, begun, open)
    }

    #[tokio::test]
    async fn a_job_that_has_begun_runs_to_its_end_when_its_caller_goes() {
        let worker = Worker::start_reader("test").unwrap();
        let ran = Arc::new(AtomicBool::new(false));
        let (job, begun, open) = gated(&ran);
        let answer = worker.run(Access::Read, job);
        begun.recv().unwrap();

        drop(answer);
        open.send(()).unwrap();

        worker.run(Access::Read, || ()).await.unwrap();
        assert!(ran.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn a_job_whose_caller_goes_before_its_turn_is_never_started() {
        let worker = Worker::start_reader("test").unwrap();
        let ran = Arc::new(AtomicBool::new(false));
        let (first, begun, open) = gated(&Arc::default());
        let first = worker.run(Access::Read, first);
        begun.recv().unwrap();
        let flag = Arc::clone(&ran);
        let second = worker.run(Access::Read, move || flag.store(true, Ordering::SeqCst));

        drop(second);
        open.send(()).unwrap();

        first.await.unwrap();
        worker.run(Access::Read, || ()).await.unwrap();
        assert!(!ran.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn a_job_that_panics_fails_alone() {
        let worker = Worker::start_reader("test").unwrap();

        let failed = worker.run(Access::Read, || panic!("on purpose")).await;

        assert!(failed.is_err());
        assert_eq!(worker.run(Access::Read, || 7).await.unwrap(), 7);
    }
}
