//! What has effects beside the read models, such as a letter, or another event. Unlike a projection, it is never rebuilt or replayed: it is another
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

/// The effect was not had.
#[derive(Debug, thiserror::Error)]
#[error("{doing} failed")]
pub struct ReactError {
    doing: &'static str,
    /// Trying again does not help.
    lasting: bool,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl ReactError {
    /// For `map_err`: what failed, and why.
    pub fn of<E: Into<Box<dyn std::error::Error + Send + Sync>>>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self { doing, lasting: false, source: source.into() }
    }

    /// The same, if trying again does not help: what was written is not what can be read.
    #[must_use]
    pub const fn lasting(self) -> Self {
        self.lasting_if(true)
    }

    /// Likewise, if that is so.
    #[must_use]
    pub const fn lasting_if(mut self, lasting: bool) -> Self {
        self.lasting = lasting;
        self
    }

    /// Whether trying again does not help.
    pub const fn is_lasting(&self) -> bool {
        self.lasting
    }
}
