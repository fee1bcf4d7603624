//! Changes to what is stored or read that no correct program notices: to carried states, which are a cache, and to reads
//! that do not ask for consistency.

use serde_json::{Value, json};

use crate::backend::Answer;
use crate::instance::Instance;
use crate::world::World;

/// The schema of states that a program of another version carries.
const FORMER_SCHEMA: &str = "4294967295";

/// Leaves out, damages or replaces the state that an item of the event table carries. Whether it did.
pub fn state(world: &World, instance: &Instance, item: &mut Value) -> bool {
    if item.get("state").is_none() {
        return false;
    }
    if instance.former {
        item["state_schema"] = json!({ "N": FORMER_SCHEMA });
        rename(&mut item["state"]);
        item["state"]["M"]["commands"] = json!({ "L": [] });
        return true;
    }
    if world.happens(|faults| faults.no_state) {
        if let Some(item) = item.as_object_mut() {
            item.remove("state");
            item.remove("state_schema");
        }
        return true;
    }
    if world.happens(|faults| faults.damaged_state) {
        let kind = world.inner().rng.u8(..5);
        match kind {
            0 => item["state"] = json!({ "S": "damaged" }),
            1 => item["state"]["M"]["aggregate"] = json!({ "NULL": true }),
            2 => {
                rename(&mut item["state"]);
                item["state"]["M"]["commands"] = json!({ "L": [] });
                item["state"]["M"]["version"] = json!({ "N": "1" });
            }
            3 => {
                if let Some(fields) = item["state"]["M"].as_object_mut() {
                    fields.remove("created_at");
                }
            }
            _ => item["state_schema"] = json!({ "S": "damaged" }),
        }
        return true;
    }
    false
}

/// Gives every title and name in it another text, so that a fold that begins here shows.
fn rename(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if matches!(name.as_str(), "title" | "name") && field.get("S").is_some() {
                    *field = json!({ "S": "of another shape" });
                } else {
                    rename(field);
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(rename),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Takes the carried states out of an answer: to a program of another version they are of another schema.
pub fn forget_states(answer: &mut Answer) {
    with_items(answer, |items| {
        for item in items.iter_mut().filter_map(Value::as_object_mut) {
            item.remove("state");
            item.remove("state_schema");
        }
    });
}

/// Takes out of an answer what was written in the last seconds.
pub fn forget_fresh(world: &World, answer: &mut Answer) {
    let now = world.elapsed();
    with_items(answer, |items| {
        items.retain(|item| {
            let stream = item["pk"]["S"].as_str().unwrap_or_default();
            let version = item["sk"]["N"].as_str().and_then(|digits| digits.parse().ok()).unwrap_or_default();
            !world.inner().is_fresh(stream, version, now)
        });
    });
}

fn with_items(answer: &mut Answer, change: impl FnOnce(&mut Vec<Value>)) {
    if answer.status != 200 {
        return;
    }
    let Ok(mut body) = serde_json::from_slice::<Value>(&answer.body) else { return };
    if let Some(items) = body.get_mut("Items").and_then(Value::as_array_mut) {
        change(items);
        answer.body = serde_json::to_vec(&body).unwrap_or_default();
    }
}
