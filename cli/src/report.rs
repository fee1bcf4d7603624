//! What the program says in the end: results on the standard output, what went wrong on the standard error, and the
//! exit code.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use muster_embedded::EngineError;
use muster_handlers::topology::TopologyError;
use muster_identity::SecretsError;

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The store cannot be opened or reached.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The tables cannot be made.
    #[error(transparent)]
    Topology(#[from] TopologyError),
    /// The secrets cannot be read or made.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// What was asked for is not possible here; the sentence says why, and what to do.
    #[error("{0}")]
    Refused(String),
    /// The command did its work, and what it found is bad. It has said what.
    #[error("{0}")]
    Found(String),
    /// A part of the pipeline to the read models ended by itself.
    #[error("the pipeline to the read models broke ({part} ended by itself); the log says why")]
    Broken {
        /// The part.
        part: String,
    },
    /// A file cannot be read or written.
    #[error("cannot use {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The standard output cannot be written to.
    #[error("cannot write to the standard output")]
    Output(#[source] io::Error),
    /// The standard output was closed before the end of what is of no use without it; the sentence says what is missing.
    #[error("{0}: the standard output was closed before its end")]
    CutOff(String),
    /// Something else failed.
    #[error("{doing} failed")]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// For `map_err`: what failed, and why.
pub fn failed<E: Into<Box<dyn Error + Send + Sync>>>(doing: &'static str) -> impl FnOnce(E) -> Failure {
    move |source| Failure::Failed { doing, source: source.into() }
}

/// For `map_err`: the file that cannot be used.
pub(crate) fn file(path: &std::path::Path) -> impl FnOnce(io::Error) -> Failure {
    let path = path.to_owned();
    move |source| Failure::File { path, source }
}

/// Writes one line of a result to the standard output.
pub fn line(text: impl Display) -> Result<(), Failure> {
    writeln!(io::stdout().lock(), "{text}").map_err(Failure::Output)
}

/// Says something to the operator on the standard error. If nobody can read it, the work goes on.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Says what went wrong, if anything did, and gives the exit code: 0, or 1.
pub fn exit_code(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read some of a list has enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            note(format_args!("muster: {}", chain(&failure)));
            ExitCode::FAILURE
        }
    }
}

/// An error and its causes in one sentence. A cause that the error has already told is not repeated.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !cause_text.is_empty() && !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_causes_follow_the_error_once_each() {
        let told = EngineError::Directory { path: "/data".into(), source: io::Error::other("no room") };
        assert_eq!(chain(&Failure::from(told)), "cannot use /data: no room");
        let untold = Failure::File { path: "/export".into(), source: io::Error::other("no room") };
        assert_eq!(chain(&untold), "cannot use /export: no room");
    }
}
