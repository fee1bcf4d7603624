//! Between JSON, in which rows are written down, and DynamoDB's attributes.

use std::collections::HashMap;
use std::fmt::Display;

use aws_sdk_dynamodb::types::AttributeValue;
use muster_domain::StreamId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::StoreError;
use crate::projection::KeyValue;

/// An item as the SDK gives it.
pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) fn text(value: &(impl ToString + ?Sized)) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

pub(crate) fn number(value: &impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(crate) fn key(value: &KeyValue) -> AttributeValue {
    match value {
        KeyValue::Text(value) => text(value),
        KeyValue::Number(value) => number(value),
    }
}

pub(crate) fn from_json(value: &Value) -> Result<AttributeValue, serde_dynamo::Error> {
    serde_dynamo::to_attribute_value(value)
}

pub(crate) fn to_json(value: &AttributeValue) -> Result<Value, serde_dynamo::Error> {
    serde_dynamo::from_attribute_value(value.clone())
}

/// The value as it comes back from a table: numbers in DynamoDB have one form each.
pub(crate) fn as_stored(value: &impl Serialize) -> Result<Value, String> {
    let value = serde_json::to_value(value).map_err(|error| error.to_string())?;
    from_json(&value).and_then(|attribute| to_json(&attribute)).map_err(|error| error.to_string())
}

/// Reads attributes of one item and says which one is not as it should be.
pub(crate) struct Reader<'a> {
    pub(crate) table: &'a str,
    pub(crate) item: &'a Item,
}

impl<'a> Reader<'a> {
    fn damaged(&self, reason: &dyn Display) -> StoreError {
        let key = self.item.get("pk").and_then(|pk| pk.as_s().ok()).map_or("without a key", String::as_str);
        StoreError::damaged(self.table, &key, reason)
    }

    pub(crate) fn text(&self, name: &str) -> Result<&'a str, StoreError> {
        let value = self.item.get(name).and_then(|value| value.as_s().ok());
        value.map(String::as_str).ok_or_else(|| self.damaged(&format_args!("{name} is not a text")))
    }

    /// The aggregate that the partition key names.
    pub(crate) fn stream(&self) -> Result<StreamId, StoreError> {
        self.text("pk")?.parse().map_err(|error| self.damaged(&error))
    }

    pub(crate) fn number(&self, name: &str) -> Result<u64, StoreError> {
        self.optional_number(name)?.ok_or_else(|| self.damaged(&format_args!("{name} is missing")))
    }

    pub(crate) fn optional_number(&self, name: &str) -> Result<Option<u64>, StoreError> {
        let Some(value) = self.item.get(name) else { return Ok(None) };
        let parsed = value.as_n().ok().and_then(|digits| digits.parse().ok());
        parsed.map(Some).ok_or_else(|| self.damaged(&format_args!("{name} is not a whole number")))
    }

    pub(crate) fn json(&self, name: &str) -> Result<Option<Value>, StoreError> {
        self.item.get(name).map(to_json).transpose().map_err(|error| self.damaged(&error))
    }

    /// The attribute as a `T`; an item without it is damaged.
    pub(crate) fn typed<T: DeserializeOwned>(&self, name: &str) -> Result<T, StoreError> {
        let value = self.json(name)?.ok_or_else(|| self.damaged(&format_args!("{name} is missing")))?;
        serde_json::from_value(value).map_err(|error| self.damaged(&format_args!("{name}: {error}")))
    }
}
