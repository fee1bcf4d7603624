//! When each stream came to which version.

use std::collections::BTreeMap;
use std::time::Duration;

use super::log::Log;
use super::violation::Findings;
use crate::observed::EventWrite;

/// Every stream's writes in time. Where no write was observed at all, nothing is known of times, and nothing is checked
/// against them.
pub(super) struct Timeline<'a> {
    streams: BTreeMap<&'a str, Vec<Write>>,
    known: bool,
}

/// A commit that took effect.
#[derive(Clone, Copy)]
pub(super) struct Write {
    pub(super) at: Duration,
    pub(super) first: u64,
    pub(super) last: u64,
}

impl<'a> Timeline<'a> {
    /// Takes the writes in, and checks them: none replaces another, each begins where the stream ended, and each is in
    /// the log.
    pub(super) fn read(writes: &'a [EventWrite], log: &Log<'a>, found: &mut Findings) -> Self {
        let mut streams: BTreeMap<&str, Vec<Write>> = BTreeMap::new();
        for write in writes {
            let EventWrite { at, stream, version, replaced } = write;
            let history = streams.entry(stream).or_default();
            let head = history.last().map_or(0, |write| write.last);
            if *replaced {
                found.note(1, format_args!("{stream}: the commit at version {version} was replaced at {at:?}"));
            } else if *version != head + 1 {
                found.note(
                    1,
                    format_args!(
                        "{stream}: a commit was put at version {version} at {at:?}, when the stream ended at {head}"
                    ),
                );
            }
            let commit = log.at(stream, *version);
            if commit.is_none() {
                found
                    .note(1, format_args!("{stream}: the commit put at version {version} at {at:?} is not in the log"));
            }
            let last = commit.map_or(*version, super::log::Commit::last);
            history.push(Write { at: *at, first: *version, last });
        }
        let timeline = Self { streams, known: !writes.is_empty() };
        for commit in log.streams.values().flatten().filter(|_| timeline.known) {
            if timeline.write(commit.stream, commit.first).is_none() {
                found.note(1, format_args!("{}: nobody put the commit at version {}", commit.stream, commit.first));
            }
        }
        timeline
    }

    /// Whether anything is known of times.
    pub(super) const fn is_known(&self) -> bool {
        self.known
    }

    fn writes(&self, stream: &str) -> &[Write] {
        self.streams.get(stream).map_or(&[], Vec::as_slice)
    }

    /// The write of the commit that begins at this version.
    pub(super) fn write(&self, stream: &str, first: u64) -> Option<Write> {
        let writes = self.writes(stream);
        let place = writes.partition_point(|write| write.first < first);
        // A version that was put out of its order is looked for everywhere.
        let near = writes.get(place).filter(|write| write.first == first);
        near.or_else(|| writes.iter().find(|write| write.first == first)).copied()
    }

    /// The highest version that the stream had come to at a time, what was put at that very time included.
    pub(super) fn head_at(&self, stream: &str, at: Duration) -> u64 {
        let writes = self.writes(stream);
        let until = writes.partition_point(|write| write.at <= at);
        writes[..until].last().map_or(0, |write| write.last)
    }

    /// How many commits were put after this version up to a time.
    pub(super) fn commits_after(&self, stream: &str, version: u64, at: Option<Duration>) -> usize {
        let writes = self.writes(stream);
        let until = at.map_or(writes.len(), |at| writes.partition_point(|write| write.at <= at));
        until.saturating_sub(writes.partition_point(|write| write.first <= version))
    }

    /// The versions that the stream was at between two times, both included: each end may have been before or after what
    /// was put at that very time.
    pub(super) fn heads_between(&self, stream: &str, from: Duration, to: Option<Duration>) -> Vec<u64> {
        let writes = self.writes(stream);
        let start = writes.partition_point(|write| write.at < from);
        let end = to.map_or(writes.len(), |to| writes.partition_point(|write| write.at <= to)).max(start);
        let before = writes[..start].last().map_or(0, |write| write.last);
        std::iter::once(before).chain(writes[start..end].iter().map(|write| write.last)).collect()
    }
}
