//! Expressions: their text, read into trees.

mod parser;
mod token;

use super::refusal::Refusal;
use parser::Parser;
use token::Token;

/// A condition, as conditions of writes, filters and key conditions have it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// Both hold.
    And(Box<Condition>, Box<Condition>),
    /// One of them holds.
    Or(Box<Condition>, Box<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// A comparison.
    Compare(Operand, Comparison, Operand),
    /// The first lies between the second and the third, or is one of them.
    Between(Operand, Operand, Operand),
    /// There is such an attribute.
    Exists(Path),
    /// There is no such attribute.
    NotExists(Path),
    /// The first is text that begins with the second.
    BeginsWith(Operand, Operand),
    /// The first is text that the second is part of, or a list with the second in it.
    Contains(Operand, Operand),
}

/// What is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    /// An attribute.
    Path(Path),
    /// A value of the request, by its placeholder.
    Value(String),
}

/// Where an attribute lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path(pub(super) Vec<Step>);

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// An attribute's name.
    Name(String),
    /// A placeholder for one.
    Placeholder(String),
    /// A place in a list, from 0.
    Index(usize),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    /// =
    Equal,
    /// <>
    Unequal,
    /// <
    Less,
    /// <=
    LessOrEqual,
    /// >
    Greater,
    /// >=
    GreaterOrEqual,
}

/// A tree and the placeholders that it uses.
#[derive(Debug)]
pub(super) struct Parsed<T> {
    /// The tree.
    pub(super) tree: T,
    /// The placeholders of names, each once or several times.
    pub(super) names: Vec<String>,
    /// The placeholders of values, each once or several times.
    pub(super) values: Vec<String>,
}

/// Reads a condition.
pub(super) fn condition(text: &str) -> Result<Parsed<Condition>, Refusal> {
    let mut parser = Parser::new(text)?;
    let tree = parser.either()?;
    parser.finish(tree)
}

/// Reads a projection: a list of attributes.
pub(super) fn projection(text: &str) -> Result<Parsed<Vec<Step>>, Refusal> {
    let mut parser = Parser::new(text)?;
    let mut steps = Vec::new();
    loop {
        match parser.path()?.0.as_slice() {
            [step] => steps.push(step.clone()),
            _ => return Err(Refusal::NotModelled(format!("a projection of parts of attributes: {text}"))),
        }
        if !parser.take(&Token::Comma) {
            return parser.finish(steps);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> Operand {
        Operand::Path(Path(vec![Step::Name(name.to_owned())]))
    }

    fn value(name: &str) -> Operand {
        Operand::Value(name.to_owned())
    }

    fn message(text: &str) -> String {
        let refusal = condition(text).unwrap_err();
        let Refusal::Validation(message) = refusal else { panic!("{refusal:?}") };
        message
    }

    #[test]
    fn not_binds_more_than_and_which_binds_more_than_or() {
        let parsed = condition("a1 = :a OR NOT b1 < :b AND (c1 >= :c OR d1 <> :d)").unwrap();

        let [a, b, c, d] = [
            ("a1", Comparison::Equal, ":a"),
            ("b1", Comparison::Less, ":b"),
            ("c1", Comparison::GreaterOrEqual, ":c"),
            ("d1", Comparison::Unequal, ":d"),
        ]
        .map(|(name, comparison, other)| Box::new(Condition::Compare(path(name), comparison, value(other))));
        let expected =
            Condition::Or(a, Box::new(Condition::And(Box::new(Condition::Not(b)), Box::new(Condition::Or(c, d)))));
        assert_eq!(parsed.tree, expected);
        assert_eq!(parsed.values, [":a", ":b", ":c", ":d"]);
    }

    #[test]
    fn the_and_of_between_is_not_the_other_one() {
        let parsed = condition("pk = :p AND sk between :low and :high").unwrap();

        let Condition::And(_, right) = parsed.tree else { panic!("no AND") };
        assert_eq!(*right, Condition::Between(path("sk"), value(":low"), value(":high")));
    }

    #[test]
    fn paths_have_names_placeholders_and_places() {
        let parsed = condition("attribute_exists(#events[2].#data.title)").unwrap();

        let steps = vec![
            Step::Placeholder("#events".to_owned()),
            Step::Index(2),
            Step::Placeholder("#data".to_owned()),
            Step::Name("title".to_owned()),
        ];
        assert_eq!(parsed.tree, Condition::Exists(Path(steps)));
        assert_eq!(parsed.names, ["#events", "#data"]);
    }

    #[test]
    fn what_dynamodb_refuses_is_refused() {
        for (text, reason) in [
            ("", "can not be empty"),
            ("owner = :o", "reserved keyword: owner"),
            ("((a1 = :a))", "redundant parentheses"),
            ("a1 = :a AND", "Syntax error"),
            ("a1 = :a b1", "Syntax error"),
            ("a1 ! :a", "Syntax error"),
            ("starts_with(a1, :a)", "Invalid function name"),
        ] {
            assert!(message(text).contains(reason), "{text}: {}", message(text));
        }
    }

    #[test]
    fn what_the_model_does_not_know_is_named() {
        for (text, what) in
            [("size(a1) > :n", "size"), ("a1 IN (:a)", "IN"), ("attribute_type(a1, :t)", "attribute_type")]
        {
            let refusal = condition(text).unwrap_err();
            assert!(matches!(&refusal, Refusal::NotModelled(name) if name.contains(what)), "{text}: {refusal:?}");
        }
    }
}
