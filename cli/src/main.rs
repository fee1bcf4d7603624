//! The muster program.

use std::process::ExitCode;

use clap::Parser as _;
use muster_cli::args::Muster;
use muster_cli::report::{self, Failure, failed};
use muster_cli::traces::Traces;
use muster_cli::{log, run as run_command};

/// A command makes and frees thousands of small values, many of them on another thread: see `docs/performance.md`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let muster = Muster::parse();
    report::exit_code(run(muster))
}

fn run(muster: Muster) -> Result<(), Failure> {
    let traces = Traces::from_environment()?;
    log::start(&muster, &traces);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = runtime.map_err(failed("starting the program"))?.block_on(run_command(muster));
    traces.end();
    outcome
}
