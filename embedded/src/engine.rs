//! The engine: a database, its thread, and the clients over it.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use dynoxide::Database;
use tokio::sync::watch;

use crate::connector::{InProcess, client_over};
use crate::dispatch::{Answer, dispatch};
use crate::error::EngineError;
use crate::worker::Worker;

/// A DynamoDB engine in this process. Clones and clients share it; it closes when the last of them is dropped.
#[derive(Debug, Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

impl Engine {
    /// An engine whose data is gone when it is dropped.
    pub fn memory() -> Result<Self, EngineError> {
        let db = Database::memory().map_err(EngineError::open)?;
        let worker = Worker::start("dynamodb").map_err(EngineError::Thread)?;
        Ok(Self {
            inner: Arc::new(Inner {
                worker,
                db,
                writes: watch::Sender::new(0),
            }),
        })
    }

    /// An ordinary SDK client, whose requests are answered by this engine.
    pub fn client(&self) -> Client {
        client_over(InProcess(Arc::clone(&self.inner)))
    }
}

/// What an engine and its clients share. Fields are dropped from the top: the thread ends before its database closes.
pub(crate) struct Inner {
    worker: Worker,
    db: Database,
    writes: watch::Sender<u64>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Inner {
    /// Runs one request. Queued at once; dropping the future before its turn means that it is never run.
    pub(crate) fn execute(&self, target: String, body: Vec<u8>) -> impl Future<Output = Answer> + Send + use<> {
        let db = self.db.clone();
        let writes = self.writes.clone();
        let answer = self.worker.run(move || {
            let answer = dispatch(&db, &target, &body);
            if answer.wrote {
                writes.send_modify(|count| *count = count.wrapping_add(1));
            }
            answer
        });
        async move { answer.await.unwrap_or_else(|error| Answer::internal_error(&error.to_string())) }
    }
}
