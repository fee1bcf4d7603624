//! Promises 1 and 2 as far as callers saw them: what they were told is what the log says, at a time when it said so.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::attribute::{is_json, show};
use super::log::Log;
use super::timeline::Timeline;
use super::violation::Findings;
use crate::observed::{Call, Outcome};

/// Checks each answer against the log and the times.
pub(super) fn check(calls: &[Call], log: &Log<'_>, timeline: &Timeline<'_>, found: &mut Findings) {
    let first_sent = first_sent(calls);
    for call in calls {
        match &call.outcome {
            Outcome::Committed { version, events, replayed } if events.is_empty() => {
                unchanged(call, *version, *replayed, timeline, found);
            }
            Outcome::Committed { version, events, replayed } => {
                in_the_log(call, *version, events, log, found);
                in_time(call, &first_sent, events[0].0, *replayed, timeline, found);
            }
            Outcome::VersionMismatch { actual } => mismatch(call, *actual, timeline, found),
            Outcome::Damaged { reason } => {
                found.note(2, format_args!("{}: was told that the history is damaged: {reason}", Name(call)));
            }
            Outcome::Refused | Outcome::KeyReused | Outcome::Reserved | Outcome::Contended | Outcome::Unknown => {}
        }
    }
    check_real_time(calls, &first_sent, found);
}

/// When each command was sent for the first time. All its sendings are one operation: which of them is told that it was a
/// repeat is not promised, as one that lost an answer cannot know whose commit it finds.
type FirstSent<'a> = BTreeMap<(&'a str, &'a str), Duration>;

fn first_sent(calls: &[Call]) -> FirstSent<'_> {
    let mut first = FirstSent::new();
    for call in calls {
        let sent = first.entry((&call.stream, &call.command_id)).or_insert(call.sent);
        *sent = (*sent).min(call.sent);
    }
    first
}

fn began(call: &Call, first_sent: &FirstSent<'_>) -> Duration {
    first_sent.get(&(call.stream.as_str(), call.command_id.as_str())).copied().unwrap_or(call.sent)
}

/// A call as a person finds it again.
pub(super) struct Name<'a>(pub(super) &'a Call);

impl std::fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Call { sent, answered, stream, command_id, .. } = self.0;
        write!(f, "{stream}: command {command_id} (sent {sent:?}, answered ")?;
        match answered {
            Some(answered) => write!(f, "{answered:?})"),
            None => f.write_str("never)"),
        }
    }
}

/// There was nothing to change, at a version that the stream was at.
fn unchanged(call: &Call, version: u64, replayed: bool, timeline: &Timeline<'_>, found: &mut Findings) {
    if replayed {
        found.note(3, format_args!("{}: was told that an earlier sending took effect, without events", Name(call)));
    }
    if let Some(expected) = call.expected.filter(|expected| *expected != version) {
        found
            .note(1, format_args!("{}: expected version {expected}, and was told that it is at {version}", Name(call)));
    }
    was_at(call, version, timeline, found);
}

fn mismatch(call: &Call, actual: u64, timeline: &Timeline<'_>, found: &mut Findings) {
    match call.expected {
        None => found
            .note(1, format_args!("{}: expected no version, and was told that {actual} is another one", Name(call))),
        Some(expected) if expected == actual => found.note(
            1,
            format_args!("{}: expected version {expected}, and was told that {actual} is another one", Name(call)),
        ),
        Some(_) => was_at(call, actual, timeline, found),
    }
}

fn was_at(call: &Call, version: u64, timeline: &Timeline<'_>, found: &mut Findings) {
    if !timeline.is_known() {
        return;
    }
    let heads = timeline.heads_between(&call.stream, call.sent, call.answered);
    if !heads.contains(&version) {
        found.note(
            1,
            format_args!("{}: was told that it is at version {version}; in that time it was at {heads:?}", Name(call)),
        );
    }
}

