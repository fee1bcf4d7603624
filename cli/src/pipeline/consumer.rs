//! What takes in the events of a queue: a projection, or a reactor.

use std::sync::Arc;

use async_trait::async_trait;
use muster_handlers::http::Causes;
use muster_handlers::reactor::Reactor;
use muster_projections::{Failure, Hosted, Message};

/// What takes in the messages of a queue.
#[async_trait]
pub trait Consumer: Send + Sync {
    /// The name of the projection or reactor.
    fn name(&self) -> &str;

    /// What it does with events, as traces say it.
    fn verb(&self) -> &'static str {
        "project"
    }

    /// Takes in a batch, and gives back what it could not take in.
    async fn handle(&self, batch: Vec<Message>) -> Vec<Failure>;
}

/// A projection as a consumer.
pub struct ProjectionConsumer(pub Arc<dyn Hosted>);

#[async_trait]
impl Consumer for ProjectionConsumer {
    fn name(&self) -> &str {
        self.0.name()
    }

    async fn handle(&self, batch: Vec<Message>) -> Vec<Failure> {
        self.0.handle(batch).await
    }
}

/// A reactor as a consumer: it reacts to one event after the other.
pub struct ReactorConsumer(pub Arc<dyn Reactor>);

#[async_trait]
impl Consumer for ReactorConsumer {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn verb(&self) -> &'static str {
        "react"
    }

    async fn handle(&self, batch: Vec<Message>) -> Vec<Failure> {
        let mut failures = Vec::new();
        for Message { id, event } in batch {
            let failed = match event {
                Ok(event) => {
                    self.0.react(&event).await.err().map(|error| (Causes(&error).to_string(), error.is_lasting()))
                }
                Err(reason) => Some((reason, true)),
            };
            failures.extend(failed.map(|(reason, poison)| Failure { id, reason, poison }));
        }
        failures
    }
}
