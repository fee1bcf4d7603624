//! What a long history costs.
//!
//! | measure | what | unit |
//! |---|---|---|
//! | `command.p50.history.{1,100,10000}` | one command, from `CommandHandler::execute` to its answer, in this process on a store on a file, to a task with so many events before it, a commit each | ms |
//! | `command.ratio.history` | the last through the first, measured in turns | × |
//!
//! What a load reads depends on how many commits ago the state was carried: 1 to 50. So a run sends 100 commands to the
//! same task, two whole rounds of that, and takes their median; for a history of 1, to 100 tasks one command each.
//!
//! The goal of 1.3 says that what a command costs does not depend on how much happened before.

use std::time::Instant;

use crate::keys::master;
use muster_cli::report::{Failure, failed};
use muster_cli::system::System;
use muster_commands::ExpectedVersion;
use muster_domain::task::{Task, TaskCommand};
use muster_embedded::Engine;
use uuid::Uuid;

use crate::bench::Bench;
use crate::fill::{self, metadata, new_task, renamed};
use crate::measure::{Goal, Measure};
use crate::stats::{percentile, ratios};

/// How the names of this group begin.
pub(crate) const NAMES: &[&str] = &["command"];

/// How many events there are before the first command that counts.
const LENGTHS: [u64; 3] = [1, 100, 10_000];
/// How many commands a run sends to each.
const COMMANDS: u32 = 100;

pub(crate) async fn run(bench: &Bench) -> Result<(), Failure> {
    let dir = bench.store()?;
    let engine = Engine::open(&dir.path().join("data"))?;
    let system = System::over(engine.client(), master()).await?;
    bench.doing("a long history");
    let long = Uuid::new_v4();
    grow(&system, long, LENGTHS[2]).await?;

    let mut medians = [const { Vec::new() }; LENGTHS.len()];
    for run in 1..=bench.runs {
        bench.doing(&format!("commands to long histories, run {run} of {}", bench.runs));
        fill::trim(&engine).await?;
        let fresh: Vec<Uuid> = (0..COMMANDS).map(|_| Uuid::new_v4()).collect();
        for id in &fresh {
            grow(&system, *id, LENGTHS[0]).await?;
        }
        let middle = Uuid::new_v4();
        grow(&system, middle, LENGTHS[1]).await?;
        // In turns, command by command.
        let mut times = [const { Vec::new() }; LENGTHS.len()];
        for (id, sent) in fresh.into_iter().zip(0..) {
            for ((id, number), times) in [(id, 0), (middle, sent), (long, sent)].into_iter().zip(&mut times) {
                let command = TaskCommand::Update(renamed(u64::from(run) << 32 | number)?);
                let begun = Instant::now();
                execute(&system, id, command).await?;
                times.push(begun.elapsed().as_secs_f64() * 1000.0);
            }
        }
        for (medians, times) in medians.iter_mut().zip(&times) {
            medians.push(percentile(times, 50));
        }
    }
    let ratio = ratios(&medians[2], &medians[0]);
    for (length, medians) in LENGTHS.into_iter().zip(medians) {
        bench.tell(&Measure::of(format!("command.p50.history.{length}"), "ms", medians))?;
    }
    bench.tell(&Measure::of("command.ratio.history", "×", ratio).goal(Goal::AtMost(1.3)))
}

/// A task with a history of so many events.
async fn grow(system: &System, id: Uuid, events: u64) -> Result<(), Failure> {
    execute(system, id, TaskCommand::Create(new_task(1)?)).await?;
    for number in 1..events {
        execute(system, id, TaskCommand::Update(renamed(number)?)).await?;
    }
    Ok(())
}

async fn execute(system: &System, id: Uuid, command: TaskCommand) -> Result<(), Failure> {
    let done = system.commands.execute::<Task>(id, command, ExpectedVersion::Any, &metadata()).await;
    let done = done.map_err(failed("carrying out a command"))?;
    if done.events.len() == 1 { Ok(()) } else { Err(Failure::Refused("a command changed nothing".to_owned())) }
}
