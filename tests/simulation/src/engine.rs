//! The embedded engine as a backend, to hold the model against.

use futures::executor::block_on;
use muster_embedded::{Engine, EngineError, StreamRecord};
use serde_json::{Value, json};

use crate::backend::{Answer, Backend};

/// An engine in memory. Each call blocks its thread until the engine's own thread has answered, so that it works in
/// virtual time and on a runtime of one thread.
#[derive(Debug)]
pub struct EngineBackend {
    engine: Engine,
}

impl EngineBackend {
    /// Over an engine without tables.
    pub fn memory() -> Result<Self, EngineError> {
        Ok(Self { engine: Engine::memory()? })
    }
}

impl Backend for EngineBackend {
    fn execute(&mut self, operation: &str, body: &[u8]) -> Answer {
        let (status, body) = block_on(self.engine.request(&format!("DynamoDB_20120810.{operation}"), body.to_vec()));
        Answer { status, body }
    }

    fn stream(&mut self, table: &str, after: Option<&str>, limit: usize) -> Vec<Value> {
        match block_on(self.engine.stream(table).read(after, limit)) {
            Ok(records) => records.iter().map(StreamRecord::to_lambda_record).collect(),
            Err(error) => {
                // A consumer sees a stream that does not move, and the run does not come to rest.
                tracing::error!(table, %error, "the engine's stream cannot be read");
                Vec::new()
            }
        }
    }

    fn items(&mut self, table: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut request = json!({ "TableName": table });
        loop {
            let answer = self.execute("Scan", request.to_string().as_bytes());
            let mut page: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            if let Value::Array(some) = page["Items"].take() {
                items.extend(some);
            }
            let next = page["LastEvaluatedKey"].take();
            if next.is_null() {
                return items;
            }
            request["ExclusiveStartKey"] = next;
        }
    }
}
