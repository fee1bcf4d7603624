//! Moving one aggregate's row: the one place where rows change.

use std::collections::BTreeMap;

use muster_domain::mutant::{Mutant, planted};
use muster_domain::personal::Opener;
use muster_domain::ports::ReadError;
use muster_domain::user::UserEvent;
use muster_domain::{DomainEvent, EventReader, RecordedEvent, StreamId, UserId};

use crate::error::StoreError;
use crate::projection::{Entry, Poison, Projection};
use crate::rows::{NewRow, Parked, RowStore, SaveError, StoredRow};

/// How often a row that somebody else moved is loaded again. Each time somebody has made progress.
const MAX_ATTEMPTS: u32 = 16;

/// Where a row is after it was moved.
#[derive(Debug)]
pub(crate) struct Advanced {
    /// Where it was.
    pub(crate) from: u64,
    /// Where it is.
    pub(crate) to: u64,
    /// Where it stopped, if it did.
    pub(crate) parked: Option<Parked>,
}

/// Why a row was not moved. Another attempt may do better.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdvanceError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("the row is moved by others all the time")]
    Contended,
    #[error("the event store does not have version {version} of {stream} (it ends at {head})")]
    NotInStore { stream: StreamId, version: u64, head: u64 },
}

/// How far to go.
pub(crate) enum Target<'a> {
    /// At least through these events, by version.
    Events(&'a BTreeMap<u64, RecordedEvent>),
    /// To the end of the history.
    Head,
    /// To the end of the history that a scan showed: every event from version 1 on. A row that has come farther goes to
    /// the end of the history as it is now.
    History(&'a [RecordedEvent]),
}

/// A row and how far it has come, between two events.
pub(crate) struct Fold<R> {
    pub(crate) as_of: u64,
    pub(crate) row: Option<R>,
    pub(crate) entries: Vec<Entry>,
    /// Everything personal in it was erased.
    pub(crate) erased: bool,
    pub(crate) parked: Option<Parked>,
}

impl<R: Clone> Fold<R> {
    pub(crate) const fn from(as_of: u64, row: Option<R>) -> Self {
        Self { as_of, row, entries: Vec::new(), erased: false, parked: None }
    }

    /// Takes in the events in their order, opened, until one is poison.
    pub(crate) fn through<'a, P: Projection<Row = R>>(
        mut self,
        projection: &P,
        events: impl IntoIterator<Item = &'a RecordedEvent>,
        opener: &Opener,
    ) -> Self {
        for event in events {
            let step = (event.version == self.as_of + 1)
                .then(|| event.decode_with(opener).map_err(|error| Poison::new(&error)))
                .ok_or_else(|| Poison::new(&format_args!("version {} follows {}", event.version, self.as_of)))
                .flatten()
                .and_then(|decoded| {
                    let row = projection.evolve(self.row.clone(), event, &decoded)?;
                    let erased = matches!(decoded, DomainEvent::User(UserEvent::UserErased(_)));
                    Ok((row, projection.entries(self.row.as_ref(), event, &decoded), erased))
                });
            match step {
                Ok((row, entries, erased)) => {
                    self.erased |= erased;
                    self.row = Some(row);
                    self.as_of = event.version;
                    self.entries.extend(entries);
                }
                Err(Poison { reason }) => {
                    self.parked = Some(Parked { version: event.version, reason });
                    break;
                }
            }
        }
        self
    }
}

/// Moves rows of one projection in one table.
pub(crate) struct Advance<'a, P> {
    pub(crate) projection: &'a P,
    pub(crate) reader: &'a dyn EventReader,
    pub(crate) rows: &'a dyn RowStore,
}

