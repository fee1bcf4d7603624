//! The Lambdas, built for Amazon Linux and this machine's processor: the emulator runs them as processes.

use std::fs;
use std::process::Command;

use cargo_metadata::Metadata;
use cargo_metadata::camino::{Utf8Path, Utf8PathBuf};

use super::tools::Tools;
use crate::cargo;
use crate::failure::Failure;
use crate::tools::{make_dir, write};

const PACKAGE: &str = "muster-handlers";
/// The newest version of the C library that Amazon Linux 2023, on which they run, has.
const GLIBC: (u32, u32) = (2, 34);

/// How they are built.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Profile {
    /// Quickly enough for every test run: without the link-time optimisation.
    Proof,
    /// As they are shipped.
    Shipped,
}

/// Builds every Lambda, and gives the directory that has `<name>/bootstrap` for each.
pub(super) fn build(workspace: &Metadata, tools: &Tools, profile: Profile) -> Result<Utf8PathBuf, Failure> {
    let mut build = Command::new(tools.python_program("cargo-lambda"));
    let profile = match profile {
        Profile::Proof => "proof",
        Profile::Shipped => "lambda",
    };
    build.args(["lambda", "build", "--profile", profile, "--package", PACKAGE, "--bins"]);
    build.current_dir(&workspace.workspace_root).env("PATH", tools.path()?);
    cargo::run(&mut build)?;
    let dir = workspace.target_directory.join("lambda");
    for name in names(workspace) {
        check(&name, &dir.join(&name).join("bootstrap"))?;
    }
    Ok(dir)
}

/// Empty files in their place, for who needs only the names.
pub(super) fn make_empty(workspace: &Metadata, dir: &Utf8Path) -> Result<(), Failure> {
    for name in names(workspace) {
        make_dir(&dir.join(&name))?;
        write(&dir.join(&name).join("bootstrap"), "")?;
    }
    Ok(())
}

fn names(workspace: &Metadata) -> Vec<String> {
    let package = workspace.packages.iter().filter(|package| package.name.as_str() == PACKAGE);
    let targets = package.flat_map(|package| &package.targets);
    targets.filter(|target| target.is_bin()).map(|target| target.name.clone()).collect()
}

/// Whether a program can be loaded where Lambdas run.
fn check(name: &str, program: &Utf8Path) -> Result<(), Failure> {
    let bytes = fs::read(program).map_err(|source| Failure::File { path: program.to_owned(), source })?;
    match glibc_of(&bytes) {
        Some(needed) if needed <= GLIBC => {
            eprintln!("{name}: {} KB, needs glibc {}.{}", bytes.len() / 1000, needed.0, needed.1);
            Ok(())
        }
        Some((major, minor)) => Err(Failure::Glibc { name: name.to_owned(), needs: format!("{major}.{minor}") }),
        None => Err(Failure::Glibc { name: name.to_owned(), needs: "none at all".to_owned() }),
    }
}

/// The newest version of the C library among the names of versions that a program's dynamic section has.
fn glibc_of(program: &[u8]) -> Option<(u32, u32)> {
    const PREFIX: &[u8] = b"\0GLIBC_";
    let versions = program.windows(PREFIX.len()).enumerate().filter(|(_, window)| *window == PREFIX);
    let version = |(at, _): (usize, &[u8])| {
        let text = &program[at + PREFIX.len()..];
        let end = text.iter().position(|byte| *byte == 0)?;
        let (major, rest) = std::str::from_utf8(&text[..end]).ok()?.split_once('.')?;
        let minor = rest.split('.').next()?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    versions.filter_map(version).max()
}

#[cfg(test)]
mod tests {
    use super::glibc_of;

    #[test]
    fn the_newest_version_counts_and_numbers_are_no_texts() {
        assert_eq!(glibc_of(b"..\0GLIBC_2.9\0GLIBC_2.28\0GLIBC_2.3.4\0libc.so.6\0"), Some((2, 28)));
    }

    #[test]
    fn what_is_no_version_is_passed_over() {
        assert_eq!(glibc_of(b"\0GLIBC_PRIVATE\0GLIBC_2.17\0"), Some((2, 17)));
        assert_eq!(glibc_of(b"GLIBC_2.40 is only mentioned"), None);
    }
}
