//! What building, deploying and emulating needs beside Rust: from PyPI in a virtual environment of its own, and from npm.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use cargo_metadata::Metadata;
use cargo_metadata::camino::{Utf8Path, Utf8PathBuf};

use crate::cargo;
use crate::failure::Failure;

/// The lists of what comes from PyPI.
const REQUIREMENTS: &[&str] = &["tests/aws/requirements.txt", "tests/aws/emulator/requirements.txt"];

/// The tools, set up.
pub(crate) struct Tools {
    /// Where they are, and where what they make is put.
    pub(crate) dir: Utf8PathBuf,
}

impl Tools {
    /// Installs what is not there yet, or not in the version that the lists name.
    pub(crate) fn set_up(workspace: &Metadata) -> Result<Self, Failure> {
        let tools = Self { dir: workspace.target_directory.join("aws") };
        make_dir(&tools.dir)?;
        tools.install_python(&workspace.workspace_root)?;
        tools.install_node(&workspace.workspace_root.join("infra/cdk"))?;
        Ok(tools)
    }

    /// A program from PyPI.
    pub(crate) fn python_program(&self, name: &str) -> Utf8PathBuf {
        self.dir.join("venv/bin").join(name)
    }

    /// The search path with the programs from PyPI in front.
    pub(crate) fn path(&self) -> Result<std::ffi::OsString, Failure> {
        let before = std::env::var_os("PATH").unwrap_or_default();
        let all = std::iter::once(PathBuf::from(self.dir.join("venv/bin"))).chain(std::env::split_paths(&before));
        std::env::join_paths(all).map_err(|error| Failure::Tool { what: "the search path", reason: error.to_string() })
    }

    fn install_python(&self, root: &Utf8Path) -> Result<(), Failure> {
        let lists: Vec<_> = REQUIREMENTS.iter().map(|list| root.join(list)).collect();
        let wanted = lists.iter().map(|list| read(list)).collect::<Result<Vec<_>, _>>()?.concat();
        let stamp = self.dir.join("venv/made-from");
        if fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == wanted) {
            return Ok(());
        }
        eprintln!("the emulator of AWS, cargo-lambda and cfn-lint are fetched from PyPI, once");
        let venv = self.dir.join("venv");
        cargo::run(Command::new("python3").args(["-m", "venv", "--clear", venv.as_str()]))?;
        let mut pip = Command::new(self.python_program("pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check"]);
        for list in &lists {
            pip.args(["--requirement", list.as_str()]);
        }
        cargo::run(&mut pip)?;
        write(&stamp, &wanted)
    }

    fn install_node(&self, app: &Utf8Path) -> Result<(), Failure> {
        let wanted = read(&app.join("package-lock.json"))?;
        let stamp = app.join("node_modules/.made-from");
        if fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == wanted) {
            return Ok(());
        }
        eprintln!("the CDK is fetched from npm, once");
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--loglevel", "error"]).current_dir(app);
        npm.env("npm_config_cache", self.dir.join("npm-cache"));
        cargo::run(&mut npm)?;
        write(&stamp, &wanted)
    }
}

pub(super) fn make_dir(dir: &Utf8Path) -> Result<(), Failure> {
    fs::create_dir_all(dir).map_err(|source| Failure::File { path: dir.to_owned(), source })
}

fn read(path: &Utf8Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|source| Failure::File { path: path.to_owned(), source })
}

pub(super) fn write(path: &Utf8Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|source| Failure::File { path: path.to_owned(), source })
}
