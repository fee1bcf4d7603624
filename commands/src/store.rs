//! The event store: aggregates from commits, commits from events.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::SubsecRound as _;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use muster_domain::aggregate::{Decider, Reservation};
use muster_domain::commit::MAX_EVENTS_IN_COMMIT;
use muster_domain::mutant::{Mutant, planted};
use muster_domain::personal::{MemoryKeys, Opener, SubjectKey, personal_fields, seal_event};
use muster_domain::{Commit, EventData, Hash, Metadata, RecordedEvent, StreamId, SubjectKeys, UserId};
use serde_json::Value;
use uuid::Uuid;

use crate::backoff::Backoff;
use crate::context::Context;
use crate::error::StoreError;
use crate::log::{AppendError, BoxError, CarriedState, CommitLog, PageQuery};

/// A commit carries the state when so many commits, itself included, have none after the last one that does. Counted
/// from the state that the load began with, so that it needs no read of its own, and a state that was missing or
/// unusable is made up for by the very next commit.
pub const CARRY_EVERY: u32 = 50;

/// How often one commit is sent before the store counts as unavailable.
const TRIES: u32 = 5;

/// How many aggregates are read at once when a roster is begun.
const LOADS_AT_ONCE: usize = 16;

/// The event store over a commit log.
#[derive(Clone, Debug)]
pub struct EventStore<L> {
    pub(crate) log: L,
    pub(crate) keys: Arc<dyn SubjectKeys>,
    pub(crate) carry_every: u32,
}

/// With keys in memory.
impl<L: CommitLog + Default> Default for EventStore<L> {
    fn default() -> Self {
        Self::new(L::default(), MemoryKeys::shared())
    }
}

/// What an append came to.
#[derive(Clone, Debug)]
pub struct Appended<A> {
    /// The aggregate after it.
    pub context: Context<A>,
    /// The events as they were recorded.
    pub events: Vec<RecordedEvent>,
}

/// Who may be on the rosters that an aggregate joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joining {
    /// Whoever is.
    Any,
    /// Nobody but itself.
    First,
}

impl<L: CommitLog> EventStore<L> {
    /// The store over this log. What is personal in it is sealed with these keys.
    pub fn new(log: L, keys: Arc<dyn SubjectKeys>) -> Self {
        Self { log, keys, carry_every: CARRY_EVERY }
    }

    /// The same, but the state is carried every so many commits rather than every [`CARRY_EVERY`]; 0 counts as 1. For
    /// tests, whose histories are short.
    #[must_use]
    pub fn carrying_every(self, commits: u32) -> Self {
        Self { carry_every: commits.max(1), ..self }
    }

    /// The log beneath.
    pub const fn log(&self) -> &L {
        &self.log
    }

    /// The aggregate as it is now; one without a history has version 0.
    pub async fn load<A: Decider>(&self, id: Uuid) -> Result<Context<A>, StoreError> {
        self.load_to(id, u64::MAX).await
    }

    /// The aggregate after the last commit that begins at `highest` or before it. Reads the newest first, and stops at
    /// the first state that is carried and usable: at most [`CARRY_EVERY`] commits (or as many as
    /// [`Self::carrying_every`] says), however long the history.
    pub(crate) async fn load_to<A: Decider>(&self, id: Uuid, highest: u64) -> Result<Context<A>, StoreError> {
        let stream = StreamId::new(A::KIND, id);
        let mut opener = Opener::NoKey;
        let mut newer: Vec<Commit> = Vec::new();
        let mut query = Some(PageQuery::backward(stream, highest).limit(self.carry_every));
        while let Some(next) = query {
            let page = self.log.page(&next).await?;
            // Not before: who wrote this had a key, and there may have been none a moment ago.
            opener = self.opener(&stream).await?;
            for stored in page.commits {
                if let Some(after) = newer.last() {
                    check_link(&stored.commit, after)?;
                }
                if let Some(context) = Context::carried_by(&stored, &opener) {
                    return replay(context, &newer, &opener);
                }
                newer.push(stored.commit);
            }
            query = page.next;
        }
        if let Some(first) = newer.last()
            && (first.version != 1 || first.prev_hash != Hash::GENESIS)
        {
            return Err(StoreError::damaged(&stream, first.version, &"the history does not begin here"));
        }
        replay(Context::new(id), &newer, &opener)
    }

    pub(crate) async fn opener(&self, stream: &StreamId) -> Result<Opener, StoreError> {
        self.keys.opener(stream).await.map_err(|error| StoreError::Unavailable(Box::new(error)))
    }

