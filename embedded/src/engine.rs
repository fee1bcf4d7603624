//! The engine: a database, its threads, and what reads and writes it.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::Client;
use dynoxide::Database;
use tokio::sync::watch;

use crate::connector::{InProcess, client_over};
use crate::data_dir::DataDir;
use crate::dispatch::{Answer, dispatch};
use crate::error::EngineError;
use crate::integrity::check_database;
use crate::socket::{SocketHandle, serve};
use crate::stream::StreamTail;
use crate::stream_log::StreamLog;
use crate::worker::Worker;

/// A DynamoDB engine in this process.
///
/// Clones, clients, stream tails and a served socket share it; it closes when the last of them is dropped, which
/// waits for the requests that were handed in.
#[derive(Debug, Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

impl Engine {
    /// An engine whose data is gone when it is closed. It holds up to 1 GiB, SQLite's limit for named memory.
    pub fn memory() -> Result<Self, EngineError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        // A name makes the memory reachable by the second connection; the number keeps engines apart.
        let location = format!("file:/engine-{}?vfs=memdb", COUNT.fetch_add(1, Ordering::Relaxed));
        let db = Database::new(&location).map_err(EngineError::open)?;
        let stream_log = StreamLog::open(&location)?;
        Self::start(db, stream_log, None)
    }

    /// The engine over the store in `dir`, which is made when the directory is not there or empty.
    ///
    /// A write that was acknowledged survives a power cut: the file is in write-ahead-log mode with
    /// `synchronous = FULL`, so each commit is synced to the disk before its answer is given. An opening that finds
    /// anything else fails. See [`EngineError`] for the directories that are refused.
    pub fn open(dir: &Path) -> Result<Self, EngineError> {
        let mut data_dir = DataDir::claim(dir)?;
        let path = data_dir.database();
        if data_dir.is_initialised() {
            check_database(&path)?;
        }
        let Some(location) = path.to_str() else {
            return Err(EngineError::open(format_args!("{} is not a path in UTF-8", path.display())));
        };
        let db = Database::new(location).map_err(EngineError::open)?;
        let stream_log = StreamLog::open(location)?;
        stream_log.check_durable()?;
        if !data_dir.is_initialised() {
            data_dir.finish()?;
        }
        Self::start(db, stream_log, Some(data_dir))
    }

    fn start(db: Database, stream_log: StreamLog, data_dir: Option<DataDir>) -> Result<Self, EngineError> {
        let worker = Worker::start("dynamodb").map_err(EngineError::Thread)?;
        // A file can be read while it is written; shared memory cannot, so there one thread does both.
        let stream_reader =
            data_dir.is_some().then(|| Worker::start("dynamodb-stream")).transpose().map_err(EngineError::Thread)?;
        Ok(Self {
            inner: Arc::new(Inner {
                worker,
                stream_reader,
                stream_log: Arc::new(Mutex::new(stream_log)),
                db,
                writes: watch::Sender::new(0),
                _data_dir: data_dir,
            }),
        })
    }

    /// An ordinary SDK client, whose requests are answered by this engine.
    ///
    /// A request whose future is dropped has either happened or not, never in part: one that the engine has begun
    /// runs to its end, one that still waits for its turn is never run.
    pub fn client(&self) -> Client {
        client_over(InProcess(Arc::clone(&self.inner)))
    }

    /// The stream of `table`, which must have been created with one.
    pub fn stream(&self, table: &str) -> StreamTail {
        StreamTail::new(Arc::clone(&self.inner), table)
    }

    /// Serves this engine on a Unix domain socket that only this user can open, until the handle is dropped. The
    /// socket file that a killed process left is replaced. Call it inside a Tokio runtime.
    ///
    /// Clients: [`crate::socket_client`].
    pub fn serve_socket(&self, path: &Path) -> Result<SocketHandle, EngineError> {
        serve(Arc::clone(&self.inner), path)
    }

    /// Removes the items whose time to live has passed, and gives how many. DynamoDB does that by itself; here the
    /// host decides when.
    pub async fn remove_expired(&self) -> Result<usize, EngineError> {
        self.inner.remove_expired().await
    }
}

/// What an engine and its clients share. Fields are dropped from the top: the threads end first, then the connections
/// close, then the directory is free.
pub(crate) struct Inner {
    worker: Worker,
    stream_reader: Option<Worker>,
    stream_log: Arc<Mutex<StreamLog>>,
    db: Database,
    writes: watch::Sender<u64>,
    _data_dir: Option<DataDir>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").finish_non_exhaustive()
    }
}

impl Inner {
    /// Runs one request. It is queued by this call; dropping the future before its turn means that it is never run.
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

    /// Changes whenever a request has written items.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.writes.subscribe()
    }

    /// Reads the stream log beside the requests, where that is possible.
    pub(crate) async fn read_stream<T: Send + 'static>(
        &self,
        read: impl FnOnce(&StreamLog) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        self.with_stream_log(self.stream_reader.as_ref().unwrap_or(&self.worker), read).await
    }

    /// Writes the stream log between two requests, so that the two connections do not wait for each other's locks.
    pub(crate) async fn write_stream<T: Send + 'static>(
        &self,
        write: impl FnOnce(&StreamLog) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        self.with_stream_log(&self.worker, write).await
    }

    async fn with_stream_log<T: Send + 'static>(
        &self,
        worker: &Worker,
        work: impl FnOnce(&StreamLog) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let log = Arc::clone(&self.stream_log);
        worker
            .run(move || work(&log.lock().unwrap_or_else(PoisonError::into_inner)))
            .await
            .map_err(|_| EngineError::NoAnswer)?
    }

    async fn remove_expired(&self) -> Result<usize, EngineError> {
        let db = self.db.clone();
        let writes = self.writes.clone();
        self.worker
            .run(move || {
                let removed = db.sweep_ttl().map_err(EngineError::stream)?;
                if removed > 0 {
                    writes.send_modify(|count| *count = count.wrapping_add(1));
                }
                Ok(removed)
            })
            .await
            .map_err(|_| EngineError::NoAnswer)?
    }
}
