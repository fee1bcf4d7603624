//! `cargo xtask coverage`: which lines the tests reach, all of them together.
//!
//! The tests start the program itself, so what is measured is built under the variables that `cargo llvm-cov show-env`
//! gives, in a target directory of its own: every build that happens inside, whoever starts it, is one of the same kind.
//! A process that is killed leaves no figures: what only such a one reaches counts as not reached.

use std::process::{Command, Stdio};

use cargo_metadata::camino::{Utf8Path, Utf8PathBuf};

use crate::failure::Failure;
use crate::{cargo, dynamodb_local};

/// What the report leaves out: these programs are no part of Muster.
const LEFT_OUT: &str = "/(xtask|tests)/";

pub(crate) fn run(html: bool, json: bool) -> Result<(), Failure> {
    tools()?;
    let workspace = cargo::workspace()?;
    let within = Within { root: workspace.workspace_root.clone(), target: workspace.target_directory.join("coverage") };
    let variables = within.variables()?;
    // What an earlier run measured.
    within.run(&["llvm-cov", "clean", "--profraw-only"], &variables)?;
    within.run(&["test", "--workspace"], &variables)?;
    match dynamodb_local::set_up(&workspace) {
        Ok(dir) => {
            let variables =
                [variables.clone(), vec![(dynamodb_local::DIRECTORY.to_owned(), dir.into_string())]].concat();
            let args = ["test", "--workspace", "--test", "store_conformance", "dynamodb_local::"];
            within.run(&[&args[..], &["--", "--ignored"]].concat(), &variables)?;
        }
        Err(reason) => eprintln!("DynamoDB Local: not here, because {reason}"),
    }
    let report = |args: &[&str]| {
        let common = ["llvm-cov", "report", "--ignore-filename-regex", LEFT_OUT];
        within.run(&[&common[..], args].concat(), &variables)
    };
    if html {
        report(&["--html"])?;
    }
    report(if json { &["--json", "--summary-only"] } else { &[] })
}

/// Where the measured builds happen.
struct Within {
    root: Utf8PathBuf,
    target: Utf8PathBuf,
}

impl Within {
    /// What the measured builds and their programs need in their environment.
    fn variables(&self) -> Result<Vec<(String, String)>, Failure> {
        let mut ask = self.cargo(&["llvm-cov", "show-env"]);
        let variables = cargo::quiet_output(&mut ask)?;
        let pairs = variables.lines().filter_map(|line| line.split_once('='));
        Ok(pairs.map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned())).collect())
    }

    fn run(&self, args: &[&str], variables: &[(String, String)]) -> Result<(), Failure> {
        let mut command = self.cargo(args);
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        eprintln!("\n== {}", cargo::shown(&command));
        cargo::run(&mut command)
    }

    fn cargo(&self, args: &[&str]) -> Command {
        let mut command = cargo::cargo();
        command.args(args).current_dir(&self.root).env("CARGO_TARGET_DIR", Utf8Path::as_str(&self.target));
        // Nobody debugs here: less to compile, link and store.
        command.envs([("CARGO_INCREMENTAL", "0"), ("CARGO_PROFILE_DEV_DEBUG", "0"), ("CARGO_PROFILE_TEST_DEBUG", "0")]);
        command
    }
}

/// Installs `cargo-llvm-cov`, and the toolchain's part that reads what was measured, unless they are there.
fn tools() -> Result<(), Failure> {
    let mut ask = cargo::cargo();
    ask.args(["llvm-cov", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    if !ask.status().is_ok_and(|status| status.success()) {
        cargo::run(cargo::cargo().args(["install", "--locked", "cargo-llvm-cov"]))?;
    }
    // Whoever names the two programs has no need of the toolchain's.
    if ["LLVM_COV", "LLVM_PROFDATA"].iter().all(|name| std::env::var_os(name).is_some()) {
        return Ok(());
    }
    cargo::run(Command::new("rustup").args(["component", "add", "llvm-tools"]))
        .map_err(|failure| Failure::NoLlvmTools { source: Box::new(failure) })
}
