//! The engine's own SQLite settings, set and read back.
//!
//! `synchronous` belongs to a connection, and dynoxide shows its own to nobody. Of its public calls one sets NORMAL (the
//! end of a bulk loading, which is never begun here; the other settings that it makes are SQLite's defaults), and one
//! selects from whatever name it is given: a view that reads the settings is answered with those of the connection
//! that selects.

use dynoxide::Database;
use rusqlite::Connection;

use crate::error::EngineError;

/// The view's name. No table of DynamoDB's can have it, because of the colon.
const VIEW: &str = "embedded:settings";

/// The columns are those that the call selects.
const CREATE: &str = r#"
    CREATE VIEW IF NOT EXISTS "embedded:settings" AS SELECT
        CAST((SELECT synchronous FROM pragma_synchronous) AS TEXT) AS pk,
        (SELECT journal_mode FROM pragma_journal_mode) AS sk,
        0 AS item_size,
        0 AS cached_at"#;

/// Makes the view, unless it is there.
pub(crate) fn create_view(connection: &Connection) -> Result<(), EngineError> {
    connection.execute_batch(CREATE).map_err(EngineError::open)
}

/// Leaves the syncing of commits to the caller.
pub(crate) fn defer_sync(db: &Database) -> Result<(), EngineError> {
    db.disable_bulk_loading().map_err(EngineError::open)
}

/// Refuses settings under which a commit that was synced by the caller could be lost: without a write-ahead log there
/// is nothing to sync, and with `synchronous = OFF` SQLite would use the log anew before the database is on the disk.
/// FULL is refused too: something was changed that this was not written for.
pub(crate) fn check(db: &Database) -> Result<(), EngineError> {
    let found = db.get_lru_items(VIEW, 1).map_err(EngineError::open)?;
    match found.first() {
        Some((synchronous, journal, _)) if synchronous == "1" && journal == "wal" => Ok(()),
        other => Err(EngineError::NotDurable(format!(
            "(synchronous, journal mode) = {:?}; 1 (normal) and wal are needed",
            other.map(|(synchronous, journal, _)| (synchronous, journal))
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(dir: &tempfile::TempDir) -> (Database, Connection) {
        let path = dir.path().join("a.db");
        let db = Database::new(path.to_str().unwrap()).unwrap();
        let connection = Connection::open(path).unwrap();
        create_view(&connection).unwrap();
        (db, connection)
    }

    #[test]
    fn an_engine_that_defers_its_syncs_is_accepted() {
        let dir = tempfile::tempdir().unwrap();
        let (db, _connection) = database(&dir);

        defer_sync(&db).unwrap();

        check(&db).unwrap();
    }

    #[test]
    fn an_engine_with_another_setting_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (db, _connection) = database(&dir);
        let refusal = |db| check(db).unwrap_err().to_string();
        let expected = |setting| {
            format!(
                "the store would not keep every acknowledged write: (synchronous, journal mode) = \
                 Some((\"{setting}\", \"wal\")); 1 (normal) and wal are needed"
            )
        };

        assert_eq!(refusal(&db), expected("2"));

        db.enable_bulk_loading().unwrap();
        assert_eq!(refusal(&db), expected("0"));
    }
}
