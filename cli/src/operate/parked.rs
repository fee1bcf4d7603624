//! `muster parked`: what the read models have not taken in, and why.

use std::collections::{BTreeMap, BTreeSet};

use muster_domain::StreamId;
use muster_projections::Hosted;
use serde::Serialize;

use super::json;
use crate::args::ParkedArgs;
use crate::dead_letters::{DeadLetter, DeadLetters};
use crate::pipeline::ParkedEvent;
use crate::report::{Failure, failed, line};
use crate::store::Store;
use crate::system::System;

const DOING: &str = "looking for what is parked";

/// What one read model has not taken in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Parked {
    /// Rows that stopped before an event that cannot be taken in, and rows that cannot be read (version 0).
    pub rows: Vec<ParkedAt>,
    /// Events that were put aside: by the local program, or in the dead-letter queue on AWS.
    pub events: Vec<ParkedAt>,
    /// Messages in the dead-letter queue that hold no event, with the reason.
    pub unreadable: Vec<String>,
}

/// An event that was not taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ParkedAt {
    /// The aggregate.
    pub stream: StreamId,
    /// The version of the event.
    pub version: u64,
    /// Why.
    pub reason: String,
}

impl Parked {
    /// The aggregates that want a repair.
    pub(crate) fn streams(&self) -> BTreeSet<StreamId> {
        self.rows.iter().chain(&self.events).map(|parked| parked.stream).collect()
    }

    fn len(&self) -> usize {
        self.streams().len() + self.unreadable.len()
    }
}

/// Lists it.
pub async fn run(args: ParkedArgs) -> Result<(), Failure> {
    let store = Store::named(&args.store).await?;
    let system = store.system().await?;
    let mut found = BTreeMap::new();
    for projection in system.chosen(args.projection.as_deref())? {
        let (parked, letters) = of(&store, &system, &**projection).await?;
        if let Some((queue, letters)) = letters {
            queue.release(&letters).await.map_err(failed(DOING))?;
        }
        found.insert(projection.name(), parked);
    }
    if args.json {
        json(&found)?;
    } else {
        for (name, parked) in &found {
            show(name, parked)?;
        }
    }
    match found.values().map(Parked::len).sum() {
        0_usize => Ok(()),
        1 => Err(Failure::Found("1 aggregate is parked; `muster redrive` repairs it".to_owned())),
        count => Err(Failure::Found(format!("{count} aggregates are parked; `muster redrive` repairs them"))),
    }
}

/// The dead-letter queue of a projection, and what was taken from it.
pub(crate) type Taken = (DeadLetters, Vec<DeadLetter>);

/// What of one read model is parked. On AWS, its dead letters are taken from their queue, to be released or deleted.
pub(crate) async fn of(
    store: &Store,
    system: &System,
    projection: &dyn Hosted,
) -> Result<(Parked, Option<Taken>), Failure> {
    let name = projection.name();
    let rows = projection.status(u64::MAX).await.map_err(failed(DOING))?.parked;
    let rows = rows.into_iter().map(|row| ParkedAt { stream: row.stream, version: row.version, reason: row.reason });
    let aside = system.parking().list(name).await.map_err(failed(DOING))?;
    let at = |ParkedEvent { stream, version, reason, .. }| ParkedAt { stream, version, reason };
    let mut parked =
        Parked { rows: rows.collect(), events: aside.into_iter().map(at).collect(), unreadable: Vec::new() };
    let Store::Aws { stage, config } = store else { return Ok((parked, None)) };
    let queue = DeadLetters::of(aws_sdk_sqs::Client::new(config), stage, name).await.map_err(failed(DOING))?;
    let letters = queue.take().await.map_err(failed(DOING))?;
    for letter in &letters {
        match &letter.event {
            Ok((stream, version)) => {
                let reason = "in the dead-letter queue".to_owned();
                parked.events.push(ParkedAt { stream: *stream, version: *version, reason });
            }
            Err(reason) => parked.unreadable.push(reason.clone()),
        }
    }
    Ok((parked, Some((queue, letters))))
}

fn show(name: &str, Parked { rows, events, unreadable }: &Parked) -> Result<(), Failure> {
    for ParkedAt { stream, version, reason } in rows {
        line(format_args!("{name}  {stream}  row stopped before version {version}: {reason}"))?;
    }
    for ParkedAt { stream, version, reason } in events {
        line(format_args!("{name}  {stream}  event {version} put aside: {reason}"))?;
    }
    for reason in unreadable {
        line(format_args!("{name}  a message in the dead-letter queue is no event: {reason}"))?;
    }
    line(format_args!("{name}: {} rows stopped, {} events put aside", rows.len(), events.len() + unreadable.len()))
}
