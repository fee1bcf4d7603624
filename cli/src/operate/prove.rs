//! `muster prove`: a file that proves one event to whoever has the public key.

use std::fs;

use muster_domain::{RecordedEvent, StreamId};
use muster_handlers::digests::{self, ProofError};
use uuid::Uuid;

use super::{json, streams};
use crate::args::ProveArgs;
use crate::digests::digester_of_whole;
use crate::report::{Failure, failed, file, note};
use crate::store::Store;
use crate::system::System;

/// What is to be proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The event of this id.
    Event(Uuid),
    /// The event at this place.
    Place(StreamId, u64),
}

/// Not an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither the id of an event nor its place, such as task#0190b2f4-…#3: {0:?}")]
pub struct NotAnEvent(String);

/// An event as it is named on the command line: its id, or its stream and version.
pub fn parse_wanted(text: &str) -> Result<Wanted, NotAnEvent> {
    if let Ok(id) = text.parse() {
        return Ok(Wanted::Event(id));
    }
    let place = text.rsplit_once('#').and_then(|(stream, version)| {
        let stream = super::history::parse_stream(stream).ok()?;
        Some(Wanted::Place(stream, version.parse().ok().filter(|version| *version > 0)?))
    });
    place.ok_or_else(|| NotAnEvent(text.to_owned()))
}

/// Writes the proof.
pub async fn run(args: ProveArgs) -> Result<(), Failure> {
    let store = Store::named(&args.store).await?;
    let system = store.system().await?;
    let (stream, version) = match args.event {
        Wanted::Place(stream, version) => (stream, version),
        Wanted::Event(id) => find(&system, id).await?,
    };
    if let Store::Local(_) = store {
        // So that what was recorded a minute ago can be proven, too.
        let digester = digester_of_whole(&system, &args.store.data.data).await?;
        digester.cover().await.map_err(failed("taking a digest"))?;
    }
    let proof = digests::prove(&system.events, &system.digests, &stream, version).await;
    let proof = proof.map_err(|error| match error {
        ProofError::Digests(error) => failed("proving the event")(error),
        ProofError::NoSuchEvent { .. } | ProofError::NotYet | ProofError::Contradicted { .. } => {
            Failure::Refused(error.to_string())
        }
    })?;
    let Some(path) = &args.out else { return json(&proof) };
    let text = serde_json::to_vec(&proof).map_err(failed("writing the proof"))?;
    fs::write(path, text).map_err(file(path))?;
    note(format_args!("wrote the proof of {stream} version {version} to {}", path.display()));
    Ok(())
}

/// Where the event of this id is. An id follows from the place, so that every place is tried.
async fn find(system: &System, id: Uuid) -> Result<(StreamId, u64), Failure> {
    use muster_domain::EventReader as _;

    for stream in streams::all(system).await?.commits.into_keys() {
        let head = system.events.head(&stream).await.map_err(failed("reading the event store"))?;
        if let Some(version) = (1..=head).find(|version| RecordedEvent::id_at(&stream, *version) == id) {
            return Ok((stream, version));
        }
    }
    Err(Failure::Refused(format!("there is no event {id}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_named_by_its_id_or_its_place() {
        let id = "0190b2f4-0000-7000-8000-000000000001";
        assert_eq!(parse_wanted(id), Ok(Wanted::Event(id.parse().expect("an id"))));
        let stream = format!("user#{id}").parse().expect("a stream");
        assert_eq!(parse_wanted(&format!("user#{id}#7")), Ok(Wanted::Place(stream, 7)));
        let task = format!("task#{id}").parse().expect("a stream");
        assert_eq!(parse_wanted(&format!("{id}#1")), Ok(Wanted::Place(task, 1)), "an id alone is a task's");
        for text in ["", "7", "task#7#1", "task#0190b2f4-0000-7000-8000-000000000001#0", "#1"] {
            assert_eq!(parse_wanted(text), Err(NotAnEvent(text.to_owned())));
        }
    }
}
