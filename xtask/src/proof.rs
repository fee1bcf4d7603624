//! `cargo xtask proof`: whether the second verifier, `docs/verify_export.py`, says of every export and proof what the program says.

use cargo_metadata::Metadata;

use crate::cargo;
use crate::failure::Failure;
use crate::suite::Suite;
use crate::tools::{Venv, make_dir};

/// What the script needs.
const REQUIREMENTS: &str = "tests/proof/requirements.txt";

pub(crate) fn run() -> Result<(), Failure> {
    let workspace = cargo::workspace()?;
    let python = set_up(&workspace)?;
    run_with(&workspace, &python)
}

/// Installs what is not there yet, or not in the version that the list names.
pub(crate) fn set_up(workspace: &Metadata) -> Result<Venv, Failure> {
    let dir = workspace.target_directory.join("proof-tests");
    make_dir(&dir)?;
    Venv::set_up(dir.join("venv"), &[workspace.workspace_root.join(REQUIREMENTS)], "what the second verifier needs is")
}

/// Runs the tests that need Python, which a plain `cargo test` lists as ignored.
pub(crate) fn run_with(workspace: &Metadata, python: &Venv) -> Result<(), Failure> {
    let mut suite = Suite::new(workspace, "proof", "");
    suite.command().env("MUSTER_PYTHON", python.program("python"));
    suite.run()
}
