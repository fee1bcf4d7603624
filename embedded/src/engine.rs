//! The engine: a database, its threads, and what reads and writes it.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_dynamodb::Client;
use bytes::Bytes;
use dynoxide::Database;
use futures::future::Either;
use tokio::sync::watch;

use crate::connector::{InProcess, client_over};
use crate::data_dir::DataDir;
use crate::dispatch::{Answer, changes_a_table, dispatch, is_short_read, reads_items};
use crate::durability::{Durability, SyncLog, sync_log};
use crate::error::EngineError;
use crate::integrity::check_database;
use crate::reader::Reader;
use crate::settings;
use crate::socket::{SocketHandle, serve};
use crate::stream::StreamTail;
use crate::stream_log::StreamLog;
use crate::tables::Tables;
use crate::unfinished::{self, concerns};
use crate::worker::{Access, Commits, NoAnswer, Worker, guarded};

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
    /// A write that was acknowledged survives a power cut, and what was read does too: no answer is given before all that
    /// it may rest on is synced to the disk, but for what [`Self::derived_client`] wrote. Writes that wait at the same time
    /// share one sync. When the disk refuses
    /// one, the engine answers nothing any more. See [`EngineError`] for the directories that are refused.
    pub fn open(dir: &Path) -> Result<Self, EngineError> {
        Self::open_with(dir, |sync| sync)
    }

    /// Opens with what `wrap` makes of the sync of the log.
    pub(crate) fn open_with(dir: &Path, wrap: impl FnOnce(SyncLog) -> SyncLog) -> Result<Self, EngineError> {
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
        stream_log.defer_sync()?;
        settings::defer_sync(&db)?;
        settings::check(&db)?;
        unfinished::remove_all(stream_log.connection(), &db)?;
        stream_log.empty_wal()?;
        data_dir.sync()?;
        let sync = sync_log(&data_dir.wal()).map_err(EngineError::directory(&data_dir.wal()))?;
        if !data_dir.is_initialised() {
            data_dir.finish()?;
        }
        let reader = Reader::open(location).map_err(EngineError::open)?;
        Self::start(db, stream_log, Some(OnFile { data_dir, sync: wrap(sync), reader }))
    }

    /// What it shares with its clients.
    #[cfg(test)]
    pub(crate) fn shared(&self) -> &Inner {
        &self.inner
    }

    fn start(db: Database, stream_log: StreamLog, file: Option<OnFile>) -> Result<Self, EngineError> {
        let (data_dir, sync, reader) = match file {
            Some(OnFile { data_dir, sync, reader }) => (Some(data_dir), Some(sync), Some(reader)),
            None => (None, None, None),
        };
        let durability = Arc::<Durability>::default();
        let writes = watch::Sender::new(0_u64);
        let announce = {
            let writes = writes.clone();
            Box::new(move || writes.send_modify(|count| *count = count.wrapping_add(1)))
        };
        let commits = Commits { sync, durability: Arc::clone(&durability), announce };
        let worker = Worker::start("dynamodb", commits).map_err(EngineError::Thread)?;
        let reading = reader
            .map(|reader| Ok(Reading { reader: Arc::new(reader), worker: Worker::start_reader("dynamodb-read")? }));
        Ok(Self {
            inner: Arc::new(Inner {
                worker,
                reading: reading.transpose().map_err(EngineError::Thread)?,
                stream_log: Arc::new(Mutex::new(stream_log)),
                db,
                durability,
                writes,
                _data_dir: data_dir,
            }),
        })
    }

    /// An ordinary SDK client, whose requests are answered by this engine.
    ///
    /// A request whose future is dropped has either happened or not, never in part: one that the engine has begun
    /// runs to its end, one that still waits for its turn is never run.
    pub fn client(&self) -> Client {
        client_over(InProcess { engine: Arc::clone(&self.inner), derived: false })
    }

    /// The same, but its writes are answered before they are on the disk. For what can be made again from what other
    /// clients wrote, such as read models and how far they have come.
    ///
    /// A power cut takes back the newest writes of the whole store, never one from their midst. So it takes back such
    /// a write only together with everything that was written after it, by whichever client; and what is synced later is
    /// never there without it. Without a power cut, it is there like any other.
    pub fn derived_client(&self) -> Client {
        client_over(InProcess { engine: Arc::clone(&self.inner), derived: true })
    }

    /// Runs one request of DynamoDB's JSON protocol: `target` is what `x-amz-target` would say, such as
    /// `DynamoDB_20120810.PutItem`. Gives the HTTP status and the JSON body. It is queued by this call, writes in the
    /// order of the calls, and the answer can be waited for on any runtime or on none.
    pub fn request(&self, target: &str, body: Vec<u8>) -> impl Future<Output = (u16, Vec<u8>)> + Send + use<> {
        let answer = self.inner.execute(target.to_owned(), body.into(), false);
        async move {
            let answer = answer.await;
            (answer.status, answer.body)
        }
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

/// What an engine has that is not in memory only.
struct OnFile {
    data_dir: DataDir,
    sync: SyncLog,
    reader: Reader,
}

/// What reads beside the thread that writes. A file can be read while it is written; shared memory cannot, so there one
/// thread does both.
struct Reading {
    worker: Worker,
    reader: Arc<Reader>,
}

/// What an engine and its clients share. Fields are dropped from the top: the threads end first, then the connections
/// close, then the directory is free.
pub(crate) struct Inner {
    worker: Worker,
    reading: Option<Reading>,
    stream_log: Arc<Mutex<StreamLog>>,
    db: Database,
    durability: Arc<Durability>,
    writes: watch::Sender<u64>,
    _data_dir: Option<DataDir>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").finish_non_exhaustive()
    }
}

