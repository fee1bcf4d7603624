//! `PutItem`, `DeleteItem` and `BatchWriteItem`.

use std::collections::HashSet;
use std::sync::Arc;

use super::evaluate::{self, Scope};
use super::expression::{Condition, Parsed};
use super::key::Key;
use super::refusal::Refusal;
use super::requests::{BatchWrite, Keyed, Put};
use super::table::Table;
use super::value::{Attribute, Item, Pairs, Stored};
use super::{Expressions, Model, no_table};

/// The greatest item, in bytes.
const GREATEST_ITEM: usize = 400 * 1024;
/// The most writes in one batch.
const MOST_WRITES: usize = 25;
/// The most that one batch may write, in bytes.
const GREATEST_BATCH: usize = 16 * 1024 * 1024;

/// The condition of a write.
pub(super) struct Guard<'a> {
    condition: Option<Arc<Parsed<Condition>>>,
    scope: Scope<'a>,
    /// Whether what stands there is wanted when the condition does not hold.
    all_old: bool,
}

impl<'a> Guard<'a> {
    /// Reads it, and refuses what can be refused without a table.
    pub(super) fn new(
        expressions: &mut Expressions,
        condition: Option<&str>,
        names: Option<&'a Pairs<String>>,
        values: Option<&'a Pairs<Attribute>>,
        on_failure: Option<&str>,
    ) -> Result<Self, Refusal> {
        Self::beside(expressions, condition, names, values, on_failure, (&[], &[]))
    }

    /// The same, of a write that uses placeholders of names and values outside its condition, too.
    pub(super) fn beside(
        expressions: &mut Expressions,
        condition: Option<&str>,
        names: Option<&'a Pairs<String>>,
        values: Option<&'a Pairs<Attribute>>,
        on_failure: Option<&str>,
        further: (&[String], &[String]),
    ) -> Result<Self, Refusal> {
        let all_old = all_old(on_failure)?;
        let condition = condition.map(|text| expressions.condition(text)).transpose()?;
        let scope = Scope { names, values };
        let of_condition = condition.as_ref().map(|parsed| (&parsed.names[..], &parsed.values[..]));
        let further = (!further.1.is_empty()).then_some(further);
        scope.check(&of_condition.into_iter().chain(further).collect::<Vec<_>>())?;
        if let Some(parsed) = &condition {
            evaluate::check(parsed, scope)?;
        }
        Ok(Self { condition, scope, all_old })
    }

    /// Refuses the write when the condition does not hold of what stands there.
    pub(super) fn check(&self, old: Option<&Arc<Stored>>) -> Result<(), Refusal> {
        let item = old.map(|old| &old.item);
        if self.condition.as_ref().is_none_or(|parsed| evaluate::holds(&parsed.tree, item, self.scope)) {
            return Ok(());
        }
        Err(Refusal::ConditionFailed(old.filter(|_| self.all_old).map(Arc::clone)))
    }
}

/// Whether what was there before is to be told.
pub(super) fn all_old(wanted: Option<&str>) -> Result<bool, Refusal> {
    match wanted {
        None | Some("NONE") => Ok(false),
        Some("ALL_OLD") => Ok(true),
        Some(other) => Err(Refusal::Validation(format!("Return values set to invalid value: {other}"))),
    }
}

/// The item as it will lie in a table.
pub(super) fn measured(item: Item) -> Result<Stored, Refusal> {
    let size = item.size();
    if size > GREATEST_ITEM {
        return Err(Refusal::Validation("Item size has exceeded the maximum allowed size".to_owned()));
    }
    if item.is_too_deep() {
        return Err(Refusal::Validation("Nesting Levels have exceeded supported limits".to_owned()));
    }
    Ok(Stored::new(item, size))
}

/// The key of an item that is to be put into a table and its indexes.
pub(super) fn placed(table: &Table, item: &Item) -> Result<Key, Refusal> {
    let key = table.schema.of_item(item)?;
    for index in &table.indexes {
        index.schema.check_indexed(&index.name, item)?;
    }
    Ok(key)
}

