//! `schemas/asyncapi.json`: an `AsyncAPI` 3.0 document of what Muster sends to whoever subscribes. Like the schemas, which it holds, it is
//! made here, and written by `cargo xtask schemas`.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Map, Value, json};

use crate::published::{files, folder, generated};

const DOCUMENT: &str = "asyncapi.json";

/// An event type at one schema: `TaskCreated.v1`.
struct Shape {
    name: String,
    event_type: String,
    schema: u32,
    /// The JSON Schema of its data.
    data: Value,
}

/// Every shape ever published: the present ones as this code writes them, and the older ones, which are still in histories.
fn shapes() -> Vec<Shape> {
    let mut published = files("events");
    published.extend(generated());
    published.remove("envelope.json");
    let shape = |(file, text): (String, String)| {
        let name = file.trim_end_matches(".json").to_owned();
        let (event_type, schema) = name.split_once(".v").unwrap();
        let (event_type, schema) = (event_type.to_owned(), schema.parse().unwrap());
        Shape { name, event_type, schema, data: serde_json::from_str(&text).unwrap() }
    };
    published.into_iter().map(shape).collect()
}

/// The schemas that others refer to, collected under names of the whole document.
#[derive(Default)]
struct Components(BTreeMap<String, Value>);

impl Components {
    /// Takes in a schema with its definitions, and returns it with references into the whole document.
    fn take(&mut self, owner: &str, mut schema: Value) -> Value {
        let fields = schema.as_object_mut().unwrap();
        fields.remove("$schema");
        fields.remove("$id");
        let definitions = fields.remove("$defs");
        let definitions = definitions.as_ref().and_then(Value::as_object).cloned().unwrap_or_default();
        let mut names: BTreeMap<String, String> = definitions.keys().map(|name| (name.clone(), name.clone())).collect();
        // Two schemas may give one name to two things: the second has its owner before it. What refers to such a one differs,
        // too, as its references do; so this goes on until nothing changes.
        loop {
            let clashes = |name: &String| {
                let there = self.0.get(&names[name]);
                there.is_some_and(|there| *there != referring(definitions[name].clone(), &names))
            };
            let Some(name) = definitions.keys().find(|name| clashes(name)).cloned() else { break };
            let longer = format!("{owner}.{name}");
            assert_ne!(names[&name], longer, "{longer} is there twice");
            names.insert(name, longer);
        }
        for (name, definition) in definitions {
            self.0.insert(names[&name].clone(), referring(definition, &names));
        }
        referring(schema, &names)
    }
}

/// A schema whose references lead to these names.
fn referring(schema: Value, names: &BTreeMap<String, String>) -> Value {
    match schema {
        Value::Object(fields) => fields
            .into_iter()
            .map(|(word, value)| match (word.as_str(), value.as_str().and_then(|to| to.strip_prefix("#/$defs/"))) {
                ("$ref", Some(name)) => (word, json!(format!("#/components/schemas/{}", names[name]))),
                _ => (word, referring(value, names)),
            })
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.into_iter().map(|item| referring(item, names)).collect(),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => plain,
    }
}

/// The envelope around this data.
fn recorded(envelope: &Value, shape: &Shape) -> Value {
    let mut recorded = envelope.clone();
    recorded["title"] = json!(format!("Recorded{}", shape.name));
    recorded["properties"]["type"] = json!({ "type": "string", "const": shape.event_type });
    recorded["properties"]["schema"] = json!({ "type": "integer", "const": shape.schema });
    recorded["properties"]["data"] = json!({ "$ref": format!("#/components/schemas/{}", shape.name) });
    recorded
}

/// What EventBridge says beside `detail`, which is the payload.
fn headers(shape: &Shape) -> Value {
    json!({
        "type": "object",
        "required": ["source", "detail-type"],
        "properties": {
            "source": { "type": "string", "const": "muster" },
            "detail-type": { "type": "string", "const": shape.event_type },
        },
    })
}

