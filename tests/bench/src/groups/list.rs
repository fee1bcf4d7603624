//! What a large store costs those who read it and those who start it.
//!
//! | measure | what | unit |
//! |---|---|---|
//! | `list.p99.{1000,10000,100000}` | `GET /api/v1/tasks`, 50 tasks a page, with so many tasks: the first page and the 19 after it, again and again, by an administrator on one connection | ms |
//! | `list.ratio` | the last through the first, measured in turns | × |
//! | `start.time` | from the start of the process until `/readyz` answers, with 100,000 tasks | s |
//! | `start.memory` | its resident memory then (Linux) | MiB |
//!
//! The goal of 1.5 says that a page costs what is on it, and not what is in the table.
//!
//! One store is filled, and copied on the way. With `--quick` it ends at 10,000 tasks.

use std::path::Path;
use std::time::Instant;

use crate::keys::master;
use http::Method;
use muster_cli::pipeline::Pipeline;
use muster_cli::report::{Failure, failed};
use muster_cli::system::System;
use muster_embedded::Engine;
use serde::Deserialize;

use crate::bench::{Bench, copy};
use crate::fill;
use crate::http::Connection;
use crate::measure::{Goal, Measure};
use crate::server::Server;
use crate::stats::{number, percentile, ratios};

/// How the names of this group begin.
pub(crate) const NAMES: &[&str] = &["list", "start"];

const SIZES: [u32; 3] = [1_000, 10_000, 100_000];
/// How many pages a run reads.
const PAGES: u32 = 400;
/// How many pages are read one after the other before it begins again: all of the smallest store.
const WALK: u32 = 20;
const MEBIBYTE: f64 = 1024.0 * 1024.0;

pub(crate) async fn run(bench: &Bench) -> Result<(), Failure> {
    let sizes = if bench.quick { &SIZES[..2] } else { &SIZES[..] };
    let dir = bench.store()?;
    let of_size = |size: u32| dir.path().join(format!("tasks-{size}"));
    let scratch = bench.scratch()?;
    let filled = scratch.path().join("data");
    // The first start makes the administrator.
    Server::start(bench, &filled).await?.stop().await?;
    let mut tasks = 0;
    for size in sizes {
        bench.doing(&format!("a store of {size} tasks"));
        fill_up(&filled, tasks..*size).await?;
        tasks = *size;
        copy(&filled, &of_size(tasks))?;
    }
    if bench.wants_any(&["start"]) {
        starts(bench, &of_size(tasks)).await?;
    }
    if bench.wants_any(&["list"]) {
        let mut servers = Vec::new();
        for size in sizes {
            servers.push(Server::start(bench, &of_size(*size)).await?);
        }
        lists(bench, sizes, &servers).await?;
        for server in servers {
            server.stop().await?;
        }
    }
    Ok(())
}

/// Appends a history for each of these tasks, and waits for the read models.
async fn fill_up(data: &Path, tasks: std::ops::Range<u32>) -> Result<(), Failure> {
    let engine = Engine::open(data)?;
    let system = System::over(engine.client(), master()).await?;
    let pipeline = Pipeline::start(&system, engine.stream(&system.table("events"))).await?;
    fill::histories(&system, tasks, 1).await?;
    pipeline.caught_up().await?;
    pipeline.stop().await;
    Ok(())
}

async fn starts(bench: &Bench, data: &Path) -> Result<(), Failure> {
    let (mut times, mut memory) = (Vec::new(), Vec::new());
    for run in 1..=bench.runs {
        bench.doing(&format!("start, run {run} of {}", bench.runs));
        let server = Server::start(bench, data).await?;
        times.push(server.started_in.as_secs_f64());
        memory.extend(server.resident_bytes().map(|bytes| number(bytes) / MEBIBYTE));
        server.stop().await?;
    }
    bench.tell(&Measure::of("start.time", "s", times))?;
    if !memory.is_empty() {
        bench.tell(&Measure::of("start.memory", "MiB", memory))?;
    }
    Ok(())
}

async fn lists(bench: &Bench, sizes: &[u32], servers: &[Server]) -> Result<(), Failure> {
    let mut p99 = vec![Vec::new(); sizes.len()];
    // The first round warms up.
    for run in 0..=bench.runs {
        bench.doing(&format!("pages of tasks, run {run} of {}", bench.runs));
        for (server, p99) in servers.iter().zip(&mut p99) {
            let times = pages(server).await?;
            if run > 0 {
                p99.push(percentile(&times, 99));
            }
        }
    }
    let ratio = p99.last().zip(p99.first()).map(|(large, small)| ratios(large, small)).unwrap_or_default();
    for (size, p99) in sizes.iter().zip(p99) {
        bench.tell(&Measure::of(format!("list.p99.{size}"), "ms", p99))?;
    }
    bench.tell(&Measure::of("list.ratio", "×", ratio).goal(Goal::AtMost(1.5)))
}

/// How long each page took, in milliseconds.
async fn pages(server: &Server) -> Result<Vec<f64>, Failure> {
    #[derive(Deserialize)]
    struct Page {
        items: Vec<serde::de::IgnoredAny>,
        next: Option<String>,
    }
    let mut connection = Connection::open(server.address, Some(&server.token().await?)).await?;
    let (mut times, mut next) = (Vec::new(), None);
    for number in 0..PAGES {
        let cursor: Option<String> = if number % WALK == 0 { None } else { next };
        let cursor = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let path = format!("/api/v1/tasks?limit=50{cursor}");
        let begun = Instant::now();
        let answer = connection.call(Method::GET, &path, None).await?;
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
        let page: Page = serde_json::from_slice(&answer.body).map_err(failed("reading a page"))?;
        if page.items.len() != 50 {
            return Err(Failure::Refused(format!("a page has {} tasks", page.items.len())));
        }
        next = page.next;
    }
    Ok(times)
}
