//! Why a command ended early.

use std::io;
use std::process::ExitCode;

use cargo_metadata::camino::Utf8PathBuf;

/// Why a command ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A program ran and said no. It has told why by itself.
    #[error("{what} failed")]
    Program {
        /// The command line.
        what: String,
        /// Its exit code; `None` when a signal ended it.
        code: Option<i32>,
    },
    /// A program could not be run.
    #[error("{what} could not be run: {source}")]
    NotRun {
        /// The command line.
        what: String,
        /// Why.
        source: io::Error,
    },
    /// Cargo's description of the workspace could not be read.
    #[error("the workspace could not be read: {0}")]
    Metadata(#[from] cargo_metadata::Error),
    /// The build ended well and made no such program.
    #[error("the build made no program named {0}")]
    NoProgram(&'static str),
    /// The test that keeps a contract is gone or has another name.
    #[error("there is no test {0}; xtask/src/schemas.rs names the tests that keep the contracts")]
    NoTest(&'static str),
    /// The part of the toolchain that reads what a measured program wrote is not there and cannot be installed.
    #[error(
        "coverage needs llvm-profdata and llvm-cov of the compiler's LLVM (`rustc -vV`): {source}; without rustup, name \
         both programs in LLVM_PROFDATA and LLVM_COV"
    )]
    NoLlvmTools {
        /// Why.
        source: Box<Failure>,
    },
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: Utf8PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something that the work needs does not do its part.
    #[error("{what}: {reason}")]
    Tool {
        /// What.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// A Lambda needs a newer C library than there is where it runs.
    #[error("{name} needs glibc {needs}; where Lambdas run, there is 2.34")]
    Glibc {
        /// The Lambda.
        name: String,
        /// The version.
        needs: String,
    },
    /// The tests of a suite are gone or have another name.
    #[error(
        "no test of the suite `{0}` ran: its tests are gone, or have another name, or are not ignored by a plain `cargo test`"
    )]
    NoTestOf(&'static str),
    /// Crates use each other in a way that the architecture forbids.
    #[error("the architecture does not hold:\n{}", .0.join("\n"))]
    Architecture(Vec<String>),
    /// The page on security leaves something out, or names what is not there.
    #[error("docs/security.md is not as it must be:\n{}", .0.join("\n"))]
    SecurityPage(Vec<String>),
}

impl Failure {
    /// The exit code of the program that failed, or 1.
    pub(crate) fn exit_code(&self) -> ExitCode {
        let code = if let Self::Program { code, .. } = self { *code } else { None };
        code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1).into()
    }
}
