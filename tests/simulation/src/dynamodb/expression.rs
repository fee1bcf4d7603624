//! Expressions: their text, read into trees.

use std::sync::LazyLock;

use super::refusal::Refusal;

/// The words that cannot stand for an attribute without a placeholder, by alphabet:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html>.
static RESERVED: LazyLock<Vec<&str>> = LazyLock::new(|| include_str!("reserved_words.txt").lines().collect());

/// The longest expression, in bytes.
const LONGEST: usize = 4096;

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

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Placeholder(String),
    Value(String),
    Number(usize),
    Compare(Comparison),
    And,
    Or,
    Not,
    Between,
    Open,
    Close,
    OpenIndex,
    CloseIndex,
    Dot,
    Comma,
}

fn syntax_error(text: &str) -> Refusal {
    Refusal::Validation(format!("Invalid expression: Syntax error; in: {text:?}"))
}

fn tokens(text: &str) -> Result<Vec<Token>, Refusal> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = |from: usize| {
            let of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            rest[from..].find(|c| !of_name(c)).map_or(rest.len(), |end| from + end)
        };
        let (token, length) = match first {
            ' ' | '\t' | '\n' | '\r' => {
                rest = &rest[1..];
                continue;
            }
            '#' if length(1) > 1 => (Token::Placeholder(rest[..length(1)].to_owned()), length(1)),
            ':' if length(1) > 1 => (Token::Value(rest[..length(1)].to_owned()), length(1)),
            'a'..='z' | 'A'..='Z' | '_' => (word(&rest[..length(0)]), length(0)),
            '0'..='9' => {
                let number = rest[..length(0)].parse().map_err(|_| syntax_error(text))?;
                (Token::Number(number), length(0))
            }
            '<' if rest.starts_with("<>") => (Token::Compare(Comparison::Unequal), 2),
            '<' if rest.starts_with("<=") => (Token::Compare(Comparison::LessOrEqual), 2),
            '>' if rest.starts_with(">=") => (Token::Compare(Comparison::GreaterOrEqual), 2),
            '<' => (Token::Compare(Comparison::Less), 1),
            '>' => (Token::Compare(Comparison::Greater), 1),
            '=' => (Token::Compare(Comparison::Equal), 1),
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '[' => (Token::OpenIndex, 1),
            ']' => (Token::CloseIndex, 1),
            '.' => (Token::Dot, 1),
            ',' => (Token::Comma, 1),
            _ => return Err(syntax_error(text)),
        };
        tokens.push(token);
        rest = &rest[length..];
    }
    Ok(tokens)
}

