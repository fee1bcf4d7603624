//! The indexes that the engine lacks on its table of stream records.
//!
//! dynoxide 3.2 finds the number of the next record, and the records after a number, by reading all records of the
//! table: each write costs more than the one before. An index on the very expression that its queries use,
//! `CAST(sequence_number AS INTEGER)`, makes both a lookup. The table is private to dynoxide, so its shape is checked
//! first; the version of dynoxide is pinned for the same reason.

use rusqlite::Connection;

use crate::error::EngineError;

/// The columns that are read and indexed, with their declared types.
const COLUMNS: [(&str, &str); 9] = [
    ("id", "INTEGER"),
    ("table_name", "TEXT"),
    ("event_name", "TEXT"),
    ("keys_json", "TEXT"),
    ("new_image", "TEXT"),
    ("sequence_number", "TEXT"),
    ("shard_id", "TEXT"),
    ("created_at", "INTEGER"),
    ("event_id", "TEXT"),
];

const CREATE: &str = "
    CREATE INDEX IF NOT EXISTS embedded_stream_by_table
        ON _stream_records (table_name, CAST(sequence_number AS INTEGER));
    CREATE INDEX IF NOT EXISTS embedded_stream_by_shard
        ON _stream_records (table_name, shard_id, CAST(sequence_number AS INTEGER));";

/// Makes the indexes, unless they are there. Fails without a change when the table is not the one expected.
pub(crate) fn ensure(connection: &Connection) -> Result<(), EngineError> {
    check_shape(connection)?;
    connection.execute_batch(CREATE).map_err(EngineError::open)
}

fn check_shape(connection: &Connection) -> Result<(), EngineError> {
    let columns: Vec<(String, String)> = connection
        .prepare("SELECT name, type FROM pragma_table_info('_stream_records')")
        .and_then(|mut statement| statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect())
        .map_err(EngineError::open)?;
    for (name, kind) in COLUMNS {
        if !columns.iter().any(|(n, k)| n == name && k == kind) {
            return Err(EngineError::StreamTable(format!("it has no column {name} of type {kind}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The engine's statements, as they are in dynoxide 3.2.0 `src/storage.rs`.
    const NEXT_NUMBER: &str =
        "SELECT COALESCE(MAX(CAST(sequence_number AS INTEGER)), 0) + 1 FROM _stream_records WHERE table_name = ?1";
    const RECORDS: &str =
        "SELECT event_name, keys_json, new_image, old_image, sequence_number, created_at, user_identity, event_id
             FROM _stream_records
             WHERE table_name = ?1 AND shard_id = ?2 AND CAST(sequence_number AS INTEGER) > ?3
             ORDER BY CAST(sequence_number AS INTEGER) ASC
             LIMIT ?4";

    /// A database as the engine makes it, with a second connection.
    fn engine_database(dir: &tempfile::TempDir) -> Connection {
        let path = dir.path().join("a.db");
        drop(dynoxide::Database::new(path.to_str().unwrap()).unwrap());
        Connection::open(path).unwrap()
    }

    fn plan(connection: &Connection, sql: &str) -> String {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps: Vec<String> =
            statement.raw_query().mapped(|row| row.get("detail")).collect::<Result<_, _>>().unwrap();
        steps.join("; ")
    }

    #[test]
    fn the_engine_finds_the_next_number_and_the_records_after_one_through_an_index() {
        let dir = tempfile::tempdir().unwrap();
        let connection = engine_database(&dir);
        assert_eq!(plan(&connection, NEXT_NUMBER), "SEARCH _stream_records");

        ensure(&connection).unwrap();

        assert_eq!(
            plan(&connection, NEXT_NUMBER),
            "SEARCH _stream_records USING COVERING INDEX embedded_stream_by_table (table_name=?)"
        );
        assert_eq!(
            plan(&connection, RECORDS),
            "SEARCH _stream_records USING INDEX embedded_stream_by_shard (table_name=? AND shard_id=? AND <expr>>?)"
        );
    }

    #[test]
    fn the_work_to_find_the_next_number_does_not_grow_with_the_log() {
        let dir = tempfile::tempdir().unwrap();
        let connection = engine_database(&dir);
        ensure(&connection).unwrap();
        let steps = || {
            let mut statement = connection.prepare(NEXT_NUMBER).unwrap();
            let _: i64 = statement.query_row(["events"], |row| row.get(0)).unwrap();
            statement.get_status(rusqlite::StatementStatus::VmStep)
        };
        let append = |count: i64| {
            connection
                .execute(
                    "WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1 + ?2 - 1)
                     INSERT INTO _stream_records (table_name, event_name, keys_json, sequence_number, shard_id, created_at)
                     SELECT 'events', 'INSERT', '{}', i, 's', 0 FROM n",
                    [100, count],
                )
                .unwrap();
        };
        append(10);
        let few = steps();
        append(5000);

        assert_eq!(steps(), few);
    }

    #[test]
    fn a_table_of_another_shape_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let connection = engine_database(&dir);
        connection.execute_batch("ALTER TABLE _stream_records RENAME COLUMN sequence_number TO number").unwrap();

        let error = ensure(&connection).unwrap_err();

        assert_eq!(
            error.to_string(),
            "the engine's table of stream records is not as expected: it has no column sequence_number of type TEXT"
        );
        let indexes: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'embedded_%'", [], |r| r.get(0))
            .unwrap();
        assert_eq!(indexes, 0);
    }
}
