//! A thread that runs blocking SQLite work for asynchronous callers.
//!
//! The engine serialises all requests behind one lock, and a commit waits for the disk. Run on the runtime's own
//! threads, a few concurrent writes would hold all of them: nothing else in the process would move meanwhile, and a
//! `current_thread` runtime would stand still. `block_in_place` does not exist there, and the blocking pool would grow
//! a thread for every waiter of one lock. So there is exactly one thread per SQLite connection, with requests in the
//! order of their arrival, on any kind of runtime.
//!
//! It also settles what cancelling means: a job that has started runs to its end whoever still waits for it; one
//! whose caller has gone before its turn is not started. Either way nothing is half done.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// In bytes. Expressions and documents are read by recursion; a stack that ends would end the process.
const STACK: usize = 16 * 1024 * 1024;

/// The job did not give a result: it panicked, or the thread has ended.
#[derive(Debug, thiserror::Error)]
#[error("the embedded engine's thread gave no answer")]
pub(crate) struct NoAnswer;

/// The thread. Dropping it finishes the jobs that wait and joins.
#[derive(Debug)]
pub(crate) struct Worker {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    pub(crate) fn start(name: &str) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let thread = std::thread::Builder::new().name(name.to_owned()).stack_size(STACK).spawn(move || {
            for job in queue {
                // The caller sees a panic as `NoAnswer`; the others must still be served.
                if catch_unwind(AssertUnwindSafe(job)).is_err() {
                    tracing::error!("a request panicked in the embedded engine");
                }
            }
        })?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Runs `work` on the thread. It is queued by this call, not by the first poll, so that calls made one after
    /// the other run in that order.
    pub(crate) fn run<T, F>(&self, work: F) -> impl Future<Output = Result<T, NoAnswer>> + Send + use<T, F>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move || {
            if !reply.is_closed() {
                // Nobody listens any more: the work is done all the same.
                let _ = reply.send(work());
            }
        });
        let queued = self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        async move { if queued { answer.await.map_err(|_| NoAnswer) } else { Err(NoAnswer) } }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

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
        let worker = Worker::start("test").unwrap();
        let ran = Arc::new(AtomicBool::new(false));
        let (job, begun, open) = gated(&ran);
        let answer = worker.run(job);
        begun.recv().unwrap();

        drop(answer);
        open.send(()).unwrap();

        worker.run(|| ()).await.unwrap();
        assert!(ran.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn a_job_whose_caller_goes_before_its_turn_is_never_started() {
        let worker = Worker::start("test").unwrap();
        let ran = Arc::new(AtomicBool::new(false));
        let (first, begun, open) = gated(&Arc::default());
        let first = worker.run(first);
        begun.recv().unwrap();
        let flag = Arc::clone(&ran);
        let second = worker.run(move || flag.store(true, Ordering::SeqCst));

        drop(second);
        open.send(()).unwrap();

        first.await.unwrap();
        worker.run(|| ()).await.unwrap();
        assert!(!ran.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn a_job_that_panics_fails_alone() {
        let worker = Worker::start("test").unwrap();

        let failed = worker.run(|| panic!("on purpose")).await;

        assert!(failed.is_err());
        assert_eq!(worker.run(|| 7).await.unwrap(), 7);
    }
}
