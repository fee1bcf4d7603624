//! `cargo xtask sim`: runs seeds until one of them breaks a promise.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it speaks to the person who runs it")]

mod campaign;
#[cfg(feature = "mutants")]
mod kill;

use std::process::ExitCode;

use clap::Parser;
use muster_simulation::run::{Options, Report, run};

use campaign::{Campaign, Summary};

/// A quarter of the time goes into allocation, and this allocator needs less of it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs the real handlers over faulty ports in virtual time, and checks every promise against an independent oracle.
#[derive(Parser)]
#[command(name = "cargo xtask sim", bin_name = "cargo xtask sim")]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
struct Arguments {
    /// How many seeds to run.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Run this seed alone, twice, and show its course.
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// On the embedded engine rather than on the model of DynamoDB.
    #[arg(long)]
    engine: bool,
    /// How many seeds run at the same time.
    #[arg(long, default_value_t = std::thread::available_parallelism().map_or(1, usize::from))]
    threads: usize,
    /// Run every seed twice, and compare the two.
    #[arg(long)]
    twice: bool,
    /// Print the figures as JSON.
    #[arg(long)]
    json: bool,
    /// Plant each known defect in turn, and show after how many seeds it is noticed; at most --seeds.
    #[cfg(feature = "mutants")]
    #[arg(long)]
    mutants: bool,
    /// Of the defects, only those whose name contains this.
    #[cfg(feature = "mutants")]
    #[arg(long, default_value = "")]
    only: String,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    #[cfg(feature = "mutants")]
    if arguments.mutants {
        return kill::all(&arguments);
    }
    match arguments.seed {
        Some(seed) => show(seed, arguments.engine),
        None => many(&arguments),
    }
}

/// One seed, line by line.
fn show(seed: u64, engine: bool) -> ExitCode {
    let options = Options { engine, keep_trace: true };
    let (report, again) = match (run(seed, options), run(seed, options)) {
        (Ok(report), Ok(again)) => (report, again),
        (Err(error), _) | (_, Err(error)) => {
            eprintln!("the simulation could not begin: {error}");
            return ExitCode::FAILURE;
        }
    };
    for line in &report.trace {
        println!("{line}");
    }
    println!("\nseed {seed}: {}", described(&report));
    if report.hash != again.hash {
        println!("NOT REPRODUCIBLE: the second run has the trace {:016x}", again.hash);
        if let Some((first, second)) = report.trace.iter().zip(&again.trace).find(|(first, second)| first != second) {
            println!("first:  {first}\nsecond: {second}");
        }
        return ExitCode::FAILURE;
    }
    violations(&report)
}

fn described(report: &Report) -> String {
    let Report { hash, steps, commits, calls, took, rest, .. } = report;
    let rest = rest.map_or_else(|| "never".to_owned(), |rest| format!("{} s", rest.as_secs()));
    format!(
        "trace {hash:016x}, {steps} steps, {calls} sendings, {commits} commits, {} s of virtual time, at rest after {rest}",
        took.as_secs()
    )
}

fn violations(report: &Report) -> ExitCode {
    if report.violations.is_empty() {
        println!("every promise was kept");
        return ExitCode::SUCCESS;
    }
    for violation in &report.violations {
        println!("BROKEN: {violation}");
    }
    ExitCode::FAILURE
}

fn many(arguments: &Arguments) -> ExitCode {
    let campaign = Campaign {
        from: arguments.from,
        seeds: arguments.seeds,
        threads: arguments.threads,
        engine: arguments.engine,
        twice: arguments.twice,
        quiet: false,
    };
    let summary = campaign.run();
    if arguments.json {
        println!("{}", summary.to_json());
    } else {
        println!("{summary}");
    }
    let Summary { failed, .. } = summary;
    let Some(failed) = failed else { return ExitCode::SUCCESS };
    println!("\nseed {} failed; its course:\n", failed.seed);
    let engine = if arguments.engine { " --engine" } else { "" };
    show(failed.seed, arguments.engine);
    println!("\nto see it again: cargo xtask sim --seed {}{engine}", failed.seed);
    ExitCode::FAILURE
}
