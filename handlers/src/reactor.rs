//! What has effects outside Muster, such as a letter. Unlike a projection, it is never rebuilt or replayed: it is another
//! trait, so that the compiler says so.

use async_trait::async_trait;
use muster_domain::RecordedEvent;

/// Takes events, each perhaps several times, and has the effect of each at most once.
#[async_trait]
pub trait Reactor: Send + Sync {
    /// Its name in `schemas/topology.json`.
    fn name(&self) -> &'static str;

    /// Has the effect of this event, unless it had it before. After an error the event comes again.
    async fn react(&self, event: &RecordedEvent) -> Result<(), ReactError>;
}

/// The effect was not had. Trying again may help.
#[derive(Debug, thiserror::Error)]
#[error("{doing} failed")]
pub struct ReactError {
    doing: &'static str,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl ReactError {
    /// For `map_err`: what failed, and why.
    pub fn of<E: Into<Box<dyn std::error::Error + Send + Sync>>>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self { doing, source: source.into() }
    }
}
