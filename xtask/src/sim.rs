//! `cargo xtask sim`: builds the simulation, in the profile `proof`, and runs it.

use std::ffi::OsString;

use crate::cargo;
use crate::failure::Failure;

/// What plants known defects, which only then are compiled in.
const MUTANTS: &str = "--mutants";

pub(crate) fn run(args: &[OsString]) -> Result<(), Failure> {
    let workspace = cargo::workspace()?;
    let mut command = cargo::cargo();
    command.args(["run", "--quiet", "--profile", "proof", "--package", "muster-simulation"]);
    command.current_dir(&workspace.workspace_root);
    if args.iter().any(|arg| arg == MUTANTS) {
        command.args(["--features", "mutants"]);
    }
    cargo::run(command.arg("--").args(args))
}
