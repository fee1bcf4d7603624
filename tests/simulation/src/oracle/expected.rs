//! What an item should be, and in what another one differs from it.

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;

use super::attribute::{Seen, same, see, show};

/// A value that is expected. It borrows from the log wherever it can.
#[derive(Debug)]
pub(super) enum Expected<'a> {
    Null,
    Bool(bool),
    Number(u64),
    Text(Cow<'a, str>),
    /// As it lies in the log.
    Stored(&'a Value),
    List(Vec<Expected<'a>>),
    /// These fields and no others.
    Map(Vec<(&'static str, Expected<'a>)>),
}

impl<'a> From<Option<&'a Value>> for Expected<'a> {
    fn from(stored: Option<&'a Value>) -> Self {
        stored.map_or(Self::Null, Self::Stored)
    }
}

impl<'a> From<&'a Value> for Expected<'a> {
    fn from(stored: &'a Value) -> Self {
        Self::Stored(stored)
    }
}

impl<'a> From<&'a str> for Expected<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Expected<'_> {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl fmt::Display for Expected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Stored(stored) => f.write_str(&show(stored)),
            Self::List(list) => f.debug_list().entries(list.iter().map(ToString::to_string)).finish(),
            Self::Map(fields) => {
                let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}: {value}")).collect();
                write!(f, "{{{}}}", fields.join(", "))
            }
        }
    }
}

/// The first place where what was found is not what was expected.
#[derive(Debug)]
pub(super) struct Difference {
    /// The names and numbers that lead there, the innermost first.
    path: Vec<String>,
    what: String,
}

impl Difference {
    fn here(what: String) -> Self {
        Self { path: Vec::new(), what }
    }

    fn within(mut self, name: &impl ToString) -> Self {
        self.path.push(name.to_string());
        self
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path: Vec<_> = self.path.iter().rev().map(String::as_str).collect();
        write!(f, "{}: {}", path.join("."), self.what)
    }
}

/// In what the attribute differs; `None` when it is as expected.
pub(super) fn difference(found: &Value, expected: &Expected<'_>) -> Option<Difference> {
    let as_expected = match (expected, see(found)) {
        (Expected::Null, Seen::Null) => true,
        (Expected::Bool(expected), Seen::Bool(found)) => *expected == found,
        (Expected::Number(expected), Seen::Number(digits)) => digits.parse() == Ok(*expected),
        (Expected::Text(expected), Seen::Text(found)) => expected == found,
        (Expected::Stored(expected), _) => same(expected, found),
        (Expected::List(expected), Seen::List(found)) if expected.len() == found.len() => {
            return found.iter().zip(expected).enumerate().find_map(|(place, (found, expected))| {
                difference(found, expected).map(|deeper| deeper.within(&place))
            });
        }
        (Expected::Map(expected), Seen::Map(found)) => return differing_field(found, expected, &[]),
        (
            Expected::Null
            | Expected::Bool(_)
            | Expected::Number(_)
            | Expected::Text(_)
            | Expected::List(_)
            | Expected::Map(_),
            _,
        ) => false,
    };
    (!as_expected).then(|| Difference::here(format!("expected {expected}, found {}", show(found))))
}

/// In what these fields differ from the expected ones. Those of `others` may be there and are not looked at.
pub(super) fn differing_field(
    found: &serde_json::Map<String, Value>,
    expected: &[(&'static str, Expected<'_>)],
    others: &[&str],
) -> Option<Difference> {
    for (name, expected) in expected {
        let different = match found.get(*name) {
            Some(found) => difference(found, expected),
            None => Some(Difference::here(format!("expected {expected}, found nothing"))),
        };
        if let Some(deeper) = different {
            return Some(deeper.within(name));
        }
    }
    let unexpected = |name: &str| expected.iter().all(|(known, _)| *known != name) && !others.contains(&name);
    found
        .iter()
        .find(|(name, _)| unexpected(name))
        .map(|(name, value)| Difference::here(format!("expected nothing, found {}", show(value))).within(name))
}
