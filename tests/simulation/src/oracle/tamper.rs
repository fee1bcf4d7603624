//! Promise 10, by trying: a history that was tampered with does not pass.

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::attribute::{number, text};
use super::history::check_chain;
use super::log::Log;
use super::violation::{Findings, Violation};
use crate::observed::Observed;

/// Changes one thing in one history, at random, and says when the chain does not show it. An empty log has nothing to
/// tamper with.
pub fn tampering_shows(observed: &Observed, rng: &mut Rng) -> Option<Violation> {
    let stream = rng.choice(&observed.events)?.get("pk")?;
    let mut history: Vec<Value> =
        observed.events.iter().filter(|item| item.get("pk") == Some(stream)).cloned().collect();
    let done = tamper(&mut history, rng)?;
    let mut found = Findings::default();
    check_chain(&Log::read(&history, &mut found), &mut found);
    let hidden = found.into_sorted().is_empty();
    hidden.then(|| Violation { promise: 10, what: format!("{done}, and the chain does not show it") })
}

/// Does to a log, in DynamoDB's JSON, what somebody could do who does not compute hashes anew: edits a value, removes a
/// commit that is not its stream's last, inserts a copy, swaps two, or changes a hash. Says what was done; `None` for
/// an empty log, which stays as it is.
pub fn tamper(events: &mut Vec<Value>, rng: &mut Rng) -> Option<String> {
    if events.is_empty() {
        return None;
    }
    let chosen = rng.usize(..events.len());
    let stream = events[chosen].get("pk").cloned().unwrap_or_default();
    let mut history: Vec<usize> = (0..events.len()).filter(|index| events[*index].get("pk") == Some(&stream)).collect();
    history.sort_by_key(|index| version(&events[*index]));
    let first = version(&events[chosen]);
    let what = format!("{}, version {first}", text(&stream).unwrap_or_default());
    let place = history.iter().position(|index| *index == chosen).unwrap_or_default();
    Some(match rng.u8(..8) {
        0 if place + 1 < history.len() => {
            events.remove(chosen);
            format!("{what}: removed")
        }
        1 => {
            let last = history.last().map_or(&Value::Null, |last| &events[*last]);
            let count = last.pointer("/events/L").and_then(Value::as_array).map_or(1, Vec::len);
            let end = version(last) + count as u64;
            let mut copy = events[chosen].clone();
            copy["sk"] = json!({ "N": end.to_string() });
            events.push(copy);
            format!("{what}: a copy inserted at version {end}")
        }
        2 if history.len() > 1 => {
            let other = history[(place + rng.usize(1..history.len())) % history.len()];
            let keys = [chosen, other].map(|index| events[index]["sk"].clone());
            events[other]["sk"].clone_from(&keys[0]);
            events[chosen]["sk"].clone_from(&keys[1]);
            format!("{what}: swapped with version {}", version_of(&keys[1]))
        }
        3 => {
            let hash = if rng.bool() { "hash" } else { "prev_hash" };
            edit_text(&mut events[chosen][hash]["S"], rng);
            format!("{what}: {hash} changed")
        }
        _ => format!("{what}: {}", edit(&mut events[chosen], rng)),
    })
}

fn version(item: &Value) -> u64 {
    item.get("sk").map_or(0, version_of)
}

fn version_of(sort_key: &Value) -> u64 {
    number(sort_key).unwrap_or(0)
}

/// Edits one value that the hash covers: of an event, or of what surrounds it.
fn edit(item: &mut Value, rng: &mut Rng) -> String {
    match rng.u8(..8) {
        0 => {
            let at = &mut item["recorded_at"]["S"];
            let time = at.as_str().and_then(|at| at.parse::<chrono::DateTime<chrono::Utc>>().ok()).unwrap_or_default();
            *at = json!(time + chrono::TimeDelta::milliseconds(rng.i64(1..100_000)));
            "recorded_at changed".to_owned()
        }
        1 => {
            let who = &mut item["actor"]["M"];
            let name = if who.get("id").is_some() { "id" } else { "name" };
            edit_text(&mut who[name]["S"], rng);
            format!("actor.{name} changed")
        }
        2 => {
            let names = ["command_id", "correlation_id", "fingerprint"];
            let name = names[rng.usize(..names.len())];
            edit_text(&mut item[name]["S"], rng);
            format!("{name} changed")
        }
        _ => {
            let count = item.pointer("/events/L").and_then(Value::as_array).map_or(0, Vec::len);
            let index = rng.usize(..count.max(1));
            let event = &mut item["events"]["L"][index]["M"];
            let path = edit_leaf(&mut event["data"], rng);
            format!("data{path} of event {index} changed")
        }
    }
}

/// Goes down from an attribute value to a leaf, at random, and changes it. Says on which way.
fn edit_leaf(attribute: &mut Value, rng: &mut Rng) -> String {
    let Some((tag, value)) = attribute.as_object_mut().and_then(|one| one.iter_mut().next()) else {
        *attribute = json!({ "S": "tampered" });
        return String::new();
    };
    match (tag.as_str(), value) {
        ("S", text) => edit_text(text, rng),
        ("N", digits) => {
            let number: f64 = digits.as_str().and_then(|digits| digits.parse().ok()).unwrap_or_default();
            *digits = json!((number + 1.0).to_string());
        }
        ("BOOL", value) => *value = json!(value != &json!(true)),
        ("L", Value::Array(list)) if !list.is_empty() => {
            let index = rng.usize(..list.len());
            return format!(".{index}{}", edit_leaf(&mut list[index], rng));
        }
        ("M", Value::Object(map)) if !map.is_empty() => {
            let (name, value) = nth(map, rng.usize(..map.len()));
            return format!(".{name}{}", edit_leaf(value, rng));
        }
        ("L", list) => *list = json!([{ "S": "tampered" }]),
        ("M", map) => *map = json!({ "tampered": { "BOOL": true } }),
        _ => *attribute = json!({ "S": "tampered" }),
    }
    String::new()
}

fn nth(map: &mut Map<String, Value>, index: usize) -> (String, &mut Value) {
    let name = map.keys().nth(index).cloned().unwrap_or_default();
    let value = map.entry(name.clone()).or_insert(Value::Null);
    (name, value)
}

/// Changes one character of a text into another one of its kind: what was a hash or an id stays one.
fn edit_text(text: &mut Value, rng: &mut Rng) {
    let mut characters: Vec<char> = text.as_str().unwrap_or_default().chars().collect();
    let digits: Vec<usize> = (0..characters.len()).filter(|index| characters[*index].is_ascii_hexdigit()).collect();
    match rng.choice(&digits) {
        Some(index) => characters[*index] = if characters[*index] == '7' { '3' } else { '7' },
        None => characters.push('x'),
    }
    *text = characters.into_iter().collect::<String>().into();
}
