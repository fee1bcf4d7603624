//! What can go wrong with an engine as a whole. A refused request is not here: it is the SDK's own typed error.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::worker::NoAnswer;

/// Why an engine cannot be opened, served or read. In each of the cases that refuse a data directory, nothing in it
/// was changed.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Another process has the data directory open.
    #[error("{} is in use by {}", dir.display(), process(*pid))]
    InUse {
        /// The data directory.
        dir: PathBuf,
        /// The process that holds it, if it left its number.
        pid: Option<u32>,
    },
    /// The data directory was written by a newer version of this program.
    #[error(
        "{} was written by a newer version (format {found}; this version reads up to {supported})", dir.display()
    )]
    NewerFormat {
        /// The data directory.
        dir: PathBuf,
        /// The format it has.
        found: u32,
        /// The newest format that this version knows.
        supported: u32,
    },
    /// A file of the data directory is missing or not what it should be.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The directory holds other files and no store: it belongs to something else.
    #[error("{} is not a data directory and not empty (it holds {found}); name another one", dir.display())]
    Foreign {
        /// The directory.
        dir: PathBuf,
        /// One of the files in it.
        found: String,
    },
    /// The data directory cannot be created, read or written.
    #[error("cannot use {}: {source}", path.display())]
    Directory {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The engine's tables are not those that the stream reader was written for.
    #[error("the engine's table of stream records is not as expected: {0}")]
    StreamTable(String),
    /// The store would acknowledge writes that a power cut could undo.
    #[error("the store would not keep every acknowledged write: {0}")]
    NotDurable(String),
    /// The stream could not be read or trimmed.
    #[error("cannot read the stream: {0}")]
    Stream(String),
    /// A sequence number that no stream has given.
    #[error("{0:?} is not a sequence number of a stream")]
    SequenceNumber(String),
    /// The socket cannot be served or reached.
    #[error("cannot use the socket {}: {source}", path.display())]
    Socket {
        /// The socket's path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another process answers on the socket.
    #[error("another process serves the socket {}", path.display())]
    SocketInUse {
        /// The socket's path.
        path: PathBuf,
    },
    /// The engine's thread could not be started.
    #[error("cannot start the engine's thread: {0}")]
    Thread(#[source] io::Error),
    /// The disk did not take what was written. What was acknowledged is there; the engine answers nothing any more
    /// until the store is opened again.
    #[error("the disk did not take what was written: {0}")]
    Disk(#[source] Arc<io::Error>),
    /// The engine's thread gave no answer: the request failed in a way that was not foreseen, and is in the log.
    #[error("the engine gave no answer")]
    NoAnswer,
    /// The store could not be opened, for a reason that has no case of its own.
    #[error("cannot open the store: {0}")]
    Open(String),
}

fn process(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

impl EngineError {
    pub(crate) fn open(error: impl std::fmt::Display) -> Self {
        Self::Open(error.to_string())
    }

    pub(crate) fn stream(error: impl std::fmt::Display) -> Self {
        Self::Stream(error.to_string())
    }

    pub(crate) fn damaged(path: &Path, reason: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), reason: reason.into() }
    }

    /// For `map_err` of the calls that touch `path`.
    pub(crate) fn directory(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Directory { path, source }
    }

    /// For `map_err` of the calls that use the socket at `path`.
    pub(crate) fn socket(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Socket { path, source }
    }
}

impl From<NoAnswer> for EngineError {
    fn from(error: NoAnswer) -> Self {
        match error {
            NoAnswer::Gone => Self::NoAnswer,
            NoAnswer::Disk(failure) => Self::Disk(failure.0),
        }
    }
}
