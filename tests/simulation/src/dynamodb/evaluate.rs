//! Conditions, held against items.

use std::cmp::Ordering;

use super::expression::{Comparison, Condition, Operand, Parsed, Path, Step};
use super::refusal::Refusal;
use super::value::{Attribute, Item, Pairs};

/// The placeholders of a request.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scope<'a> {
    /// Those of names.
    pub(super) names: Option<&'a Pairs<String>>,
    /// Those of values.
    pub(super) values: Option<&'a Pairs<Attribute>>,
}

impl<'a> Scope<'a> {
    /// Refuses placeholders that are used and not given, and those that are given and not used. `used` is the
    /// placeholders of names and of values of each expression of the request.
    pub(super) fn check(self, used: &[(&[String], &[String])]) -> Result<(), Refusal> {
        let refuse = |message: String| Err(Refusal::Validation(message));
        if self.names.is_none() && self.values.is_none() && used.iter().all(|(n, v)| n.is_empty() && v.is_empty()) {
            return Ok(());
        }
        if used.is_empty() {
            return refuse("Expression attributes can only be specified when using expressions".to_owned());
        }
        if self.names.is_some_and(Pairs::is_empty) || self.values.is_some_and(Pairs::is_empty) {
            return refuse("Expression attributes must not be empty".to_owned());
        }
        let bad_name = self.names.and_then(|names| names.iter().find(|(name, _)| !name.starts_with('#')));
        let bad_value = self.values.and_then(|values| values.iter().find(|(name, _)| !name.starts_with(':')));
        if let Some(name) = bad_name.map(|(name, _)| name).or(bad_value.map(|(name, _)| name)) {
            return refuse(format!("Expression attributes contain an invalid key: Syntax error; key: \"{name}\""));
        }
        for (names, values) in used {
            if let Some(name) = names.iter().find(|name| self.names.is_none_or(|given| given.get(name).is_none())) {
                return refuse(format!("An expression attribute name used is not defined; attribute name: {name}"));
            }
            if let Some(name) = values.iter().find(|name| self.values.is_none_or(|given| given.get(name).is_none())) {
                return refuse(format!("An expression attribute value used is not defined; attribute value: {name}"));
            }
        }
        let unused = |name: &String| !used.iter().any(|(names, values)| names.contains(name) || values.contains(name));
        let name = self.names.and_then(|names| names.iter().map(|(name, _)| name).find(|name| unused(name)));
        let value = self.values.and_then(|values| values.iter().map(|(name, _)| name).find(|name| unused(name)));
        if let Some(name) = name.or(value) {
            return refuse(format!("Value provided in ExpressionAttributes unused in expressions: keys: {{{name}}}"));
        }
        Ok(())
    }

    /// The name that a step of a path stands for; `None` for a place in a list.
    pub(super) fn name<'s>(self, step: &'s Step) -> Option<&'s str>
    where
        'a: 's,
    {
        match step {
            Step::Name(name) => Some(name),
            Step::Placeholder(name) => self.names?.get(name).map(String::as_str),
            Step::Index(_) => None,
        }
    }

    /// A value by its placeholder.
    pub(super) fn value(self, name: &str) -> Option<&'a Attribute> {
        self.values?.get(name)
    }

    fn find<'s>(self, path: &'s Path, item: &'s Item) -> Option<&'s Attribute>
    where
        'a: 's,
    {
        let (first, rest) = path.0.split_first()?;
        rest.iter().try_fold(item.get(self.name(first)?)?, |value, step| match (value, step) {
            (Attribute::L(values), Step::Index(index)) => values.get(*index),
            (Attribute::M(values), Step::Name(_) | Step::Placeholder(_)) => values.get(self.name(step)?),
            _ => None,
        })
    }

    fn resolve<'s>(self, operand: &'s Operand, item: &'s Item) -> Option<&'s Attribute>
    where
        'a: 's,
    {
        match operand {
            Operand::Path(path) => self.find(path, item),
            Operand::Value(name) => self.value(name),
        }
    }
}

/// Checks what of a condition can be checked without an item.
pub(super) fn check(condition: &Parsed<Condition>, scope: Scope<'_>) -> Result<(), Refusal> {
    check_operands(&condition.tree, scope)
}

