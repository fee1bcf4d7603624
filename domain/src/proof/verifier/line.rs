//! What stands in a line of an export.

use serde_json::{Map, Value};

use crate::commit::Hash;
use crate::proof::canonical::canonical;

/// What was asked of a line, or why it is malformed.
pub(super) type Shape<T> = Result<T, String>;

/// The kind of a line and what is in it, if it is an object of one member, written in the one form that it can have. `serde_json` reads
/// what is nested 127 deep and not deeper: `docs/audit-format.md` says so.
pub(super) fn read(bytes: &[u8]) -> Shape<(String, Map<String, Value>)> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| format!("not JSON: {error}"))?;
    if canonical(&value).ok().as_deref() != Some(bytes) {
        return Err("not in the canonical form".to_owned());
    }
    let Value::Object(object) = value else { return Err("not a line of an export".to_owned()) };
    let mut members = object.into_iter();
    match (members.next(), members.next()) {
        (Some((kind, Value::Object(content))), None) => Ok((kind, content)),
        _ => Err("not a line of an export".to_owned()),
    }
}

pub(super) fn has_only(content: &Map<String, Value>, members: &[&str]) -> Shape<()> {
    match content.keys().find(|name| !members.contains(&name.as_str())) {
        Some(unknown) => Err(format!("there is a member {unknown}")),
        None => Ok(()),
    }
}

pub(super) fn object<'c>(content: &'c Map<String, Value>, name: &str) -> Shape<&'c Map<String, Value>> {
    content.get(name).and_then(Value::as_object).ok_or_else(|| format!("{name} is not an object"))
}

pub(super) fn text<'c>(content: &'c Map<String, Value>, name: &str) -> Shape<&'c str> {
    content.get(name).and_then(Value::as_str).ok_or_else(|| format!("{name} is not a text"))
}

pub(super) fn hash(content: &Map<String, Value>, name: &str) -> Shape<Hash> {
    text(content, name)?.parse().map_err(|error| format!("{name} is {error}"))
}

/// The largest number that every reader of JSON keeps as it is.
const LARGEST: u64 = (1 << 53) - 1;

pub(super) fn whole(content: &Map<String, Value>, name: &str) -> Shape<u64> {
    let number = content.get(name).and_then(Value::as_u64).filter(|number| *number <= LARGEST);
    number.ok_or_else(|| format!("{name} is not a whole number"))
}

pub(super) fn positive(content: &Map<String, Value>, name: &str) -> Shape<u64> {
    whole(content, name).and_then(|number| if number > 0 { Ok(number) } else { Err(format!("{name} is not positive")) })
}
