//! The repository's own commands: `cargo xtask <command>`.
//!
//! This program depends on none of Muster's crates, so that `cargo xtask serve` is not held up by building a debug
//! version of what it then builds for release. What needs them (the schemas) is a test of the crate that owns it, which
//! this program runs.
#![allow(clippy::print_stderr, reason = "these commands speak to the person who runs them")]

mod architecture;
mod aws;
mod bench;
mod cargo;
mod contract;
mod cost;
mod coverage;
mod crash;
mod deny;
mod dynamodb_local;
mod failure;
mod integrators;
mod outside;
mod proof;
mod schemas;
mod security_page;
mod serve;
mod sim;
mod suite;
mod test;
mod tools;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "The repository's own commands.")]
enum Xtask {
    /// Build Muster for release and run `muster serve`.
    Serve {
        /// First fill an empty store with a field team, its tasks and their history.
        #[arg(long)]
        demo: bool,
        /// Passed on to `muster serve` as they are.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Set up what the tests need, and run all of them: format, architecture, clippy, tests, simulation.
    Test,
    /// Simulate the whole system under faults, seed by seed: `--seeds N`, `--seed S` to see one, `--engine`, `--mutants`.
    #[command(disable_help_flag = true)]
    Sim {
        /// Passed on to the simulation as they are; `--help` lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Kill a server again and again while clients write, and check what is left: `--cycles 500`, `--seed S`, `--json`.
    #[command(disable_help_flag = true)]
    Crash {
        /// Passed on to the program as they are; `--help` lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Measure how fast Muster is: `--json`, `--only PREFIX`, `--runs N`, `--quick`.
    #[command(disable_help_flag = true)]
    Bench {
        /// Passed on to the program as they are; `--help` lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Reckon what a million commands cost on AWS, and fail when it is more than 5 % above docs/cost.md: `--json`, `--write`.
    #[command(disable_help_flag = true)]
    Cost {
        /// Passed on to the program as they are; `--help` lists them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Deploy the real stacks with the real Lambdas into an emulator of AWS, and use them end to end.
    E2e,
    /// Ask the running program whether it keeps what the OpenAPI document promises, as each role and as nobody.
    Contract,
    /// Compile a program that uses the TypeScript definitions, and have the `AsyncAPI` document read by its parser.
    Integrators,
    /// Let people sign in with an issuer of OpenID Connect that others wrote.
    Outside,
    /// Ask the second verifier of exports and proofs, in Python, whether it says what the program says.
    Proof,
    /// Run all tests, and report which lines of Muster they reach.
    Coverage {
        /// Also write the source with its marks, as pages.
        #[arg(long)]
        html: bool,
        /// Print the figures as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write the contracts under schemas/ that are made from the code.
    Schemas {
        /// Write nothing; fail when a file is stale, and name it.
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    let result = match Xtask::parse() {
        Xtask::Serve { demo, args } => serve::run(demo, &args),
        Xtask::Sim { args } => sim::run(&args),
        Xtask::Test => test::run(),
        Xtask::Crash { args } => crash::run(&args),
        Xtask::Bench { args } => bench::run(&args),
        Xtask::Cost { args } => cost::run(&args),
        Xtask::E2e => aws::run(),
        Xtask::Contract => contract::run(),
        Xtask::Integrators => integrators::run(),
        Xtask::Outside => outside::run(),
        Xtask::Proof => proof::run(),
        Xtask::Coverage { html, json } => coverage::run(html, json),
        Xtask::Schemas { check } => schemas::run(check),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nxtask: {failure}");
            failure.exit_code()
        }
    }
}
