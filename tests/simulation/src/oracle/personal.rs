//! Promise 11: what says who a person is lies nowhere in the open, and when the person is erased it can be read by nobody. It is
//! opened here, with the keys of the simulation, so that the rules can be checked also of who is erased.

use std::collections::BTreeSet;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::attribute::{list, map, number, text};
use super::log::Log;
use super::violation::Findings;
use crate::observed::Observed;

/// The fields of an event that say who a person is.
pub(super) fn fields(kind: &str) -> &'static [&'static str] {
    match kind {
        "UserRegistered" => &["name", "email", "locale", "phone"],
        "UserProfileChanged" => &["name", "locale", "phone"],
        "UserEmailChanged" => &["from", "to"],
        "UserDeactivated" | "UserReactivated" => &["email"],
        _ => &[],
    }
}

/// Whether an attribute is sealed.
pub(super) fn is_sealed(attribute: &Value) -> bool {
    map(attribute).is_some_and(|fields| fields.len() == 1 && fields.get("sealed").and_then(text).is_some())
}

/// The items of the event table with what is sealed in the open. What should be sealed and is not is noted.
pub(super) fn open(items: &[Value], found: &mut Findings) -> Vec<Value> {
    items.iter().map(|item| open_item(item, found).unwrap_or_else(|| item.clone())).collect()
}

fn open_item(item: &Value, found: &mut Findings) -> Option<Value> {
    let stream = item.get("pk").and_then(text)?;
    let id: Uuid = stream.strip_prefix("user#")?.parse().ok()?;
    let first = number(item.get("sk")?)?;
    let kinds: Vec<(String, u64)> = list(item.get("events")?)?
        .iter()
        .map(|event| {
            let fields = map(event)?;
            Some((text(fields.get("type")?)?.to_owned(), number(fields.get("schema")?)?))
        })
        .collect::<Option<_>>()?;
    let mut opened = item.clone();
    for ((version, place), (kind, schema)) in (first..).zip(0..).zip(kinds) {
        let data = opened.pointer_mut(&format!("/events/L/{place}/M/data/M")).and_then(Value::as_object_mut);
        let Some(data) = data else { continue };
        for name in fields(&kind) {
            let Some(attribute) = data.get(*name) else { continue };
            let bound = format!("{stream}@{version} {kind} {name}");
            match map(attribute).and_then(|fields| text(fields.get("sealed")?)) {
                Some(sealed) => match unsealed(id, &bound, sealed) {
                    Some(value) => drop(data.insert((*name).to_owned(), as_attribute(&value))),
                    None => found.note(11, format_args!("{bound} cannot be opened")),
                },
                None if schema > 1 => found.note(11, format_args!("{bound} is in the open")),
                None => {}
            }
        }
    }
    Some(opened)
}

/// The JSON in a sealed text, by the simulation's key of this person.
fn unsealed(id: Uuid, bound: &str, sealed: &str) -> Option<Value> {
    let key = Sha256::new().chain_update(b"a key for tests").chain_update(id.as_bytes()).finalize();
    let cipher = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), b"seal");
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, cipher.as_ref()).ok()?);
    let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(sealed).ok()?;
    let nonce = Nonce::assume_unique_for_key(*bytes.first_chunk()?);
    let text = cipher.open_in_place(nonce, Aad::from(bound), bytes.get_mut(12..)?).ok()?;
    serde_json::from_slice(text).ok()
}

/// JSON as DynamoDB has it.
fn as_attribute(json: &Value) -> Value {
    match json {
        Value::Null => json!({ "NULL": true }),
        Value::Bool(value) => json!({ "BOOL": value }),
        Value::Number(number) => json!({ "N": number.to_string() }),
        Value::String(text) => json!({ "S": text }),
        Value::Array(list) => json!({ "L": list.iter().map(as_attribute).collect::<Vec<_>>() }),
        Value::Object(fields) => {
            let fields: Map<String, Value> =
                fields.iter().map(|(name, value)| (name.clone(), as_attribute(value))).collect();
            json!({ "M": fields })
        }
    }
}

/// Whether somebody's data was erased in this history.
pub(super) fn is_erased(log: &Log<'_>, stream: &str) -> bool {
    let commits = log.streams.get(stream).map_or(&[][..], Vec::as_slice);
    commits.iter().flat_map(|commit| &commit.events).any(|event| event.kind == "UserErased")
}

/// Of who is erased, the key is gone, and nothing personal is in their events and rows. `log` is opened.
pub(super) fn check(observed: &Observed, log: &Log<'_>, found: &mut Findings) {
    for (stream, commits) in log.streams.iter().filter(|(stream, _)| is_erased(log, stream)) {
        let id = stream.strip_prefix("user#").unwrap_or_default();
        let key = observed.keys.iter().find(|item| item.get("pk").and_then(text) == Some(id));
        if key.is_none_or(|key| key.get("wrapped").is_some()) {
            found.note(11, format_args!("{stream} is erased, and its key is there: {key:?}"));
        }
        let mut personal = BTreeSet::new();
        for event in commits.iter().flat_map(|commit| &commit.events) {
            for field in fields(event.kind).iter().filter_map(|name| event.data.get(*name)) {
                strings(field, &mut |text| {
                    personal.insert(text.to_owned());
                });
            }
        }
        let active = observed
            .active
            .iter()
            .filter_map(|(name, generation)| Some((name.as_str(), observed.tables.get(&(name.clone(), *generation))?)));
        let tables = active.chain([("events", &observed.events)]);
        for (table, items) in tables {
            for item in items.iter().filter(|item| item.get("pk").and_then(text) == Some(stream)) {
                strings(item, &mut |text| {
                    let sorted = text.split('#').next().unwrap_or_default();
                    if let Some(known) = personal.iter().find(|known| *known == text || known.to_lowercase() == sorted)
                    {
                        found.note(11, format_args!("{stream} is erased, and {known:?} is in {table}: {item}"));
                    }
                });
            }
        }
    }
}

/// Every text in a value.
fn strings(value: &Value, tell: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => tell(text),
        Value::Array(list) => list.iter().for_each(|value| strings(value, tell)),
        Value::Object(fields) => fields.values().for_each(|value| strings(value, tell)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
