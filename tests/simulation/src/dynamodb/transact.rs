//! `TransactWriteItems`.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::key::Key;
use super::refusal::{Reason, Refusal};
use super::requests::{Action, Keyed, Put, Transaction};
use super::value::{Item, Stored};
use super::write::{Guard, measured, placed};
use super::{Expressions, Model, no_table};

/// The most actions in one transaction.
const MOST_ACTIONS: usize = 100;
/// The most that one transaction may write, in bytes.
const GREATEST: usize = 4 * 1024 * 1024;
/// How long a token stands for its transaction, in seconds.
const TOKEN_SECONDS: i64 = 600;
/// The longest token.
const LONGEST_TOKEN: usize = 36;

/// A transaction that took place under a token.
#[derive(Debug)]
pub(super) struct Token {
    content: u64,
    at: i64,
}

/// An action whose request has been checked.
struct Step<'a> {
    table: &'a str,
    guard: Guard<'a>,
    effect: Effect<'a>,
}

/// What an action does.
enum Effect<'a> {
    Put(Arc<Stored>),
    Delete(&'a Item),
    Check(&'a Item),
}

fn refuse<T>(message: &str) -> Result<T, Refusal> {
    Err(Refusal::Validation(message.to_owned()))
}

impl<'a> Step<'a> {
    fn new(expressions: &mut Expressions, action: &'a Action) -> Result<Self, Refusal> {
        match (&action.put, &action.delete, &action.condition_check) {
            (Some(put), None, None) => Self::put(expressions, put),
            (None, Some(delete), None) => Self::keyed(expressions, delete, Effect::Delete(&delete.key)),
            (None, None, Some(check)) if check.condition_expression.is_none() => {
                refuse("A ConditionCheck must have a ConditionExpression")
            }
            (None, None, Some(check)) => Self::keyed(expressions, check, Effect::Check(&check.key)),
            _ => refuse("TransactItems can only contain one of Check, Put, Update or Delete"),
        }
    }

    // Without a condition, a transaction does not look at the placeholders.
    fn put(expressions: &mut Expressions, put: &'a Put) -> Result<Self, Refusal> {
        if put.return_values.is_some() {
            return Err(Refusal::NotModelled("ReturnValues in a transaction".to_owned()));
        }
        let guard = Guard::new(
            expressions,
            put.condition_expression.as_deref(),
            put.expression_attribute_names.as_ref().filter(|_| put.condition_expression.is_some()),
            put.expression_attribute_values.as_ref().filter(|_| put.condition_expression.is_some()),
            put.return_values_on_condition_check_failure.as_deref(),
        )?;
        let effect = Effect::Put(Arc::new(measured(put.item.clone())?));
        Ok(Self { table: &put.table_name, guard, effect })
    }

    fn keyed(expressions: &mut Expressions, keyed: &'a Keyed, effect: Effect<'a>) -> Result<Self, Refusal> {
        if keyed.return_values.is_some() {
            return Err(Refusal::NotModelled("ReturnValues in a transaction".to_owned()));
        }
        let guard = Guard::new(
            expressions,
            keyed.condition_expression.as_deref(),
            keyed.expression_attribute_names.as_ref().filter(|_| keyed.condition_expression.is_some()),
            keyed.expression_attribute_values.as_ref().filter(|_| keyed.condition_expression.is_some()),
            keyed.return_values_on_condition_check_failure.as_deref(),
        )?;
        Ok(Self { table: &keyed.table_name, guard, effect })
    }

    fn size(&self) -> usize {
        match &self.effect {
            Effect::Put(item) => item.size,
            Effect::Delete(key) | Effect::Check(key) => key.size(),
        }
    }
}

/// What tells one transaction from another under the same token.
fn content(actions: &[Action]) -> u64 {
    let mut hasher = DefaultHasher::new();
    actions.hash(&mut hasher);
    hasher.finish()
}

impl Model {
    pub(super) fn transact_write(&mut self, transaction: &Transaction) -> Result<Vec<u8>, Refusal> {
        let Transaction { transact_items: actions, client_request_token: token } = transaction;
        if actions.is_empty() || actions.len() > MOST_ACTIONS {
            return refuse("1 validation error detected: transactItems must have 1 to 100 actions");
        }
        let Some(token) = token else {
            self.transact(actions)?;
            return Ok(b"{}".to_vec());
        };
        if token.is_empty() || token.len() > LONGEST_TOKEN {
            return refuse("1 validation error detected: clientRequestToken must have 1 to 36 characters");
        }
        let (content, at) = (content(actions), self.recorder.now);
        if let Some(known) = self.tokens.get(token).filter(|known| at - known.at < TOKEN_SECONDS) {
            return if known.content == content { Ok(b"{}".to_vec()) } else { Err(Refusal::TokenMismatch) };
        }
        self.transact(actions)?;
        self.tokens.insert(token.clone(), Token { content, at });
        Ok(b"{}".to_vec())
    }

    /// All actions, or none of them. No two have the same place, so each is looked at in the state before them all.
    fn transact(&mut self, actions: &[Action]) -> Result<(), Refusal> {
        let expressions = &mut self.expressions;
        let steps: Vec<_> = actions.iter().map(|action| Step::new(expressions, action)).collect::<Result<_, _>>()?;
        let mut keys = Vec::with_capacity(steps.len());
        let mut seen = HashSet::with_capacity(steps.len());
        for step in &steps {
            let table = self.tables.get(step.table).ok_or_else(no_table)?;
            let key = match &step.effect {
                Effect::Put(item) => placed(table, &item.item),
                Effect::Delete(key) | Effect::Check(key) => table.schema.of_key(key),
            };
            // Unlike other faults of keys, this one is not an action's reason.
            if let Err(Refusal::EmptyKey(message)) = key {
                return Err(Refusal::EmptyKey(message));
            }
            if let Ok(key) = &key
                && !seen.insert((step.table, key.clone()))
            {
                return refuse("Transaction request cannot include multiple operations on one item");
            }
            keys.push(key);
        }
        if steps.iter().map(Step::size).sum::<usize>() > GREATEST {
            return refuse("Collection size of items exceeded: a transaction may write 4MB");
        }
        let reasons: Vec<_> = steps.iter().zip(&keys).map(|(step, key)| self.reason(step, key)).collect();
        if reasons.iter().any(|reason| !matches!(reason, Reason::None)) {
            return Err(Refusal::Canceled(reasons));
        }
        for (step, key) in steps.into_iter().zip(keys) {
            let table = self.tables.get_mut(step.table).ok_or_else(no_table)?;
            match step.effect {
                Effect::Put(item) => table.put(key?, item, &mut self.recorder),
                Effect::Delete(_) => table.remove(&key?, &mut self.recorder),
                Effect::Check(_) => None,
            };
        }
        Ok(())
    }

    /// Why an action cannot take effect.
    fn reason(&self, step: &Step<'_>, key: &Result<Key, Refusal>) -> Reason {
        let key = match key {
            Ok(key) => key,
            Err(Refusal::Validation(message)) => return Reason::Validation(message.clone()),
            Err(other) => return Reason::Validation(format!("{other:?}")),
        };
        let old = self.tables.get(step.table).and_then(|table| table.get(key));
        match step.guard.check(old) {
            Ok(()) => Reason::None,
            Err(Refusal::ConditionFailed(item)) => Reason::ConditionFailed(item),
            Err(other) => Reason::Validation(format!("{other:?}")),
        }
    }
}
