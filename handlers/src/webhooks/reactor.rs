//! Takes events from the bus: claims each for the webhooks that want it.

use std::sync::Arc;

use async_trait::async_trait;
use muster_domain::RecordedEvent;
use tokio::sync::Notify;

use super::sender::Sender;
use crate::http::Causes;
use crate::reactor::{ReactError, Reactor};

/// Its name in `schemas/topology.json`.
pub const NAME: &str = "webhooks";

/// The reactor.
pub struct WebhookReactor {
    sender: Arc<Sender>,
    /// Whom to wake, if somebody else sends.
    wakes: Option<Arc<Notify>>,
}

impl WebhookReactor {
    /// Which sends by itself what it has claimed.
    pub const fn that_sends(sender: Arc<Sender>) -> Self {
        Self { sender, wakes: None }
    }

    /// Which wakes [`run`](super::run()), so that a slow receiver holds up no event.
    pub const fn that_wakes(sender: Arc<Sender>, wakes: Arc<Notify>) -> Self {
        Self { sender, wakes: Some(wakes) }
    }
}

#[async_trait]
impl Reactor for WebhookReactor {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn react(&self, event: &RecordedEvent) -> Result<(), ReactError> {
        let claimed = self.sender.claim(event).await.map_err(ReactError::of("claiming deliveries"))?;
        match &self.wakes {
            Some(wakes) if !claimed.is_empty() => wakes.notify_one(),
            Some(_) => {}
            None => {
                let each = claimed.iter().map(|(webhook, delivery)| self.sender.send(webhook, delivery));
                for sent in futures::future::join_all(each).await {
                    // What is claimed is due, and comes with the next sweep.
                    if let Err(error) = sent {
                        tracing::warn!(error = %Causes(&error), "not sent yet");
                    }
                }
            }
        }
        Ok(())
    }
}
