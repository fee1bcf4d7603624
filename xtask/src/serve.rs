//! `cargo xtask serve`: the release build of Muster, in the place of this process.

use std::ffi::OsString;
use std::io::BufReader;
use std::process::{Command, Stdio};

use cargo_metadata::Message;
use cargo_metadata::camino::Utf8PathBuf;

use crate::cargo;
use crate::failure::Failure;

const PROGRAM: &str = "muster";

pub(crate) fn run(demo: bool, args: &[OsString]) -> Result<(), Failure> {
    let mut muster = Command::new(build()?);
    muster.arg("serve").args(demo.then_some("--demo")).args(args);
    become_program(muster)
}

/// Builds it and says where it is, wherever the target directory may be.
fn build() -> Result<Utf8PathBuf, Failure> {
    let mut build = cargo::cargo();
    build.args(["build", "--release", "--package", "muster-cli", "--bin", PROGRAM]);
    let what = cargo::shown(&build);
    let not_run = |source| Failure::NotRun { what: what.clone(), source };

    build.arg("--message-format=json-render-diagnostics").stdout(Stdio::piped());
    let mut child = build.spawn().map_err(not_run)?;
    let mut program = None;
    if let Some(stdout) = child.stdout.take() {
        for message in Message::parse_stream(BufReader::new(stdout)) {
            if let Message::CompilerArtifact(artifact) = message.map_err(not_run)?
                && artifact.target.name == PROGRAM
                && let Some(executable) = artifact.executable
            {
                program = Some(executable);
            }
        }
    }
    let status = child.wait().map_err(not_run)?;
    if !status.success() {
        return Err(Failure::Program { what, code: status.code() });
    }
    program.ok_or(Failure::NoProgram(PROGRAM))
}

/// This process becomes the program: Ctrl-C and every other signal reach it directly, and its exit code is this one's.
#[cfg(unix)]
fn become_program(mut program: Command) -> Result<(), Failure> {
    use std::os::unix::process::CommandExt as _;
    let what = cargo::shown(&program);
    let source = program.exec();
    Err(Failure::NotRun { what, source })
}

/// Waits for the program and passes its exit code on.
#[cfg(not(unix))]
fn become_program(mut program: Command) -> Result<(), Failure> {
    cargo::run(&mut program)
}
