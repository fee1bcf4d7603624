//! Which export a store was begun to be filled with, and whether all of it is there. A store with a part of one is nobody's to write
//! into but the import's: whatever else is written would stand in its way.

use chrono::SecondsFormat;
use muster_domain::Clock as _;
use muster_handlers::clock::SystemClock;
use serde::Serialize;

use crate::operate::streams;
use crate::pipeline::{read, text};
use crate::report::{Failure, failed};
use crate::system::System;

const DOING: &str = "looking for an import that was begun";
/// Where it is kept which export was begun, and whether it is complete.
const KEY: (&str, &str) = ("import", "export");

/// An import that was cut off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unfinished {
    /// SHA-256 of the export: only the same one can be taken in to its end.
    pub export: String,
    /// When it was begun.
    pub begun: Option<String>,
}

/// The import that was begun in this store and is not done, if there is one.
pub async fn unfinished(system: &System) -> Result<Option<Unfinished>, Failure> {
    let run = system.control().get(KEY.0, KEY.1).await.map_err(failed(DOING))?;
    Ok(run.filter(|run| read(run, "done").is_none()).map(|run| Unfinished {
        export: read(&run, "digest").unwrap_or_default().to_owned(),
        begun: read(&run, "begun").map(str::to_owned),
    }))
}

/// Refuses a store that has only a part of an export.
pub(crate) async fn refuse_unfinished(system: &System) -> Result<(), Failure> {
    if unfinished(system).await?.is_none() {
        return Ok(());
    }
    Err(Failure::Refused(
        "the import of an export into this store was cut off, and only a part of it is there: run the import again with the same \
         export, or empty the directory"
            .to_owned(),
    ))
}

/// Refuses a store that has anything, unless it is from a run with the same file that was cut off.
pub(super) async fn begin(system: &System, digest: &str) -> Result<(), Failure> {
    let run = system.control().get(KEY.0, KEY.1).await.map_err(failed(DOING))?;
    let refused =
        |reason: &str| Err(Failure::Refused(format!("{reason}; an export is only taken in by an empty store")));
    match run {
        Some(run) if read(&run, "digest") != Some(digest) => {
            refused("the import of another export was begun in this store")
        }
        Some(run) if read(&run, "done").is_some() => refused("the store has taken in this export already"),
        Some(_) => Ok(()),
        None if streams::is_empty(system).await? => mark(system, digest, "begun").await,
        None => refused("the store has histories"),
    }
}

/// Keeps that all of the export is there.
pub(super) async fn end(system: &System, digest: &str) -> Result<(), Failure> {
    mark(system, digest, "done").await
}

async fn mark(system: &System, digest: &str, reached: &'static str) -> Result<(), Failure> {
    let now = SystemClock.now().to_rfc3339_opts(SecondsFormat::Millis, true);
    let kept = system.control().put(KEY.0, KEY.1, [("digest", text(&digest)), (reached, text(&now))]).await;
    kept.map_err(failed("keeping how far the import is"))
}
