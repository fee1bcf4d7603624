//! The tokens that an expression's text is made of.

use super::Comparison;
use crate::dynamodb::refusal::Refusal;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
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

pub(super) fn syntax_error(text: &str) -> Refusal {
    Refusal::Validation(format!("Invalid expression: Syntax error; in: {text:?}"))
}

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Refusal> {
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

/// Refuses two pairs of parentheses around the same thing.
pub(super) fn check_parentheses(tokens: &[Token]) -> Result<(), Refusal> {
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