fn document() -> String {
    let mut components = Components::default();
    let envelope = serde_json::from_str(&generated()["envelope.json"]).unwrap();
    let envelope = components.take("RecordedEvent", envelope);
    let (mut messages, mut references) = (Map::new(), Map::new());
    for mut shape in shapes() {
        let data = components.take(&shape.name, shape.data.take());
        let summary = data["description"].clone();
        assert!(components.0.insert(shape.name.clone(), data).is_none(), "{} is there twice", shape.name);
        let message = json!({
            "name": shape.event_type,
            "title": format!("{}, schema {}", shape.event_type, shape.schema),
            "summary": summary,
            "contentType": "application/json",
            "headers": headers(&shape),
            "payload": recorded(&envelope, &shape),
        });
        references.insert(shape.name.clone(), json!({ "$ref": format!("#/components/messages/{}", shape.name) }));
        messages.insert(shape.name, message);
    }
    let mut document = json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Muster: events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What happens in Muster, for whoever subscribes. Every event comes at least once and in any order: `event_id` \
                tells repeats, `stream` and `version` the place in one history. docs/integrate.md says the rest.",
            "license": { "name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0" },
        },
        "defaultContentType": "application/json",
        "servers": {
            "eventbridge": {
                "host": "events.{region}.amazonaws.com",
                "protocol": "eventbridge",
                "description": "Amazon EventBridge, in the account and region where Muster is.",
                "variables": { "region": { "description": "The region of AWS." } },
            },
        },
        "channels": {
            "events": {
                "address": "muster-{stage}-events",
                "title": "The event bus",
                "description": "The bus of a stage. `source` is `muster`, `detail-type` the event's type, and `detail` the payload.",
                "servers": [{ "$ref": "#/servers/eventbridge" }],
                "parameters": { "stage": { "description": "The stage, such as `prod`." } },
                "messages": references,
            },
        },
        "operations": {
            "sendEvent": {
                "action": "send",
                "title": "Something happened",
                "description": "Sent when a commit was written, within a second or two.",
                "channel": { "$ref": "#/channels/events" },
            },
        },
        "components": { "messages": messages, "schemas": components.0 },
    });
    document.sort_all_objects();
    format!("{document:#}\n")
}

#[test]
fn the_document_on_disk_is_fresh() {
    let document = document();
    let path = folder(DOCUMENT);
    if std::env::var_os("MUSTER_SCHEMAS").is_some_and(|mode| mode == "write") {
        fs::write(&path, &document).unwrap();
    }
    let on_disk = fs::read_to_string(&path).unwrap_or_default();
    assert!(on_disk == document, "schemas/{DOCUMENT} is stale; run cargo xtask schemas, and read what it changed");
}

#[test]
fn every_reference_leads_to_something_and_every_event_has_its_message() {
    let text = document();
    let document: Value = serde_json::from_str(&text).unwrap();
    let mut references = 0;
    for part in text.split("\"$ref\": \"#").skip(1) {
        let pointer = part.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer} leads nowhere");
        references += 1;
    }
    assert!(references > 100, "{references} references");
    let messages = document["components"]["messages"].as_object().unwrap();
    let names: Vec<_> = shapes().into_iter().map(|shape| shape.name).collect();
    assert_eq!(messages.keys().collect::<Vec<_>>(), names.iter().collect::<Vec<_>>());
}

/// The document's schemas are those of the examples: each is valid as a payload of its message, and of no other.
#[test]
fn every_golden_example_is_a_payload_of_its_message_and_of_no_other() {
    let document: Value = serde_json::from_str(&document()).unwrap();
    let messages = document["components"]["messages"].as_object().unwrap();
    let validators: BTreeMap<_, _> = messages
        .iter()
        .map(|(name, message)| {
            let mut schema = message["payload"].clone();
            schema["components"] = document["components"].clone();
            (name.clone(), jsonschema::validator_for(&schema).unwrap())
        })
        .collect();
    for (file, text) in files("golden") {
        let golden: Value = serde_json::from_str(&text).unwrap();
        for (name, data) in golden["examples"].as_object().unwrap() {
            let payload = json!({
                "event_id": "6d757374-6572-5000-8000-6576656e7400",
                "stream": { "type": golden["aggregate"], "id": "6d757374-6572-5000-8000-6576656e7400" },
                "version": 7,
                "type": golden["type"],
                "schema": golden["schema"],
                "recorded_at": "2026-03-02T08:00:00.120Z",
                "actor": { "type": "system", "name": "test" },
                "command_id": "6d757374-6572-5000-8000-6576656e7400",
                "correlation_id": "request-1",
                "data": data,
            });
            let taken: Vec<_> =
                validators.iter().filter(|(_, validator)| validator.is_valid(&payload)).map(|(name, _)| name).collect();
            assert_eq!(taken, [file.trim_end_matches(".json")], "the {name} example of {file}");
        }
    }
}
