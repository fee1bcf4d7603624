//! Digests over the heads of all histories, taken by the local program: at each full hour, and at the start for those that were missed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use muster_domain::Clock as _;
use muster_handlers::clock::SystemClock;
use muster_handlers::digests::{Digester, is_due};
use muster_handlers::http::Causes;
use muster_identity::digest_key;
use tokio::time::{MissedTickBehavior, interval};

use crate::last_digest::LastDigest;
use crate::operate::import::refuse_unfinished;
use crate::report::Failure;
use crate::system::System;

/// How often it is looked whether one is due.
const LOOK: Duration = Duration::from_mins(1);

/// Takes digests of this store, signed by the key in this directory.
pub fn digester(system: &System, data: &Path) -> Result<Digester, Failure> {
    Ok(Digester {
        reader: Arc::new(system.events.clone()),
        table: system.digests.clone(),
        signer: Arc::new(digest_key(data)?),
        clock: Arc::new(SystemClock),
        archive: Some(Arc::new(LastDigest::of(data))),
        segments: system.segments,
    })
}

/// The same, for an operator's command: not of a store that has only a part of an export.
pub(crate) async fn digester_of_whole(system: &System, data: &Path) -> Result<Digester, Failure> {
    refuse_unfinished(system).await?;
    digester(system, data)
}

/// Takes a digest in every hour. One that fails is tried again a minute later.
pub(crate) async fn hourly(digester: Digester) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = None;
    loop {
        ticks.tick().await;
        if !is_due(last, SystemClock.now()) {
            continue;
        }
        match digester.keep_up().await {
            Ok(taken_at) => last = Some(taken_at),
            Err(error) => tracing::error!(error = %Causes(&error), "no digest could be taken; it is tried again"),
        }
    }
}
