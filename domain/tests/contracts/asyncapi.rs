//! `schemas/asyncapi.json`: an `AsyncAPI` 3.0 document of what Muster sends to whoever subscribes. Like the schemas, which it holds, it is
//! made here, and written by `cargo xtask schemas`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use muster_domain::personal::without_personal;
use muster_domain::{DomainEvent, RecordedEvent};
use serde_json::{Map, Value, json};

use crate::published::{files, folder, generated};

const DOCUMENT: &str = "asyncapi.json";
/// The name of the one message to a webhook that is no event.
const WEBHOOK_TEST: &str = "WebhookTest";

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

/// A schema without what is personal: what goes outside by the feed and by webhooks.
fn outside(shape: &Shape, mut data: Value) -> Value {
    let personal = DomainEvent::kinds().find(|(_, kind)| kind.event_type == shape.event_type);
    for field in personal.map_or(&[][..], |(_, kind)| kind.personal) {
        data["properties"].as_object_mut().unwrap().remove(field.name);
        if let Some(required) = data.get_mut("required").and_then(Value::as_array_mut) {
            required.retain(|name| name != field.name);
        }
    }
    data
}

/// What EventBridge says beside `detail`, which is the payload.
fn beside_on_the_bus(shape: &Shape) -> Value {
    json!({
        "type": "object",
        "required": ["source", "detail-type"],
        "properties": {
            "source": { "type": "string", "const": "muster" },
            "detail-type": { "type": "string", "const": shape.event_type },
        },
    })
}

/// The headers of a webhook's request.
fn beside_in_a_webhook() -> Value {
    json!({
        "type": "object",
        "required": ["Muster-Signature", "Muster-Event-Id", "Muster-Delivery-Id"],
        "properties": {
            "Muster-Signature": {
                "type": "string",
                "description": "`t=<seconds since 1970>,v1=<hex>`: HMAC-SHA-256 of `<t>.<body>` under the webhook's secret. Two `v1` \
                    while the secret is changed.",
            },
            "Muster-Event-Id": {
                "type": "string",
                "format": "uuid",
                "description": "The event; the same in a replay. Of a test, the delivery.",
            },
            "Muster-Delivery-Id": {
                "type": "string",
                "format": "uuid",
                "description": "The delivery; the same each time it is tried.",
            },
        },
    })
}

/// What a receiver gets when an administrator tries it: no event, and of no history.
fn webhook_test() -> Value {
    json!({
        "name": WEBHOOK_TEST,
        "title": "A test of a webhook",
        "summary": "Sent once, when an administrator asks for it: `POST /api/v1/webhooks/{webhook_id}/test`.",
        "contentType": "application/json",
        "headers": beside_in_a_webhook(),
        "payload": {
            "type": "object",
            "additionalProperties": false,
            "required": ["type", "webhook_id", "sent_at"],
            "properties": {
                "type": { "type": "string", "const": WEBHOOK_TEST, "description": "No event is called so." },
                "webhook_id": { "type": "string", "format": "uuid", "description": "The webhook that is tried." },
                "sent_at": { "type": "string", "format": "date-time", "description": "When it was sent." },
            },
        },
    })
}

/// One page of the feed.
fn feed_page(events: &[Value]) -> Value {
    json!({
        "name": "FeedPage",
        "title": "A page of the feed",
        "summary": "Some events, and where to go on.",
        "contentType": "application/json",
        "payload": {
            "type": "object",
            "additionalProperties": false,
            "required": ["items", "next", "more"],
            "properties": {
                "items": {
                    "type": "array",
                    "description": "The events. Those of one aggregate come in the order of their versions, without gaps.",
                    "items": { "anyOf": events },
                },
                "next": { "type": "string", "description": "For `after`, to go on: keep it once `items` are taken in." },
                "more": { "type": "boolean", "description": "Whether there may be more already." },
            },
        },
    })
}

/// A reference to a part of the document.
fn at(pointer: &str) -> Value {
    json!({ "$ref": format!("#/{pointer}") })
}

