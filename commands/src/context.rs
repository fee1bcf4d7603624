//! An aggregate with what surrounds it.

use std::io;

use chrono::{DateTime, Utc};
use cqrs_es::AggregateContext;
use muster_domain::aggregate::Decider;
use muster_domain::event::decode_as;
use muster_domain::mutant::{Mutant, planted};
use muster_domain::personal::{Opener, open_event, open_value, seal};
use muster_domain::{Actor, AggregateType, Commit, EventData, Hash, StreamId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::log::{CarriedState, StoredCommit};
use crate::recent::RecentCommands;

/// An aggregate as it was loaded, and the place in its history where the next commit goes.
#[derive(Clone, Debug)]
pub struct Context<A> {
    pub(crate) stream: StreamId,
    pub(crate) aggregate: A,
    pub(crate) version: u64,
    pub(crate) head: Hash,
    pub(crate) created_at: Option<DateTime<Utc>>,
    pub(crate) updated_at: Option<DateTime<Utc>>,
    pub(crate) updated_by: Option<Actor>,
    pub(crate) commands: RecentCommands,
    /// Commits after the one whose carried state this began with, or all of them.
    pub(crate) commits_since_state: u32,
}

/// The carried state: all of a [`Context`] that the commit itself does not say. Borrows to be written, owns when read.
#[derive(Serialize, Deserialize)]
struct Carried<A, C> {
    /// The version that it is of.
    version: u64,
    created_at: DateTime<Utc>,
    commands: C,
    aggregate: A,
}

impl<A: Decider> Context<A> {
    /// The aggregate before its first event.
    pub(crate) fn new(id: Uuid) -> Self {
        Self {
            stream: StreamId::new(A::KIND, id),
            aggregate: A::default(),
            version: 0,
            head: Hash::GENESIS,
            created_at: None,
            updated_at: None,
            updated_by: None,
            commands: RecentCommands::default(),
            commits_since_state: 0,
        }
    }

    /// The aggregate's history.
    pub const fn stream(&self) -> StreamId {
        self.stream
    }

    /// The state.
    pub const fn state(&self) -> &A {
        &self.aggregate
    }

    /// The version of the last event; 0 before the first.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The hash of the last commit.
    pub const fn head(&self) -> Hash {
        self.head
    }

    /// When the first commit was recorded, once there is one.
    pub const fn created_at(&self) -> Option<DateTime<Utc>> {
        self.created_at
    }

    /// When the last commit was recorded, once there is one.
    pub const fn updated_at(&self) -> Option<DateTime<Utc>> {
        self.updated_at
    }

    /// Who made the last commit, once there is one.
    pub const fn updated_by(&self) -> Option<&Actor> {
        self.updated_by.as_ref()
    }

    /// The commands that took effect lately.
    pub const fn commands(&self) -> &RecentCommands {
        &self.commands
    }

    /// The context after the next commit, its events applied.
    pub(crate) fn follow(&mut self, commit: &Commit, opener: &Opener) -> Result<(), StoreError> {
        for (version, event) in (commit.version..).zip(&commit.events) {
            self.aggregate.evolve(&opened::<A>(opener, commit, version, event)?);
        }
        self.advance(commit);
        Ok(())
    }

    /// The context after the next commit, whose events the aggregate has already applied.
    pub(crate) fn advance(&mut self, commit: &Commit) {
        self.version = commit.last_version();
        self.head = commit.hash;
        self.created_at.get_or_insert(commit.recorded_at);
        self.updated_at = Some(commit.recorded_at);
        self.updated_by = Some(commit.actor.clone());
        self.commands.remember(commit);
        self.commits_since_state += 1;
    }

    /// The context after this commit, from the state that it carries; `None` when that is missing, of another schema
    /// or damaged.
    pub(crate) fn carried_by(stored: &StoredCommit, opener: &Opener) -> Option<Self> {
        let StoredCommit { commit, carried: Some(CarriedState { schema, state }) } = stored else { return None };
        let pass_over = |reason: &str| {
            tracing::debug!(stream = %commit.stream, version = commit.version, reason, "carried state passed over");
            None
        };
        if *schema != A::STATE_SCHEMA && !planted(Mutant::ForeignStateTrusted) {
            return pass_over("another schema");
        }
        let Some(state) = opened_state(commit, opener, state) else { return pass_over("sealed") };
        // An aggregate with a history is never null, which would read as one without.
        let aggregate = state.get("aggregate").filter(|aggregate| !aggregate.is_null());
        if aggregate.is_none() && !planted(Mutant::DamagedStateTrusted) {
            return pass_over("no aggregate");
        }
        let carried: Carried<A, RecentCommands> = match serde_json::from_value(state) {
            Ok(carried) => carried,
            Err(error) => return pass_over(&error.to_string()),
        };
        if carried.version != commit.last_version() && !planted(Mutant::DamagedStateTrusted) {
            return pass_over("of another version");
        }
        Some(Self {
            stream: commit.stream,
            aggregate: carried.aggregate,
            version: carried.version,
            head: commit.hash,
            created_at: Some(carried.created_at),
            updated_at: Some(commit.recorded_at),
            updated_by: Some(commit.actor.clone()),
            commands: carried.commands,
            commits_since_state: 0,
        })
    }

    /// The state for the last commit to carry. It is a cache, so there is none rather than an error.
    pub(crate) fn to_carried(&self, opener: &Opener) -> Option<CarriedState> {
        let state = serde_json::to_value(Carried {
            version: self.version,
            created_at: self.created_at?,
            commands: &self.commands,
            aggregate: &self.aggregate,
        });
        let state = match (A::KIND, opener) {
            (AggregateType::Task | AggregateType::Team, _) => state.ok()?,
            (AggregateType::User, Opener::Key(key)) => {
                seal(key, &state_place(&self.stream, self.version), &state.ok()?).ok()?
            }
            // Who is erased has nothing to carry; without a key nothing personal is written.
            (AggregateType::User, Opener::NoKey | Opener::Erased) => return None,
        };
        Some(CarriedState { schema: A::STATE_SCHEMA, state })
    }

    /// About how many bytes it takes in memory. The aggregate counts with its JSON, which says the same in more words.
    pub(crate) fn bytes(&self) -> usize {
        let mut json = Counter(0);
        // One that has no JSON could not be carried either; the count up to there will do.
        let _ = serde_json::to_writer(&mut json, &self.aggregate);
        size_of::<Self>() + self.commands.bytes() + json.0
    }
}

/// An event of a commit, typed, with what is personal in the open or as placeholders.
pub(crate) fn opened<A: Decider>(
    opener: &Opener,
    commit: &Commit,
    version: u64,
    EventData { event_type, schema, data }: &EventData,
) -> Result<A::Event, StoreError> {
    let damaged = |error: &dyn std::fmt::Display| StoreError::damaged(&commit.stream, commit.version, &error);
    let data =
        open_event(opener, &commit.stream, version, event_type, data.clone()).map_err(|error| damaged(&error))?;
    decode_as(A::KIND, event_type, *schema, data).map_err(|error| damaged(&error))
}

/// The carried state of a person is sealed like their events, bound to the version that it is of.
fn state_place(stream: &StreamId, version: u64) -> String {
    format!("{stream}@{version} state")
}

/// The carried state in the open; `None` when it is sealed and the key is not there. One from before states were sealed
/// is of an older schema, and never comes here.
fn opened_state(commit: &Commit, opener: &Opener, state: &Value) -> Option<Value> {
    match (commit.stream.aggregate, opener) {
        (AggregateType::Task | AggregateType::Team, _) => Some(state.clone()),
        (AggregateType::User, Opener::Key(key)) => {
            open_value(key, &state_place(&commit.stream, commit.last_version()), state)
        }
        (AggregateType::User, Opener::NoKey | Opener::Erased) => None,
    }
}

/// Counts what is written.
struct Counter(usize);

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<A: Decider> AggregateContext<A> for Context<A> {
    fn aggregate(&mut self) -> &mut A {
        &mut self.aggregate
    }
}
