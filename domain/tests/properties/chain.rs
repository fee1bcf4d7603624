//! Tampering with a history is found, whatever was changed, and an untouched one passes.

use chrono::TimeDelta;
use muster_domain::commit::{ChainVerifier, Tampered};
use muster_domain::task::Task;
use muster_domain::{
    Actor, AggregateType, CommandId, Commit, Decider as _, EventData, Fingerprint, Hash, Metadata, RecordedEvent,
    StreamId, UserId,
};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::sequences::stored;
use crate::strategies::{task_command, time};

const STREAM: StreamId = StreamId::new(AggregateType::Task, Uuid::from_u128(1));

fn metadata() -> impl Strategy<Value = Metadata> {
    let actor = prop_oneof![
        any::<u128>().prop_map(|id| Actor::from(UserId(Uuid::from_u128(id)))),
        "[a-z]{1,8}".prop_map(|name| Actor::system(&name)),
    ];
    (any::<u128>(), "[0-9a-f]{32}", actor, time(), "\\PC{0,12}", of("\\PC{0,12}")).prop_map(
        |(command_id, fingerprint, actor, at, correlation_id, causation_id)| Metadata {
            command_id: CommandId(Uuid::from_u128(command_id)),
            fingerprint: Fingerprint::from(fingerprint),
            actor,
            at,
            correlation_id,
            causation_id,
        },
    )
}

/// A task's history as it would be stored: one commit for each command that had an effect, at least two of them.
fn history() -> impl Strategy<Value = Vec<Commit>> {
    vec((task_command(), metadata()), 8..40)
        .prop_map(|requests| {
            let (mut task, mut version, mut head) = (Task::default(), 1, Hash::GENESIS);
            let mut commits = Vec::new();
            for (command, metadata) in requests {
                let events = task.decide(command).unwrap_or_default();
                if events.is_empty() {
                    continue;
                }
                for event in &events {
                    task.evolve(event);
                }
                let events: Vec<EventData> = events.iter().map(stored).collect();
                let commit = Commit::seal(STREAM, version, events, &metadata, head).unwrap();
                (version, head) = (commit.last_version() + 1, commit.hash);
                commits.push(commit);
            }
            commits
        })
        .prop_filter("two commits", |commits| commits.len() >= 2)
}

/// Follows the whole history. The verifier after it, or the place and kind of the first finding.
fn verify(commits: &[Commit]) -> Result<ChainVerifier, (usize, Tampered)> {
    let mut verifier = ChainVerifier::default();
    for (place, commit) in commits.iter().enumerate() {
        verifier.follow(commit).map_err(|finding| (place, finding))?;
    }
    Ok(verifier)
}

