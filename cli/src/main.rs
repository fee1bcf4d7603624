//! The muster program.

use std::process::ExitCode;

use clap::Parser as _;
use muster_cli::args::Muster;
use muster_cli::{log, report};

/// A command makes and frees thousands of small values, many of them on another thread: see `docs/performance.md`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let muster = Muster::parse();
    log::start(&muster);
    let outcome = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(muster_cli::run(muster)),
        Err(error) => Err(report::failed("starting the program")(error)),
    };
    report::exit_code(outcome)
}
