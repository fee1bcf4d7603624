//! `cargo xtask test`: everything that must hold before a change lands. Stops at the first thing that does not.

use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::{architecture, cargo};

pub(crate) fn run() -> Result<(), Failure> {
    heading("Tools");
    component("rustfmt", "fmt")?;
    component("clippy", "clippy")?;

    let workspace = cargo::workspace()?;
    let cargo = |args: &[&str]| {
        let mut command = cargo::cargo();
        command.args(args).current_dir(&workspace.workspace_root);
        heading(&cargo::shown(&command));
        cargo::run(&mut command)
    };
    cargo(&["fmt", "--all", "--check"])?;

    heading("Architecture: which crate uses which");
    architecture::check(&workspace)?;

    cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    cargo(&["test", "--workspace"])?;

    heading("All of it holds");
    Ok(())
}

fn heading(text: &str) {
    eprintln!("\n== {text}");
}

/// Installs a part of the Rust toolchain, unless it is there. It is all that the tests need beside cargo.
fn component(name: &str, subcommand: &str) -> Result<(), Failure> {
    let mut ask = cargo::cargo();
    ask.args([subcommand, "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    if ask.status().is_ok_and(|status| status.success()) {
        return Ok(());
    }
    cargo::run(Command::new("rustup").args(["component", "add", name]))
}
