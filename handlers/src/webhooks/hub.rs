//! What the routes and the program share of webhooks.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use muster_vault::Master;
use tokio::sync::Notify;

use super::delivery::Deliveries;
use super::webhook::Webhooks;

/// The webhooks, the log of their deliveries, and whom to wake when something has become due.
#[derive(Clone, Debug)]
pub struct WebhookHub {
    /// As they are configured.
    pub webhooks: Webhooks,
    /// What was sent, and what is due.
    pub deliveries: Deliveries,
    /// Wakes the sender of this program; nobody, where another program sends.
    pub wakes: Arc<Notify>,
}

impl WebhookHub {
    /// In the tables with this prefix, by a client whose acknowledged writes stay: what was sent must be known for good.
    pub fn new(client: &Client, prefix: &str, master: Arc<dyn Master>) -> Self {
        Self {
            webhooks: Webhooks::new(client.clone(), prefix, master),
            deliveries: Deliveries::new(client.clone(), prefix),
            wakes: Arc::default(),
        }
    }
}
