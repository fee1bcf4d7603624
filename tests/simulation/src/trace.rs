//! What happened in a run, in order. Two runs of one seed have one hash; a failing one is shown line by line.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::time::Duration;

/// The course of a run.
#[derive(Debug)]
pub struct Trace {
    hasher: DefaultHasher,
    /// The lines, if they are kept.
    lines: Option<Vec<String>>,
    steps: u64,
}

impl Trace {
    /// An empty one; `keep` says whether it is to be shown.
    pub fn new(keep: bool) -> Self {
        Self { hasher: DefaultHasher::new(), lines: keep.then(Vec::new), steps: 0 }
    }

    /// One step: `what` goes into the hash, `line` makes the text if it is kept.
    pub fn step(&mut self, at: Duration, what: impl Hash, line: impl FnOnce() -> String) {
        (at, what).hash(&mut self.hasher);
        self.steps += 1;
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>10.3}s  {}", at.as_secs_f64(), line()));
        }
    }

    /// The hash of all steps so far.
    pub fn hash(&self) -> u64 {
        self.hasher.finish()
    }

    /// How many steps there were.
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// The lines, if they were kept.
    pub fn into_lines(self) -> Vec<String> {
        self.lines.unwrap_or_default()
    }
}
