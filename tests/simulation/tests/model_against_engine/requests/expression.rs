//! Conditions by chance, with their placeholders.

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::item::{NAMES, text, value};
use super::pick;

/// What an expression uses of the request.
#[derive(Default)]
pub(super) struct Placeholders {
    names: Map<String, Value>,
    values: Map<String, Value>,
}

impl Placeholders {
    pub(super) fn name(&mut self, name: &str) -> String {
        let placeholder = format!("#{name}");
        self.names.insert(placeholder.clone(), json!(name));
        placeholder
    }

    pub(super) fn value(&mut self, value: Value) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    fn path(&mut self, rng: &mut Rng) -> String {
        let first = pick(rng, &NAMES);
        let first = self.name(first);
        match rng.u8(..5) {
            0 => {
                let inner = pick(rng, &NAMES);
                format!("{first}.{}", self.name(inner))
            }
            1 => format!("{first}[{}]", rng.u8(..3)),
            _ => first,
        }
    }

    pub(super) fn add_to(self, request: &mut Value) {
        if !self.names.is_empty() {
            request["ExpressionAttributeNames"] = Value::Object(self.names);
        }
        if !self.values.is_empty() {
            request["ExpressionAttributeValues"] = Value::Object(self.values);
        }
    }
}

/// A condition on attributes that are no keys.
pub(super) fn condition(rng: &mut Rng, uses: &mut Placeholders, depth: u8) -> String {
    let kind = rng.u8(..if depth == 0 { 9 } else { 12 });
    let path = if kind < 10 { uses.path(rng) } else { String::new() };
    match kind {
        0 => format!("attribute_exists({path})"),
        1 => format!("attribute_not_exists({path})"),
        2 => format!("begins_with({path}, {})", uses.value(json!({ "S": text(rng) }))),
        3 => format!("contains({path}, {})", uses.value(value(rng, 1))),
        4 => {
            let (low, high) = (rng.u8(..10), rng.u8(10..20));
            let low = uses.value(json!({ "N": low.to_string() }));
            format!("{path} BETWEEN {low} AND {}", uses.value(json!({ "N": high.to_string() })))
        }
        5..9 => {
            let comparison = pick(rng, &["=", "<>", "<", "<=", ">", ">="]);
            let other = if rng.u8(..5) == 0 { uses.path(rng) } else { uses.value(value(rng, 1)) };
            format!("{path} {comparison} {other}")
        }
        9 => format!("NOT ({} OR {path} = {path})", condition(rng, uses, depth - 1)),
        10 => format!("{} AND {}", condition(rng, uses, depth - 1), condition(rng, uses, depth - 1)),
        _ => format!("{} or {}", condition(rng, uses, depth - 1), condition(rng, uses, depth - 1)),
    }
}

/// A condition of which the embedded engine checks no bounds: it takes a filter's BETWEEN the wrong way round.
pub(super) fn filter(rng: &mut Rng, uses: &mut Placeholders) -> String {
    condition(rng, uses, 2)
}
