//! What the oracle says.

use std::fmt;

/// A promise that a run broke.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Its number: 1 linear histories, 2 nothing lost, 3 at most once, 4 read models, 5 rebuilds, 6 reservations,
    /// 8 refresh tokens, 9 rest after faults, 10 tampering shows, 11 personal data is sealed, and gone with its key,
    /// 12 a reader of the feed gets every event once, each aggregate's in order.
    pub promise: u8,
    /// What was expected and what was found, and where.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "promise {}: {}", self.promise, self.what)
    }
}

/// Gathers violations.
#[derive(Default)]
pub(super) struct Findings(Vec<Violation>);

impl Findings {
    pub(super) fn note(&mut self, promise: u8, what: impl fmt::Display) {
        self.0.push(Violation { promise, what: what.to_string() });
    }

    /// By promise, and of each in the order in which they were found.
    pub(super) fn into_sorted(mut self) -> Vec<Violation> {
        self.0.sort_by_key(|violation| violation.promise);
        self.0
    }
}