impl Inner {
    /// Runs one request, of the derived client or of another. It is queued by this call; dropping the future before its
    /// turn means that it is never run.
    pub(crate) fn execute(
        &self,
        target: String,
        body: Bytes,
        derived: bool,
    ) -> impl Future<Output = Answer> + Send + use<> {
        let reads = reads_items(&target);
        let answer = match &self.reading {
            Some(reading) if reads => Either::Left(reading.read(&self.durability, target, body, derived)),
            _ => Either::Right(self.write(target, body, derived, reads)),
        };
        async move { answer.await.unwrap_or_else(|error| Answer::internal_error(&error.to_string())) }
    }

    /// Runs a request on the thread that writes.
    fn write(
        &self,
        target: String,
        body: Bytes,
        derived: bool,
        reads: bool,
    ) -> impl Future<Output = Result<Answer, NoAnswer>> + Send + use<> {
        let access = match (reads, derived) {
            (true, _) => Access::Read,
            (false, true) => Access::Derived,
            (false, false) => Access::Write(Tables::of(&body)),
        };
        let db = self.db.clone();
        // What makes or removes a table is noted meanwhile, over the second connection.
        let log = concerns(&target).then(|| Arc::clone(&self.stream_log));
        let reader =
            self.reading.as_ref().filter(|_| changes_a_table(&target)).map(|reading| Arc::clone(&reading.reader));
        self.worker.run(access, move || {
            let answer = || match log {
                Some(log) => unfinished::run(lock(&log).connection(), &db, &target, &body),
                None => dispatch(&db, &target, &body),
            };
            match reader {
                Some(reader) => reader.beside_a_change(answer),
                None => answer(),
            }
        })
    }

    /// Changes whenever requests have written, when that is on the disk.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.writes.subscribe()
    }

    /// Reads the stream log beside the requests, where that is possible. What is given is on the disk: it is read
    /// first, and handed out when all the writes that it may show are synced.
    pub(crate) async fn read_stream<T: Send + 'static>(
        &self,
        read: impl FnOnce(&StreamLog) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let worker = self.reading.as_ref().map_or(&self.worker, |reading| &reading.worker);
        let found = self.with_stream_log(worker, Access::Read, read).await?;
        self.durability.settled(&Tables::Any).await.map_err(NoAnswer::from)?;
        Ok(found)
    }

    /// Writes the stream log between two requests, so that the two connections do not wait for each other's locks. Not
    /// synced: what is removed was done with, and comes back at most together with the checkpoint before it.
    pub(crate) async fn write_stream<T: Send + 'static>(
        &self,
        write: impl FnOnce(&StreamLog) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        self.with_stream_log(&self.worker, Access::Derived, write).await
    }

    async fn with_stream_log<T: Send + 'static>(
        &self,
        worker: &Worker,
        access: Access,
        work: impl FnOnce(&StreamLog) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let log = Arc::clone(&self.stream_log);
        worker.run(access, move || work(&lock(&log))).await?
    }

    async fn remove_expired(&self) -> Result<usize, EngineError> {
        let db = self.db.clone();
        self.worker.run(Access::Write(Tables::Any), move || db.sweep_ttl().map_err(EngineError::stream)).await?
    }
}

impl Reading {
    /// Runs a request that only reads: a short one on the caller's own thread, where nobody else reads at this moment,
    /// for two changes of thread cost more than the read. The answer waits until what it may rest on is on the disk; the
    /// derived client writes nothing for which that matters.
    fn read(
        &self,
        durability: &Arc<Durability>,
        target: String,
        body: Bytes,
        derived: bool,
    ) -> impl Future<Output = Result<Answer, NoAnswer>> + Send + use<> {
        let durability = Arc::clone(durability);
        let rests_on = (!derived).then(|| Tables::of(&body));
        let here = if is_short_read(&target, &body) {
            guarded(|| self.reader.try_read(&target, &body)).transpose()
        } else {
            None
        };
        let queued = here.is_none().then(|| {
            let reader = Arc::clone(&self.reader);
            self.worker.run(Access::Read, move || reader.read(&target, &body))
        });
        async move {
            let answer = match queued {
                Some(answer) => answer.await,
                None => here.unwrap_or(Err(NoAnswer::Gone)),
            };
            match &rests_on {
                Some(tables) => durability.settled(tables).await?,
                None => durability.holds()?,
            }
            answer
        }
    }
}

fn lock(log: &Mutex<StreamLog>) -> MutexGuard<'_, StreamLog> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}
