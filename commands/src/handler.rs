//! The command handler: what happens between a command and its commit.

use muster_domain::aggregate::Decider;
use muster_domain::mutant::{Mutant, planted};
use muster_domain::personal::Opener;
use muster_domain::{CommandId, EventReader as _, Fingerprint, Metadata, StreamId};
use uuid::Uuid;

use crate::backoff::Backoff;
use crate::cache::{CACHE_BYTES, Cache};
use crate::context::Context;
use crate::error::StoreError;
use crate::expected::ExpectedVersion;
use crate::log::{CommitLog, PageQuery};
use crate::outcome::{Committed, ExecuteError, GuardedError, unguarded};
use crate::recent::RecentCommand;
use crate::store::{Appended, EventStore, Joining};

/// How often a command is decided before it gives way to others on the same aggregate.
const DECISIONS: u32 = 8;

/// What a command comes to on one state of its aggregate.
enum Decision<E> {
    /// It had its effect before.
    Known(RecentCommand),
    /// These events, at least one.
    Append(Vec<E>),
    /// There is nothing to change.
    Nothing,
}

/// Carries out commands.
///
/// It remembers the aggregates that it used last, and decides the next command on one of them without a read; of one that
/// is to begin ([`ExpectedVersion::New`]) it assumes that there is nothing yet. What is assumed may be behind what is
/// stored, so it may lead to two answers only: an append, whose condition shows that it was not behind, and the first
/// answer of a command that is known, which stays what it was. Before anything else is said (a refusal, another version,
/// nothing to change), the aggregate is read and the command decided again.
#[derive(Clone, Debug)]
pub struct CommandHandler<L> {
    store: EventStore<L>,
    pub(crate) cache: Cache,
}

impl<L: CommitLog> CommandHandler<L> {
    /// A handler over this store, which remembers [`CACHE_BYTES`] of aggregates.
    pub fn new(store: EventStore<L>) -> Self {
        Self { store, cache: Cache::new(CACHE_BYTES) }
    }

    /// The same, but it remembers at most about so many bytes of aggregates; 0: none.
    #[must_use]
    pub fn remembering(self, bytes: usize) -> Self {
        Self { cache: Cache::new(bytes), ..self }
    }

    /// The store.
    pub const fn store(&self) -> &EventStore<L> {
        &self.store
    }

    /// Carries out one command, at most once however often it is sent: a command whose id is known is answered as it
    /// was the first time.
    pub async fn execute<A>(
        &self,
        id: Uuid,
        command: A::Command,
        expected: ExpectedVersion,
        metadata: &Metadata,
    ) -> Result<Committed<A>, ExecuteError<A::Error>>
    where
        A: Decider<Services = ()>,
        A::Command: Clone + Send + Sync,
    {
        let anything = |_: &A| Ok(());
        self.execute_if(id, command, expected, metadata, anything).await.map_err(unguarded)
    }

    /// Like [`Self::execute`], if nobody else is on the rosters that the aggregate joins by it: of many at once, one is the first, and
    /// the others get [`ExecuteError::NotFirst`].
    pub async fn execute_first<A>(
        &self,
        id: Uuid,
        command: A::Command,
        expected: ExpectedVersion,
        metadata: &Metadata,
    ) -> Result<Committed<A>, ExecuteError<A::Error>>
    where
        A: Decider<Services = ()>,
        A::Command: Clone + Send + Sync,
    {
        let anything = |_: &A| Ok(());
        self.carry_out(id, command, expected, metadata, anything, Joining::First).await.map_err(unguarded)
    }

    /// Like [`Self::execute`], if the guard lets it: the guard sees the very state that the command is decided on, so
    /// that nothing can change between the two. A command that is known is answered without asking again.
    pub async fn execute_if<A, G>(
        &self,
        id: Uuid,
        command: A::Command,
        expected: ExpectedVersion,
        metadata: &Metadata,
        guard: impl Fn(&A) -> Result<(), G> + Send + Sync,
    ) -> Result<Committed<A>, GuardedError<A::Error, G>>
    where
        A: Decider<Services = ()>,
        A::Command: Clone + Send + Sync,
    {
        self.carry_out(id, command, expected, metadata, guard, Joining::Any).await
    }

