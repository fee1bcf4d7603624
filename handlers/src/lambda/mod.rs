//! What the Lambdas in `src/bin` share: their configuration, and the shapes of the events that AWS sends them.

mod address;
mod environment;
mod kms;
mod locked_bucket;
mod mail;
mod observe;
mod queue;
mod stream;
mod sweep;

pub use address::{OriginSecret, with_peer};
pub use environment::{
    StartError, command_app, digester, hosted_projections, notifier, origin_secret, projector, query_app, recurring,
    reminder_clock, variable, webhooks,
};
pub use kms::{KmsError, KmsSigner, server_secret};
pub use locked_bucket::{BucketError, LockedBucket};
pub use observe::{Metrics, log_and_trace, observe, observed};
pub use queue::{project_queue, react_queue};
pub use stream::{guard_stream, publish_stream};
pub use sweep::{ON_ITS_WAY, SweepError, sweep};
