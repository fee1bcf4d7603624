//! Whole histories as another store wrote them: the same commits, hashes, versions and ids. What a store keeps beside its
//! commits (carried states, reservations, rosters) is made anew from them.

use muster_domain::aggregate::{Decider, Reservation};
use muster_domain::commit::{ChainVerifier, Tampered};
use muster_domain::personal::{Opener, holds_sealed};
use muster_domain::task::Task;
use muster_domain::team::Team;
use muster_domain::user::User;
use muster_domain::{AggregateType, Commit, StreamId};

use crate::context::Context;
use crate::error::StoreError;
use crate::log::{CarriedState, CommitLog};
use crate::store::EventStore;

/// Why a history is not taken in.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is no commit in it.
    #[error("a history has at least one commit")]
    Empty,
    /// It is not as it was written.
    #[error("{stream} is not as it was written: {source}")]
    Tampered {
        /// The aggregate.
        stream: StreamId,
        /// Where it shows.
        source: Tampered,
    },
    /// It holds commits of two aggregates.
    #[error("a commit of {other} stands in the history of {stream}")]
    Mixed {
        /// Whose history it is.
        stream: StreamId,
        /// Whose commit stands in it.
        other: StreamId,
    },
    /// Another history stands in its place.
    #[error("the store has another history of {stream}")]
    Other {
        /// The aggregate.
        stream: StreamId,
    },
    /// It cannot be read, or the store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A history that was followed to its end, and can be written.
#[derive(Debug)]
pub struct Prepared {
    commits: Vec<(Commit, Option<CarriedState>)>,
    held: Vec<Reservation>,
}

impl Prepared {
    /// What the aggregate holds in the end, and the rosters that it is on.
    pub fn held(&self) -> &[Reservation] {
        &self.held
    }
}

impl<L: CommitLog> EventStore<L> {
    /// Follows a whole history: its chain, and each of its events. Nothing is written.
    ///
    /// A person whose key is gone holds nothing: nobody can sign in to their account, and their address is not known.
    pub fn prepare(&self, history: Vec<Commit>, opener: &Opener) -> Result<Prepared, RestoreError> {
        match history.first().ok_or(RestoreError::Empty)?.stream.aggregate {
            AggregateType::Task => self.prepare_as::<Task>(history, opener),
            AggregateType::User => self.prepare_as::<User>(history, opener),
            AggregateType::Team => self.prepare_as::<Team>(history, opener),
        }
    }

    fn prepare_as<A: Decider>(&self, history: Vec<Commit>, opener: &Opener) -> Result<Prepared, RestoreError> {
        let stream = history.first().ok_or(RestoreError::Empty)?.stream;
        let (mut chain, mut context) = (ChainVerifier::default(), Context::<A>::new(stream.id));
        let mut commits = Vec::with_capacity(history.len());
        let mut sealed = false;
        for commit in history {
            if commit.stream != stream {
                return Err(RestoreError::Mixed { stream, other: commit.stream });
            }
            chain.follow(&commit).map_err(|source| RestoreError::Tampered { stream, source })?;
            context.follow(&commit, opener)?;
            sealed |= commit.events.iter().any(|event| holds_sealed(stream.aggregate, &event.event_type, &event.data));
            let mut carried = None;
            if context.commits_since_state >= self.carry_every {
                carried = context.to_carried(opener);
                context.commits_since_state = 0;
            }
            commits.push((commit, carried));
        }
        let held = match opener {
            Opener::Erased if sealed => Vec::new(),
            Opener::Erased | Opener::NoKey | Opener::Key(_) => context.aggregate.held(stream.id),
        };
        Ok(Prepared { commits, held })
    }

    /// Writes a history that was prepared. Its last commit comes with what the aggregate holds, in one transaction. Commits that are
    /// there already, from a run that was cut off, stay.
    pub async fn restore(&self, prepared: Prepared) -> Result<(), RestoreError> {
        let Some((first, _)) = prepared.commits.first() else { return Err(RestoreError::Empty) };
        match first.stream.aggregate {
            AggregateType::Task => self.restore_as::<Task>(prepared).await,
            AggregateType::User => self.restore_as::<User>(prepared).await,
            AggregateType::Team => self.restore_as::<Team>(prepared).await,
        }
    }

    async fn restore_as<A: Decider>(&self, Prepared { commits, held }: Prepared) -> Result<(), RestoreError> {
        let last = commits.len();
        for (number, (commit, carried)) in (1..).zip(commits) {
            let held = if number == last { held.as_slice() } else { &[] };
            match self.write::<A>(&commit, carried.as_ref(), held).await {
                Ok(()) => {}
                Err(StoreError::Conflict) => match self.is_ours(&commit, None).await {
                    Ok(()) => {}
                    Err(StoreError::Conflict) => return Err(RestoreError::Other { stream: commit.stream }),
                    Err(error) => return Err(error.into()),
                },
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