    async fn carry_out<A, G>(
        &self,
        id: Uuid,
        command: A::Command,
        expected: ExpectedVersion,
        metadata: &Metadata,
        guard: impl Fn(&A) -> Result<(), G> + Send + Sync,
        joining: Joining,
    ) -> Result<Committed<A>, GuardedError<A::Error, G>>
    where
        A: Decider<Services = ()>,
        A::Command: Clone + Send + Sync,
    {
        let mut backoff = Backoff::new(DECISIONS, metadata.command_id);
        // Of an aggregate that is to begin, nothing at all is as good as remembered. (A history whose first commit was lost
        // is not noticed here: its next reader will.)
        let begins = || (expected == ExpectedVersion::New).then(|| Context::new(id));
        let mut assumed = self.cache.take::<A>(id).or_else(begins);
        loop {
            let (mut context, fresh) = match assumed.take() {
                Some(context) => (context, false),
                None => (self.store.load::<A>(id).await?, true),
            };
            let events = match self.decide(&context, &command, expected, metadata, &guard).await {
                Ok(Decision::Append(events)) => events,
                Ok(Decision::Known(known)) if fresh || known.fingerprint == metadata.fingerprint => {
                    self.cache.put(context);
                    return Ok(self.first_answer(id, &known, metadata).await?);
                }
                // It may be otherwise by now.
                Ok(Decision::Known(_) | Decision::Nothing) | Err(_) if !fresh => continue,
                Ok(Decision::Known(_) | Decision::Nothing) => {
                    let answer = Committed::after(&context, Vec::new(), metadata, false);
                    self.cache.put(context);
                    return Ok(answer);
                }
                Err(error) => {
                    self.cache.put(context);
                    return Err(error);
                }
            };
            for event in &events {
                context.aggregate.evolve(event);
            }
            match self.store.append_joining(context, events, metadata, joining).await {
                Ok(Appended { context, events }) => {
                    let answer = Committed::after(&context, events, metadata, false);
                    self.remember(context);
                    return Ok(answer);
                }
                // Somebody was faster, perhaps another sending of this command.
                Err(StoreError::Conflict) => {}
                Err(error @ StoreError::Unavailable(_)) => return Err(error.into()),
                // It says that this had no effect. An earlier sending may have had one.
                Err(_) if !fresh => {}
                Err(error) => return Err(error.into()),
            }
            // What was assumed does not count as a try: that it was behind says nothing of others at this moment.
            if fresh && !backoff.wait().await {
                return Err(ExecuteError::Contended.into());
            }
        }
    }

    /// What the command comes to on this state, if the guard lets it.
    async fn decide<A: Decider, G>(
        &self,
        context: &Context<A>,
        command: &A::Command,
        expected: ExpectedVersion,
        metadata: &Metadata,
        guard: &(impl Fn(&A) -> Result<(), G> + Sync),
    ) -> Result<Decision<A::Event>, GuardedError<A::Error, G>>
    where
        A::Command: Clone + Send + Sync,
    {
        if let Some(known) = self.known(context, expected, metadata.command_id).await? {
            return Ok(Decision::Known(known));
        }
        guard(&context.aggregate).map_err(GuardedError::Guard)?;
        let actual = context.version();
        if !expected.allows(actual) {
            return Err(ExecuteError::VersionMismatch { expected, actual }.into());
        }
        let events = context.aggregate.decide(command.clone()).map_err(ExecuteError::Refused)?;
        Ok(if events.is_empty() { Decision::Nothing } else { Decision::Append(events) })
    }

    /// Remembers an aggregate after a commit, unless that carries its state: whether the state was written and can be
    /// used shows when it is read, and no history goes on for longer than that without being read.
    fn remember<A: Decider>(&self, context: Context<A>) {
        if context.commits_since_state > 0 {
            self.cache.put(context);
        }
    }

    /// The earlier effect of this command, if it had one. A creation is recognised however long ago it was.
    async fn known<A: Decider>(
        &self,
        context: &Context<A>,
        expected: ExpectedVersion,
        command_id: CommandId,
    ) -> Result<Option<RecentCommand>, StoreError> {
        if planted(Mutant::RepeatUnseen) {
            return Ok(None);
        }
        if let Some(known) = context.commands().find(command_id) {
            return Ok(Some(known.clone()));
        }
        if expected != ExpectedVersion::New || context.version() == 0 {
            return Ok(None);
        }
        let first = self.store.log.page(&PageQuery::forward(context.stream()).limit(1)).await?.commits.pop();
        Ok(first
            .filter(|stored| stored.commit.command_id == command_id)
            .map(|stored| RecentCommand::of(&stored.commit)))
    }

    /// The answer that the command got the first time, whatever has happened since.
    async fn first_answer<A: Decider>(
        &self,
        id: Uuid,
        known: &RecentCommand,
        metadata: &Metadata,
    ) -> Result<Committed<A>, ExecuteError<A::Error>> {
        let opener = self.store.opener(&StreamId::new(A::KIND, id)).await?;
        if !is_of(&known.fingerprint, &metadata.fingerprint, &opener) {
            return Err(ExecuteError::KeyReused);
        }
        let context = self.store.load_to::<A>(id, known.last).await?;
        let events = self.store.events(&context.stream(), known.first - 1, Some(known.last)).await;
        Ok(Committed::after(&context, events.map_err(StoreError::from)?, metadata, true))
    }
}

/// Whether a command was stored with this fingerprint: plain, or, where it holds personal data, under the person's key.
fn is_of(stored: &Fingerprint, asked: &Fingerprint, opener: &Opener) -> bool {
    match opener {
        Opener::Key(key) => stored == asked || *stored == key.fingerprint(asked),
        Opener::NoKey | Opener::Erased => stored == asked,
    }
}
