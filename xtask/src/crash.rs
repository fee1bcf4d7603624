//! `cargo xtask crash`: builds the crash test's program and runs it.

use std::ffi::OsString;

use crate::cargo;
use crate::failure::Failure;

pub(crate) fn run(args: &[OsString]) -> Result<(), Failure> {
    let workspace = cargo::workspace()?;
    let mut command = cargo::cargo();
    command.args(["run", "--quiet", "--package", "muster-tests", "--bin", "muster-crash", "--"]);
    cargo::run(command.args(args).current_dir(&workspace.workspace_root))
}
