//! `cargo xtask crash`: kills a server again and again while clients write, and checks what is left.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a program")]
#![allow(clippy::unwrap_used, reason = "as in the test: whatever goes wrong ends it")]

use std::io::{IsTerminal as _, stderr};

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use muster_tests::crash::{Cycle, During, run};

#[derive(Parser)]
struct Arguments {
    /// How often the server is killed while it is written to.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    cycles: u64,
    /// What the random choices follow from; the timing of the machine is not among them.
    #[arg(long)]
    seed: Option<u64>,
    /// Print JSON to the standard output: a line for each cycle, and one for the whole run.
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() {
    let Arguments { cycles, seed, json } = Arguments::parse();
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    eprintln!("{cycles} cycles, seed {seed}");
    let bar = ProgressBar::new(cycles);
    bar.set_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} cycles, {eta} left").unwrap());
    bar.tick();
    let whole = run(usize::try_from(cycles).unwrap(), seed, |cycle| {
        if json {
            println!("{}", serde_json::to_string(cycle).unwrap());
        }
        if !stderr().is_terminal() {
            eprintln!("{}", sentence(cycle));
        }
        bar.inc(1);
    })
    .await;
    bar.finish_and_clear();
    if json {
        println!("{}", serde_json::to_string(&whole).unwrap());
    }
    eprintln!(
        "{} cycles, {} processes killed: {} requests answered, all of them there and unchanged; {} cut off, of which {} \
         had taken effect; {:.0} s",
        whole.cycles, whole.kills, whole.acknowledged, whole.cut_off, whole.took_effect, whole.seconds
    );
}

fn sentence(cycle: &Cycle) -> String {
    let Cycle { number, during, answered, cut_off, took_effect, besides, full_check, seconds } = cycle;
    let during = match during {
        During::Writing => "",
        During::StartUp => ", the next start killed",
        During::Recovery => ", the next start killed in its recovery",
        During::Rebuild => ", a rebuild beside",
        During::Reconcile => ", a reconciliation beside",
    };
    let late = if during.is_empty() || *besides { "" } else { " (too late to cut it off)" };
    let checked = if *full_check { "; everything checked" } else { "" };
    format!(
        "{number}: {answered} answered, {cut_off} cut off, {took_effect} of them in effect{during}{late}{checked}; \
         {seconds:.1} s"
    )
}
