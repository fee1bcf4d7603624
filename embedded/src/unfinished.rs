//! Tables whose making or removal was cut off by the end of the process.
//!
//! dynoxide makes a table in several steps: its name, its rows, each index, its stream; and removes it in as many. Each
//! is committed by itself, so a process that is killed in between leaves a table that is there and cannot be used, or
//! has no stream, and which nobody makes again because it is there. So a change of this kind is noted before its first
//! step and crossed out after its last. What an opening finds noted was never answered: a table that was being made is
//! removed, and a removal is ended.

use dynoxide::actions::delete_table::DeleteTableRequest;
use dynoxide::{Database, DynoxideError};
use rusqlite::{Connection, params};
use serde::Deserialize;

use crate::dispatch::{Answer, dispatch};
use crate::error::EngineError;

/// The table's name in SQLite. No table of DynamoDB's can have it, because of the colon.
const CREATE: &str = r#"
    CREATE TABLE IF NOT EXISTS "embedded:unfinished" (name TEXT PRIMARY KEY, making INTEGER NOT NULL) WITHOUT ROWID"#;
const NOTE: &str = r#"INSERT OR REPLACE INTO "embedded:unfinished" (name, making) VALUES (?1, ?2)"#;
const CROSS_OUT: &str = r#"DELETE FROM "embedded:unfinished" WHERE name = ?1"#;
const NOTED: &str = r#"SELECT name, making FROM "embedded:unfinished""#;
const IS_THERE: &str = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = ?1";

/// Makes the list of such tables, unless it is there.
pub(crate) fn ensure(connection: &Connection) -> Result<(), EngineError> {
    connection.execute_batch(CREATE).map_err(EngineError::open)
}

/// Runs a request. One that makes or removes a table is noted meanwhile.
pub(crate) fn run(connection: &Connection, db: &Database, target: &str, body: &[u8]) -> Answer {
    let Some(change) = Change::asked_for(db, target, body) else { return dispatch(db, target, body) };
    let unnoted = |error: rusqlite::Error| Answer::internal_error(&error.to_string());
    if let Err(error) = connection.execute(NOTE, params![change.table, change.making]) {
        return unnoted(error);
    }
    let answer = dispatch(db, target, body);
    connection.execute(CROSS_OUT, [&change.table]).map_or_else(unnoted, |_| answer)
}

/// Whether the request may need a note.
pub(crate) fn concerns(target: &str) -> bool {
    target.ends_with(".CreateTable") || target.ends_with(".DeleteTable")
}

/// Removes every table that is noted.
pub(crate) fn remove_all(connection: &Connection, db: &Database) -> Result<(), EngineError> {
    let noted: Vec<(String, bool)> = connection
        .prepare(NOTED)
        .and_then(|mut statement| statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect())
        .map_err(EngineError::open)?;
    for (table, making) in noted {
        // A table with items was made: only its crossing out is missing.
        if !making || is_empty(connection, &table)? {
            match db.delete_table(DeleteTableRequest { table_name: table.clone() }) {
                Ok(_) | Err(DynoxideError::ResourceNotFoundException(_)) => {}
                Err(error) => return Err(EngineError::open(error)),
            }
            tracing::warn!(table, "a table whose making or removal was cut off is removed");
        }
        connection.execute(CROSS_OUT, [&table]).map_err(EngineError::open)?;
    }
    Ok(())
}

