//! Making a read model again.
//!
//! | measure | what | unit |
//! |---|---|---|
//! | `raw.queries` | histories of five commits read as the event store reads them: a consistent query each, 4 at a time | events/s |
//! | `raw.scans` | all commits read by consistent scans, in 4 segments side by side | events/s |
//! | `rebuild.events` | a rebuild of `task-list` from its announcement to the switch, the comparison with the log included, over 10,000 such histories in a store on a file | events/s |
//! | `rebuild.ratio` | `rebuild.events` through the `raw.queries` measured right before it | × |
//!
//! A rebuild reads all of the log twice (to fill, and to compare), writes a row for each history with its index entries,
//! and reads it again. The goal of 0.25 leaves for all of that three times what reading once takes.

use std::path::Path;
use std::time::Instant;

use crate::keys::master;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::try_join_all;
use muster_cli::report::{Failure, failed};
use muster_cli::system::System;
use muster_domain::{StreamId, TaskId};
use muster_embedded::Engine;
use muster_projections::rebuild::RebuildOptions;

use crate::bench::{Bench, copy};
use crate::fill;
use crate::measure::{Goal, Measure};
use crate::stats::{number, ratios};

/// How the names of this group begin.
pub(crate) const NAMES: &[&str] = &["raw.queries", "raw.scans", "rebuild"];

const EVENTS_EACH: u32 = 5;
/// How many read side by side: as many as a rebuild has segments.
const READERS: usize = 4;
const DOING: &str = "reading the event table";

pub(crate) async fn run(bench: &Bench) -> Result<(), Failure> {
    let histories = if bench.quick { 2_000 } else { 10_000 };
    let dir = bench.store()?;
    bench.doing("a log to rebuild from");
    let tasks = fill_up(bench, dir.path(), histories).await?;
    let engine = Engine::open(dir.path())?;
    let system = System::over_both(engine.client(), engine.derived_client(), master()).await?;
    let events = u64::from(histories * EVENTS_EACH);

    let (mut queries, mut scans, mut rebuilds) = (Vec::new(), Vec::new(), Vec::new());
    for run in 1..=bench.runs {
        bench.doing(&format!("rebuild, run {run} of {}", bench.runs));
        queries.push(query_rate(&system.client, &tasks).await?);
        scans.push(scan_rate(&system.client).await?);
        if bench.wants_any(&["rebuild"]) {
            let begun = Instant::now();
            let task_list = system.projection("task-list")?;
            let report = task_list.rebuild(&system, RebuildOptions::default(), &|_| {}).await;
            let report = report.map_err(failed("rebuilding"))?;
            rebuilds.push(number(events) / begun.elapsed().as_secs_f64());
            if report.aggregates != u64::from(histories) {
                return Err(Failure::Refused(format!("the rebuild found {} histories", report.aggregates)));
            }
        }
    }
    let ratios = ratios(&rebuilds, &queries);
    bench.tell(&Measure::of("raw.queries", "events/s", queries))?;
    bench.tell(&Measure::of("raw.scans", "events/s", scans))?;
    if !rebuilds.is_empty() {
        bench.tell(&Measure::of("rebuild.events", "events/s", rebuilds))?;
        bench.tell(&Measure::of("rebuild.ratio", "×", ratios).goal(Goal::AtLeast(0.25)))?;
    }
    Ok(())
}

/// Puts a log of so many histories there.
async fn fill_up(bench: &Bench, dir: &Path, histories: u32) -> Result<Vec<TaskId>, Failure> {
    let scratch = bench.scratch()?;
    let engine = Engine::open(scratch.path())?;
    let system = System::over(engine.client(), master()).await?;
    let tasks = fill::histories(&system, 0..histories, EVENTS_EACH).await?;
    fill::trim(&engine).await?;
    // The last handle closes the store, so that its files are whole.
    drop((system, engine));
    copy(scratch.path(), dir)?;
    Ok(tasks)
}

/// One query for each history. Every item has one event.
async fn query_rate(client: &Client, tasks: &[TaskId]) -> Result<f64, Failure> {
    let begun = Instant::now();
    let work = tasks.chunks(tasks.len().div_ceil(READERS)).map(|tasks| {
        let (client, tasks) = (client.clone(), tasks.to_vec());
        tokio::spawn(async move {
            let mut found = 0;
            for task in tasks {
                let query = client.query().table_name(fill::event_table()).consistent_read(true);
                let query = query.key_condition_expression("pk = :stream AND sk BETWEEN :low AND :high");
                let query =
                    query.expression_attribute_values(":stream", AttributeValue::S(StreamId::from(task).to_string()));
                let query = query.expression_attribute_values(":low", AttributeValue::N("1".to_owned()));
                let query = query.expression_attribute_values(":high", AttributeValue::N(u64::MAX.to_string()));
                found += query.send().await.map_err(failed(DOING))?.items().len();
            }
            Ok::<_, Failure>(found)
        })
    });
    rate(begun, try_join_all(work).await.map_err(failed(DOING))?)
}

/// Page by page through the whole table.
async fn scan_rate(client: &Client) -> Result<f64, Failure> {
    let begun = Instant::now();
    let segments = i32::try_from(READERS).map_err(failed(DOING))?;
    let work = (0..segments).map(|segment| {
        let client = client.clone();
        tokio::spawn(async move {
            let scan = client.scan().table_name(fill::event_table()).consistent_read(true);
            let mut pages = scan.segment(segment).total_segments(segments).into_paginator().send();
            let mut found = 0;
            while let Some(page) = pages.next().await {
                found += page.map_err(failed(DOING))?.items().len();
            }
            Ok::<_, Failure>(found)
        })
    });
    rate(begun, try_join_all(work).await.map_err(failed(DOING))?)
}

fn rate(begun: Instant, found: Vec<Result<usize, Failure>>) -> Result<f64, Failure> {
    let seconds = begun.elapsed().as_secs_f64();
    let found: usize = found.into_iter().sum::<Result<_, _>>()?;
    Ok(number(found as u64) / seconds)
}
