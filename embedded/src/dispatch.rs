//! One request of DynamoDB's JSON protocol in, one answer out.
//!
//! Both ways into the engine, the in-process connector and the Unix socket, end here.

use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The prefix of every `x-amz-target` of DynamoDB.
const TARGET_PREFIX: &str = "DynamoDB_20120810.";

/// What DynamoDB answers for a target it does not know; it gives no message.
const UNKNOWN_OPERATION: &str = r#"{"__type":"com.amazon.coral.service#UnknownOperationException"}"#;

/// The answer to one request.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The HTTP status code.
    pub(crate) status: u16,
    /// The JSON body.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The answer for an engine that cannot run requests any more.
    pub(crate) fn internal_error(reason: &str) -> Self {
        Self::error(&DynoxideError::InternalServerError(reason.to_owned()))
    }

    fn error(error: &DynoxideError) -> Self {
        Self { status: error.status_code(), body: error.to_json().into_bytes() }
    }
}

/// Whether the operation that `target` names reads items, and does nothing else.
pub(crate) fn reads_items(target: &str) -> bool {
    matches!(operation(target), Some("GetItem" | "Query" | "Scan" | "BatchGetItem"))
}

/// Whether the operation that `target` names may make, change or remove a table.
pub(crate) fn changes_a_table(target: &str) -> bool {
    matches!(operation(target), Some("CreateTable" | "DeleteTable" | "UpdateTable" | "UpdateTimeToLive"))
}

/// Whether this reads one item by its key, with a request that is read without deep recursion: it takes some ten
/// microseconds and little stack.
pub(crate) fn is_short_read(target: &str, body: &[u8]) -> bool {
    operation(target) == Some("GetItem")
        && body.len() <= 4096
        && body.iter().filter(|byte| matches!(byte, b'{' | b'[' | b'(')).count() <= 64
}

fn operation(target: &str) -> Option<&str> {
    target.strip_prefix(TARGET_PREFIX)
}

/// Runs the operation that `target` names (the `x-amz-target` header) with the JSON `body`. Blocks until the
/// engine has run it; what it wrote is not synced to the disk yet.
pub(crate) fn dispatch(db: &Database, target: &str, body: &[u8]) -> Answer {
    let result = operation(target).and_then(|operation| run(db, operation, body));
    match result {
        Some(Ok(body)) => Answer { status: 200, body },
        Some(Err(error)) => {
            if error.status_code() >= 500 {
                tracing::error!(target, %error, "the embedded engine failed a request");
            }
            Answer::error(&error)
        }
        None => Answer { status: 400, body: UNKNOWN_OPERATION.as_bytes().to_vec() },
    }
}

/// `None` when there is no such operation.
fn run(db: &Database, operation: &str, body: &[u8]) -> Option<Result<Vec<u8>, DynoxideError>> {
    Some(match operation {
        "CreateTable" => call(body, |request| db.create_table(request)),
        "DescribeTable" => call(body, |request| db.describe_table(request)),
        "DeleteTable" => call(body, |request| db.delete_table(request)),
        "ListTables" => call(body, |request| db.list_tables(request)),
        "UpdateTable" => call(body, |request| db.update_table(request)),
        "UpdateTimeToLive" => call(body, |request| db.update_time_to_live(request)),
        "DescribeTimeToLive" => call(body, |request| db.describe_time_to_live(request)),
        "GetItem" => call(body, |request| db.get_item(request)),
        "Query" => call(body, |request| db.query(request)),
        "Scan" => call(body, |request| db.scan(request)),
        "BatchGetItem" => call(body, |request| db.batch_get_item(request)),
        "TransactGetItems" => call(body, |request| db.transact_get_items(request)),
        "PutItem" => call(body, |request| db.put_item(request)),
        "UpdateItem" => call(body, |request| db.update_item(request)),
        "DeleteItem" => call(body, |request| db.delete_item(request)),
        "BatchWriteItem" => call(body, |request| db.batch_write_item(request)),
        "TransactWriteItems" => call(body, |request| db.transact_write_items(request)),
        _ => return None,
    })
}

fn call<Request, Response>(
    body: &[u8],
    operation: impl FnOnce(Request) -> dynoxide::Result<Response>,
) -> Result<Vec<u8>, DynoxideError>
where
    Request: DeserializeOwned,
    Response: Serialize,
{
    let body = std::str::from_utf8(body).map_err(|_| DynoxideError::SerializationException(String::new()))?;
    let request = serde_json::from_str(body).map_err(|error| refusal(&error.to_string()))?;
    let response = operation(request)?;
    serde_json::to_vec(&response).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// The error for a body that is not a request of this operation. The engine's own deserializers say by a marker
/// in front of the message whether the value is malformed or merely not allowed.
fn refusal(message: &str) -> DynoxideError {
    let (marker, text) = match message.split_once(':') {
        Some((marker, text)) if marker.bytes().all(|b| b.is_ascii_uppercase() || b == b'_') => (marker, text),
        _ => ("", message),
    };
    let not_allowed = marker.starts_with("VALIDATION")
        || ["missing field", "unknown variant", "invalid type: null", "AttributeValue"]
            .iter()
            .any(|sign| text.contains(sign));
    if not_allowed {
        DynoxideError::ValidationException(text.to_owned())
    } else {
        DynoxideError::SerializationException(text.to_owned())
    }
}
