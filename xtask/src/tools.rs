//! What the tests need beside Rust: programs from PyPI, each kind in a virtual environment of its own, and from npm.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use cargo_metadata::camino::{Utf8Path, Utf8PathBuf};

use crate::cargo;
use crate::failure::Failure;

/// A virtual environment of Python.
pub(crate) struct Venv {
    dir: Utf8PathBuf,
}

impl Venv {
    /// Installs what these lists name, unless it is there in these versions. `what` is what they are, in words.
    pub(crate) fn set_up(dir: Utf8PathBuf, lists: &[Utf8PathBuf], what: &str) -> Result<Self, Failure> {
        let venv = Self { dir };
        let wanted = lists.iter().map(|list| read(list)).collect::<Result<Vec<_>, _>>()?.concat();
        let stamp = venv.dir.join("made-from");
        if fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == wanted) {
            return Ok(venv);
        }
        eprintln!("{what} fetched from PyPI, once");
        cargo::run(Command::new("python3").args(["-m", "venv", "--clear", venv.dir.as_str()]))?;
        let mut pip = Command::new(venv.program("pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check"]);
        for list in lists {
            pip.args(["--requirement", list.as_str()]);
        }
        cargo::run(&mut pip)?;
        write(&stamp, &wanted)?;
        Ok(venv)
    }

    /// A program of it.
    pub(crate) fn program(&self, name: &str) -> Utf8PathBuf {
        self.dir.join("bin").join(name)
    }

    /// The search path with its programs in front.
    pub(crate) fn path(&self) -> Result<OsString, Failure> {
        let before = std::env::var_os("PATH").unwrap_or_default();
        let all = std::iter::once(PathBuf::from(self.dir.join("bin"))).chain(std::env::split_paths(&before));
        std::env::join_paths(all).map_err(|error| Failure::Tool { what: "the search path", reason: error.to_string() })
    }
}

/// Installs what the lock file of this package names, unless it is there in these versions. `what` is what that is, in words.
pub(crate) fn install_node(package: &Utf8Path, cache: &Utf8Path, what: &str) -> Result<(), Failure> {
    let wanted = read(&package.join("package-lock.json"))?;
    let stamp = package.join("node_modules/.made-from");
    if fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == wanted) {
        return Ok(());
    }
    eprintln!("{what} fetched from npm, once");
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund", "--loglevel", "error"]).current_dir(package);
    npm.env("npm_config_cache", cache);
    cargo::run(&mut npm)?;
    write(&stamp, &wanted)
}

pub(crate) fn make_dir(dir: &Utf8Path) -> Result<(), Failure> {
    fs::create_dir_all(dir).map_err(|source| Failure::File { path: dir.to_owned(), source })
}

fn read(path: &Utf8Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|source| Failure::File { path: path.to_owned(), source })
}

pub(crate) fn write(path: &Utf8Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|source| Failure::File { path: path.to_owned(), source })
}
