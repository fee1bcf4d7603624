//! Promise 3, over all sendings of one command: it takes effect at most once, and its repeats are known.

use std::collections::BTreeMap;

use super::attribute::same_json;
use super::calls::Name;
use super::log::{Commit, Log};
use super::personal;
use super::recurring;
use super::timeline::Timeline;
use super::violation::Findings;
use crate::observed::{Call, Outcome};

/// So many commands of a stream are remembered: a repeat that comes after more of them is a new command.
const REMEMBERED: usize = 64;

/// All that was sent to one stream under one id, and what came of it.
#[derive(Default)]
struct Command<'a> {
    calls: Vec<&'a Call>,
    commits: Vec<&'a Commit<'a>>,
}

/// Checks every command. One that no call sent must not be in the log.
pub(super) fn check(calls: &[Call], log: &Log<'_>, timeline: &Timeline<'_>, found: &mut Findings) {
    let mut commands: BTreeMap<(&str, &str), Command<'_>> = BTreeMap::new();
    for call in calls {
        commands.entry((&call.stream, &call.command_id)).or_default().calls.push(call);
    }
    // What Muster does by itself nobody sends.
    for commit in log.streams.values().flatten().filter(|commit| !recurring::is_of_reactor(commit)) {
        commands.entry((commit.stream, commit.command_id)).or_default().commits.push(commit);
    }
    for ((stream, id), command) in &commands {
        let Command { calls, commits } = command;
        if commits.len() > 1 {
            let places: Vec<_> = commits.iter().map(|commit| commit.first).collect();
            found.note(3, format_args!("{stream}: command {id} took effect at the versions {places:?}"));
        }
        // What a command asked of who is erased since cannot be compared any more: its id counts as used.
        let forgets = personal::is_erased(log, stream);
        answers_agree(calls, found);
        if let Some(commit) = commits.first() {
            caused(command, commit, timeline, found);
            repeats_are_known(command, commit, timeline, forgets, found);
        }
        for call in calls.iter().filter(|call| call.outcome == Outcome::KeyReused && !forgets) {
            reused(command, call, timeline, found);
        }
    }
}

/// Whether the call may be the one that took effect: it was told so, or was told nothing.
fn may_be_the_cause(call: &Call) -> bool {
    effect(call).is_some() || call.outcome == Outcome::Unknown
}

/// The versions that a call was told to have written.
fn effect(call: &Call) -> Option<(u64, u64)> {
    match &call.outcome {
        Outcome::Committed { version, events, .. } => Some((events.first()?.0, *version)),
        Outcome::Refused
        | Outcome::VersionMismatch { .. }
        | Outcome::KeyReused
        | Outcome::Reserved
        | Outcome::Contended
        | Outcome::Unknown
        | Outcome::Damaged { .. } => None,
    }
}

/// All that were told of an effect were told of the same one, and asked for the same.
fn answers_agree(calls: &[&Call], found: &mut Findings) {
    let mut told = calls.iter().filter_map(|call| effect(call).map(|effect| (*call, effect)));
    let Some((first, effect)) = told.next() else { return };
    for (call, other) in told {
        if call.content != first.content {
            found.note(3, format_args!("{}: acknowledged, and so was another command under the same id", Name(call)));
        } else if other != effect || !same_events(call, first) {
            found.note(
                3,
                format_args!(
                    "{}: acknowledged with the versions {other:?}, and another sending with {effect:?}, or other events",
                    Name(call)
                ),
            );
        }
    }
}

fn same_events(a: &Call, b: &Call) -> bool {
    let (Outcome::Committed { events: a, .. }, Outcome::Committed { events: b, .. }) = (&a.outcome, &b.outcome) else {
        return false;
    };
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a.0, &a.1) == (b.0, &b.1) && same_json(&a.2, &b.2))
}