fn document() -> String {
    let mut components = Components::default();
    let envelope = serde_json::from_str(&generated()["envelope.json"]).unwrap();
    let envelope = components.take("RecordedEvent", envelope);
    let (mut messages, mut on_the_bus, mut in_webhooks, mut in_the_feed) =
        (Map::new(), Map::new(), Map::new(), Vec::new());
    for mut shape in shapes() {
        let data = components.take(&shape.name, shape.data.take());
        let name = shape.name.clone();
        let recorded = recorded(&envelope, &shape);
        let mut recorded_outside = recorded.clone();
        recorded_outside["title"] = json!(format!("Outside{name}"));
        recorded_outside["properties"]["data"] = outside(&shape, data.clone());
        let message = json!({
            "name": shape.event_type,
            "title": format!("{}, schema {}", shape.event_type, shape.schema),
            "summary": data["description"],
            "contentType": "application/json",
        });
        for (name, schema) in [
            (name.clone(), data),
            (format!("Recorded.{name}"), recorded),
            (format!("Outside.{name}"), recorded_outside),
        ] {
            assert!(components.0.insert(name.clone(), schema).is_none(), "{name} is there twice");
        }
        let with = |headers: Value, payload: &str| {
            let mut message = message.clone();
            message["headers"] = headers;
            message["payload"] = at(&format!("components/schemas/{payload}.{name}"));
            message
        };
        messages.insert(name.clone(), with(beside_on_the_bus(&shape), "Recorded"));
        messages.insert(format!("Webhook.{name}"), with(beside_in_a_webhook(), "Outside"));
        on_the_bus.insert(name.clone(), at(&format!("components/messages/{name}")));
        in_webhooks.insert(name.clone(), at(&format!("components/messages/Webhook.{name}")));
        in_the_feed.push(at(&format!("components/schemas/Outside.{name}")));
    }
    messages.insert(format!("Webhook.{WEBHOOK_TEST}"), webhook_test());
    in_webhooks.insert(WEBHOOK_TEST.to_owned(), at(&format!("components/messages/Webhook.{WEBHOOK_TEST}")));
    messages.insert("FeedPage".to_owned(), feed_page(&in_the_feed));
    let mut document = json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Muster: events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What happens in Muster, for whoever subscribes. On the bus and by webhooks every event comes at least once \
                and in any order: `event_id` tells repeats, `stream` and `version` the place in one history. The feed has each once and \
                each history in its order. docs/integrate.md says the rest.",
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
            "api": {
                "host": "{host}",
                "protocol": "https",
                "description": "Muster's HTTP API.",
                "variables": { "host": { "description": "Where Muster is, such as tasks.example.com." } },
            },
            "receiver": {
                "host": "{host}",
                "protocol": "https",
                "description": "Whoever is called by a webhook.",
                "variables": { "host": { "description": "Of the webhook's address." } },
            },
        },
        "channels": {
            "events": {
                "address": "muster-{stage}-events",
                "title": "The event bus",
                "description": "The bus of a stage. `source` is `muster`, `detail-type` the event's type, and `detail` the payload.",
                "servers": [at("servers/eventbridge")],
                "parameters": { "stage": { "description": "The stage, such as `prod`." } },
                "messages": on_the_bus,
            },
            "feed": {
                "address": "/api/v1/feed",
                "title": "The feed",
                "description": "`GET`, again and again, each time with `after` the `next` of the page before. Without what is personal.",
                "servers": [at("servers/api")],
                "messages": { "FeedPage": at("components/messages/FeedPage") },
            },
            "webhooks": {
                "address": null,
                "title": "Webhooks",
                "description": "`POST` to the address that an administrator has named. Without what is personal.",
                "servers": [at("servers/receiver")],
                "messages": in_webhooks,
            },
        },
        "operations": {
            "sendEvent": {
                "action": "send",
                "title": "Something happened",
                "description": "Sent when a commit was written, within a second or two.",
                "channel": at("channels/events"),
            },
            "sendFeedPage": {
                "action": "send",
                "title": "A page of what happened",
                "description": "The answer to whoever reads the feed.",
                "channel": at("channels/feed"),
            },
            "callWebhook": {
                "action": "send",
                "title": "Something happened that a webhook asks for",
                "description": "Signed, tried again for a day, and listed with its outcome. A test is tried once.",
                "channel": at("channels/webhooks"),
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
    let names: BTreeSet<_> = shapes().into_iter().map(|shape| shape.name).collect();
    let messages = |channel: &str| -> BTreeSet<String> {
        document["channels"][channel]["messages"].as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(messages("events"), names);
    let mut and_the_test = names.clone();
    and_the_test.insert(WEBHOOK_TEST.to_owned());
    assert_eq!(messages("webhooks"), and_the_test);
    let in_the_feed = document.pointer("/components/messages/FeedPage/payload/properties/items/items/anyOf").unwrap();
    assert_eq!(in_the_feed.as_array().unwrap().len(), names.len());
}

/// Which messages of the bus, or of webhooks, take a payload.
fn takers() -> impl Fn(&Value, &str) -> Vec<String> {
    let document: Value = serde_json::from_str(&document()).unwrap();
    let messages = document["components"]["messages"].as_object().unwrap();
    let validators: BTreeMap<_, _> = messages
        .iter()
        .filter(|(name, _)| *name != "FeedPage")
        .map(|(name, message)| {
            let mut schema = message["payload"].clone();
            schema["components"] = document["components"].clone();
            (name.clone(), jsonschema::validator_for(&schema).unwrap())
        })
        .collect();
    move |payload: &Value, by: &str| -> Vec<String> {
        let of_channel = validators.iter().filter(|(name, _)| name.starts_with("Webhook.") == (by == "webhooks"));
        let taken = of_channel.filter(|(_, validator)| validator.is_valid(payload));
        taken.map(|(name, _)| name.trim_start_matches("Webhook.").to_owned()).collect()
    }
}

#[test]
fn a_test_of_a_webhook_is_a_message_of_its_own_and_goes_over_no_bus() {
    let taken = takers();
    let test = json!({
        "type": "WebhookTest",
        "webhook_id": "6d757374-6572-5000-8000-6576656e7400",
        "sent_at": "2026-03-02T08:00:00.120Z",
    });
    assert_eq!(taken(&test, "webhooks"), [WEBHOOK_TEST]);
    assert_eq!(taken(&test, "events"), [""; 0]);
    for field in ["type", "webhook_id", "sent_at"] {
        let mut without = test.clone();
        without.as_object_mut().unwrap().remove(field);
        assert_eq!(taken(&without, "webhooks"), [""; 0], "without {field}");
    }
}

/// The document's schemas are those of the examples: each is valid as a payload of its message, and of no other.
#[test]
fn every_golden_example_is_a_payload_of_its_message_and_of_no_other() {
    let taken = takers();
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
            let shape = file.trim_end_matches(".json");
            assert_eq!(taken(&payload, "events"), [shape], "the {name} example of {file}");
            let event: RecordedEvent = serde_json::from_value(payload).unwrap();
            let outside = serde_json::to_value(without_personal(event)).unwrap();
            assert_eq!(taken(&outside, "webhooks"), [shape], "the {name} example of {file}, as it goes outside");
        }
    }
}
