//! An item of the table: a key, and what is kept under it.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::digests::DigestError;

pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

pub(super) fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

pub(super) fn key(pk: &str, sk: u64) -> Item {
    Item::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), number(sk))])
}

pub(super) fn item(pk: &str, sk: u64, content: &impl Serialize) -> Result<Item, DigestError> {
    let mut item: Item = serde_dynamo::to_item(content).map_err(|error| DigestError::damaged(pk, &error))?;
    item.extend(key(pk, sk));
    Ok(item)
}

pub(super) fn read<T: DeserializeOwned>(mut item: Item) -> Result<T, DigestError> {
    let (pk, sk) = (item.remove("pk"), item.remove("sk"));
    serde_dynamo::from_item(item).map_err(|error| DigestError::damaged(&format!("{pk:?} {sk:?}"), &error))
}
