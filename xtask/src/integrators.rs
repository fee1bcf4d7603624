//! `cargo xtask integrators`: what integrators are given. The TypeScript definitions are made and compiled, strictly; the `AsyncAPI` document
//! is read by the parser of those who wrote the specification.

use std::process::Command;

use cargo_metadata::Metadata;
use cargo_metadata::camino::Utf8PathBuf;

use crate::cargo;
use crate::failure::Failure;
use crate::tools::{install_node, make_dir};

/// Where the programs are.
const DIRECTORY: &str = "tests/integrators";

pub(crate) fn run() -> Result<(), Failure> {
    Tools::set_up(&cargo::workspace()?)?.test()
}

/// The compiler and the parser, set up.
pub(crate) struct Tools {
    package: Utf8PathBuf,
}

impl Tools {
    /// Installs what is not there yet, or not in the version that the lock file names.
    pub(crate) fn set_up(workspace: &Metadata) -> Result<Self, Failure> {
        let (package, dir) = (workspace.workspace_root.join(DIRECTORY), workspace.target_directory.join("integrators"));
        make_dir(&dir)?;
        install_node(&package, &dir.join("npm-cache"), "The TypeScript compiler and the parser of AsyncAPI are")?;
        Ok(Self { package })
    }

    /// Makes the TypeScript definitions, or fails when they are stale.
    pub(crate) fn keep_definitions(&self, check: bool) -> Result<(), Failure> {
        cargo::run(self.node(&["definitions.js"]).args(check.then_some("--check")))
    }

    /// Runs the tests.
    pub(crate) fn test(&self) -> Result<(), Failure> {
        cargo::run(&mut self.node(&["--test"]))
    }

    fn node(&self, args: &[&str]) -> Command {
        let mut node = Command::new("node");
        node.args(args).current_dir(&self.package);
        node
    }
}
