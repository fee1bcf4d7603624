//! The stored stream records, over a connection of their own.

use rusqlite::{Connection, OpenFlags, params};
use std::time::Duration;

use crate::error::EngineError;
use crate::stream::StreamRecord;
use crate::{settings, stream_index, unfinished};

/// How long to wait for the engine's own connection to finish a commit.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// Reading stops after this many bytes of JSON, as one invocation of a stream's consumer on AWS gets at most 6 MB.
const READ_BYTES: usize = 6 * 1024 * 1024;

/// How many records one trimming transaction removes: writes wait for it.
const TRIM_BATCH: usize = 500;

const READ: &str = "
    SELECT sequence_number, event_id, event_name, keys_json, new_image, created_at
    FROM _stream_records
    WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) > ?2
    ORDER BY CAST(sequence_number AS INTEGER)
    LIMIT ?3";

const LAST: &str = "SELECT MAX(CAST(sequence_number AS INTEGER)) FROM _stream_records WHERE table_name = ?1";

/// The last record stays whatever is asked for: the engine numbers the next record from it. Without it the number
/// would come from the clock alone, and a clock that was set back would give numbers that readers have passed.
const TRIM: &str = "
    DELETE FROM _stream_records WHERE id IN (
        SELECT id FROM _stream_records
        WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) <= ?2 AND CAST(sequence_number AS INTEGER) <
            (SELECT MAX(CAST(sequence_number AS INTEGER)) FROM _stream_records WHERE table_name = ?1)
        ORDER BY CAST(sequence_number AS INTEGER)
        LIMIT ?3)";

/// The second connection to the engine's database.
#[derive(Debug)]
pub(crate) struct StreamLog {
    connection: Connection,
}

impl StreamLog {
    /// Opens the database at `location` (a path, or a URI), which the engine has open, and makes what the engine lacks.
    pub(crate) fn open(location: &str) -> Result<Self, EngineError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(location, flags).map_err(EngineError::open)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(EngineError::open)?;
        stream_index::ensure(&connection)?;
        settings::create_view(&connection)?;
        unfinished::ensure(&connection)?;
        Ok(Self { connection })
    }

    /// The connection itself.
    pub(crate) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Leaves the syncing of commits to the engine, which syncs the log for both connections.
    pub(crate) fn defer_sync(&self) -> Result<(), EngineError> {
        self.connection.pragma_update(None, "synchronous", "NORMAL").map_err(EngineError::open)
    }

    /// Moves what a crash has left in the write-ahead log into the database, synced, and leaves the log empty.
    ///
    /// The last process may have ended before it synced, or because the disk refused: then the log can look sound in the
    /// system's memory and have a hole on the disk, and commits written behind the hole would be lost with it. Copied
    /// into the database, everything is written afresh.
    pub(crate) fn empty_wal(&self) -> Result<(), EngineError> {
        let busy: i64 = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
            .map_err(EngineError::open)?;
        if busy == 0 { Ok(()) } else { Err(EngineError::open("another program is reading the database")) }
    }

    /// Up to `limit` records of `table` with a number over `after`, oldest first; fewer when they are large, but never
    /// none when there are some.
    pub(crate) fn read(&self, table: &str, after: i64, limit: usize) -> Result<Vec<StreamRecord>, EngineError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut statement = self.connection.prepare_cached(READ).map_err(EngineError::stream)?;
        let mut rows = statement.query(params![table, after, limit]).map_err(EngineError::stream)?;
        let mut records = Vec::new();
        let mut bytes = 0;
        while let Some(row) = rows.next().map_err(EngineError::stream)? {
            let (size, record) = StreamRecord::from_row(row)?;
            bytes += size;
            if bytes > READ_BYTES && !records.is_empty() {
                break;
            }
            records.push(record);
        }
        Ok(records)
    }

    /// The number of the newest record of `table`.
    pub(crate) fn last(&self, table: &str) -> Result<Option<i64>, EngineError> {
        self.connection
            .prepare_cached(LAST)
            .and_then(|mut statement| statement.query_row([table], |row| row.get(0)))
            .map_err(EngineError::stream)
    }

    /// Removes some records of `table` numbered up to `up_to`; call it again until it removes none.
    pub(crate) fn trim(&self, table: &str, up_to: i64) -> Result<usize, EngineError> {
        self.connection
            .prepare_cached(TRIM)
            .and_then(|mut statement| statement.execute(params![table, up_to, TRIM_BATCH]))
            .map_err(EngineError::stream)
    }
}
