//! `cargo xtask sim`: builds the simulation, in the profile `proof`, and runs it.

use std::ffi::OsString;

use crate::cargo;
use crate::failure::Failure;

pub(crate) fn run(args: &[OsString]) -> Result<(), Failure> {
    let workspace = cargo::workspace()?;
    let mut command = cargo::cargo();
    command.args(["run", "--quiet", "--profile", "proof", "--package", "muster-simulation"]);
    // With the defects that can be planted, also where none is: one build serves every run.
    command.args(["--features", "mutants"]).current_dir(&workspace.workspace_root);
    cargo::run(command.arg("--").args(args))
}
