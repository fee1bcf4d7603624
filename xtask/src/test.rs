//! `cargo xtask test`: everything that must hold before a change lands. Stops at the first thing that does not.

use std::ffi::OsString;
use std::process::{Command, Stdio};

use cargo_metadata::Metadata;
use cargo_metadata::camino::Utf8Path;

use crate::failure::Failure;
use crate::suite::Suite;
use crate::{
    architecture, aws, cargo, contract, deny, dynamodb_local, integrators, outside, proof, security_page, sim,
};

/// What the simulation runs here: on the model of DynamoDB; on the embedded engine, each seed twice; and every planted defect
/// until it is noticed.
const SIMULATIONS: &[&[&str]] =
    &[&["--seeds", "20000"], &["--seeds", "1000", "--engine", "--twice"], &["--seeds", "10000", "--mutants"]];

pub(crate) fn run() -> Result<(), Failure> {
    heading("Tools");
    component("rustfmt", "fmt")?;
    component("clippy", "clippy")?;
    let workspace = cargo::workspace()?;
    let aws_tools = aws::Tools::set_up(&workspace)?;
    let contract_tools = contract::Tools::set_up(&workspace)?;
    let integrators = integrators::Tools::set_up(&workspace)?;
    let issuer = outside::Issuer::set_up(&workspace)?;
    let python = proof::set_up(&workspace)?;
    let dynamodb_local = dynamodb_local::set_up(&workspace);
    match &dynamodb_local {
        Ok(dir) => eprintln!("DynamoDB Local: {dir}"),
        Err(reason) => eprintln!("DynamoDB Local: not here, because {reason}"),
    }

    let cargo = |args: &[&str]| {
        let mut command = cargo::cargo();
        command.args(args).current_dir(&workspace.workspace_root);
        heading(&cargo::shown(&command));
        cargo::run(&mut command)
    };
    cargo(&["fmt", "--all", "--check"])?;

    heading("Architecture: which crate uses which");
    architecture::check(&workspace)?;
    heading("Security: each requirement of ASVS, and the tests that the page names");
    security_page::check(&workspace.workspace_root)?;
    heading("Whose code it uses, and under which licences");
    deny::check(&workspace, &contract_tools)?;

    cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    cargo(&["test", "--workspace"])?;
    if let Ok(dir) = &dynamodb_local {
        conformance_over(&workspace, dir)?;
    }
    heading("cargo xtask contract");
    contract::run_with(&workspace, &contract_tools)?;
    heading("cargo xtask integrators");
    integrators.test()?;
    heading("cargo xtask outside");
    outside::run_with(&workspace, &issuer)?;
    heading("cargo xtask proof");
    proof::run_with(&workspace, &python)?;
    heading("The AWS stacks: their tests, cdk-nag, cfn-lint");
    aws::check_stacks(&workspace, &aws_tools)?;
    heading("The emulator of AWS: its tests");
    aws::check_emulator(&workspace, &aws_tools)?;
    heading("cargo xtask e2e");
    aws::run_with(&workspace, &aws_tools)?;
    for arguments in SIMULATIONS {
        heading(&format!("cargo xtask sim {}", arguments.join(" ")));
        sim::run(&arguments.iter().map(OsString::from).collect::<Vec<_>>())?;
    }

    heading("All of it holds");
    if let Err(reason) = dynamodb_local {
        eprintln!("except that the stores were not compared with DynamoDB Local: it is not here, because {reason}");
    }
    Ok(())
}

/// Runs the tests that need DynamoDB Local, which a plain `cargo test` lists as ignored.
fn conformance_over(workspace: &Metadata, dynamodb_local: &Utf8Path) -> Result<(), Failure> {
    let mut suite = Suite::new(workspace, "store_conformance", "dynamodb_local::");
    heading(&cargo::shown(suite.command().env(dynamodb_local::DIRECTORY, dynamodb_local)));
    suite.run()
}

fn heading(text: &str) {
    eprintln!("\n== {text}");
}

/// Installs a part of the Rust toolchain, unless it is there. It and cargo are all that the tests cannot do without.
fn component(name: &str, subcommand: &str) -> Result<(), Failure> {
    let mut ask = cargo::cargo();
    ask.args([subcommand, "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    if ask.status().is_ok_and(|status| status.success()) {
        return Ok(());
    }
    cargo::run(Command::new("rustup").args(["component", "add", name]))
}