    /// The key that these events are sealed with; `None` when nothing in them is personal.
    async fn sealer(&self, stream: &StreamId, events: &[EventData]) -> Result<Option<SubjectKey>, StoreError> {
        if !events.iter().any(|event| !personal_fields(stream.aggregate, &event.event_type).is_empty()) {
            return Ok(None);
        }
        match self.keys.make(UserId(stream.id)).await {
            Ok(Opener::Key(key)) => Ok(Some(key)),
            // The person was erased since the aggregate was read: decided again, it is refused.
            Ok(Opener::Erased | Opener::NoKey) => Err(StoreError::Conflict),
            Err(error) => Err(StoreError::Unavailable(Box::new(error))),
        }
    }

    /// Commits these events after those of the context. The context's aggregate must have applied them already, as
    /// `cqrs_es::EventSink::write` does. No events: nothing is written.
    ///
    /// An unknown outcome is tried again; when it turns out that the commit is there, that is success.
    pub async fn append<A: Decider>(
        &self,
        context: Context<A>,
        events: Vec<A::Event>,
        metadata: &Metadata,
    ) -> Result<Appended<A>, StoreError> {
        self.append_joining(context, events, metadata, Joining::Any).await
    }

    /// The same, where it matters who else is on the rosters that the aggregate joins.
    pub(crate) async fn append_joining<A: Decider>(
        &self,
        mut context: Context<A>,
        events: Vec<A::Event>,
        metadata: &Metadata,
        joining: Joining,
    ) -> Result<Appended<A>, StoreError> {
        if events.is_empty() {
            return Ok(Appended { context, events: Vec::new() });
        }
        let recorded = event_data(&events)?;
        let key = self.sealer(&context.stream, &recorded).await?;
        let commit = seal(&context, recorded, metadata, key.as_ref())?;
        context.advance(&commit);
        let mut carried = None;
        if context.commits_since_state >= self.carry_every {
            let opener = key.map_or(self.opener(&context.stream).await?, Opener::Key);
            carried = context.to_carried(&opener);
            context.commits_since_state = 0;
        }
        let mut reservations = net(context.aggregate.reservations(context.stream.id, &events));
        if joining == Joining::First {
            reservations = reservations.into_iter().map(Reservation::as_first).collect();
        }
        self.write::<A>(&commit, carried.as_ref(), &reservations).await?;
        Ok(Appended { events: commit.into_recorded_events().collect(), context })
    }

    pub(crate) async fn write<A: Decider>(
        &self,
        commit: &Commit,
        carried: Option<&CarriedState>,
        reservations: &[Reservation],
    ) -> Result<(), StoreError> {
        let mut backoff = Backoff::new(TRIES, commit.command_id);
        let mut unknown: Option<BoxError> = None;
        loop {
            let error = match self.log.append(commit, carried, reservations).await {
                Ok(()) => return Ok(()),
                Err(AppendError::Taken { .. }) if planted(Mutant::ConflictIsSuccess) => return Ok(()),
                // Nothing of this write can stand there yet. The very same commit may, written by another sending of the
                // command: whoever loads again finds it, and answers as one does to a repeat.
                Err(AppendError::Taken { .. }) if unknown.is_none() => return Err(StoreError::Conflict),
                Err(AppendError::Taken { existing }) => return self.is_ours(commit, existing).await,
                Err(AppendError::Unknown(source)) => {
                    tracing::debug!(stream = %commit.stream, version = commit.version, error = %source, "unknown outcome");
                    unknown = Some(source);
                    StoreError::Busy
                }
                // A store that is older than the roster, or new. Nobody comes onto it or off it before it is begun.
                Err(AppendError::NoRoster { key }) => match self.begin_roster::<A>(&key).await {
                    Ok(()) => StoreError::Busy,
                    Err(error) => return Err(known_or(unknown, error)),
                },
                Err(error @ (AppendError::Contention | AppendError::Throttled)) => error.into(),
                Err(
                    error @ (AppendError::Reserved { .. }
                    | AppendError::LastOnRoster { .. }
                    | AppendError::NotFirst { .. }
                    | AppendError::TooLarge { .. }
                    | AppendError::Refused(_)),
                ) => return Err(known_or(unknown, error.into())),
            };
            if !backoff.wait().await {
                return Err(known_or(unknown, error));
            }
        }
    }

    /// Begins a roster with those who belong on it, as they are now. Each of them holds a reservation, and whoever came
    /// onto it or left it in the meantime began it first, which makes this one void.
    async fn begin_roster<A: Decider>(&self, key: &str) -> Result<(), StoreError> {
        let holders = self.log.holders().await?;
        let looked_at = holders.into_iter().map(|id| async move {
            let context = self.load::<A>(id).await?;
            Ok::<_, StoreError>(context.aggregate.is_on(key).then_some(id))
        });
        let members = stream::iter(looked_at).buffer_unordered(LOADS_AT_ONCE).try_collect::<Vec<_>>().await?;
        Ok(self.log.begin_roster(key, &members.into_iter().flatten().collect()).await?)
    }

