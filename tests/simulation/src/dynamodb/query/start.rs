//! The key that a query goes on after, which the page before it ended with.

use crate::dynamodb::key::{KeyAttribute, KeySchema, KeyValue};
use crate::dynamodb::refusal::Refusal;
use crate::dynamodb::table::{Index, Table};
use crate::dynamodb::value::Item;

/// Where a query goes on.
pub(super) struct Start {
    pub(super) pk: KeyValue,
    pub(super) sort: KeyValue,
    /// Of an index: the table's key.
    pub(super) place: (KeyValue, KeyValue),
}

/// Reads the key that a query goes on after.
pub(super) fn start(table: &Table, index: Option<&Index>, key: &Item) -> Result<Start, Refusal> {
    let invalid = || Refusal::Validation("The provided starting key is invalid".to_owned());
    let schema = index.map_or(&table.schema, |index| &index.schema);
    let further = table.schema.attributes().filter(|attribute| !schema.has(&attribute.name)).count();
    if key.len() != schema.attributes().count() + further {
        return Err(invalid());
    }
    let value = |attribute: &KeyAttribute| {
        let value = key.get(&attribute.name).and_then(|value| KeyValue::of(value, attribute.kind));
        value.filter(|value| !matches!(value, KeyValue::S(text) if text.is_empty())).ok_or_else(invalid)
    };
    let sort = |schema: &KeySchema| schema.sk.as_ref().map_or(Ok(KeyValue::Lowest), value);
    Ok(Start { pk: value(&schema.pk)?, sort: sort(schema)?, place: (value(&table.schema.pk)?, sort(&table.schema)?) })
}
