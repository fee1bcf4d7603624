//! `muster status`: how much there is, and how far each read model has come.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use muster_domain::{EventReader as _, StreamId};
use muster_projections::Hosted;
use muster_projections::rows::RowStore as _;
use serde::Serialize;

use super::import::{Unfinished, unfinished};
use super::json;
use crate::args::StatusArgs;
use crate::pipeline::{AsideRecord, ParkedEvent};
use crate::report::{Failure, failed, line};
use crate::store::Store;
use crate::system::System;

/// In how many parts the tables are scanned side by side.
const SEGMENTS: u32 = 4;
const DOING: &str = "reading the store's status";

/// A store at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Whether a server has it open.
    pub serving: bool,
    /// The import of an export that was cut off: only a part of it is there, and nothing else may be written.
    pub unfinished_import: Option<Unfinished>,
    /// How many aggregates have a history.
    pub aggregates: usize,
    /// How many commits there are.
    pub commits: u64,
    /// How many events.
    pub events: u64,
    /// The record of the stream up to which every read model has taken everything in.
    pub checkpoint: Option<String>,
    /// Commits that cannot be read, which the numbers above leave out: `muster verify` says more.
    pub unreadable: Vec<UnreadableCommit>,
    /// Records of the stream that are no commits: `muster verify` says more.
    pub aside: Vec<AsideRecord>,
    /// The read models.
    pub projections: Vec<ReadModel>,
}

/// A commit that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct UnreadableCommit {
    /// The stream, as it is named.
    pub stream: String,
    /// The version of its first event.
    pub version: u64,
}

/// A read model at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReadModel {
    /// Its name.
    pub name: String,
    /// The generation that is read.
    pub active: u64,
    /// The generation that is being built.
    pub building: Option<u64>,
    /// Its rows, those of deleted aggregates included.
    pub rows: u64,
    /// How many events it is behind.
    pub lag: u64,
    /// Rows that stopped before an event that cannot be taken in, and rows that cannot be read themselves.
    pub parked_rows: u64,
    /// Events that were put aside.
    pub parked: Vec<ParkedEvent>,
}

/// Shows it.
pub async fn run(args: StatusArgs) -> Result<(), Failure> {
    let store = Store::named(&args.store).await?;
    let serving = match &store {
        Store::Local(local) => local.engine().is_none(),
        Store::Aws { .. } => true,
    };
    let status = Status { serving, ..of(&store.system().await?).await? };
    if args.json { json(&status) } else { show(&status) }
}

/// The status of a store that nobody serves.
pub async fn of(system: &System) -> Result<Status, Failure> {
    // The heads come first: what is appended meanwhile does not count as lag.
    let heads = heads(system).await?;
    let mut projections = Vec::new();
    for projection in &system.projections {
        projections.push(read_model(system, &**projection, &heads.versions).await?);
    }
    let checkpoint = system.checkpoint().load().await.map_err(failed(DOING))?;
    let aside = system.parking().aside().await.map_err(failed(DOING))?;
    Ok(Status {
        serving: false,
        unfinished_import: unfinished(system).await?,
        aggregates: heads.versions.len(),
        commits: heads.commits,
        events: heads.versions.values().sum(),
        unreadable: heads.unreadable,
        checkpoint,
        aside,
        projections,
    })
}

#[derive(Default)]
struct Heads {
    versions: BTreeMap<StreamId, u64>,
    commits: u64,
    unreadable: Vec<UnreadableCommit>,
}

async fn heads(system: &System) -> Result<Heads, Failure> {
    let mut heads = Heads::default();
    for part in try_join_all((0..SEGMENTS).map(|segment| heads_in(system, segment))).await? {
        heads.commits += part.commits;
        heads.versions.extend(part.versions);
        heads.unreadable.extend(part.unreadable);
    }
    heads.unreadable.sort_unstable();
    Ok(heads)
}

async fn heads_in(system: &System, segment: u32) -> Result<Heads, Failure> {
    let mut heads = Heads::default();
    let mut cursor = None;
    loop {
        let page = system.events.scan(segment, SEGMENTS, cursor).await.map_err(failed(DOING))?;
        heads.commits += page.commits.len() as u64;
        for commit in &page.commits {
            let head = heads.versions.entry(commit.stream).or_default();
            *head = commit.last_version().max(*head);
        }
        let unreadable = |(stream, version): (StreamId, u64)| UnreadableCommit { stream: stream.to_string(), version };
        heads.unreadable.extend(page.damaged.into_iter().map(unreadable));
        cursor = page.next;
        if cursor.is_none() {
            return Ok(heads);
        }
    }
}

async fn read_model(
    system: &System,
    projection: &dyn Hosted,
    heads: &BTreeMap<StreamId, u64>,
) -> Result<ReadModel, Failure> {
    let name = projection.name();
    let state = system.generations.read(name).await.map_err(failed(DOING))?;
    let rows = system.generations.rows(name, state.active);
    let (mut count, mut parked_rows, mut reached, mut cursor) = (0, 0, BTreeMap::new(), None);
    loop {
        let page = rows.scan(0, 1, cursor).await.map_err(failed(DOING))?;
        for row in page.rows {
            count += 1;
            parked_rows += u64::from(row.parked.is_some());
            reached.insert(row.stream, row.as_of);
        }
        count += page.damaged.len() as u64;
        parked_rows += page.damaged.len() as u64;
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let wanted = heads.iter().filter(|(stream, _)| projection.wants(stream.aggregate));
    let lag = wanted.map(|(stream, head)| head.saturating_sub(reached.get(stream).copied().unwrap_or(0))).sum();
    let parked = system.parking().list(name).await.map_err(failed(DOING))?;
    let (active, building) = (state.active, state.building);
    Ok(ReadModel { name: name.to_owned(), active, building, rows: count, lag, parked_rows, parked })
}

fn show(status: &Status) -> Result<(), Failure> {
    let Status { serving, unfinished_import, aggregates, commits, events, unreadable, checkpoint, aside, projections } =
        status;
    line(format_args!("server      {}", if *serving { "running" } else { "not running" }))?;
    if let Some(Unfinished { export, begun }) = unfinished_import {
        let since = begun.as_deref().map_or_else(String::new, |begun| format!(" since {begun}"));
        line(format_args!(
            "import      cut off{since}: run it again with the same export (SHA-256 {export}), or empty the directory"
        ))?;
    }
    line(format_args!("events      {events} in {commits} commits of {aggregates} aggregates"))?;
    line(format_args!("checkpoint  {}", checkpoint.as_deref().unwrap_or("none yet")))?;
    line("")?;
    line(format_args!("{:<12} {:>10} {:>10} {:>8} {:>7}", "read model", "generation", "rows", "lag", "parked"))?;
    for ReadModel { name, active, building, rows, lag, parked_rows, parked } in projections {
        let generation = building.map_or_else(|| active.to_string(), |building| format!("{active} (+{building})"));
        let parked_count = (*parked_rows).max(parked.len() as u64);
        line(format_args!("{name:<12} {generation:>10} {rows:>10} {lag:>8} {parked_count:>7}"))?;
    }
    for ReadModel { name, parked, .. } in projections {
        for ParkedEvent { stream, version, reason, .. } in parked {
            line(format_args!("parked in {name}: {stream} at version {version}: {reason}"))?;
        }
    }
    for UnreadableCommit { stream, version } in unreadable {
        line(format_args!("unreadable commit: {stream} at version {version}"))?;
    }
    for AsideRecord { sequence_number, reason } in aside {
        line(format_args!("no commit in the stream: record {sequence_number}: {reason}"))?;
    }
    Ok(())
}