/// An acknowledged commit is in the log as it was acknowledged.
fn in_the_log(call: &Call, version: u64, events: &[(u64, String, Value)], log: &Log<'_>, found: &mut Findings) {
    let first = events[0].0;
    let last = events[events.len() - 1].0;
    if last != version || !events.iter().zip(first..).all(|((version, ..), next)| *version == next) {
        let versions: Vec<_> = events.iter().map(|(version, ..)| version).collect();
        found.note(
            2,
            format_args!("{}: was told version {version}, with events of the versions {versions:?}", Name(call)),
        );
    }
    let Some(commit) = log.at(&call.stream, first) else {
        found.note(
            2,
            format_args!("{}: acknowledged at version {first}, and no commit of the log begins there", Name(call)),
        );
        return;
    };
    if commit.command_id != call.command_id {
        found.note(
            2,
            format_args!(
                "{}: acknowledged at version {first}, where the log has a commit of command {}",
                Name(call),
                commit.command_id
            ),
        );
    }
    if commit.events.len() != events.len() {
        found.note(
            2,
            format_args!(
                "{}: acknowledged with {} events from version {first} on, and the log has {} there",
                Name(call),
                events.len(),
                commit.events.len()
            ),
        );
    }
    for ((version, kind, data), stored) in events.iter().zip(&commit.events) {
        if stored.kind != kind || !is_json(stored.stored, data) {
            found.note(
                2,
                format_args!(
                    "{}: version {version} was acknowledged as {kind} {data}, and the log has {} {} there",
                    Name(call),
                    stored.kind,
                    show(stored.stored)
                ),
            );
        }
    }
}

/// An acknowledged commit stands where it was allowed to, and was put between the question and the answer.
fn in_time(
    call: &Call,
    first_sent: &FirstSent<'_>,
    first: u64,
    replayed: bool,
    timeline: &Timeline<'_>,
    found: &mut Findings,
) {
    if let Some(expected) = call.expected.filter(|expected| !replayed && first != expected + 1) {
        found.note(1, format_args!("{}: expected version {expected}, and its events begin at {first}", Name(call)));
    }
    let Some(write) = timeline.write(&call.stream, first) else { return };
    let too_early = !replayed && write.at < began(call, first_sent);
    if too_early || call.answered.is_some_and(|answered| write.at > answered) {
        let said = if replayed { "an earlier effect" } else { "its effect" };
        found.note(
            1,
            format_args!("{}: was told of {said} at version {first}, which was put at {:?}", Name(call), write.at),
        );
    }
}

/// What was answered before another command was sent comes before it in the stream.
fn check_real_time(calls: &[Call], first_sent: &FirstSent<'_>, found: &mut Findings) {
    let mut streams: BTreeMap<&str, Vec<(&Call, u64, u64)>> = BTreeMap::new();
    for call in calls {
        if let Outcome::Committed { events, replayed: false, .. } = &call.outcome
            && let (Some((first, ..)), Some((last, ..))) = (events.first(), events.last())
        {
            streams.entry(&call.stream).or_default().push((call, *first, *last));
        }
    }
    for effects in streams.values() {
        let mut sent: Vec<_> = effects.iter().collect();
        sent.sort_by_key(|(call, ..)| began(call, first_sent));
        let mut answered: Vec<_> = effects.iter().collect();
        answered.sort_by_key(|(call, ..)| call.answered.unwrap_or(Duration::MAX));
        let mut answered = answered.into_iter().peekable();
        let mut highest: Option<(&Call, u64)> = None;
        for (call, first, _) in sent {
            while let Some((earlier, _, last)) = answered
                .next_if(|(earlier, ..)| earlier.answered.is_some_and(|answered| answered < began(call, first_sent)))
            {
                if highest.is_none_or(|(_, highest)| *last > highest) {
                    highest = Some((earlier, *last));
                }
            }
            if let Some((earlier, last)) = highest.filter(|(_, last)| last >= first) {
                found.note(
                    1,
                    format_args!(
                        "{}: took effect at version {first}, though {} had taken effect up to version {last} before",
                        Name(call),
                        Name(earlier)
                    ),
                );
            }
        }
    }
}
