//! Whether the database file can be trusted, before anything opens it for writing.
//!
//! SQLite repairs by itself what a crash leaves (its write-ahead log). What is looked for here is a file that is not a
//! database, was cut short or overwritten. At each start: the header, that the file is as long as the header says,
//! and that the schema parses, all of which cost nothing; and SQLite's `quick_check`, which reads every page, only
//! while the file is small enough for that to take a fraction of a second. A damaged page that this passes over is
//! reported by SQLite itself, as an error, when it is read.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::error::EngineError;

/// How a SQLite file begins.
const HEADER: &[u8; 16] = b"SQLite format 3\0";

/// Up to this size, in bytes, every page is read at each start.
const CHECK_EVERY_PAGE_UP_TO: u64 = 256 * 1024 * 1024;

/// Refuses a file that is not a sound database. The file is opened for reading only.
pub(crate) fn check_database(path: &Path) -> Result<(), EngineError> {
    let size = check_header(path)?;
    let report = inspect(path, size <= CHECK_EVERY_PAGE_UP_TO).map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => EngineError::damaged(path, error.to_string()),
        _ => EngineError::open(error),
    })?;
    if report == "ok" { Ok(()) } else { Err(EngineError::damaged(path, report)) }
}

fn check_header(path: &Path) -> Result<u64, EngineError> {
    let mut file = File::open(path).map_err(|error| {
        if error.kind() == ErrorKind::NotFound {
            EngineError::damaged(path, "the file is missing")
        } else {
            EngineError::directory(path)(error)
        }
    })?;
    let mut header = [0; HEADER.len()];
    match file.read_exact(&mut header) {
        Ok(()) if header == *HEADER => {}
        Ok(()) => return Err(EngineError::damaged(path, "it is not a SQLite database")),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
            return Err(EngineError::damaged(path, "it was cut short"));
        }
        Err(error) => return Err(EngineError::directory(path)(error)),
    }
    let metadata = file.metadata().map_err(EngineError::directory(path))?;
    Ok(metadata.len())
}

/// Reading the schema makes SQLite check the file's length and parse every definition in it.
fn inspect(path: &Path, every_page: bool) -> rusqlite::Result<String> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    if every_page { connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)) } else { Ok("ok".to_owned()) }
}
