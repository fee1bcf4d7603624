//! `muster redrive`: brings what was parked up to its history, which is always safe.

use std::collections::{BTreeMap, BTreeSet};

use muster_domain::StreamId;
use muster_projections::Hosted;
use muster_projections::projector::Repaired;
use serde::Serialize;

use super::{json, parked};
use crate::args::RedriveArgs;
use crate::progress;
use crate::report::{Failure, chain, failed, line};
use crate::store::Store;
use crate::system::System;

const DOING: &str = "redriving";

/// What became of one aggregate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Redriven {
    /// Nothing was done: it is only listed.
    Listed,
    /// Its row is where its history is.
    Repaired {
        /// The version that the row was at.
        from: u64,
        /// The version that it is at now.
        to: u64,
    },
    /// It still cannot be taken in.
    Failed {
        /// Why.
        reason: String,
    },
}

/// An aggregate, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RedrivenStream {
    /// The aggregate.
    pub stream: StreamId,
    /// What became of it.
    #[serde(flatten)]
    pub became: Redriven,
}

/// What became of what one read model had parked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Redrive {
    /// Each aggregate that was parked.
    pub streams: Vec<RedrivenStream>,
    /// Messages in the dead-letter queue that hold no event, with the reason. They stay there until SQS drops them.
    pub unreadable: Vec<String>,
}

/// Redrives, and says what became of it.
pub async fn run(args: RedriveArgs) -> Result<(), Failure> {
    let store = Store::named(&args.store).await?;
    let system = store.system().await?;
    let mut redriven = BTreeMap::new();
    for projection in system.chosen(args.projection.as_deref())? {
        let wanted = |stream: &StreamId| args.stream.is_none_or(|only| only == *stream);
        let done = redrive(&store, &system, &**projection, wanted, args.dry_run).await?;
        redriven.insert(projection.name(), done);
    }
    if args.json {
        json(&redriven)?;
    } else {
        for (name, done) in &redriven {
            show(name, done)?;
        }
    }
    let left = |done: &Redrive| done.streams.iter().filter(|done| still_parked(done)).count();
    match redriven.values().map(|done| left(done) + done.unreadable.len()).sum::<usize>() {
        0 => Ok(()),
        1 => Err(Failure::Found("1 aggregate is still parked".to_owned())),
        count => Err(Failure::Found(format!("{count} aggregates are still parked"))),
    }
}

/// Redrives what one read model has parked, as far as it is wanted.
pub async fn redrive(
    store: &Store,
    system: &System,
    projection: &dyn Hosted,
    wanted: impl Fn(&StreamId) -> bool,
    dry_run: bool,
) -> Result<Redrive, Failure> {
    let (parked, taken) = parked::of(store, system, projection).await?;
    let mut done = Redrive { streams: Vec::new(), unreadable: parked.unreadable.clone() };
    let streams: Vec<_> = parked.streams().into_iter().filter(wanted).collect();
    let bar = progress::bar(Some(streams.len() as u64), "aggregates");
    bar.set_message(projection.name());
    for stream in streams {
        let became = if dry_run { Redriven::Listed } else { repair(system, projection, stream).await? };
        done.streams.push(RedrivenStream { stream, became });
        bar.inc(1);
    }
    bar.finish_and_clear();
    if let Some((queue, letters)) = taken {
        let repaired: BTreeSet<_> =
            done.streams.iter().filter(|done| !still_parked(done)).map(|done| done.stream).collect();
        let (settled, left): (Vec<_>, Vec<_>) = letters
            .into_iter()
            .partition(|letter| letter.event.as_ref().is_ok_and(|(stream, _)| repaired.contains(stream)));
        queue.delete(&settled).await.map_err(failed(DOING))?;
        queue.release(&left).await.map_err(failed(DOING))?;
    }
    Ok(done)
}

/// Brings one aggregate up to its history, and takes it out of what was put aside.
async fn repair(system: &System, projection: &dyn Hosted, stream: StreamId) -> Result<Redriven, Failure> {
    match projection.repair(&stream).await {
        Ok(Repaired { from, to }) => {
            system.parking().release(projection.name(), &stream).await.map_err(failed(DOING))?;
            Ok(Redriven::Repaired { from, to })
        }
        Err(error) => Ok(Redriven::Failed { reason: chain(&error) }),
    }
}

fn still_parked(done: &RedrivenStream) -> bool {
    match done.became {
        Redriven::Repaired { .. } => false,
        Redriven::Listed | Redriven::Failed { .. } => true,
    }
}

fn show(name: &str, Redrive { streams, unreadable }: &Redrive) -> Result<(), Failure> {
    for RedrivenStream { stream, became } in streams {
        match became {
            Redriven::Listed => line(format_args!("{name}  {stream}  would be repaired"))?,
            Redriven::Repaired { from, to } => {
                line(format_args!("{name}  {stream}  repaired, from version {from} to {to}"))?;
            }
            Redriven::Failed { reason } => line(format_args!("{name}  {stream}  NOT repaired: {reason}"))?,
        }
    }
    for reason in unreadable {
        line(format_args!("{name}  a message in the dead-letter queue is no event: {reason}"))?;
    }
    let repaired = streams.iter().filter(|done| !still_parked(done)).count();
    line(format_args!("{name}: {repaired} of {} parked aggregates repaired", streams.len()))
}
