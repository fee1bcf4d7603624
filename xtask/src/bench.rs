//! `cargo xtask bench`: builds the programs for release as they are shipped, then measures them.
//!
//! What is measured, and how, is in `tests/bench`.

use std::ffi::OsString;
use std::io::BufReader;
use std::process::Stdio;

use cargo_metadata::camino::Utf8PathBuf;
use cargo_metadata::{Message, Metadata};

use crate::cargo;
use crate::failure::Failure;

const PROGRAM: &str = "muster";

pub(crate) fn run(args: &[OsString]) -> Result<(), Failure> {
    let workspace = cargo::workspace()?;
    let programs = build(&workspace)?;
    let (muster, lambdas): (Vec<_>, Vec<_>) = programs.iter().partition(|program| program.file_stem() == Some(PROGRAM));
    let muster = muster.first().ok_or(Failure::NoProgram(PROGRAM))?;

    let mut bench = cargo::cargo();
    // A build of its own, after that of the programs: it uses more of some libraries, and they are to be as shipped.
    bench.args(["run", "--quiet", "--release", "--package", "muster-bench", "--features", "dynamo-es", "--"]);
    bench.arg("--muster").arg(muster);
    for lambda in lambdas {
        bench.arg("--lambda").arg(lambda);
    }
    // Beside what is built, which is on the disk where a data directory would be, and in no commit.
    bench.arg("--dir").arg(workspace.target_directory.join("bench")).args(args);
    cargo::run(bench.current_dir(&workspace.workspace_root))
}

/// Builds `muster` and the Lambdas, and says where they are.
fn build(workspace: &Metadata) -> Result<Vec<Utf8PathBuf>, Failure> {
    let mut build = cargo::cargo();
    build.args(["build", "--release", "--package", "muster-cli", "--package", "muster-handlers", "--bins"]);
    build.current_dir(&workspace.workspace_root);
    let what = cargo::shown(&build);
    let not_run = |source| Failure::NotRun { what: what.clone(), source };

    build.arg("--message-format=json-render-diagnostics").stdout(Stdio::piped());
    let mut child = build.spawn().map_err(not_run)?;
    let mut programs = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        for message in Message::parse_stream(BufReader::new(stdout)) {
            if let Message::CompilerArtifact(artifact) = message.map_err(not_run)? {
                programs.extend(artifact.executable);
            }
        }
    }
    let status = child.wait().map_err(not_run)?;
    if status.success() { Ok(programs) } else { Err(Failure::Program { what, code: status.code() }) }
}
