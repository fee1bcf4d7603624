//! What every commit log does, and the event store over it: the same list for the one in memory, for the one on DynamoDB
//! over the embedded engine, and for the one over AWS's own DynamoDB Local, so that a test over one says something about
//! the others.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test")]

#[path = "store_conformance/appending.rs"]
mod appending;
#[path = "store_conformance/commits.rs"]
mod commits;
#[path = "store_conformance/limits.rs"]
mod limits;
#[path = "store_conformance/reading.rs"]
mod reading;
#[path = "store_conformance/rosters.rs"]
mod rosters;
#[path = "store_conformance/sequences.rs"]
mod sequences;
#[path = "store_conformance/writers.rs"]
mod writers;

use std::sync::atomic::{AtomicU64, Ordering};

use muster_commands::{CommitLog, DynamoLog, MemoryLog};
use muster_embedded::Engine;
use muster_tests::tables::{commit_log, commit_log_at};
use tempfile::TempDir;

/// A log under test, and what must live as long.
trait Subject {
    type Log: CommitLog + Clone + 'static;
    fn log(&self) -> Self::Log;
}

impl Subject for MemoryLog {
    type Log = Self;
    fn log(&self) -> Self {
        self.clone()
    }
}

/// DynamoDB on the embedded engine, in memory or in a directory; or DynamoDB Local, which outlives the test.
struct Dynamo {
    log: DynamoLog,
    _engine: Option<Engine>,
    _dir: Option<TempDir>,
}

impl Subject for Dynamo {
    type Log = DynamoLog;
    fn log(&self) -> DynamoLog {
        self.log.clone()
    }
}

async fn in_memory() -> MemoryLog {
    MemoryLog::new()
}

async fn dynamo_in_memory() -> Dynamo {
    let engine = Engine::memory().unwrap();
    Dynamo { log: commit_log(&engine).await.unwrap(), _engine: Some(engine), _dir: None }
}

async fn dynamo_in_a_directory() -> Dynamo {
    let dir = tempfile::tempdir().unwrap();
    let engine = Engine::open(dir.path()).unwrap();
    Dynamo { log: commit_log(&engine).await.unwrap(), _engine: Some(engine), _dir: Some(dir) }
}

/// Each test has tables of its own.
async fn dynamodb_local() -> Dynamo {
    static TESTS: AtomicU64 = AtomicU64::new(0);
    let prefix = format!("test-{}-", TESTS.fetch_add(1, Ordering::Relaxed));
    let log = commit_log_at(muster_tests::dynamodb_local::client(), &prefix).await.unwrap();
    Dynamo { log, _engine: None, _dir: None }
}

/// Each behaviour of each subject is a test, with the attribute that stands behind the subject.
macro_rules! conformance {
    ($($subject:ident $attribute:tt)+ => $behaviours:tt) => {
        $(conformance!(@ $subject $attribute $behaviours);)+
    };
    (@ $subject:ident $attribute:tt { $($room:ident::$behaviour:ident,)+ }) => {
        mod $subject {
            use super::Subject as _;
            $(
                # $attribute
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $behaviour() {
                    let subject = super::$subject().await;
                    super::$room::$behaviour(subject.log()).await;
                }
            )+
        }
    };
}

conformance! {
    in_memory [cfg(test)]
    dynamo_in_memory [cfg(test)]
    dynamo_in_a_directory [cfg(test)]
    dynamodb_local [ignore = "needs DynamoDB Local: `cargo xtask test` sets it up and runs this"]
    => {
        appending::a_commit_comes_back_as_it_was_written_and_its_hash_verifies,
        appending::a_taken_place_is_refused_and_what_stands_there_is_given,
        appending::a_taken_place_weighs_more_than_a_taken_reservation,
        appending::a_reservation_is_held_until_its_owner_releases_it,
        appending::a_refused_reservation_writes_nothing_at_all,
        appending::a_carried_state_comes_back_and_is_not_part_of_the_hash,
        limits::a_commit_over_300_kb_is_refused,
        limits::a_state_that_does_not_fit_is_left_out,
        limits::what_dynamodb_takes_no_item_of_is_refused,
        limits::what_dynamodb_takes_no_reservation_of_is_refused,
        reading::a_history_of_several_megabytes_is_read_in_pages,
        reading::a_query_gives_the_range_in_the_order_and_number_asked_for,
        reading::histories_do_not_mix,
        reading::a_scan_in_segments_sees_every_commit_once,
        reading::a_scan_names_the_commits_that_cannot_be_read_and_gives_the_others,
        rosters::a_roster_that_is_not_begun_is_not_changed,
        rosters::the_last_one_stays_on_a_roster,
        rosters::of_two_administrators_who_demote_each_other_one_stays,
        rosters::a_store_that_is_older_than_the_roster_begins_it_from_its_accounts,
        rosters::of_many_who_would_be_the_first_on_a_roster_one_is,
        rosters::where_somebody_is_on_a_roster_nobody_is_the_first,
        writers::appends_by_16_writers_are_linearizable_and_gap_free,
        writers::of_many_registrations_with_one_address_exactly_one_is_made,
        writers::every_command_of_many_senders_takes_effect_once,
        sequences::after_any_commands_versions_are_gap_free_and_the_state_is_the_fold,
    }
}
