//! A few seeds in the build that developers have at hand; `cargo xtask test` runs many in a release build.
#![allow(clippy::unwrap_used, reason = "a test may panic, in its helpers too")]

use muster_simulation::run::{Options, Report, run};

fn report(seed: u64, engine: bool) -> Report {
    run(seed, Options { engine, keep_trace: false }).unwrap()
}

#[test]
fn a_seed_runs_the_same_way_twice_and_another_one_otherwise() {
    for engine in [false, true] {
        let hashes: Vec<u64> = (1..=6).map(|seed| report(seed, engine).hash).collect();
        let again: Vec<u64> = (1..=6).map(|seed| report(seed, engine).hash).collect();
        assert_eq!(hashes, again);
        let mut distinct = hashes;
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), 6);
    }
}

#[test]
fn every_promise_is_kept() {
    let mut commits = 0;
    for seed in 1..=60 {
        let report = report(seed, false);
        assert_eq!(report.violations, [""; 0], "seed {seed}");
        commits += report.commits;
    }
    assert!(commits > 100, "so few commits show nothing: {commits}");
}

#[test]
fn the_course_of_a_run_can_be_shown() {
    let shown = run(3, Options { engine: false, keep_trace: true }).unwrap();
    assert_eq!(shown.hash, report(3, false).hash);
    assert!(shown.trace.iter().any(|line| line.contains("PutItem")), "{:?}", shown.trace);
}
