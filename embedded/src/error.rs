//! What can go wrong with an engine as a whole. A refused request is not here: it is the SDK's own typed error.

/// Why an engine cannot be opened, served or read.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The engine's thread could not be started.
    #[error("cannot start the engine's thread: {0}")]
    Thread(#[source] std::io::Error),
    /// The store could not be opened, for a reason that has no case of its own.
    #[error("cannot open the store: {0}")]
    Open(String),
}

impl EngineError {
    pub(crate) fn open(error: impl std::fmt::Display) -> Self {
        Self::Open(error.to_string())
    }
}
