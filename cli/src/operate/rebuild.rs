//! `muster rebuild`: a new generation of a read model, or back to the one before.

use muster_projections::Hosted;
use muster_projections::rebuild::{self, RebuildOptions, RebuildReport};
use serde::Serialize;

use super::{json, streams};
use crate::args::RebuildArgs;
use crate::progress;
use crate::report::{Failure, failed, line};
use crate::store::Store;
use crate::system::System;

const DOING: &str = "rebuilding";

/// Rebuilds, and says what it did.
pub async fn run(args: RebuildArgs) -> Result<(), Failure> {
    let system = Store::named(&args.store).await?.system().await?;
    let projection = system.projection(&args.projection)?;
    if args.abandon {
        let generation = abandon(&system, &**projection).await?;
        if args.json {
            return json(&Abandoned { abandoned: generation });
        }
        let name = projection.name();
        return line(format_args!("{name}: generation {generation}, which was being built, was given up"));
    }
    let report = rebuild(&system, &**projection, args.back).await?;
    if args.json {
        return json(&report);
    }
    let RebuildReport { before, active, aggregates, parked } = report;
    let name = projection.name();
    line(format_args!(
        "{name}: generation {active} is read now, {before} was before; {aggregates} aggregates verified"
    ))?;
    for stream in parked {
        line(format_args!("{name}: {stream} is parked: an event of it cannot be taken in"))?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Abandoned {
    abandoned: u64,
}

/// Gives up the generation of a read model that is being built, and returns its number.
pub async fn abandon(system: &System, projection: &dyn Hosted) -> Result<u64, Failure> {
    let given_up = rebuild::abandon(&system.generations, projection.name()).await;
    given_up.map_err(failed("giving up the generation that is being built"))
}

/// Rebuilds one read model.
pub async fn rebuild(system: &System, projection: &dyn Hosted, back: bool) -> Result<RebuildReport, Failure> {
    let name = projection.name();
    let generation = if back {
        let active = system.generations.read(name).await.map_err(failed(DOING))?.active;
        let earlier = active.checked_sub(1).filter(|earlier| *earlier > 0);
        let none = || Failure::Refused(format!("generation {active} of {name} is the first: there is none before it"));
        Some(earlier.ok_or_else(none)?)
    } else {
        None
    };
    let streams = streams::all(system).await?.commits;
    let estimate = streams.keys().filter(|stream| projection.wants(stream.aggregate)).count() as u64;
    let bar = progress::bar(Some(estimate), "aggregates");
    let options = RebuildOptions { segments: system.segments, generation, estimate: Some(estimate) };
    let report = projection
        .rebuild(system, options, &|progress| {
            bar.set_message(progress.phase);
            bar.set_position(progress.done);
        })
        .await;
    bar.finish_and_clear();
    report.map_err(failed(DOING))
}
