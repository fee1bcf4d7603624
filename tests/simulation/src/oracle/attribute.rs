//! DynamoDB's JSON, read where it lies: nothing is copied to be compared.

use serde_json::{Map, Value};

/// One attribute value, seen.
pub(super) enum Seen<'a> {
    Text(&'a str),
    /// A number's digits.
    Number(&'a str),
    Bool(bool),
    Null,
    List(&'a [Value]),
    Map(&'a Map<String, Value>),
    /// Of a type that nothing here has, or no attribute value at all.
    Foreign,
}

/// What an attribute value is.
pub(super) fn see(attribute: &Value) -> Seen<'_> {
    let Some((tag, value)) = attribute.as_object().filter(|object| object.len() == 1).and_then(|one| one.iter().next())
    else {
        return Seen::Foreign;
    };
    match (tag.as_str(), value) {
        ("S", Value::String(text)) => Seen::Text(text),
        ("N", Value::String(digits)) => Seen::Number(digits),
        ("BOOL", Value::Bool(value)) => Seen::Bool(*value),
        ("NULL", _) => Seen::Null,
        ("L", Value::Array(list)) => Seen::List(list),
        ("M", Value::Object(map)) => Seen::Map(map),
        _ => Seen::Foreign,
    }
}

/// The text of an `S`.
pub(super) fn text(attribute: &Value) -> Option<&str> {
    attribute.get("S")?.as_str()
}

/// The whole number of an `N`.
pub(super) fn number(attribute: &Value) -> Option<u64> {
    attribute.get("N")?.as_str()?.parse().ok()
}

/// The elements of an `L`.
pub(super) fn list(attribute: &Value) -> Option<&[Value]> {
    attribute.get("L")?.as_array().map(Vec::as_slice)
}

/// The fields of an `M`.
pub(super) fn map(attribute: &Value) -> Option<&Map<String, Value>> {
    attribute.get("M")?.as_object()
}

/// The attribute, unless it is `NULL`.
pub(super) fn present(attribute: &Value) -> Option<&Value> {
    (!matches!(see(attribute), Seen::Null)).then_some(attribute)
}

/// Whether two numbers are one, however they are spelled.
fn same_number(a: &str, b: &str) -> bool {
    a == b || matches!((a.parse::<f64>(), b.parse::<f64>()), (Ok(a), Ok(b)) if a.total_cmp(&b).is_eq())
}

/// Whether two attribute values are one.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    match (see(a), see(b)) {
        (Seen::Text(a), Seen::Text(b)) => a == b,
        (Seen::Number(a), Seen::Number(b)) => same_number(a, b),
        (Seen::Bool(a), Seen::Bool(b)) => a == b,
        (Seen::Null, Seen::Null) => true,
        (Seen::List(a), Seen::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Seen::Map(a), Seen::Map(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        (
            Seen::Text(_) | Seen::Number(_) | Seen::Bool(_) | Seen::Null | Seen::List(_) | Seen::Map(_) | Seen::Foreign,
            _,
        ) => false,
    }
}

/// Likewise, where nothing and `NULL` are one.
pub(super) fn same_or_none(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a.and_then(present), b.and_then(present)) {
        (Some(a), Some(b)) => same(a, b),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// Whether an attribute value is this JSON.
pub(super) fn is_json(attribute: &Value, json: &Value) -> bool {
    match (see(attribute), json) {
        (Seen::Text(a), Value::String(b)) => a == b,
        (Seen::Number(a), Value::Number(b)) => match b.as_u64() {
            Some(b) if a.parse() == Ok(b) => true,
            _ => matches!((a.parse::<f64>(), b.as_f64()), (Ok(a), Some(b)) if a.total_cmp(&b).is_eq()),
        },
        (Seen::Bool(a), Value::Bool(b)) => a == *b,
        (Seen::Null, Value::Null) => true,
        (Seen::List(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_json(a, b)),
        (Seen::Map(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| is_json(a, b)))
        }
        (
            Seen::Text(_) | Seen::Number(_) | Seen::Bool(_) | Seen::Null | Seen::List(_) | Seen::Map(_) | Seen::Foreign,
            _,
        ) => false,
    }
}

/// Whether two JSON values are one, however their numbers are spelled: a store gives 52 back for 52.0.
pub(super) fn same_json(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_json(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same_json(a, b)))
        }
        (a, b) => a == b,
    }
}

/// An attribute value as a person reads it: JSON, with the numbers as they are spelled.
pub(super) fn show(attribute: &Value) -> String {
    match see(attribute) {
        Seen::Text(text) => format!("{text:?}"),
        Seen::Number(digits) => digits.to_owned(),
        Seen::Bool(value) => value.to_string(),
        Seen::Null => "null".to_owned(),
        Seen::List(list) => format!("[{}]", list.iter().map(show).collect::<Vec<_>>().join(", ")),
        Seen::Map(map) => {
            let fields: Vec<_> = map.iter().map(|(name, value)| format!("{name}: {}", show(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        Seen::Foreign => attribute.to_string(),
    }
}
