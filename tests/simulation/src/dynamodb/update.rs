//! `UpdateItem`: attributes that are set to values.

use std::sync::Arc;

use super::refusal::Refusal;
use super::requests::Update;
use super::write::{Guard, answer, measured, placed};
use super::{Model, no_table};

/// The attributes that are set, by their names or placeholders for these, each with the placeholder of its value.
fn settings(expression: &str) -> Result<Vec<(String, String)>, Refusal> {
    let gap = || Refusal::NotModelled(format!("the update {expression}"));
    let list = expression.strip_prefix("SET ").ok_or_else(gap)?;
    let one = |text: &str| {
        let (name, value) = text.split_once('=').ok_or_else(gap)?;
        let (name, value) = (name.trim(), value.trim());
        let plain =
            |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let placeholder = value.strip_prefix(':').is_some_and(plain);
        if plain(name.strip_prefix('#').unwrap_or(name)) && placeholder {
            Ok((name.to_owned(), value.to_owned()))
        } else {
            Err(gap())
        }
    };
    list.split(',').map(one).collect()
}

impl Model {
    pub(super) fn update_item(&mut self, update: &Update) -> Result<Vec<u8>, Refusal> {
        let all_new = match update.return_values.as_deref() {
            None | Some("NONE") => false,
            Some("ALL_NEW") => true,
            Some(other) => return Err(Refusal::NotModelled(format!("an update that gives {other}"))),
        };
        let settings = settings(&update.update_expression)?;
        let placeholders: Vec<String> = settings.iter().map(|(_, placeholder)| placeholder.clone()).collect();
        let of_names = settings.iter().map(|(name, _)| name.clone()).filter(|name| name.starts_with('#'));
        let of_names: Vec<String> = of_names.collect();
        let values = update.expression_attribute_values.as_ref();
        let names = update.expression_attribute_names.as_ref();
        let guard = Guard::beside(
            &mut self.expressions,
            update.condition_expression.as_deref(),
            names,
            values,
            update.return_values_on_condition_check_failure.as_deref(),
            (&of_names, &placeholders),
        )?;
        // Each placeholder was checked to be there.
        let resolved =
            |name: &str| names.and_then(|names| names.get(name)).map_or_else(|| name.to_owned(), Clone::clone);
        let settings: Vec<_> = settings.iter().map(|(name, placeholder)| (resolved(name), placeholder)).collect();
        let table = self.tables.get_mut(&update.table_name).ok_or_else(no_table)?;
        let key = table.schema.of_key(&update.key)?;
        if settings.iter().any(|(name, _)| update.key.get(name).is_some()) {
            return Err(Refusal::Validation("Cannot update an attribute that is part of the key".to_owned()));
        }
        let old = table.get(&key).map(Arc::clone);
        guard.check(old.as_ref())?;
        let mut item = old.map_or_else(|| update.key.clone(), |old| old.item.clone());
        for (name, placeholder) in &settings {
            if let Some(value) = values.and_then(|values| values.get(placeholder)) {
                item.set(name, value.clone());
            }
        }
        let item = measured(item)?;
        placed(table, &item.item)?;
        let item = Arc::new(item);
        table.put(key, Arc::clone(&item), &mut self.recorder);
        Ok(answer(Some(item).filter(|_| all_new)))
    }
}