fn is_empty(connection: &Connection, table: &str) -> Result<bool, EngineError> {
    let is_there: u32 = connection.query_row(IS_THERE, [table], |row| row.get(0)).map_err(EngineError::open)?;
    if is_there == 0 {
        return Ok(true);
    }
    let has_items = format!(r#"SELECT EXISTS (SELECT 1 FROM "{}")"#, table.replace('"', "\"\""));
    connection.query_row(&has_items, [], |row| row.get::<_, bool>(0)).map(|some| !some).map_err(EngineError::open)
}

/// The making or the removal of a table.
struct Change {
    table: String,
    making: bool,
}

impl Change {
    /// `None` when the request changes nothing: it is another one, makes what is there, or removes what is not.
    fn asked_for(db: &Database, target: &str, body: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Request {
            #[serde(rename = "TableName")]
            table: String,
        }
        if !concerns(target) {
            return None;
        }
        let Request { table } = serde_json::from_slice(body).ok()?;
        let making = target.ends_with(".CreateTable");
        let changes = match db.get_table_metadata(&table).ok()? {
            None => making,
            Some(there) => !making && !there.deletion_protection_enabled,
        };
        changes.then_some(Self { table, making })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = r#"{
        "TableName": "a-table", "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{ "AttributeName": "pk", "KeyType": "HASH" }],
        "AttributeDefinitions": [{ "AttributeName": "pk", "AttributeType": "S" }],
        "GlobalSecondaryIndexes": [{
            "IndexName": "by-pk", "Projection": { "ProjectionType": "ALL" },
            "KeySchema": [{ "AttributeName": "pk", "KeyType": "HASH" }]
        }]
    }"#;
    const ITEM: &str = r#"{ "TableName": "a-table", "Item": { "pk": { "S": "a" } } }"#;

    fn database(dir: &tempfile::TempDir) -> (Database, Connection) {
        let path = dir.path().join("a.db");
        let db = Database::new(path.to_str().unwrap()).unwrap();
        let connection = Connection::open(path).unwrap();
        ensure(&connection).unwrap();
        (db, connection)
    }

    fn request((db, connection): &(Database, Connection), operation: &str, body: &str) -> u16 {
        run(connection, db, &format!("DynamoDB_20120810.{operation}"), body.as_bytes()).status
    }

    fn noted(connection: &Connection) -> Vec<String> {
        let mut statement = connection.prepare(NOTED).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn a_table_whose_making_was_cut_off_is_removed_and_can_be_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let both = database(&dir);
        assert_eq!(request(&both, "CreateTable", TABLE), 200);
        // As a process leaves it that was killed before it made the index.
        both.1.execute(NOTE, params!["a-table", true]).unwrap();
        both.1.execute_batch(r#"DROP TABLE "a-table::gsi::by-pk""#).unwrap();
        assert_eq!(request(&both, "PutItem", ITEM), 500);

        remove_all(&both.1, &both.0).unwrap();

        assert_eq!(noted(&both.1), [""; 0]);
        assert_eq!(request(&both, "CreateTable", TABLE), 200);
        assert_eq!(request(&both, "PutItem", ITEM), 200);
    }

    #[test]
    fn a_removal_that_was_cut_off_is_ended() {
        let dir = tempfile::tempdir().unwrap();
        let both = database(&dir);
        request(&both, "CreateTable", TABLE);
        request(&both, "PutItem", ITEM);
        both.1.execute(NOTE, params!["a-table", false]).unwrap();
        both.1.execute_batch(r#"DROP TABLE "a-table::gsi::by-pk""#).unwrap();

        remove_all(&both.1, &both.0).unwrap();

        assert_eq!(noted(&both.1), [""; 0]);
        assert_eq!(request(&both, "DescribeTable", r#"{ "TableName": "a-table" }"#), 400);
    }

    #[test]
    fn a_table_that_holds_items_is_never_taken_for_one_that_was_being_made() {
        let dir = tempfile::tempdir().unwrap();
        let both = database(&dir);
        request(&both, "CreateTable", TABLE);
        request(&both, "PutItem", ITEM);
        both.1.execute(NOTE, params!["a-table", true]).unwrap();

        remove_all(&both.1, &both.0).unwrap();

        assert_eq!(noted(&both.1), [""; 0]);
        let found = dispatch(&both.0, "DynamoDB_20120810.Scan", br#"{ "TableName": "a-table" }"#).body;
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&found).unwrap()["Count"], 1);
    }

    #[test]
    fn only_what_changes_a_table_is_noted_and_only_meanwhile() {
        let dir = tempfile::tempdir().unwrap();
        let both = database(&dir);
        let asked = |operation: &str| {
            Change::asked_for(&both.0, &format!("DynamoDB_20120810.{operation}"), TABLE.as_bytes())
                .map(|change| (change.table, change.making))
        };
        assert_eq!(asked("CreateTable"), Some(("a-table".to_owned(), true)));
        assert_eq!(asked("DeleteTable"), None);

        request(&both, "CreateTable", TABLE);

        assert_eq!(noted(&both.1), [""; 0]);
        assert_eq!(asked("CreateTable"), None);
        assert_eq!(asked("DeleteTable"), Some(("a-table".to_owned(), false)));
        assert_eq!(asked("DescribeTable"), None);
    }
}
