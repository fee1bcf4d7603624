//! Every entry point of Muster: HTTP routes, the stream publisher, the projector. The Lambdas in `src/bin` are thin over
//! these functions, and the local program runs the same ones. What only a Lambda needs is behind the feature `lambda`, so that
//! the local program is built without the AWS services that it does not use.

pub mod clock;
pub mod digests;
#[cfg(feature = "lambda")]
pub mod eventbridge;
pub mod http;
pub mod import;
#[cfg(feature = "lambda")]
pub mod lambda;
pub mod mail;
pub mod metrics;
pub mod named_requests;
#[cfg(feature = "lambda")]
pub mod notifier;
pub mod placed_lately;
pub mod publisher;
pub mod reactor;
pub mod recurrence;
pub mod reminders;
pub mod saved_filters;
pub mod topology;
pub mod trace;
pub mod webhooks;
pub mod wiring;