fn check_operands(condition: &Condition, scope: Scope<'_>) -> Result<(), Refusal> {
    match condition {
        Condition::And(left, right) | Condition::Or(left, right) => {
            check_operands(left, scope)?;
            check_operands(right, scope)
        }
        Condition::Not(inner) => check_operands(inner, scope),
        Condition::Between(_, Operand::Value(low), Operand::Value(high)) => {
            match (scope.value(low), scope.value(high)) {
                (Some(low), Some(high)) => check_between(low, high),
                _ => Ok(()),
            }
        }
        Condition::BeginsWith(_, Operand::Value(prefix)) => match scope.value(prefix) {
            None | Some(Attribute::S(_)) => Ok(()),
            Some(Attribute::B(_)) => Err(Refusal::NotModelled("begins_with of binary values".to_owned())),
            Some(other) => Err(Refusal::Validation(format!(
                "Invalid expression: Incorrect operand type for operator or function; operator or function: \
                 begins_with, operand type: {}",
                other.kind()
            ))),
        },
        Condition::Between(..)
        | Condition::BeginsWith(..)
        | Condition::Compare(..)
        | Condition::Exists(_)
        | Condition::NotExists(_)
        | Condition::Contains(..) => Ok(()),
    }
}

/// Refuses bounds of two types and bounds the wrong way round.
pub(super) fn check_between(low: &Attribute, high: &Attribute) -> Result<(), Refusal> {
    match order(low, high) {
        None => Err(Refusal::Validation(
            "Invalid expression: The BETWEEN operator requires same data type for lower and upper bounds".to_owned(),
        )),
        Some(Ordering::Greater) => Err(Refusal::Validation(
            "Invalid expression: The BETWEEN operator requires upper bound to be greater than or equal to lower bound"
                .to_owned(),
        )),
        Some(Ordering::Less | Ordering::Equal) => Ok(()),
    }
}

/// Whether the condition holds of an item; where there is none, of one without attributes.
pub(super) fn holds(condition: &Condition, item: Option<&Item>, scope: Scope<'_>) -> bool {
    static NOTHING: Item = Item::none();
    holds_of(condition, item.unwrap_or(&NOTHING), scope)
}

fn holds_of(condition: &Condition, item: &Item, scope: Scope<'_>) -> bool {
    match condition {
        Condition::And(left, right) => holds_of(left, item, scope) && holds_of(right, item, scope),
        Condition::Or(left, right) => holds_of(left, item, scope) || holds_of(right, item, scope),
        Condition::Not(inner) => !holds_of(inner, item, scope),
        Condition::Exists(path) => scope.find(path, item).is_some(),
        Condition::NotExists(path) => scope.find(path, item).is_none(),
        Condition::Compare(left, comparison, right) => {
            match (scope.resolve(left, item), scope.resolve(right, item)) {
                (Some(left), Some(right)) => compare(left, *comparison, right),
                // What is not there differs from everything and compares with nothing.
                _ => *comparison == Comparison::Unequal,
            }
        }
        Condition::Between(value, low, high) => {
            match (scope.resolve(value, item), scope.resolve(low, item), scope.resolve(high, item)) {
                (Some(value), Some(low), Some(high)) => {
                    compare(value, Comparison::GreaterOrEqual, low) && compare(value, Comparison::LessOrEqual, high)
                }
                _ => false,
            }
        }
        Condition::BeginsWith(value, prefix) => {
            matches!((scope.resolve(value, item), scope.resolve(prefix, item)),
                (Some(Attribute::S(text)), Some(Attribute::S(prefix))) if text.starts_with(prefix.as_str()))
        }
        Condition::Contains(value, part) => match (scope.resolve(value, item), scope.resolve(part, item)) {
            (Some(Attribute::S(text)), Some(Attribute::S(part))) => text.contains(part.as_str()),
            (Some(Attribute::B(bytes)), Some(Attribute::B(part))) => {
                part.is_empty() || bytes.windows(part.len()).any(|window| window == part.as_slice())
            }
            (Some(Attribute::L(values)), Some(part)) => values.contains(part),
            _ => false,
        },
    }
}

