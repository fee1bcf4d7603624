//! The program, as `cargo xtask cost` runs it.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cost.md");

fn cost(args: &[&str], page: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_muster-cost")).args(args).arg("--page").arg(page).output().unwrap()
}

#[test]
fn what_commands_cost_is_at_most_five_percent_above_what_the_page_says() {
    let done = cost(&["--json"], Path::new(PAGE));

    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let bill: Value = serde_json::from_slice(&done.stdout).unwrap();
    let parts: Vec<&str> =
        bill["lines"].as_array().unwrap().iter().map(|line| line["part"].as_str().unwrap()).collect();
    for part in ["API Gateway", "command-api", "event table", "task-list indexes", "queues", "projector", "logs"] {
        assert!(parts.contains(&part), "{part} is not in {parts:?}");
    }
    let sum: f64 = bill["lines"].as_array().unwrap().iter().map(|line| line["quiet"]["usd"].as_f64().unwrap()).sum();
    assert!((sum - bill["quiet"].as_f64().unwrap()).abs() < 1e-9);
}

#[test]
fn given_a_page_with_a_total_that_is_six_percent_lower_it_fails_and_says_what_rose() {
    let directory = tempfile::tempdir().unwrap();
    let page = directory.path().join("cost.md");
    std::fs::write(&page, std::fs::read_to_string(PAGE).unwrap()).unwrap();
    let now: Value = serde_json::from_slice(&cost(&["--json", "--write"], &page).stdout).unwrap();
    let total = now["quiet"].as_f64().unwrap();
    let lower = |line: &str| {
        if line.starts_with("| total") {
            line.replace(&format!("{total:.2}"), &format!("{:.2}", total / 1.06))
        } else {
            line.to_owned()
        }
    };
    let written = std::fs::read_to_string(&page).unwrap();
    std::fs::write(&page, written.lines().map(lower).collect::<Vec<_>>().join("\n")).unwrap();

    let done = cost(&[], &page);

    assert_eq!(done.status.code(), Some(1));
    let told = String::from_utf8(done.stderr).unwrap();
    let (before, rose) = told.trim_end().rsplit_once(" to $").unwrap();
    assert_eq!(before, format!("muster: the cost rose by more than 5 %: total rose from ${:.2}", total / 1.06));
    // Who comes first to a shard of the feed, and reads it once less, is not the same in each run.
    let rose: f64 = rose.parse().unwrap();
    assert!((rose - total).abs() < 0.02, "{rose} is not {total}");
}