/// What is changed in a commit, and how.
type Forgery = (&'static str, fn(&mut Commit));

/// Every way to change one commit.
const FORGERIES: &[Forgery] = &[
    ("the aggregate's id", |commit| commit.stream.id = Uuid::from_u128(2)),
    ("the aggregate's kind", |commit| commit.stream.aggregate = AggregateType::Team),
    ("the version", |commit| commit.version += 1),
    ("an event's type", |commit| commit.events[0].event_type.push('s')),
    ("an event's schema", |commit| commit.events[0].schema += 1),
    ("an event's payload, a field more", |commit| commit.events[0].data["more"] = Value::Null),
    ("an event's payload, a field less", |commit| {
        let fields = commit.events[0].data.as_object_mut().unwrap();
        let first = fields.keys().next().cloned();
        // Of an event without any field, there is nothing to take: it gets one.
        if first.and_then(|name| fields.remove(&name)).is_none() {
            fields.insert("more".to_owned(), Value::Null);
        }
    }),
    ("an event's payload, as a whole", |commit| commit.events[0].data = json!(["anything"])),
    ("an event more", |commit| commit.events.push(commit.events[0].clone())),
    ("an event less", |commit| drop(commit.events.pop())),
    ("the command", |commit| commit.command_id = CommandId(Uuid::nil())),
    ("the fingerprint", |commit| commit.fingerprint = Fingerprint::from("none".to_owned())),
    ("the actor", |commit| commit.actor = Actor::system("somebody else")),
    ("the time", |commit| commit.recorded_at += TimeDelta::milliseconds(1)),
    ("the correlation", |commit| commit.correlation_id.push('!')),
    ("the cause", |commit| {
        commit.causation_id = match commit.causation_id.take() {
            Some(_) => None,
            None => Some(String::new()),
        };
    }),
    ("the link", |commit| commit.prev_hash = flipped(commit.prev_hash)),
    ("the hash", |commit| commit.hash = flipped(commit.hash)),
];

/// The hash with one bit the other way.
fn flipped(hash: Hash) -> Hash {
    let mut text = hash.to_string();
    let last = u8::from_str_radix(&text.pop().unwrap().to_string(), 16).unwrap() ^ 1;
    format!("{text}{last:x}").parse().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_untouched_history_passes_and_its_versions_have_no_gap(commits in history()) {
        let verifier = verify(&commits).unwrap();
        let last = commits.last().unwrap();
        prop_assert_eq!((verifier.version(), verifier.head()), (last.last_version(), last.hash));
        let events: Vec<RecordedEvent> = commits.iter().flat_map(Commit::recorded_events).collect();
        prop_assert!((1..).zip(&events).all(|(version, event)| event.version == version));
        for event in events {
            prop_assert_eq!(event.event_id, RecordedEvent::id_at(&STREAM, event.version));
            prop_assert_eq!(serde_json::from_str::<RecordedEvent>(&serde_json::to_string(&event).unwrap()).unwrap(), event);
        }
    }

    #[test]
    fn a_change_of_anything_in_any_commit_is_found_there(commits in history(), place in any::<Index>()) {
        let place = place.index(commits.len());
        for (what, change) in FORGERIES {
            let mut commits = commits.clone();
            change(&mut commits[place]);
            let finding = verify(&commits);
            prop_assert!(matches!(&finding, Err((found, _)) if *found == place), "{}: {:?}", what, finding);
        }
    }

    #[test]
    fn a_change_whose_hash_was_made_anew_is_found_at_the_next_commit(commits in history(), place in any::<Index>()) {
        let place = place.index(commits.len() - 1);
        let mut commits = commits;
        commits[place].actor = Actor::system("somebody else");
        commits[place].hash = commits[place].expected_hash().unwrap();
        let version = commits[place + 1].version;
        prop_assert_eq!(verify(&commits).unwrap_err(), (place + 1, Tampered::Link { version }));
    }

    #[test]
    fn a_commit_that_was_removed_is_missed(commits in history(), place in any::<Index>()) {
        let mut commits = commits;
        let place = place.index(commits.len() - 1);
        let expected = commits.remove(place).version;
        let found = commits[place].version;
        prop_assert_eq!(verify(&commits).unwrap_err(), (place, Tampered::Version { expected, found }));
    }

    /// The chain alone cannot miss its end; the head that somebody else remembers (a digest, a read model) shows it.
    #[test]
    fn commits_cut_off_the_end_show_in_the_head(commits in history(), kept in any::<Index>()) {
        let whole = verify(&commits).unwrap();
        let cut = verify(&commits[..kept.index(commits.len())]).unwrap();
        prop_assert!(cut.version() < whole.version());
        prop_assert_ne!(cut.head(), whole.head());
    }

    #[test]
    fn a_commit_that_was_put_in_is_found(commits in history(), place in any::<Index>(), made in metadata()) {
        let place = place.index(commits.len());
        // A forger's best: the right version, the right link, the right hash.
        let (version, link) = (commits[place].version, commits[place].prev_hash);
        let events = vec![commits[0].events[0].clone()];
        let forged = Commit::seal(STREAM, version, events, &made, link).unwrap();
        let copy = commits[place].clone();
        for (inserted, at) in [(forged, place), (copy, place + 1)] {
            let mut commits = commits.clone();
            commits.insert(at, inserted);
            prop_assert!(verify(&commits).is_err());
        }
    }

    #[test]
    fn commits_in_another_order_are_found(commits in history(), one in any::<Index>(), other in any::<Index>()) {
        let (one, other) = (one.index(commits.len()), other.index(commits.len()));
        prop_assume!(one != other);
        let mut commits = commits;
        commits.swap(one, other);
        let (place, finding) = verify(&commits).unwrap_err();
        prop_assert_eq!(place, one.min(other));
        prop_assert!(matches!(finding, Tampered::Version { .. }), "{:?}", finding);
    }

    #[test]
    fn a_commit_written_as_json_and_read_back_is_the_same_and_keeps_its_hash(commits in history()) {
        for commit in commits {
            let read: Commit = serde_json::from_str(&serde_json::to_string(&commit).unwrap()).unwrap();
            prop_assert_eq!(read.expected_hash().unwrap(), commit.hash);
            prop_assert_eq!(read, commit);
        }
    }

    #[test]
    fn a_hash_is_read_as_it_is_written_and_nothing_else_is_a_hash(hash in "[0-9a-f]{64}", other in "\\PC{0,70}") {
        prop_assert_eq!(hash.parse::<Hash>().unwrap().to_string(), hash.clone());
        prop_assert!(hash[1..].parse::<Hash>().is_err());
        prop_assume!(other != hash);
        prop_assert!(other.parse::<Hash>().is_err());
    }
}

#[test]
fn a_commit_without_events_is_no_commit() {
    let metadata = Metadata {
        command_id: CommandId(Uuid::nil()),
        fingerprint: Fingerprint::of("test", &()),
        actor: Actor::system("test"),
        at: "2026-03-02T08:00:00Z".parse().unwrap(),
        correlation_id: String::new(),
        causation_id: None,
    };
    let empty = Commit::seal(STREAM, 1, vec![], &metadata, Hash::GENESIS).unwrap();
    assert_eq!(ChainVerifier::default().follow(&empty), Err(Tampered::Empty { version: 1 }));
}

#[test]
fn the_hash_of_a_known_commit_never_changes() {
    // Every stored history depends on it: a new value here means that no history verifies any more. The value was made
    // outside this program, from the description of the hash alone.
    let metadata = Metadata {
        command_id: CommandId(Uuid::from_u128(5)),
        fingerprint: Fingerprint::from("00112233445566778899aabbccddeeff".to_owned()),
        actor: Actor::from(UserId(Uuid::from_u128(6))),
        at: "2026-03-02T08:00:00.120Z".parse().unwrap(),
        correlation_id: "request-1".to_owned(),
        causation_id: None,
    };
    let events = vec![EventData {
        event_type: "TaskHeld".to_owned(),
        schema: 1,
        data: json!({ "reason": "waiting for parts", "at": "2026-03-02T08:00:00.120Z" }),
    }];
    let commit = Commit::seal(STREAM, 3, events, &metadata, Hash::GENESIS).unwrap();
    assert_eq!(commit.hash.to_string(), "401606452df7b794d532ea1ac4c615df5541e753bd66aa97ff2da168b2b6a968");
}