fn compare(left: &Attribute, comparison: Comparison, right: &Attribute) -> bool {
    let order = || order(left, right);
    match comparison {
        Comparison::Equal => left == right,
        Comparison::Unequal => left != right,
        Comparison::Less => order() == Some(Ordering::Less),
        Comparison::LessOrEqual => matches!(order(), Some(Ordering::Less | Ordering::Equal)),
        Comparison::Greater => order() == Some(Ordering::Greater),
        Comparison::GreaterOrEqual => matches!(order(), Some(Ordering::Greater | Ordering::Equal)),
    }
}

/// How two values sort: only texts, numbers and bytes do, and only among themselves.
fn order(left: &Attribute, right: &Attribute) -> Option<Ordering> {
    match (left, right) {
        (Attribute::S(left), Attribute::S(right)) => Some(left.cmp(right)),
        (Attribute::N(left), Attribute::N(right)) => Some(left.cmp(right)),
        (Attribute::B(left), Attribute::B(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::expression::condition;
    use super::*;

    fn of_item(text: &str) -> bool {
        let item: Item = serde_json::from_str(
            r#"{"n": {"N": "10"}, "s": {"S": "abc"}, "flag": {"BOOL": true}, "l": {"L": [{"S": "x"}, {"N": "1.0"}]},
                "m": {"M": {"parts": {"L": [{"S": "deep"}]}}}}"#,
        )
        .unwrap();
        let names = serde_json::from_str(r##"{"#parts": "parts"}"##).unwrap();
        let values = serde_json::from_str(
            r#"{":9": {"N": "9"}, ":10": {"N": "10.0"}, ":a": {"S": "a"}, ":b": {"S": "b"}, ":one": {"N": "1"},
                ":true": {"BOOL": true}, ":deep": {"S": "deep"}}"#,
        )
        .unwrap();
        holds(&condition(text).unwrap().tree, Some(&item), Scope { names: Some(&names), values: Some(&values) })
    }

    #[test]
    fn conditions_that_hold() {
        for text in [
            "n = :10",
            "n > :9",
            "n BETWEEN :9 AND :10",
            "begins_with(s, :a)",
            "contains(s, :b)",
            "contains(l, :one)",
            "flag = :true",
            "m.#parts[0] = :deep",
            "attribute_exists(m.#parts)",
            "attribute_not_exists(m.#parts[1])",
            "nothing <> :a",
            "NOT nothing = :a",
            "s <> :9",
        ] {
            assert!(of_item(text), "{text}");
        }
    }

    #[test]
    fn conditions_that_do_not_hold() {
        for text in [
            "n < :9",
            "s < :9",
            "s > :9",
            "nothing < :9",
            "nothing = :a",
            "begins_with(n, :a)",
            "flag > :9",
            "attribute_exists(s.parts)",
            "attribute_exists(l[2])",
            "n = :9 OR s = :b",
        ] {
            assert!(!of_item(text), "{text}");
        }
    }

    #[test]
    fn placeholders_must_be_given_and_used() {
        let parsed = condition("a1 = :a").unwrap();
        let given = |text: &str| serde_json::from_str::<Pairs<Attribute>>(text).unwrap();
        let check = |values: &Pairs<Attribute>| {
            Scope { names: None, values: Some(values) }.check(&[(&parsed.names, &parsed.values)])
        };

        check(&given(r#"{":a": {"N": "1"}}"#)).unwrap();
        for (values, reason) in [
            (r#"{":b": {"N": "1"}}"#, "not defined; attribute value: :a"),
            (r#"{":a": {"N": "1"}, ":b": {"N": "1"}}"#, "unused in expressions: keys: {:b}"),
            (r#"{":a": {"N": "1"}, "b": {"N": "1"}}"#, "invalid key: Syntax error; key: \"b\""),
            ("{}", "must not be empty"),
        ] {
            let refusal = check(&given(values)).unwrap_err();
            assert!(matches!(&refusal, Refusal::Validation(message) if message.contains(reason)), "{refusal:?}");
        }
    }
}