fn word(word: &str) -> Token {
    match word.to_ascii_uppercase().as_str() {
        "AND" => Token::And,
        "OR" => Token::Or,
        "NOT" => Token::Not,
        "BETWEEN" => Token::Between,
        _ => Token::Word(word.to_owned()),
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    names: Vec<String>,
    values: Vec<String>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self, Refusal> {
        if text.is_empty() {
            return Err(Refusal::Validation("Invalid expression: The expression can not be empty;".to_owned()));
        }
        if text.len() > LONGEST {
            let message = "Invalid expression: Expression size has exceeded the maximum allowed size;";
            return Err(Refusal::Validation(message.to_owned()));
        }
        let tokens = tokens(text)?;
        check_parentheses(&tokens)?;
        Ok(Self { text, tokens, at: 0, names: Vec::new(), values: Vec::new() })
    }

    fn finish<T>(self, tree: T) -> Result<Parsed<T>, Refusal> {
        if self.at < self.tokens.len() {
            return Err(self.error());
        }
        Ok(Parsed { tree, names: self.names, values: self.values })
    }

    fn error(&self) -> Refusal {
        syntax_error(self.text)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn take(&mut self, token: &Token) -> bool {
        let there = self.tokens.get(self.at) == Some(token);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, token: &Token) -> Result<(), Refusal> {
        if self.take(token) { Ok(()) } else { Err(self.error()) }
    }

    fn either(&mut self) -> Result<Condition, Refusal> {
        let mut left = self.both()?;
        while self.take(&Token::Or) {
            left = Condition::Or(Box::new(left), Box::new(self.both()?));
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Condition, Refusal> {
        let mut left = self.negation()?;
        while self.take(&Token::And) {
            left = Condition::And(Box::new(left), Box::new(self.negation()?));
        }
        Ok(left)
    }

    fn negation(&mut self) -> Result<Condition, Refusal> {
        if self.take(&Token::Not) {
            return Ok(Condition::Not(Box::new(self.negation()?)));
        }
        if self.take(&Token::Open) {
            let inner = self.either()?;
            self.expect(&Token::Close)?;
            return Ok(inner);
        }
        match (self.tokens.get(self.at), self.tokens.get(self.at + 1)) {
            (Some(Token::Word(name)), Some(Token::Open)) => {
                let name = name.clone();
                self.at += 2;
                self.function(&name)
            }
            _ => self.comparison(),
        }
    }

    fn function(&mut self, name: &str) -> Result<Condition, Refusal> {
        let condition = match name {
            "attribute_exists" => Condition::Exists(self.path()?),
            "attribute_not_exists" => Condition::NotExists(self.path()?),
            "begins_with" | "contains" => {
                let first = self.operand()?;
                self.expect(&Token::Comma)?;
                let second = self.operand()?;
                if name == "contains" {
                    if first == second {
                        let message = "Invalid expression: The first operand must be distinct from the remaining \
                                       operands for this operator or function; operator: contains";
                        return Err(Refusal::Validation(message.to_owned()));
                    }
                    Condition::Contains(first, second)
                } else {
                    Condition::BeginsWith(first, second)
                }
            }
            "attribute_type" | "size" => {
                return Err(Refusal::NotModelled(format!("the function {name}, in: {}", self.text)));
            }
            _ => {
                let message = format!("Invalid expression: Invalid function name; function: {name}");
                return Err(Refusal::Validation(message));
            }
        };
        self.expect(&Token::Close)?;
        Ok(condition)
    }

    fn comparison(&mut self) -> Result<Condition, Refusal> {
        let left = self.operand()?;
        match self.next() {
            Some(Token::Compare(comparison)) => Ok(Condition::Compare(left, comparison, self.operand()?)),
            Some(Token::Between) => {
                let low = self.operand()?;
                self.expect(&Token::And)?;
                Ok(Condition::Between(left, low, self.operand()?))
            }
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("in") => {
                Err(Refusal::NotModelled(format!("IN, in: {}", self.text)))
            }
            _ => Err(self.error()),
        }
    }

    fn operand(&mut self) -> Result<Operand, Refusal> {
        if let Some(Token::Value(name)) = self.tokens.get(self.at) {
            let name = name.clone();
            self.at += 1;
            self.values.push(name.clone());
            return Ok(Operand::Value(name));
        }
        if matches!((self.tokens.get(self.at), self.tokens.get(self.at + 1)), (Some(Token::Word(_)), Some(Token::Open)))
        {
            return Err(Refusal::NotModelled(format!("a function as an operand, in: {}", self.text)));
        }
        Ok(Operand::Path(self.path()?))
    }

    fn path(&mut self) -> Result<Path, Refusal> {
        let mut steps = vec![self.step()?];
        loop {
            if self.take(&Token::Dot) {
                steps.push(self.step()?);
            } else if self.take(&Token::OpenIndex) {
                let Some(Token::Number(index)) = self.next() else { return Err(self.error()) };
                self.expect(&Token::CloseIndex)?;
                steps.push(Step::Index(index));
            } else {
                return Ok(Path(steps));
            }
        }
    }

    fn step(&mut self) -> Result<Step, Refusal> {
        match self.next() {
            Some(Token::Word(word)) if RESERVED.binary_search(&word.to_ascii_uppercase().as_str()).is_ok() => {
                Err(Refusal::Validation(format!(
                    "Invalid expression: Attribute name is a reserved keyword; reserved keyword: {word}"
                )))
            }
            Some(Token::Word(word)) => Ok(Step::Name(word)),
            Some(Token::Placeholder(name)) => {
                self.names.push(name.clone());
                Ok(Step::Placeholder(name))
            }
            _ => Err(self.error()),
        }
    }
}

/// Refuses two pairs of parentheses around the same thing.
fn check_parentheses(tokens: &[Token]) -> Result<(), Refusal> {
    let mut open = Vec::new();
    let mut last = None;
    for (at, token) in tokens.iter().enumerate() {
        if *token == Token::Open {
            open.push(at);
        } else if *token == Token::Close
            && let Some(opened) = open.pop()
        {
            if last == Some((opened + 1, at.wrapping_sub(1))) {
                let message = "Invalid expression: The expression has redundant parentheses;";
                return Err(Refusal::Validation(message.to_owned()));
            }
            last = Some((opened, at));
        }
    }
    Ok(())
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
