//! The write path: raw puts, and commands through the whole program.
//!
//! | measure | what | unit |
//! |---|---|---|
//! | `raw.item` | the item that is put: the first commit of a task | bytes, as DynamoDB counts |
//! | `raw.puts`, `raw.puts.64` | conditional puts into an event table on a file, through the SDK client of the engine in this process, by 1 and by 64 clients; each is synced to the disk before it is answered | puts/s |
//! | `raw.puts.memory` | the same by one client without a file: what the engine costs without the disk | puts/s |
//! | `api.commands.{1,8,64}` | commands acknowledged by `muster serve` (a process of its own, a store on a file, all projections running) to so many clients, each on its own connection with a bearer token, see [`crate::load`] | commands/s |
//! | `api.ratio.{1,8,64}` | `api.commands` through the `raw.puts` measured right before it | × |
//!
//! A command is at least one put, and does much more: HTTP, the token, the directory, the history, the rules. The goal of
//! 0.40 says that all of that may cost 1.5 times a put. With 64 clients, puts that share a sync of the disk should make
//! good for it: 1.0.
//!
//! After each load its read models settle before anything else is measured.

use muster_cli::report::Failure;

use crate::bench::Bench;
use crate::load::Load;
use crate::measure::{Goal, Measure};
use crate::puts::RawTable;
use crate::server::Server;
use crate::settle::Rows;
use crate::stats::{number, ratios};

/// How the names of this group begin.
pub(crate) const NAMES: &[&str] = &["raw.item", "raw.puts", "api.commands", "api.ratio"];

/// How many clients there are, and the goal of the ratio.
const CLIENTS: [(usize, f64); 3] = [(1, 0.40), (8, 0.40), (64, 1.0)];
const MANY: usize = 64;

pub(crate) async fn run(bench: &Bench) -> Result<(), Failure> {
    let dir = bench.store()?;
    let raw = RawTable::file(&dir.path().join("raw")).await?;
    bench.tell(&Measure::exact("raw.item", "bytes", number(raw.item_bytes())))?;
    let mut floors = Vec::new();
    if bench.wants_any(&["api.commands", "api.ratio"]) {
        let server = Server::start(bench, &dir.path().join("data")).await?;
        floors = commands(bench, &raw, &server).await?;
        server.stop().await?;
    }
    let (mut many, mut memory) = (Vec::new(), Vec::new());
    if bench.wants_any(&["raw.puts"]) {
        let in_memory = RawTable::memory().await?;
        for run in 1..=bench.runs {
            bench.doing(&format!("raw puts, run {run} of {}", bench.runs));
            floors.push(raw.rate(1, bench.run_time() / 3).await?);
            many.push(raw.rate(MANY, bench.run_time() / 3).await?);
            memory.push(in_memory.rate(1, bench.run_time() / 3).await?);
        }
    }
    bench.tell(&Measure::of("raw.puts", "puts/s", floors))?;
    if !many.is_empty() {
        bench.tell(&Measure::of("raw.puts.64", "puts/s", many))?;
        bench.tell(&Measure::of("raw.puts.memory", "puts/s", memory))?;
    }
    Ok(())
}

/// Commands through the API, in turns with raw puts, which are given back.
async fn commands(bench: &Bench, raw: &RawTable, server: &Server) -> Result<Vec<f64>, Failure> {
    bench.doing("commands: warming up");
    let rows = Rows::of(server.data()).await?;
    let mut load = Load::new(server).await?;
    rows.settled(&load.closed(8, bench.run_time()).await?).await?;
    let mut all_floors = Vec::new();
    let mut rates = [const { Vec::new() }; CLIENTS.len()];
    let mut floors = [const { Vec::new() }; CLIENTS.len()];
    for run in 1..=bench.runs {
        for (place, (clients, _)) in CLIENTS.into_iter().enumerate() {
            bench.doing(&format!("commands of {clients} clients, run {run} of {}", bench.runs));
            floors[place].push(raw.rate(1, bench.run_time() / 3).await?);
            let done = load.closed(clients, bench.run_time()).await?;
            rates[place].push(done.rate());
            rows.settled(&done).await?;
        }
    }
    for ((clients, goal), (rates, floors)) in CLIENTS.into_iter().zip(rates.into_iter().zip(floors)) {
        let ratios = ratios(&rates, &floors);
        bench.tell(&Measure::of(format!("api.commands.{clients}"), "commands/s", rates))?;
        bench.tell(&Measure::of(format!("api.ratio.{clients}"), "×", ratios).goal(Goal::AtLeast(goal)))?;
        all_floors.extend(floors);
    }
    Ok(all_floors)
}
