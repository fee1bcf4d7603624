//! `cargo xtask cost`: what a million commands cost on AWS, compared with `docs/cost.md`.
//!
//! What is counted, and how, is in `tests/cost`.

use std::ffi::OsString;
use std::process::Command;

use crate::cargo;
use crate::failure::Failure;

const PROGRAM: &str = "muster-cost";

pub(crate) fn run(args: &[OsString]) -> Result<(), Failure> {
    let workspace = cargo::workspace()?;
    let mut build = cargo::cargo();
    // As the tests build it, of which it is a part: nothing is built twice.
    build.args(["test", "--workspace", "--no-run", "--test", "cost"]).current_dir(&workspace.workspace_root);
    let programs = cargo::programs(&mut build)?;
    let program = programs.iter().find(|program| program.file_stem() == Some(PROGRAM));
    cargo::run(Command::new(program.ok_or(Failure::NoProgram(PROGRAM))?).args(args))
}
