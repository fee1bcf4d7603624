//! Many seeds, on several threads, until one fails.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use muster_simulation::run::{Options, Report, run};
use serde_json::{Value, json};

/// Which seeds, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Campaign {
    pub(crate) from: u64,
    pub(crate) seeds: u64,
    pub(crate) threads: usize,
    pub(crate) engine: bool,
    /// Each seed twice: the two must have one trace.
    pub(crate) twice: bool,
    /// Without a progress bar.
    pub(crate) quiet: bool,
}

/// What came of them.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    /// How many seeds were run.
    pub(crate) seeds: u64,
    pub(crate) steps: u64,
    pub(crate) commits: u64,
    pub(crate) calls: u64,
    /// The longest time that a run took to come to rest after its last fault.
    pub(crate) longest_rest: Duration,
    pub(crate) virtual_time: Duration,
    pub(crate) took: Duration,
    /// The traces of all seeds in one: the same for the same seeds.
    pub(crate) hash: u64,
    /// The lowest seed that failed.
    pub(crate) failed: Option<Failed>,
}

/// A seed that broke a promise, or did not run the same way twice.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) seed: u64,
    pub(crate) violations: Vec<String>,
}

impl Campaign {
    pub(crate) fn run(self) -> Summary {
        let begun = Instant::now();
        let next = AtomicU64::new(self.from);
        let end = self.from.saturating_add(self.seeds);
        let stop = AtomicBool::new(false);
        let summary = Mutex::new(Summary::default());
        let bar = if self.quiet { ProgressBar::hidden() } else { bar(self.seeds) };
        std::thread::scope(|scope| {
            for _ in 0..self.threads.max(1) {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= end {
                            break;
                        }
                        let outcome = self.one(seed);
                        bar.inc(1);
                        let mut summary = summary.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                        if !summary.add(seed, outcome) {
                            stop.store(true, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        bar.finish_and_clear();
        let summary = summary.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        Summary { took: begun.elapsed(), ..summary }
    }

    /// A panic of the simulation itself is a failure of the seed.
    fn one(self, seed: u64) -> Result<Report, String> {
        let options = Options { engine: self.engine, keep_trace: false };
        let once = || match std::panic::catch_unwind(|| run(seed, options)) {
            Ok(Ok(report)) => Ok(report),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the simulation panicked".to_owned()),
        };
        let mut report = once()?;
        if self.twice {
            let again = once()?;
            if again.hash != report.hash {
                report.violations.push("the seed does not run the same way twice".to_owned());
            }
        }
        Ok(report)
    }
}

fn bar(seeds: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} seeds  {per_sec}  {eta} left");
    let bar = ProgressBar::new(seeds);
    if let Ok(style) = style { bar.with_style(style) } else { bar }
}

impl Summary {
    /// Adds one seed; `false` when it failed.
    fn add(&mut self, seed: u64, outcome: Result<Report, String>) -> bool {
        self.seeds += 1;
        let violations = match outcome {
            Ok(report) => {
                self.steps += report.steps;
                self.commits += report.commits as u64;
                self.calls += report.calls as u64;
                self.virtual_time += report.took;
                self.longest_rest = self.longest_rest.max(report.rest.unwrap_or_default());
                // Threads finish in any order: a sum has none.
                self.hash =
                    self.hash.wrapping_add(report.hash.rotate_left(u32::try_from(seed % 64).unwrap_or_default()));
                report.violations
            }
            Err(error) => vec![error],
        };
        if violations.is_empty() {
            return true;
        }
        if self.failed.as_ref().is_none_or(|failed| seed < failed.seed) {
            self.failed = Some(Failed { seed, violations });
        }
        false
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "seeds": self.seeds,
            "steps": self.steps,
            "sendings": self.calls,
            "commits": self.commits,
            "virtual_seconds": self.virtual_time.as_secs(),
            "longest_rest_seconds": self.longest_rest.as_secs(),
            "seconds": self.took.as_secs_f64(),
            "trace": format!("{:016x}", self.hash),
            "failed": self.failed.as_ref().map(|failed| json!({ "seed": failed.seed, "violations": failed.violations })),
        })
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seeds, steps, commits, calls, took, virtual_time, longest_rest, hash, failed } = self;
        let rate = u128::from(*seeds) * 1_000 / took.as_millis().max(1);
        writeln!(f, "{seeds} seeds in {:.1} s ({rate}/s), trace {hash:016x}", took.as_secs_f64())?;
        writeln!(f, "{steps} steps, {calls} sendings of commands, {commits} commits")?;
        let days = virtual_time.as_secs_f64() / 86_400.0;
        writeln!(
            f,
            "{days:.1} days of virtual time; at rest at most {} s after the last fault",
            longest_rest.as_secs()
        )?;
        match failed {
            None => f.write_str("every promise was kept"),
            Some(Failed { seed, violations }) => {
                write!(f, "SEED {seed} BROKE A PROMISE")?;
                violations.iter().try_for_each(|violation| write!(f, "\n  {violation}"))
            }
        }
    }
}