/// An answer with an item, if one is wanted and there is one.
pub(super) fn answer(old: Option<Arc<Stored>>) -> Vec<u8> {
    let Some(old) = old else { return b"{}".to_vec() };
    let mut body = b"{\"Attributes\":".to_vec();
    body.extend_from_slice(&old.json);
    body.push(b'}');
    body
}

impl Model {
    pub(super) fn put_item(&mut self, put: Put) -> Result<Vec<u8>, Refusal> {
        let wanted = all_old(put.return_values.as_deref())?;
        let guard = Guard::new(
            &mut self.expressions,
            put.condition_expression.as_deref(),
            put.expression_attribute_names.as_ref(),
            put.expression_attribute_values.as_ref(),
            put.return_values_on_condition_check_failure.as_deref(),
        )?;
        let item = measured(put.item)?;
        let table = self.tables.get_mut(&put.table_name).ok_or_else(no_table)?;
        let key = placed(table, &item.item)?;
        guard.check(table.get(&key))?;
        let old = table.put(key, Arc::new(item), &mut self.recorder);
        Ok(answer(old.filter(|_| wanted)))
    }

    pub(super) fn delete_item(&mut self, delete: &Keyed) -> Result<Vec<u8>, Refusal> {
        let wanted = all_old(delete.return_values.as_deref())?;
        let guard = Guard::new(
            &mut self.expressions,
            delete.condition_expression.as_deref(),
            delete.expression_attribute_names.as_ref(),
            delete.expression_attribute_values.as_ref(),
            delete.return_values_on_condition_check_failure.as_deref(),
        )?;
        let table = self.tables.get_mut(&delete.table_name).ok_or_else(no_table)?;
        let key = table.schema.of_key(&delete.key)?;
        guard.check(table.get(&key))?;
        let old = table.remove(&key, &mut self.recorder);
        Ok(answer(old.filter(|_| wanted)))
    }

    pub(super) fn batch_write(&mut self, batch: BatchWrite) -> Result<Vec<u8>, Refusal> {
        let refuse = |message: &str| Err(Refusal::Validation(message.to_owned()));
        let count: usize = batch.request_items.values().map(Vec::len).sum();
        if batch.request_items.is_empty() || batch.request_items.values().any(Vec::is_empty) || count > MOST_WRITES {
            return refuse("1 validation error detected: requestItems must have 1 to 25 writes");
        }
        // All is checked before anything is written.
        let mut size = 0;
        let mut writes = Vec::with_capacity(count);
        for (table, some) in batch.request_items {
            for write in some {
                let write = match (write.put_request, write.delete_request) {
                    (Some(put), None) => Ok(measured(put.item)?),
                    (None, Some(delete)) => Err(delete.key),
                    _ => return refuse("A write of a batch must be exactly one of PutRequest and DeleteRequest"),
                };
                size += write.as_ref().map_or_else(Item::size, |item| item.size);
                writes.push((table.clone(), write));
            }
        }
        if size > GREATEST_BATCH {
            return refuse("Item collection too large: aggregate size of items in BatchWriteItem exceeds 16MB limit");
        }
        let mut keys = Vec::with_capacity(count);
        for (name, write) in &writes {
            let table = self.table(name)?;
            keys.push(match write {
                Ok(item) => placed(table, &item.item)?,
                Err(key) => table.schema.of_key(key)?,
            });
        }
        let mut seen = HashSet::with_capacity(count);
        if !keys.iter().zip(&writes).all(|(key, (table, _))| seen.insert((table, key))) {
            return refuse("Provided list of item keys contains duplicates");
        }
        drop(seen);
        for ((table, write), key) in writes.into_iter().zip(keys) {
            let table = self.tables.get_mut(&table).ok_or_else(no_table)?;
            match write {
                Ok(item) => table.put(key, Arc::new(item), &mut self.recorder),
                Err(_) => table.remove(&key, &mut self.recorder),
            };
        }
        Ok(b"{\"UnprocessedItems\":{}}".to_vec())
    }
}
