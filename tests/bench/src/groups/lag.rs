//! How far the read models are behind.
//!
//! | measure | what | unit |
//! |---|---|---|
//! | `api.sustained` | commands of 8 clients that never pause, through the time from the first of them until every projection has taken in the last: what can be held for ever | commands/s |
//! | `lag.p50`, `lag.p99` | at half of that, sent at an even pace: from a command's answer until the row of `task-list` shows its version | ms |
//!
//! The lag of every twentieth command is measured, by reading its row's `as_of` over and over with a pause of 1 ms, through
//! the server's socket ([`crate::settle`]). What is read that way is part of the load. A figure is at most that pause and
//! one reading too high.
//!
//! The goal of 50 ms is what nobody notices: who changes a task and then looks at the list sees the change.

use std::time::{Duration, Instant};

use futures::future::try_join_all;
use muster_cli::report::{Failure, failed};
use tokio::sync::mpsc::unbounded_channel;

use crate::bench::Bench;
use crate::load::{Acknowledged, Load};
use crate::measure::{Goal, Measure};
use crate::server::Server;
use crate::settle::Rows;
use crate::stats::{median, number, percentile};

/// How the names of this group begin.
pub(crate) const NAMES: &[&str] = &["api.sustained", "lag"];

const CLIENTS: u32 = 8;
/// The lag of one command of so many is measured.
const SAMPLE: usize = 20;
/// How long between two looks at a row.
const PAUSE: Duration = Duration::from_millis(1);

pub(crate) async fn run(bench: &Bench) -> Result<(), Failure> {
    let time = Duration::from_secs(if bench.quick { 3 } else { 10 });
    let dir = bench.store()?;
    let server = Server::start(bench, &dir.path().join("data")).await?;
    let rows = Rows::of(server.data()).await?;
    let mut load = Load::new(&server).await?;
    rows.settled(&load.closed(CLIENTS as usize, bench.run_time()).await?).await?;

    let mut sustained = Vec::new();
    for run in 1..=bench.runs {
        bench.doing(&format!("sustained commands, run {run} of {}", bench.runs));
        let begun = Instant::now();
        let done = load.closed(CLIENTS as usize, time).await?;
        let settled = rows.settled(&done).await?;
        sustained.push(number(done.commands) / (settled - begun).as_secs_f64());
    }
    let half = median(&sustained) / 2.0;
    bench.tell(&Measure::of("api.sustained", "commands/s", sustained))?;

    if bench.wants_any(&["lag"]) {
        let (mut p50, mut p99) = (Vec::new(), Vec::new());
        for run in 1..=bench.runs {
            bench.doing(&format!("lag at half load, run {run} of {}", bench.runs));
            let lags = lags(&mut load, &rows, half, time).await?;
            p50.push(percentile(&lags, 50));
            p99.push(percentile(&lags, 99));
        }
        bench.tell(&Measure::of("lag.p50", "ms", p50))?;
        bench.tell(&Measure::of("lag.p99", "ms", p99).goal(Goal::AtMost(50.0)))?;
    }
    server.stop().await
}

/// The lags of the commands that are looked at, in milliseconds.
async fn lags(load: &mut Load<'_>, rows: &Rows, rate: f64, time: Duration) -> Result<Vec<f64>, Failure> {
    let (told, mut acknowledged) = unbounded_channel::<Acknowledged>();
    let rows_of_sampled = rows.clone();
    let watcher = tokio::spawn(async move {
        let (mut count, mut looks) = (0, Vec::new());
        while let Some(command) = acknowledged.recv().await {
            count += 1;
            if count % SAMPLE == 0 {
                let rows = rows_of_sampled.clone();
                looks.push(tokio::spawn(async move {
                    rows.listed(command.task, command.version, PAUSE).await?;
                    Ok::<_, Failure>(command.at.elapsed().as_secs_f64() * 1000.0)
                }));
            }
        }
        looks
    });
    let done = load.paced(CLIENTS, rate, time, &told).await?;
    drop(told);
    let looks = watcher.await.map_err(failed("watching rows"))?;
    let lags = try_join_all(looks).await.map_err(failed("watching rows"))?.into_iter().collect();
    rows.settled(&done).await?;
    lags
}
