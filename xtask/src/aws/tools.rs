//! What building, deploying and emulating needs beside Rust.

use std::ffi::OsString;

use cargo_metadata::Metadata;
use cargo_metadata::camino::Utf8PathBuf;

use crate::failure::Failure;
use crate::tools::{Venv, install_node, make_dir};

/// The lists of what comes from PyPI.
const REQUIREMENTS: &[&str] = &["tests/aws/requirements.txt", "tests/aws/emulator/requirements.txt"];

/// The tools, set up.
pub(crate) struct Tools {
    /// Where they are, and where what they make is put.
    pub(crate) dir: Utf8PathBuf,
    python: Venv,
}

impl Tools {
    /// Installs what is not there yet, or not in the version that the lists name.
    pub(crate) fn set_up(workspace: &Metadata) -> Result<Self, Failure> {
        let (root, dir) = (&workspace.workspace_root, workspace.target_directory.join("aws"));
        make_dir(&dir)?;
        let lists: Vec<_> = REQUIREMENTS.iter().map(|list| root.join(list)).collect();
        let python = Venv::set_up(dir.join("venv"), &lists, "the emulator of AWS, cargo-lambda and cfn-lint are")?;
        install_node(&root.join("infra/cdk"), &dir.join("npm-cache"), "the CDK is")?;
        Ok(Self { dir, python })
    }

    /// A program from PyPI.
    pub(crate) fn python_program(&self, name: &str) -> Utf8PathBuf {
        self.python.program(name)
    }

    /// The search path with the programs from PyPI in front.
    pub(crate) fn path(&self) -> Result<OsString, Failure> {
        self.python.path()
    }
}