impl<P: Projection> Advance<'_, P> {
    /// Loads the row and moves it.
    pub(crate) async fn load_and_move(&self, stream: &StreamId, target: &Target<'_>) -> Result<Advanced, AdvanceError> {
        let stored = self.load(stream).await?;
        self.move_row(stream, stored, target).await
    }

    async fn load(&self, stream: &StreamId) -> Result<Option<StoredRow>, StoreError> {
        Ok(self.rows.load(&[*stream]).await?.pop().flatten())
    }

    /// Moves the row that was loaded: one write, however many events.
    pub(crate) async fn move_row(
        &self,
        stream: &StreamId,
        mut stored: Option<StoredRow>,
        target: &Target<'_>,
    ) -> Result<Advanced, AdvanceError> {
        for _ in 0..MAX_ATTEMPTS {
            match self.attempt(stream, stored, target).await {
                Err(Attempt::Conflict) => stored = self.load(stream).await?,
                Err(Attempt::Failed(error)) => return Err(error),
                Ok(advanced) => return Ok(advanced),
            }
        }
        Err(AdvanceError::Contended)
    }

    async fn attempt(
        &self,
        stream: &StreamId,
        stored: Option<StoredRow>,
        target: &Target<'_>,
    ) -> Result<Advanced, Attempt> {
        let expected = stored.as_ref().map_or(0, |stored| stored.as_of);
        let parked = stored.as_ref().and_then(|stored| stored.parked.clone());
        let places_before = stored.as_ref().map(|stored| stored.places.clone()).unwrap_or_default();
        let mut start = start::<P>(stored);
        if planted(Mutant::NoVersionGate)
            && let Target::Events(events) = target
            && let Some(lowest) = events.keys().next()
        {
            start.as_of = start.as_of.min(lowest.saturating_sub(1));
        }
        let stale = start.as_of < expected;
        let wanted = match target {
            Target::Events(events) => events.keys().next_back().copied().unwrap_or(0),
            Target::Head | Target::History(_) => expected,
        };
        if let Target::Events(_) = target
            && wanted <= start.as_of
        {
            return Ok(Advanced { from: expected, to: expected, parked });
        }
        let opener = self.reader.keys().opener(stream).await.map_err(ReadError::from)?;
        let first = start.as_of + 1;
        // How far the row is known to go, be it up to an event that is poison.
        let known = parked.as_ref().map_or(expected, |parked| parked.version.max(expected));
        let fold = match target {
            // Everything up to the newest is at hand: no need to ask the store.
            Target::Events(events) if !stale && (first..=wanted).all(|version| events.contains_key(&version)) => {
                start.through(self.projection, events.range(first..).map(|(_, event)| event), &opener)
            }
            Target::History(events) if known <= events.len() as u64 => {
                let kept = events.len().saturating_sub(usize::from(planted(Mutant::RepairStopsShort)));
                let missing = events.iter().take(kept).filter(|event| event.version >= first);
                start.through(self.projection, missing, &opener)
            }
            Target::Events(_) | Target::Head | Target::History(_) => {
                match self.reader.events(stream, start.as_of, None).await {
                    Ok(mut events) => {
                        if planted(Mutant::RepairStopsShort) {
                            events.pop();
                        }
                        // Again: who wrote them had a key, and there may have been none a moment ago.
                        let opener = self.reader.keys().opener(stream).await.map_err(ReadError::from)?;
                        start.through(self.projection, &events, &opener)
                    }
                    // What is damaged in the store stays so: the row says it, and others go on.
                    Err(error @ ReadError::Damaged { .. }) => {
                        Fold { parked: Some(Parked { version: first, reason: error.to_string() }), ..start }
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        };
        if fold.as_of < expected {
            // A row of another shape, whose history this program cannot fold as far: it stays as it was.
            let head = fold.as_of;
            return match fold.parked {
                Some(parked) => Ok(Advanced { from: expected, to: expected, parked: Some(parked) }),
                None => Err(AdvanceError::NotInStore { stream: *stream, version: expected, head }.into()),
            };
        }
        // What was said with the event is done before a row says that it happened: whoever told of it may have been cut off.
        if fold.erased && !matches!(opener, Opener::Erased) && !planted(Mutant::KeyKept) {
            self.reader.keys().erase(UserId(stream.id)).await.map_err(ReadError::from)?;
        }
        if fold.as_of != expected || fold.parked != parked || stale {
            self.save(stream, expected, places_before, &fold).await?;
        }
        if fold.parked.is_none() && fold.as_of < wanted {
            let error = AdvanceError::NotInStore { stream: *stream, version: wanted, head: fold.as_of };
            return Err(error.into());
        }
        Ok(Advanced { from: expected, to: fold.as_of, parked: fold.parked })
    }

    /// Saves the row in the place of one that had these places in lists.
    async fn save(
        &self,
        stream: &StreamId,
        expected: u64,
        places_before: Vec<String>,
        fold: &Fold<P::Row>,
    ) -> Result<(), Attempt> {
        let keys = fold.row.as_ref().map(|row| self.projection.index_keys(stream, row)).unwrap_or_default();
        let places = fold.row.as_ref().map(|row| self.projection.places(stream, row)).unwrap_or_default();
        let has: Vec<String> = places.iter().map(|place| place.sort_key.clone()).collect();
        let gone: Vec<String> = places_before.into_iter().filter(|place| !has.contains(place)).collect();
        let row = fold.row.as_ref().map(serde_json::to_value).transpose();
        let row = row.map_err(|error| StoreError::damaged(P::NAME, stream, &error))?;
        let parked = fold.parked.clone();
        let mut stored = StoredRow { as_of: fold.as_of, projection_version: P::VERSION, row, parked, places: has };
        // A tombstone has no keys, and leaves nothing beside it.
        if planted(Mutant::TombstoneDropped) && keys.is_empty() && places.is_empty() && fold.entries.is_empty() {
            stored = StoredRow { as_of: 0, row: None, ..stored };
        }
        match self.rows.save(stream, expected, NewRow { stored, keys, places, gone }, fold.entries.clone()).await {
            Ok(()) => Ok(()),
            Err(SaveError::Conflict) => Err(Attempt::Conflict),
            Err(SaveError::Store(error)) => Err(error.into()),
        }
    }
}

/// Where to begin: at the stored row, or at nothing when another shape of the projection wrote it.
fn start<P: Projection>(stored: Option<StoredRow>) -> Fold<P::Row> {
    let Some(stored) = stored else { return Fold::from(0, None) };
    if stored.projection_version != P::VERSION {
        return Fold::from(0, None);
    }
    match stored.row.map(serde_json::from_value).transpose() {
        Ok(row) => Fold::from(stored.as_of, row),
        // Damaged: what the log says is what counts.
        Err(_) => Fold::from(0, None),
    }
}

enum Attempt {
    Conflict,
    Failed(AdvanceError),
}

impl<E: Into<AdvanceError>> From<E> for Attempt {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}