/// A commit has a cause: a sending that was not told that it had no effect, sent before, and allowed at that version.
fn caused(command: &Command<'_>, commit: &Commit<'_>, timeline: &Timeline<'_>, found: &mut Findings) {
    let Commit { stream, first, command_id, .. } = commit;
    let at = format_args!("{stream}: command {command_id} took effect at version {first}");
    if command.calls.is_empty() {
        found.note(3, format_args!("{at}, and nobody sent it"));
        return;
    }
    let causes: Vec<_> = command.calls.iter().filter(|call| may_be_the_cause(call)).collect();
    if causes.is_empty() {
        let told: Vec<_> = command.calls.iter().map(|call| &call.outcome).collect();
        found.note(3, format_args!("{at}, and all who sent it were told that it had no effect: {told:?}"));
        return;
    }
    if !causes.iter().any(|call| call.expected.is_none_or(|expected| expected + 1 == *first)) {
        let expected: Vec<_> = causes.iter().filter_map(|call| call.expected).collect();
        found.note(1, format_args!("{at}, and expected version {expected:?}"));
    }
    if let Some(write) = timeline.write(stream, *first)
        && causes.iter().all(|call| call.sent > write.at)
    {
        found.note(1, format_args!("{at} at {:?}, before it was sent", write.at));
    }
}

/// What took effect: what an acknowledged sending asked for, or what all asked for that may have taken effect. `None`
/// where that cannot be told.
fn content_in_effect<'a>(command: &Command<'a>) -> Option<&'a str> {
    let acknowledged = command.calls.iter().find(|call| effect(call).is_some());
    if let Some(call) = acknowledged {
        return Some(&call.content);
    }
    let mut causes = command.calls.iter().filter(|call| may_be_the_cause(call)).map(|call| call.content.as_str());
    let first = causes.next()?;
    causes.all(|content| content == first).then_some(first)
}

/// Whoever sends a command after it took effect is told of that effect, or, having sent another one under its id, that
/// the id is used.
fn repeats_are_known(
    command: &Command<'_>,
    commit: &Commit<'_>,
    timeline: &Timeline<'_>,
    forgets: bool,
    found: &mut Findings,
) {
    let Some(write) = timeline.write(commit.stream, commit.first) else { return };
    let Some(content) = content_in_effect(command) else { return };
    for call in command.calls.iter().filter(|call| call.sent > write.at) {
        if timeline.commits_after(commit.stream, commit.first, call.answered) >= REMEMBERED {
            continue;
        }
        let same = call.content == content;
        let known = match &call.outcome {
            // Other answers to another content are noted where answers are compared.
            Outcome::Committed { events, .. } => !events.is_empty(),
            Outcome::KeyReused => !same || forgets,
            Outcome::Unknown | Outcome::Contended | Outcome::Damaged { .. } => true,
            Outcome::Refused | Outcome::VersionMismatch { .. } | Outcome::Reserved => false,
        };
        if !known {
            let sent = if same { "it" } else { "another one under its id" };
            found.note(
                3,
                format_args!(
                    "{}: the command had taken effect at version {} at {:?}, and who sent {sent} was told {:?}",
                    Name(call),
                    commit.first,
                    write.at,
                    call.outcome
                ),
            );
        }
    }
}

/// An id counts as used only by another command that took effect.
fn reused(command: &Command<'_>, call: &Call, timeline: &Timeline<'_>, found: &mut Findings) {
    let Some(commit) = command.commits.first() else {
        found.note(3, format_args!("{}: was told that the id is used, and nothing took effect under it", Name(call)));
        return;
    };
    if let Some(write) = timeline.write(commit.stream, commit.first)
        && call.answered.is_some_and(|answered| answered < write.at)
    {
        found.note(
            3,
            format_args!("{}: was told that the id is used, and it was not before {:?}", Name(call), write.at),
        );
    }
    let other = command.calls.iter().any(|other| other.content != call.content && may_be_the_cause(other));
    if !other || content_in_effect(command) == Some(&call.content) {
        found.note(3, format_args!("{}: was told that the id is used for another command, and it is not", Name(call)));
    }
}
