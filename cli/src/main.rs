//! The muster program.

use std::process::ExitCode;

use clap::Parser as _;
use muster_cli::args::Muster;
use muster_cli::{log, report};

fn main() -> ExitCode {
    let muster = Muster::parse();
    log::start(&muster);
    let outcome = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(muster_cli::run(muster)),
        Err(error) => Err(report::failed("starting the program")(error)),
    };
    report::exit_code(outcome)
}
