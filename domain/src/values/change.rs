//! A value before and after.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A value before and after: events carry both, so that a log needs nothing but the event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ChangeOf{T}")]
pub struct Change<T> {
    /// Before.
    pub from: T,
    /// After.
    pub to: T,
}

impl<T: PartialEq + Clone> Change<T> {
    /// The change from one value to another; `None` when they are the same.
    pub fn between(from: &T, to: &T) -> Option<Self> {
        (from != to).then(|| Self { from: from.clone(), to: to.clone() })
    }

    /// The change that a request for a new value makes; `None` when it asks for nothing new.
    pub fn requested(from: &T, to: Option<&T>) -> Option<Self> {
        to.and_then(|to| Self::between(from, to))
    }
}
