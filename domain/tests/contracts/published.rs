//! The published JSON Schemas: `<Type>.v<schema>.json` for every event, and `envelope.json` for what surrounds them.
//!
//! This test is also what writes them: `cargo xtask schemas` runs it with `MUSTER_SCHEMAS=write`. So there is one
//! description of what should be on disk, and no second one that could differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use muster_domain::{AggregateType, DomainEvent, RecordedEvent};
use serde_json::{Value, json};

/// A folder of the contracts.
pub(crate) fn folder(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas")).join(name)
}

/// The files of a folder, by name.
pub(crate) fn files(name: &str) -> BTreeMap<String, String> {
    fs::read_dir(folder(name))
        .unwrap_or_else(|error| panic!("schemas/{name} cannot be read: {error}"))
        .map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())
        })
        .collect()
}

/// A schema as it is published: named, its keys in order, whatever features of `serde_json` the build has on.
fn document(id: &str, mut schema: Value) -> String {
    schema["$id"] = json!(id);
    schema.sort_all_objects();
    format!("{schema:#}\n")
}

/// What should be on disk at the schemas that this code writes.
pub(crate) fn generated() -> BTreeMap<String, String> {
    let envelope = schemars::schema_for!(RecordedEvent).to_value();
    DomainEvent::kinds()
        .map(|(_, kind)| {
            let (name, number) = (kind.event_type, kind.schema);
            let id = format!("urn:muster:event:{name}:{number}");
            (format!("{name}.v{number}.json"), document(&id, (kind.json_schema)().to_value()))
        })
        .chain([("envelope.json".to_owned(), document("urn:muster:event:envelope", envelope))])
        .collect()
}

#[test]
fn the_schemas_on_disk_are_fresh() {
    let generated = generated();
    if std::env::var_os("MUSTER_SCHEMAS").is_some_and(|mode| mode == "write") {
        fs::create_dir_all(folder("events")).unwrap();
        for (name, text) in &generated {
            let path = folder("events").join(name);
            match fs::read_to_string(&path) {
                Ok(old) if old == *text => continue,
                Ok(_) => println!("changed: schemas/events/{name}"),
                Err(_) => println!("new: schemas/events/{name}"),
            }
            fs::write(path, text).unwrap();
        }
    }
    let on_disk = files("events");
    let stale: Vec<_> =
        generated.iter().filter(|(name, text)| on_disk.get(*name) != Some(*text)).map(|(name, _)| name).collect();
    assert!(stale.is_empty(), "stale in schemas/events: {stale:?}; run cargo xtask schemas, and read what it changed");
}

#[test]
fn every_schema_ever_published_is_kept_and_belongs_to_an_event_type() {
    let mut known: BTreeSet<_> = DomainEvent::kinds()
        .flat_map(|(_, kind)| (1..=kind.schema).map(|number| format!("{}.v{number}.json", kind.event_type)))
        .collect();
    known.insert("envelope.json".to_owned());
    assert_eq!(files("events").into_keys().collect::<BTreeSet<_>>(), known);
}

/// A field whose type says who a person is cannot be forgotten: it is sealed in the schema, and declared beside the event.
#[test]
fn what_says_who_a_person_is_is_sealed_in_every_schema_and_declared_as_personal() {
    for (aggregate, kind) in DomainEvent::kinds() {
        let schema = (kind.json_schema)().to_value();
        let sealed: BTreeSet<&str> = schema["properties"]
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(_, field)| field.to_string().contains("#/$defs/Sealed"))
            .map(|(name, _)| name.as_str())
            .collect();
        let declared: BTreeSet<&str> = kind.personal.iter().map(|field| field.name).collect();
        assert_eq!(sealed, declared, "{}", kind.event_type);
        let types: BTreeSet<&str> =
            schema["$defs"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        // Teams and places have names too.
        let personal =
            ["Email", "Phone", "Locale"].into_iter().chain((aggregate == AggregateType::User).then_some("Name"));
        let open: Vec<_> = personal.filter(|name| types.contains(name)).collect();
        assert!(open.is_empty(), "{} holds {open:?} in the open", kind.event_type);
    }
}
