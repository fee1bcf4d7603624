//! The grammar of expressions: OR of AND of NOT of comparisons and functions, and paths of attributes.

use std::sync::LazyLock;

use super::token::{Token, check_parentheses, syntax_error, tokens};
use super::{Condition, Operand, Parsed, Path, Step};
use crate::dynamodb::refusal::Refusal;

/// The words that cannot stand for an attribute without a placeholder, by alphabet:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html>.
static RESERVED: LazyLock<Vec<&str>> = LazyLock::new(|| include_str!("../reserved_words.txt").lines().collect());

/// The longest expression, in bytes.
const LONGEST: usize = 4096;

pub(super) struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    names: Vec<String>,
    values: Vec<String>,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Result<Self, Refusal> {
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

    pub(super) fn finish<T>(self, tree: T) -> Result<Parsed<T>, Refusal> {
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

    pub(super) fn take(&mut self, token: &Token) -> bool {
        let there = self.tokens.get(self.at) == Some(token);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, token: &Token) -> Result<(), Refusal> {
        if self.take(token) { Ok(()) } else { Err(self.error()) }
    }

    pub(super) fn either(&mut self) -> Result<Condition, Refusal> {
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

    pub(super) fn path(&mut self) -> Result<Path, Refusal> {
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
