//! A store in a directory: it stays, it is one process's at a time, and what is not a sound store is left alone.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use common::{create_table, put, read};
use muster_embedded::{Engine, EngineError};

/// A closed store with one item.
async fn store_in(dir: &Path) {
    let engine = Engine::open(dir).unwrap();
    let client = engine.client();
    create_table(&client, "events", true).await;
    put(&client, "events", "task#1", 1, "kept").await;
}

/// Each file and its bytes, without those that SQLite keeps beside the database while it reads.
fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !["muster.db-wal", "muster.db-shm"].contains(&path.file_name().unwrap().to_str().unwrap()))
        .map(|path| (path.display().to_string(), fs::read(&path).unwrap()))
        .collect()
}

/// Opens what cannot be opened, and sees to it that nothing was changed.
fn refused(dir: &Path) -> EngineError {
    let before = contents(dir);
    let error = Engine::open(dir).unwrap_err();
    assert_eq!(contents(dir), before, "something was written");
    error
}

#[tokio::test]
async fn items_are_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    store_in(dir.path()).await;

    let client = Engine::open(dir.path()).unwrap().client();

    assert_eq!(read(&client, "events", "task#1", 1).await, Some("kept".to_owned()));
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_the_process_was_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Engine::open(dir.path()).unwrap();
    create_table(&engine.client(), "events", true).await;
    for version in 1..=100 {
        put(&engine.client(), "events", "task#1", version, "kept").await;
    }

    // The files as a cut leaves them: nothing was closed, the last writes are in the log only.
    let left = tempfile::tempdir().unwrap();
    for file in ["format", "muster.db", "muster.db-wal"] {
        fs::copy(dir.path().join(file), left.path().join(file)).unwrap();
    }
    let client = Engine::open(left.path()).unwrap().client();

    for version in 1..=100 {
        assert_eq!(read(&client, "events", "task#1", version).await, Some("kept".to_owned()));
    }
}

#[test]
fn a_directory_that_is_not_there_is_made_private() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("a/data");

    Engine::open(&dir).unwrap();

    assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::read_to_string(dir.join("format")).unwrap(), "embedded-store 1\n");
}

#[test]
fn a_store_that_is_open_is_refused_to_others_until_it_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Engine::open(dir.path()).unwrap();
    let client = engine.client();
    drop(engine);

    let error = refused(dir.path());

    assert!(matches!(error, EngineError::InUse { pid: Some(pid), .. } if pid == std::process::id()), "{error}");
    let expected = format!("is in use by process {}", std::process::id());
    assert!(error.to_string().ends_with(&expected), "{error}");
    drop(client);
    Engine::open(dir.path()).unwrap();
}

#[tokio::test]
async fn a_store_of_a_newer_format_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    store_in(dir.path()).await;
    fs::write(dir.path().join("format"), "embedded-store 2\n").unwrap();

    let error = refused(dir.path());

    assert!(matches!(error, EngineError::NewerFormat { found: 2, supported: 1, .. }), "{error}");
}

#[tokio::test]
async fn a_database_of_a_newer_engine_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    store_in(dir.path()).await;
    rusqlite::Connection::open(dir.path().join("muster.db"))
        .unwrap()
        .execute("UPDATE _config SET value = '99' WHERE key = 'schema_version'", [])
        .unwrap();

    let error = refused(dir.path());

    assert!(matches!(&error, EngineError::Open(reason) if reason.contains("99")), "{error}");
}

#[tokio::test]
async fn a_store_with_an_unreadable_format_is_refused() {
    for format in [&b""[..], b"\xff\x00\x17", b"embedded-store", b"embedded-store 0", b"something else 1"] {
        let dir = tempfile::tempdir().unwrap();
        store_in(dir.path()).await;
        fs::write(dir.path().join("format"), format).unwrap();

        let error = refused(dir.path());

        assert!(matches!(&error, EngineError::Damaged { path, .. } if path.ends_with("format")), "{error}");
    }
}

#[tokio::test]
async fn a_store_without_its_format_or_its_database_is_refused() {
    for lost in ["format", "muster.db"] {
        let dir = tempfile::tempdir().unwrap();
        store_in(dir.path()).await;
        fs::remove_file(dir.path().join(lost)).unwrap();

        let error = refused(dir.path());

        assert!(matches!(&error, EngineError::Damaged { path, .. } if path.ends_with(lost)), "{error}");
        assert!(error.to_string().ends_with("is damaged: the file is missing"), "{error}");
    }
}

type Damage = fn(&mut Vec<u8>);

#[tokio::test]
async fn a_damaged_database_is_refused() {
    let damages: [(&str, Damage); 5] = [
        ("emptied", Vec::clear),
        ("overwritten from the start", |bytes| bytes[..100].fill(b'x')),
        ("cut short", |bytes| bytes.truncate(bytes.len() / 2)),
        ("its schema overwritten", |bytes| bytes[100..4096].fill(0)),
        ("its last page overwritten", |bytes| {
            let last = bytes.len() - 4096;
            bytes[last..].fill(0xee);
        }),
    ];
    for (what, damage) in damages {
        let dir = tempfile::tempdir().unwrap();
        store_in(dir.path()).await;
        let database = dir.path().join("muster.db");
        let mut bytes = fs::read(&database).unwrap();
        damage(&mut bytes);
        fs::write(&database, bytes).unwrap();

        let error = refused(dir.path());

        assert!(matches!(&error, EngineError::Damaged { path, .. } if path.ends_with("muster.db")), "{what}: {error}");
    }
}

#[test]
fn a_directory_with_other_files_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("thesis.txt"), "mine").unwrap();

    let error = refused(dir.path());

    assert!(matches!(&error, EngineError::Foreign { found, .. } if found == "thesis.txt"), "{error}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_file_in_place_of_the_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("data");
    fs::write(&file, "not a directory").unwrap();

    let error = Engine::open(&file).unwrap_err();

    assert!(matches!(error, EngineError::Directory { .. }), "{error}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "not a directory");
}

#[tokio::test]
async fn files_of_others_beside_a_store_do_not_matter() {
    let dir = tempfile::tempdir().unwrap();
    store_in(dir.path()).await;
    fs::write(dir.path().join("tokens.key"), "a neighbour's").unwrap();

    let client = Engine::open(dir.path()).unwrap().client();

    assert_eq!(read(&client, "events", "task#1", 1).await, Some("kept".to_owned()));
}

#[tokio::test]
async fn a_first_start_that_was_cut_off_starts_over() {
    let dir = tempfile::tempdir().unwrap();
    store_in(dir.path()).await;
    fs::rename(dir.path().join("format"), dir.path().join("format.new")).unwrap();
    fs::write(dir.path().join("muster.db"), "half of a database").unwrap();

    let client = Engine::open(dir.path()).unwrap().client();

    assert_eq!(client.list_tables().send().await.unwrap().table_names(), [""; 0]);
}

#[tokio::test]
async fn only_its_owner_can_read_what_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Engine::open(dir.path()).unwrap();
    create_table(&engine.client(), "events", true).await;

    for name in ["muster.db", "muster.db-wal", "muster.db-shm"] {
        let mode = fs::metadata(dir.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}
