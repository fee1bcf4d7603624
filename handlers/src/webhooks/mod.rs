//! Outgoing webhooks: every event that a receiver has asked for, signed, until it has taken it (`docs/adr/0030-webhooks.md`).
//!
//! ```text
//! bus → queue → reactor: one delivery for each webhook that wants the event, claimed in the table `webhook-deliveries`
//!                                  │ due
//!                                  ▼
//!                    sender: leases it, signs, calls (`http`), writes down what came of it; again later if it failed
//! ```
//!
//! The reactor is no projection: no rebuild and no replay of the log runs it.

mod delivery;
mod error;
mod filter;
mod http;
mod hub;
mod reach;
mod reactor;
mod run;
mod sender;
mod signature;
mod webhook;

pub use delivery::{Attempt, Deliveries, Delivery, DeliveryPage, DeliveryStatus, EventName, KEPT};
pub use error::{ChangeError, WebhookError};
pub use filter::{Wanted, is_event_type};
pub use http::{Called, Http, NoClient, PATIENCE, Resolver, SystemResolver};
pub use hub::WebhookHub;
pub use reach::{MAX_URL, Network, NoNetwork, NoReceiver, Reach};
pub use reactor::{NAME, WebhookReactor};
pub use run::{run, work_off_all};
pub use sender::{LEASE, Sender};
pub use signature::{NotMade, Secret, signature};
pub use webhook::{MOST_EVENT_TYPES, MOST_WEBHOOKS, MadeWebhook, NewWebhook, OVERLAP, Settings, Webhook, Webhooks};
