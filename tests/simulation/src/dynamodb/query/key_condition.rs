//! Key conditions: their trees, read as a partition key and a range of sort keys.

use std::ops::Bound;

use super::range::KeyRange;
use super::refuse;
use crate::dynamodb::evaluate::{self, Scope};
use crate::dynamodb::expression::{Comparison, Condition, Operand, Path};
use crate::dynamodb::key::{KeyAttribute, KeySchema, KeyValue};
use crate::dynamodb::refusal::Refusal;
use crate::dynamodb::value::Attribute;

/// A condition on one key attribute.
enum Clause<'a> {
    Compare(Comparison, &'a Attribute),
    Between(&'a Attribute, &'a Attribute),
    BeginsWith(&'a Attribute),
}

/// Reads the conditions on single attributes that are joined by AND.
fn clauses<'a>(
    condition: &'a Condition,
    scope: Scope<'a>,
    found: &mut Vec<(&'a str, Clause<'a>)>,
) -> Result<(), Refusal> {
    let unsupported = || refuse("Invalid KeyConditionExpression: Query key condition not supported");
    let name = |operand: &'a Operand| match operand {
        Operand::Path(Path(steps)) if steps.len() == 1 => scope.name(&steps[0]),
        Operand::Path(_) | Operand::Value(_) => None,
    };
    let value = |operand: &'a Operand| match operand {
        Operand::Value(name) => scope.value(name),
        Operand::Path(_) => None,
    };
    let (of, clause) = match condition {
        Condition::And(left, right) => {
            clauses(left, scope, found)?;
            return clauses(right, scope, found);
        }
        Condition::Compare(of, comparison, other) => match value(other) {
            Some(other) => (of, Clause::Compare(*comparison, other)),
            None => return unsupported(),
        },
        Condition::Between(of, low, high) => match (value(low), value(high)) {
            (Some(low), Some(high)) => (of, Clause::Between(low, high)),
            _ => return unsupported(),
        },
        Condition::BeginsWith(of, prefix) => match value(prefix) {
            Some(prefix) => (of, Clause::BeginsWith(prefix)),
            None => return unsupported(),
        },
        Condition::Or(..)
        | Condition::Not(_)
        | Condition::Exists(_)
        | Condition::NotExists(_)
        | Condition::Contains(..) => return unsupported(),
    };
    let Some(of) = name(of) else { return unsupported() };
    if found.iter().any(|(other, _)| *other == of) {
        return refuse(
            "Invalid KeyConditionExpression: KeyConditionExpressions must only contain one condition per key",
        );
    }
    found.push((of, clause));
    Ok(())
}

/// What a key condition asks for.
pub(super) fn bind(condition: &Condition, schema: &KeySchema, scope: Scope<'_>) -> Result<KeyRange, Refusal> {
    let mut found = Vec::with_capacity(2);
    clauses(condition, scope, &mut found)?;
    if found.len() > schema.attributes().count() {
        return refuse("The number of query conditions exceeds the number of key attributes defined in the schema");
    }
    let typed = |attribute: &KeyAttribute, value: &Attribute| {
        KeyValue::of(value, attribute.kind).ok_or_else(|| {
            let message =
                "One or more parameter values were invalid: Condition parameter type does not match schema type";
            Refusal::Validation(message.to_owned())
        })
    };
    let pk = match found.iter().find(|(name, _)| *name == schema.pk.name) {
        Some((_, Clause::Compare(Comparison::Equal, value))) => typed(&schema.pk, value)?,
        Some(_) => return refuse("Query key condition not supported"),
        None => return refuse("Query condition missed key schema element"),
    };
    if matches!(&pk, KeyValue::S(text) if text.is_empty()) {
        return refuse(
            "One or more parameter values are not valid: a key attribute cannot contain an empty string value",
        );
    }
    let mut range = KeyRange { pk, low: Bound::Unbounded, high: Bound::Unbounded };
    let Some((name, clause)) = found.iter().find(|(name, _)| *name != schema.pk.name) else { return Ok(range) };
    let Some(sk) = schema.sk.as_ref().filter(|sk| sk.name == *name) else {
        return refuse("Query condition missed key schema element");
    };
    match clause {
        Clause::Compare(Comparison::Equal, value) => {
            range.low = Bound::Included(typed(sk, value)?);
            range.high = range.low.clone();
        }
        Clause::Compare(Comparison::Less, value) => range.high = Bound::Excluded(typed(sk, value)?),
        Clause::Compare(Comparison::LessOrEqual, value) => range.high = Bound::Included(typed(sk, value)?),
        Clause::Compare(Comparison::Greater, value) => range.low = Bound::Excluded(typed(sk, value)?),
        Clause::Compare(Comparison::GreaterOrEqual, value) => range.low = Bound::Included(typed(sk, value)?),
        Clause::Compare(Comparison::Unequal, _) => return refuse("Query key condition not supported"),
        Clause::Between(low, high) => {
            evaluate::check_between(low, high)?;
            range.low = Bound::Included(typed(sk, low)?);
            range.high = Bound::Included(typed(sk, high)?);
        }
        Clause::BeginsWith(prefix) => {
            let low = typed(sk, prefix)?;
            range.high = match &low {
                KeyValue::S(prefix) => after_all_with(prefix).map_or(Bound::Unbounded, Bound::Excluded),
                KeyValue::N(_) | KeyValue::Lowest | KeyValue::Highest => {
                    return refuse("Invalid KeyConditionExpression: Incorrect operand type for begins_with");
                }
            };
            range.low = Bound::Included(low);
        }
    }
    Ok(range)
}

/// The lowest text above all that begin with this; `None` when there is none.
fn after_all_with(prefix: &str) -> Option<KeyValue> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        // The scalar after this one; surrogates are none.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            chars.push(next);
            return Some(KeyValue::S(chars.into_iter().collect::<String>().into()));
        }
    }
    None
}
