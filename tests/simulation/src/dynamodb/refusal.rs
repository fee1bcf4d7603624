//! Why a request is refused, and how DynamoDB says so.

use std::sync::Arc;

use serde_json::json;

use super::value::Stored;
use crate::backend::Answer;

/// Stands before the message of a parse error that DynamoDB reports as a `ValidationException`.
pub(super) const VALIDATION: &str = "VALIDATION:";
/// Stands before the message of a parse error that is a gap of the model.
pub(super) const NOT_MODELLED: &str = "NOT MODELLED:";

/// Why a request is refused.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The request is not allowed.
    Validation(String),
    /// A key is empty text: in a transaction it is the whole request's fault, unlike other faults of keys.
    EmptyKey(String),
    /// The body is not what it should be.
    Serialization(String),
    /// There is no such table.
    NotFound(String),
    /// The table is there already.
    InUse(String),
    /// The condition did not hold; what stands there, if it was asked for.
    ConditionFailed(Option<Arc<Stored>>),
    /// A transaction did not take place; each action's reason.
    Canceled(Vec<Reason>),
    /// A token was used for another transaction.
    TokenMismatch,
    /// The model does not know this. Never DynamoDB's: a test that meets it must fail.
    NotModelled(String),
}

/// What became of one action of a transaction that did not take place.
#[derive(Debug)]
pub(super) enum Reason {
    /// It would have taken effect.
    None,
    /// Its condition did not hold; what stands there, if it was asked for.
    ConditionFailed(Option<Arc<Stored>>),
    /// It is not allowed.
    Validation(String),
}

impl Reason {
    fn code(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::ConditionFailed(_) => "ConditionalCheckFailed",
            Self::Validation(_) => "ValidationError",
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"Code\":\"");
        out.extend_from_slice(self.code().as_bytes());
        out.push(b'"');
        match self {
            Self::None => {}
            Self::ConditionFailed(item) => {
                out.extend_from_slice(b",\"Message\":\"The conditional request failed\"");
                if let Some(item) = item {
                    out.extend_from_slice(b",\"Item\":");
                    out.extend_from_slice(&item.json);
                }
            }
            Self::Validation(message) => {
                out.extend_from_slice(b",\"Message\":");
                out.extend_from_slice(json!(message).to_string().as_bytes());
            }
        }
        out.push(b'}');
    }
}

const CONDITION_FAILED: &[u8] = br#"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"The conditional request failed""#;

impl Refusal {
    /// What DynamoDB says of a body that is not a request of the operation.
    pub(super) fn of_body(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        if let Some(message) = text.strip_prefix(VALIDATION) {
            Self::Validation(message.to_owned())
        } else if let Some(message) = text.strip_prefix(NOT_MODELLED) {
            Self::NotModelled(message.to_owned())
        } else if text.starts_with("unknown field") {
            Self::NotModelled(text)
        } else if text.starts_with("missing field") {
            Self::Validation(format!("1 validation error detected: {text}"))
        } else {
            Self::Serialization(text)
        }
    }

    /// The answer that says so.
    pub(super) fn answer(&self) -> Answer {
        let simple = |kind: &str, message: &str| Answer {
            status: 400,
            body: json!({ "__type": kind, "message": message }).to_string().into_bytes(),
        };
        match self {
            Self::Validation(message) | Self::EmptyKey(message) => {
                simple("com.amazon.coral.validate#ValidationException", message)
            }
            Self::Serialization(message) => simple("com.amazon.coral.service#SerializationException", message),
            Self::NotFound(message) => simple("com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", message),
            Self::InUse(message) => simple("com.amazonaws.dynamodb.v20120810#ResourceInUseException", message),
            Self::ConditionFailed(item) => {
                let mut body = CONDITION_FAILED.to_vec();
                if let Some(item) = item {
                    body.extend_from_slice(b",\"Item\":");
                    body.extend_from_slice(&item.json);
                }
                body.push(b'}');
                Answer { status: 400, body }
            }
            Self::Canceled(reasons) => Answer { status: 400, body: canceled(reasons) },
            Self::TokenMismatch => simple("com.amazonaws.dynamodb.v20120810#IdempotentParameterMismatchException", ""),
            Self::NotModelled(message) => Answer {
                status: 500,
                body: json!({
                    "__type": "muster.simulation#NotModelled",
                    "message": format!("the simulation's model of DynamoDB does not know this: {message}"),
                })
                .to_string()
                .into_bytes(),
            },
        }
    }
}

fn canceled(reasons: &[Reason]) -> Vec<u8> {
    let codes: Vec<_> = reasons.iter().map(Reason::code).collect();
    let mut body = format!(
        r#"{{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"Transaction cancelled, please refer cancellation reasons for specific reasons [{}]","CancellationReasons":["#,
        codes.join(", ")
    )
    .into_bytes();
    for (at, reason) in reasons.iter().enumerate() {
        if at > 0 {
            body.push(b',');
        }
        reason.write(&mut body);
    }
    body.extend_from_slice(b"]}");
    body
}
