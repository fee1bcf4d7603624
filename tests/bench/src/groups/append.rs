//! Whether a log that has grown is slower to append to.
//!
//! | measure | what | unit |
//! |---|---|---|
//! | `append.at.{1000,10000,100000,1000000}` | conditional puts into an event table that has so many commits, by one client, on a file | puts/s |
//! | `append.ratio` | the last through the first, measured in turns | × |
//!
//! The goal of 0.8 says that a log is as fast in its tenth year as on its first day.
//!
//! One store is filled, and copied on the way; then the four are put into in turns. Their streams are trimmed, as the
//! program trims them. With `--quick` it ends at 100,000.

use muster_cli::report::Failure;
use muster_embedded::Engine;

use crate::bench::{Bench, copy};
use crate::measure::{Goal, Measure};
use crate::puts::RawTable;
use crate::stats::ratios;

/// How the names of this group begin.
pub(crate) const NAMES: &[&str] = &["append"];

const SIZES: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];
/// How many clients fill it.
const FILLERS: u64 = 32;
/// How many are put before the stream is trimmed.
const CHUNK: u64 = 20_000;
/// How many puts a run times. Few, so that the smallest log stays small.
const PUTS: u64 = 200;

pub(crate) async fn run(bench: &Bench) -> Result<(), Failure> {
    let sizes = if bench.quick { &SIZES[..3] } else { &SIZES[..] };
    let dir = bench.store()?;
    let scratch = bench.scratch()?;
    let filled = scratch.path().join("data");
    let (mut commits, mut tables) = (0, Vec::new());
    for size in sizes {
        let table = RawTable::file(&filled).await?;
        while commits < *size {
            bench.doing(&format!("a log of {size} commits: {commits}"));
            let some = (size - commits).min(CHUNK);
            table.put(some, FILLERS).await?;
            commits += some;
        }
        // The last handle closes the store, so that its files are whole.
        drop(table);
        let at_size = dir.path().join(format!("commits-{size}"));
        copy(&filled, &at_size)?;
        tables.push(RawTable::over(Engine::open(&at_size)?).await?);
    }
    let mut rates = vec![Vec::new(); tables.len()];
    // The first round warms up.
    for run in 0..=bench.runs {
        bench.doing(&format!("appends, run {run} of {}", bench.runs));
        for (table, rates) in tables.iter().zip(&mut rates) {
            let rate = table.put(PUTS, 1).await?;
            if run > 0 {
                rates.push(rate);
            }
        }
    }
    let ratio = rates.last().zip(rates.first()).map(|(large, small)| ratios(large, small)).unwrap_or_default();
    for (size, rates) in sizes.iter().zip(rates) {
        bench.tell(&Measure::of(format!("append.at.{size}"), "puts/s", rates))?;
    }
    bench.tell(&Measure::of("append.ratio", "×", ratio).goal(Goal::AtLeast(0.8)))
}
