//! `cargo xtask cost`: what a million commands cost on AWS, by part.
//!
//! A day of a field team ([`day`]) goes through the very functions that the Lambdas run ([`stage`]): the HTTP router, the publisher,
//! the projectors and the notifier, over the embedded engine. Counted are the capacity that DynamoDB says each request consumed
//! ([`capacity`]), invocations, events, requests to queues, and bytes of logs ([`logs`]); [`bill`] multiplies them with `prices.json`.
//! How long an invocation takes is not measured here but stands in `durations.json`, so that the sum is the same on every machine.
//!
//! Reads are counted as far as a command causes them; questions that people ask (`GET`) are not.
//!
//! [`page`] compares the total with that in `docs/cost.md`: a rise of more than 5 % fails.

mod bill;
mod capacity;
mod counts;
mod day;
mod logs;
mod page;
mod shapes;
mod stage;
mod stand_ins;
mod team;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use muster_cli::report::{Failure, exit_code, failed, line};

use crate::bill::{Bill, Prices};
use crate::logs::Logs;
use crate::page::Known;
use crate::stage::{Load, counted};

/// How many items a batch has when there is much to do: what one request to a queue receives at most.
const FULL_BATCH: usize = 10;

/// Reckons what a million commands cost on AWS, and fails when it is more than 5 % above docs/cost.md.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask cost")]
struct Args {
    /// One JSON object instead of a table.
    #[arg(long)]
    json: bool,
    /// Write the table into the page instead of comparing with it.
    #[arg(long)]
    write: bool,
    /// The page.
    #[arg(long, value_name = "FILE", default_value_os_t = page_of_this_repository())]
    page: PathBuf,
}

fn page_of_this_repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cost.md")
}

fn main() -> ExitCode {
    let args = Args::parse();
    let outcome = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(run(&args)),
        Err(error) => Err(failed("starting")(error)),
    };
    exit_code(outcome)
}

async fn run(args: &Args) -> Result<(), Failure> {
    let logs = Logs::begin()?;
    let quiet = counted(Load::Quiet, &logs).await?;
    let busy = counted(Load::Busy(FULL_BATCH), &logs).await?;
    let bill = Bill::of(&quiet, &busy, &Prices::load()?)?;
    let unusable = |source| Failure::File { path: args.page.clone(), source };
    let page = std::fs::read_to_string(&args.page).map_err(unusable)?;
    if args.json {
        line(serde_json::to_string(&bill).map_err(failed("writing JSON"))?)?;
    } else {
        line(page::table(&bill).trim_end())?;
    }
    if args.write {
        return std::fs::write(&args.page, page::renewed(&page, &page::table(&bill))?).map_err(unusable);
    }
    let (told, risen) = Known::on(&page)?.compared(&bill);
    if risen {
        return Err(Failure::Found(format!("the cost rose by more than 5 %: {}", told.join("; "))));
    }
    if !args.json {
        told.iter().try_for_each(line)?;
    }
    Ok(())
}