    /// Whether what stands in the place is this very commit, written by an earlier try. Another commit of the same
    /// command (sent twice at once) is a conflict like any other: the handler loads again and finds the command known.
    pub(crate) async fn is_ours(&self, commit: &Commit, existing: Option<Box<Commit>>) -> Result<(), StoreError> {
        let existing = if let Some(existing) = existing {
            Some(*existing)
        } else {
            let query = PageQuery::backward(commit.stream, commit.version).limit(1);
            self.log.page(&query).await?.commits.pop().map(|stored| stored.commit)
        };
        let ours = existing.is_some_and(|existing| existing.version == commit.version && existing.hash == commit.hash);
        if ours { Ok(()) } else { Err(StoreError::Conflict) }
    }
}

/// After one unknown outcome, all that follows leaves it unknown, but for a place that is taken: the put whose answer never
/// came may still be under way, and find that a reservation that refused this one was released.
fn known_or(unknown: Option<BoxError>, error: StoreError) -> StoreError {
    unknown.map_or(error, StoreError::Unavailable)
}

/// The commit of these events after those of the context. Time never runs back in a history: a clock that is behind
/// the last commit's gives way to it.
///
/// With a key, what is personal in them is sealed, and so is the fingerprint, as the command said the same. The same events
/// in the same place are the same commit each time.
fn seal<A: Decider>(
    context: &Context<A>,
    mut events: Vec<EventData>,
    metadata: &Metadata,
    key: Option<&SubjectKey>,
) -> Result<Commit, StoreError> {
    let unavailable = |error: BoxError| StoreError::Unavailable(error);
    let at = metadata.at.trunc_subsecs(3);
    let mut metadata = Metadata { at: context.updated_at.map_or(at, |last| last.max(at)), ..metadata.clone() };
    if let Some(key) = key {
        metadata.fingerprint = key.fingerprint(&metadata.fingerprint);
        for (version, event) in (context.version + 1..).zip(&mut events) {
            if !planted(Mutant::NotSealed) {
                seal_event(key, &context.stream, version, &event.event_type, &mut event.data)
                    .map_err(|error| unavailable(error.into()))?;
            }
        }
    }
    Commit::seal(context.stream, context.version + 1, events, &metadata, context.head)
        .map_err(|error| unavailable(error.into()))
}

/// The events as they are recorded, with everything in the open.
fn event_data<E: cqrs_es::DomainEvent>(events: &[E]) -> Result<Vec<EventData>, StoreError> {
    let unavailable = |error: BoxError| StoreError::Unavailable(error);
    if events.len() > MAX_EVENTS_IN_COMMIT {
        return Err(unavailable(format!("a commit has at most {MAX_EVENTS_IN_COMMIT} events").into()));
    }
    events.iter().map(tagged).collect::<Result<_, _>>().map_err(|error| unavailable(error.into()))
}

/// Every event serialises adjacently tagged: its type, and its data.
fn tagged<E: cqrs_es::DomainEvent>(event: &E) -> Result<EventData, serde_json::Error> {
    let schema = event.event_version().parse().map_err(serde::ser::Error::custom)?;
    let mut tagged = serde_json::to_value(event)?;
    let mut member = |name| tagged.get_mut(name).map(Value::take);
    let (Some(Value::String(event_type)), Some(data)) = (member("type"), member("data")) else {
        return Err(serde::ser::Error::custom("an event has a type and data"));
    };
    Ok(EventData { event_type, schema, data })
}

/// One change for each key, the last one: a transaction writes an item once.
fn net(reservations: Vec<Reservation>) -> Vec<Reservation> {
    let keyed = reservations.into_iter().map(|reservation| (reservation.key().to_owned(), reservation));
    keyed.collect::<BTreeMap<_, _>>().into_values().collect()
}

fn check_link(commit: &Commit, after: &Commit) -> Result<(), StoreError> {
    if commit.last_version() + 1 != after.version {
        return Err(StoreError::damaged(&after.stream, after.version, &"the commit before it is missing"));
    }
    if commit.hash != after.prev_hash {
        return Err(StoreError::damaged(&after.stream, after.version, &"it does not continue the commit before it"));
    }
    Ok(())
}

/// The context after these commits, which come newest first.
fn replay<A: Decider>(
    mut context: Context<A>,
    newest_first: &[Commit],
    opener: &Opener,
) -> Result<Context<A>, StoreError> {
    for commit in newest_first.iter().rev() {
        context.follow(commit, opener)?;
    }
    Ok(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_released_and_claimed_at_once_is_written_once_as_it_ends() {
        let owner = Uuid::from_u128(1);
        let claim = |key: &str| Reservation::Claim { key: key.to_owned(), owner };
        let release = |key: &str| Reservation::Release { key: key.to_owned(), owner };
        assert_eq!(net(vec![release("a"), claim("b"), claim("a")]), [claim("a"), claim("b")]);
        assert_eq!(net(vec![claim("a"), release("a")]), [release("a")]);
    }
}
