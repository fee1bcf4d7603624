//! What stands behind the ports: something that answers DynamoDB's requests and has the event table's stream.

use serde_json::Value;

/// The answer to one request of DynamoDB's JSON protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The JSON body.
    pub body: Vec<u8>,
}

/// A store that speaks DynamoDB's JSON protocol and answers at once. Faults come from what is in front of it.
pub trait Backend: Send + std::fmt::Debug {
    /// Answers one request. `operation` is the part of `x-amz-target` after the dot, such as `PutItem`.
    fn execute(&mut self, operation: &str, body: &[u8]) -> Answer;

    /// At most `limit` records of a table's stream after `sequence` (all of them without one), oldest first, each as a
    /// Lambda gets it (an element of `Records`). `SequenceNumber`s are texts of one length that sort as they were made.
    fn stream(&mut self, table: &str, after: Option<&str>, limit: usize) -> Vec<Value>;

    /// Every item of a table, in DynamoDB's JSON, in no order.
    fn items(&mut self, table: &str) -> Vec<Value>;
}
