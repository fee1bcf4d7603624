//! The golden examples, written by hand: what this program must always be able to read.
//!
//! `schemas/golden/<Type>.v<schema>.json` names the aggregate, the type and the schema, and has a `full` example (every
//! field is there) and a `minimal` one (only those that must be), and as many more as are worth keeping.

use std::collections::{BTreeMap, BTreeSet};

use muster_domain::personal::{MemoryKeys, Opener, open_event, seal_event};
use muster_domain::{
    Actor, AggregateType, CommandId, Commit, DomainEvent, EventData, Fingerprint, Hash, Metadata, RecordedEvent,
    StreamId, UserId,
};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::published::files;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Golden {
    aggregate: AggregateType,
    #[serde(rename = "type")]
    event_type: String,
    schema: u32,
    examples: BTreeMap<String, Value>,
}

impl Golden {
    fn file(&self) -> String {
        format!("{}.v{}.json", self.event_type, self.schema)
    }
}

/// Where the sealed examples stand: version 7 of this person, whose key is the one for tests.
const PERSON: UserId = UserId(Uuid::from_u128(3));
const VERSION: u64 = 7;

fn opener() -> Opener {
    Opener::Key(MemoryKeys::of(PERSON))
}

/// The example in the open.
fn opened(aggregate: AggregateType, event: &EventData) -> Value {
    let stream = StreamId::new(aggregate, PERSON.0);
    open_event(&opener(), &stream, VERSION, &event.event_type, event.data.clone()).unwrap()
}

/// Every golden file, with its name checked against what it holds.
fn golden() -> Vec<Golden> {
    let read = |(name, text): (String, String)| {
        let golden: Golden = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(golden.file(), name);
        golden
    };
    files("golden").into_iter().map(read).collect()
}

/// Every example, with a name for messages.
fn examples() -> Vec<(String, AggregateType, EventData)> {
    golden()
        .into_iter()
        .flat_map(|golden| {
            let file = golden.file();
            let Golden { aggregate, event_type, schema, examples } = golden;
            examples.into_iter().map(move |(name, data)| {
                let event = EventData { event_type: event_type.clone(), schema, data };
                (format!("{name} of {file}"), aggregate, event)
            })
        })
        .collect()
}

#[test]
fn every_shape_ever_shipped_has_a_full_and_a_minimal_example() {
    let shipped: BTreeSet<_> = DomainEvent::kinds()
        .flat_map(|(_, kind)| (1..=kind.schema).map(|number| format!("{}.v{number}.json", kind.event_type)))
        .collect();
    let golden = golden();
    assert_eq!(golden.iter().map(Golden::file).collect::<BTreeSet<_>>(), shipped);
    for golden in golden {
        for name in ["full", "minimal"] {
            assert!(golden.examples.contains_key(name), "{} has no {name} example", golden.file());
        }
    }
}

#[test]
fn every_example_has_the_published_shape_of_its_schema() {
    let schemas = files("events");
    for (name, _, event) in examples() {
        let schema = serde_json::from_str(&schemas[&format!("{}.v{}.json", event.event_type, event.schema)]).unwrap();
        let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
        let findings: Vec<_> = validator.iter_errors(&event.data).map(|error| error.to_string()).collect();
        assert!(findings.is_empty(), "the {name} example: {findings:?}");
    }
}

#[test]
fn the_full_example_has_every_field_and_the_minimal_one_those_that_must_be() {
    let schemas = files("events");
    for golden in golden() {
        let schema: Value = serde_json::from_str(&schemas[&golden.file()]).unwrap();
        let all: BTreeSet<_> = schema["properties"].as_object().unwrap().keys().cloned().collect();
        let fields = |name: &str| golden.examples[name].as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(fields("full"), all, "the full example of {}", golden.file());
        for required in schema["required"].as_array().into_iter().flatten() {
            assert!(fields("minimal").contains(required.as_str().unwrap()), "{required} in {}", golden.file());
        }
    }
}

#[test]
fn every_example_is_read_and_one_of_the_newest_schema_is_written_as_it_was_read() {
    for (name, aggregate, event) in examples() {
        let plain = opened(aggregate, &event);
        let EventData { event_type, schema, data } = event;
        let read = DomainEvent::decode(aggregate, &event_type, schema, plain)
            .unwrap_or_else(|error| panic!("the {name} example: {error}"));
        let (written, newest) = match &read {
            DomainEvent::Task(event) => (serde_json::to_value(event), event.schema()),
            DomainEvent::User(event) => (serde_json::to_value(event), event.schema()),
            DomainEvent::Team(event) => (serde_json::to_value(event), event.schema()),
        };
        let mut written = written.unwrap();
        assert_eq!(written["type"], *event_type, "the {name} example");
        if schema == newest {
            let mut written = written["data"].take();
            let stream = StreamId::new(aggregate, PERSON.0);
            seal_event(&MemoryKeys::of(PERSON), &stream, VERSION, &event_type, &mut written).unwrap();
            assert_eq!(written, data, "the {name} example");
        }
    }
}

#[test]
fn every_example_in_its_envelope_has_the_published_shape_and_is_read() {
    let envelope = serde_json::from_str(&files("events")["envelope.json"]).unwrap();
    let validator = jsonschema::options().should_validate_formats(true).build(&envelope).unwrap();
    let metadata = |actor, causation_id| Metadata {
        command_id: CommandId(Uuid::from_u128(1)),
        fingerprint: Fingerprint::of("golden", &()),
        actor,
        at: "2026-03-02T08:00:00.120Z".parse().unwrap(),
        correlation_id: "request-1".to_owned(),
        causation_id,
    };
    for metadata in [
        metadata(Actor::from(UserId(Uuid::from_u128(2))), None),
        metadata(Actor::system("automation"), Some("an event".to_owned())),
    ] {
        for (name, aggregate, event) in examples() {
            let stream = StreamId::new(aggregate, PERSON.0);
            let commit = Commit::seal(stream, VERSION, vec![event], &metadata, Hash::GENESIS).unwrap();
            for recorded in commit.recorded_events() {
                let json = serde_json::to_value(&recorded).unwrap();
                let findings: Vec<_> = validator.iter_errors(&json).map(|error| error.to_string()).collect();
                assert!(findings.is_empty(), "the {name} example in its envelope: {findings:?}");
                let read: RecordedEvent = serde_json::from_value(json).unwrap();
                assert_eq!(read, recorded);
                for opener in [opener(), Opener::Erased] {
                    let decoded = read.decode_with(&opener);
                    decoded.unwrap_or_else(|error| panic!("the {name} example in its envelope: {error}"));
                }
            }
        }
    }
}

#[test]
fn an_event_of_another_aggregate_is_not_taken() {
    for (name, aggregate, event) in examples() {
        for other in AggregateType::ALL.into_iter().filter(|other| *other != aggregate) {
            let plain = opened(aggregate, &event);
            let read = DomainEvent::decode(other, &event.event_type, event.schema, plain);
            assert!(read.is_err(), "the {name} example was read as an event of a {other}");
        }
    }
}
