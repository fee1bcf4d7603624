//! The bus in this process: matches the rules that EventBridge matches on AWS, and puts events into queues.

use std::sync::Arc;

use async_trait::async_trait;
use muster_domain::RecordedEvent;
use muster_handlers::publisher::{BusError, Entry, EventBus, PutOutcome};
use muster_handlers::topology::Topology;
use quamina::Quamina;
use serde_json::json;

use super::ledger::Ledger;
use super::queue::QueueSender;

/// A rule that is not one.
#[derive(Debug, thiserror::Error)]
#[error("the rule of {projection} in schemas/topology.json cannot be used: {reason}")]
pub struct RuleError {
    /// Whose rule.
    pub projection: String,
    /// What is wrong with it.
    pub reason: String,
}

/// The rules of the bus, each named by its projection.
#[derive(Clone)]
pub struct Rules {
    source: String,
    patterns: Quamina<String>,
}

impl Rules {
    /// Those in the topology.
    pub fn of(topology: &Topology) -> Result<Self, RuleError> {
        let mut patterns = Quamina::new();
        let projections = topology.projections.iter().map(|(name, shape)| (name, &shape.rule));
        let reactors = topology.reactors.iter().map(|(name, shape)| (name, &shape.rule));
        for (name, rule) in projections.chain(reactors) {
            patterns
                .add_pattern(name.clone(), &rule.to_string())
                .map_err(|error| RuleError { projection: name.clone(), reason: error.to_string() })?;
        }
        Ok(Self { source: topology.bus.source.clone(), patterns })
    }

    /// The projections whose rules match the event.
    pub fn matching(&self, event: &RecordedEvent) -> Result<Vec<String>, String> {
        let envelope = serde_json::to_vec(&self.envelope(event)).map_err(|error| error.to_string())?;
        self.patterns.matches_for_event(&envelope).map_err(|error| error.to_string())
    }

    /// The event as it is on EventBridge, which is what rules are written for.
    fn envelope(&self, event: &RecordedEvent) -> serde_json::Value {
        json!({
            "version": "0",
            "id": event.event_id,
            "detail-type": event.event_type,
            "source": self.source,
            "account": "local",
            "time": event.recorded_at,
            "region": "local",
            "resources": [event.stream.to_string()],
            "detail": event,
        })
    }
}

/// The bus.
pub(crate) struct LocalBus {
    rules: Rules,
    queues: Vec<QueueSender>,
    ledger: Arc<Ledger>,
}

/// The queues are closed: the program ends.
#[derive(Debug, thiserror::Error)]
#[error("the queues are closed")]
struct Closed;

impl LocalBus {
    pub(crate) fn new(rules: Rules, queues: Vec<QueueSender>, ledger: Arc<Ledger>) -> Self {
        Self { rules, queues, ledger }
    }

    /// Waits while a queue is full: that is what holds the stream back.
    async fn put_one(&self, entry: &Entry) -> Result<PutOutcome, BusError> {
        let matching = match self.rules.matching(&entry.event) {
            Ok(matching) => matching,
            Err(reason) => return Ok(PutOutcome::Refused { reason }),
        };
        let wanted = |queue: &&QueueSender| matching.iter().any(|name| name == queue.projection());
        let queues: Vec<_> = self.queues.iter().filter(wanted).collect();
        let ticket = self.ledger.issue(queues.len());
        for queue in queues {
            queue.send(ticket, entry.clone()).await.map_err(|()| BusError(Box::new(Closed)))?;
        }
        Ok(PutOutcome::Accepted)
    }
}

#[async_trait]
impl EventBus for LocalBus {
    async fn put(&self, entries: &[Entry]) -> Result<Vec<PutOutcome>, BusError> {
        let mut outcomes = Vec::with_capacity(entries.len());
        for entry in entries {
            outcomes.push(self.put_one(entry).await?);
        }
        Ok(outcomes)
    }
}
