//! A process that is killed while it writes: what it had been told is stored is there afterwards.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test")]
#![allow(clippy::print_stdout, reason = "the writing process tells what was acknowledged")]

mod common;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use common::{create_table, put, read};
use muster_embedded::Engine;

/// Name the data directory and the round to the writing process.
const DIR: &str = "EMBEDDED_TEST_DIR";
const ROUND: &str = "EMBEDDED_TEST_ROUND";

const WRITERS: u64 = 8;

/// Not a test by itself: the process that is killed. It writes until then.
#[tokio::test]
#[ignore = "run by the other test, in a process of its own"]
async fn writer() {
    let (Ok(dir), Ok(round)) = (std::env::var(DIR), std::env::var(ROUND)) else { return };
    let engine = Engine::open(Path::new(&dir)).unwrap();
    let client = engine.client();
    if client.list_tables().send().await.unwrap().table_names().is_empty() {
        create_table(&client, "events", true).await;
    }
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (client, key) = (client.clone(), format!("{round}-{writer}"));
            tokio::spawn(async move {
                for version in 1.. {
                    put(&client, "events", &key, version, "kept").await;
                    println!("acknowledged {key} {version}.");
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

/// Starts a writer, kills it after it has been answered `count` times, and gives all that it had been answered.
fn write_and_kill(dir: &Path, round: usize, count: usize) -> Vec<(String, u64)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "writer", "--nocapture"])
        .env(DIR, dir)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut acknowledged = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        // The stop ends each line: the last one may be cut off.
        let line = line.unwrap();
        if let Some((_, entry)) = line.split_once("acknowledged ")
            && let Some((key, version)) = entry.strip_suffix('.').and_then(|entry| entry.split_once(' '))
        {
            acknowledged.push((key.to_owned(), version.parse().unwrap()));
            if acknowledged.len() == count {
                child.kill().unwrap();
            }
        }
    }
    child.wait().unwrap();
    acknowledged
}

#[tokio::test]
async fn what_was_acknowledged_to_concurrent_writers_is_there_after_they_were_killed() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..4 {
        let count = 40 + 97 * round;
        let new = write_and_kill(dir.path(), round, count);
        assert!(new.len() >= count, "{} answers", new.len());
        acknowledged.extend(new);

        let client = Engine::open(dir.path()).unwrap().client();
        for (key, version) in &acknowledged {
            let found = read(&client, "events", key, *version).await;
            assert_eq!(found.as_deref(), Some("kept"), "{key} {version}, round {round}");
        }
    }
}
