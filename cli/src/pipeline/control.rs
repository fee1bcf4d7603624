//! What the pipeline keeps in the table `control`.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::AttributeValue;

/// An item as the SDK gives it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// The table could not be read or written; trying again may help.
#[derive(Debug, thiserror::Error)]
#[error("the table control does not answer: {0}")]
pub struct ControlError(String);

impl ControlError {
    fn of(error: impl std::error::Error) -> Self {
        Self(DisplayErrorContext(error).to_string())
    }
}

pub(crate) fn text(value: &impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

/// The text of an attribute, if it has one.
pub(crate) fn read<'a>(item: &'a Item, attribute: &str) -> Option<&'a str> {
    item.get(attribute)?.as_s().ok().map(String::as_str)
}

/// The table `control`, whatever its whole name.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    client: Client,
    table: String,
}

impl Control {
    pub(crate) const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// The item under this key (consistent).
    pub(crate) async fn get(&self, pk: &str, sk: &str) -> Result<Option<Item>, ControlError> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let answer = get.key("pk", text(&pk)).key("sk", text(&sk)).send().await;
        Ok(answer.map_err(ControlError::of)?.item)
    }

    /// Writes an item whole.
    pub(crate) async fn put<const N: usize>(
        &self,
        pk: &str,
        sk: &str,
        attributes: [(&str, AttributeValue); N],
    ) -> Result<(), ControlError> {
        let mut put = self.client.put_item().table_name(&self.table).item("pk", text(&pk)).item("sk", text(&sk));
        for (name, value) in attributes {
            put = put.item(name, value);
        }
        put.send().await.map(|_| ()).map_err(ControlError::of)
    }

    /// Removes an item; fine when it is not there.
    pub(crate) async fn delete(&self, pk: &str, sk: &str) -> Result<(), ControlError> {
        let delete = self.client.delete_item().table_name(&self.table).key("pk", text(&pk)).key("sk", text(&sk));
        delete.send().await.map(|_| ()).map_err(ControlError::of)
    }

    /// Every item with this partition key, by sort key (consistent).
    pub(crate) async fn list(&self, pk: &str) -> Result<Vec<Item>, ControlError> {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let query = query.key_condition_expression("pk = :pk").expression_attribute_values(":pk", text(&pk));
        let mut pages = query.into_paginator().send();
        let mut items = Vec::new();
        while let Some(page) = pages.next().await {
            items.extend(page.map_err(ControlError::of)?.items.unwrap_or_default());
        }
        Ok(items)
    }
}
