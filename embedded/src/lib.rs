//! A DynamoDB engine in this process, reached through the ordinary AWS SDK.

mod connector;
mod dispatch;
mod engine;
mod error;
mod worker;

pub use engine::Engine;
pub use error::EngineError;
