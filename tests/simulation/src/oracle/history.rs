//! Promises 1 and 10 as far as one history shows them: no gaps, every commit allowed where it stands, and the chain.

use std::collections::BTreeMap;

use super::canonical::{GENESIS, hash};
use super::log::{Commit, Log};
use super::rules::State;
use super::time::sortable;
use super::violation::Findings;

/// A stream's history, folded.
pub(super) struct Folded<'a> {
    pub(super) state: State<'a>,
    /// The version of the last event.
    pub(super) head: u64,
}

/// The versions of a stream follow each other without gaps, and its times never run back.
pub(super) fn check_order(log: &Log<'_>, found: &mut Findings) {
    for (stream, commits) in &log.streams {
        let mut before: Option<&Commit<'_>> = None;
        for commit in commits {
            let next = before.map_or(1, |before| before.last() + 1);
            if commit.first != next {
                found.note(
                    1,
                    format_args!(
                        "{stream}: a commit should begin at version {next}, and one begins at {}",
                        commit.first
                    ),
                );
            }
            if let Some(before) = before
                && commit.recorded_at != before.recorded_at
                && sortable(commit.recorded_at) < sortable(before.recorded_at)
            {
                found.note(
                    1,
                    format_args!(
                        "{stream}: the commit at version {} was recorded at {}, before the one at version {} ({})",
                        commit.first, commit.recorded_at, before.first, before.recorded_at
                    ),
                );
            }
            before = Some(commit);
        }
    }
}

/// Folds every history by the rules, and notes each commit that they do not allow.
pub(super) fn fold<'a>(log: &Log<'a>, found: &mut Findings) -> BTreeMap<&'a str, Folded<'a>> {
    let mut folded = BTreeMap::new();
    for (stream, commits) in &log.streams {
        let mut state: Option<State<'a>> = None;
        for commit in commits {
            if let Err(reason) = State::allows(state.as_ref(), commit) {
                found
                    .note(1, format_args!("{stream}: the commit at version {} is not allowed: {reason}", commit.first));
            }
            for event in &commit.events {
                State::evolve(&mut state, event);
            }
        }
        if let (Some(state), Some(last)) = (state, commits.last()) {
            folded.insert(*stream, Folded { state, head: last.last() });
        }
    }
    folded
}

/// Every commit has the hash of its content and points to the one before.
pub(super) fn check_chain(log: &Log<'_>, found: &mut Findings) {
    for (stream, commits) in &log.streams {
        let mut head = GENESIS;
        for commit in commits {
            if commit.prev_hash != head {
                found.note(
                    10,
                    format_args!(
                        "{stream}: the commit at version {} points to {}, and the hash before it is {head}",
                        commit.first, commit.prev_hash
                    ),
                );
            }
            let expected = hash(commit);
            if expected.as_deref() != Some(commit.hash) {
                found.note(
                    10,
                    format_args!(
                        "{stream}: the commit at version {} has the hash {}, and its content gives {}",
                        commit.first,
                        commit.hash,
                        expected.as_deref().unwrap_or("none")
                    ),
                );
            }
            head = commit.hash;
        }
    }
}
