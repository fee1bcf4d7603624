//! `cargo xtask bench`: how fast Muster is, measured on the machine that it runs on.
//!
//! Each module of [`groups`] measures what belongs together and says how, in which unit, and where its goals come from.
//! A raw floor (what the embedded store does with nothing of Muster on top) is measured in turns with what it is compared
//! with, so that a machine that is busy for a moment slows both. A figure is the median of several runs.

mod bench;
mod fill;
mod groups;
mod http;
mod keys;
mod load;
mod measure;
mod puts;
mod report;
mod server;
mod settle;
mod stats;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use muster_cli::report::{Failure, exit_code, failed};
use tokio::signal::unix::{SignalKind, signal};

use crate::bench::Bench;
use crate::groups::Stage;

/// That of the program, parts of which are measured in this process.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures how fast Muster is. `cargo xtask bench` builds what it needs and fills in the paths.
#[derive(Debug, Parser)]
#[command(name = "muster-bench")]
struct Args {
    /// One JSON object for each measure instead of a table.
    #[arg(long)]
    json: bool,
    /// Only measures whose name begins like this. May be given several times.
    #[arg(long, value_name = "PREFIX")]
    only: Vec<String>,
    /// How many runs a figure is the median of.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
    /// Shorter runs, and no store of a million events.
    #[arg(long)]
    quick: bool,
    /// Where stores are made, and removed again: on the file system on which a data directory would be.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Where large stores are filled before they are copied; in memory (/dev/shm) that is quicker. As --dir if left out.
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// The release build of `muster`.
    #[arg(long, value_name = "FILE")]
    muster: PathBuf,
    /// Where the emulator of AWS is to which the Lambdas are deployed; without it they are not measured.
    #[arg(long, value_name = "ADDRESS", requires_all = ["outputs", "lambdas"])]
    emulator: Option<SocketAddr>,
    /// What the deployed stacks say of themselves.
    #[arg(long, value_name = "FILE")]
    outputs: Option<PathBuf>,
    /// The directory with each Lambda as it is shipped.
    #[arg(long, value_name = "DIR")]
    lambdas: Option<PathBuf>,
}

impl Args {
    fn stage(&self) -> Option<Stage> {
        let (emulator, outputs, programs) = (self.emulator?, self.outputs.clone()?, self.lambdas.clone()?);
        Some(Stage { emulator, outputs, programs })
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let outcome = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(run(args)),
        Err(error) => Err(failed("starting")(error)),
    };
    exit_code(outcome)
}

/// When it is interrupted, everything under way is dropped: servers end and stores are removed.
async fn run(args: Args) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate()).map_err(failed("listening for signals"))?;
    tokio::select! {
        outcome = groups::run(Bench::new(args)?) => outcome,
        _ = tokio::signal::ctrl_c() => Err(Failure::Refused("interrupted".to_owned())),
        _ = terminate.recv() => Err(Failure::Refused("interrupted".to_owned())),
    }
}
