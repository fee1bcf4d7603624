//! Commands that come in requests: what is carried out is kept with where it came from.

use muster_commands::{
    CommandHandler, Committed, DynamoEventStore, DynamoLog, ExecuteError, ExpectedVersion, GuardedError,
};
use muster_domain::{Decider, Metadata, StreamId};
use muster_identity::{Carried, CommandOrigin, Origins};
use uuid::Uuid;

/// What comes with a command.
pub trait Provenance: Sync {
    /// For its events.
    fn metadata(&self) -> &Metadata;

    /// For beside them: where it came from, if it came from outside.
    fn origin(&self) -> Option<&CommandOrigin>;
}

/// What Muster does by itself comes from nowhere.
impl Provenance for Metadata {
    fn metadata(&self) -> &Metadata {
        self
    }

    fn origin(&self) -> Option<&CommandOrigin> {
        None
    }
}

/// What comes with a command of a request.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(super) metadata: Metadata,
    pub(super) origin: CommandOrigin,
}

impl Provenance for Sent {
    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn origin(&self) -> Option<&CommandOrigin> {
        Some(&self.origin)
    }
}

/// The command handler of the API: as [`CommandHandler`], and keeps where each command came from, once it is carried out. That
/// cannot fail a command: it is done by then.
#[derive(Clone, Debug)]
pub struct Commands {
    handler: CommandHandler<DynamoLog>,
    origins: Origins,
}

impl Commands {
    /// Over this handler.
    pub const fn new(handler: CommandHandler<DynamoLog>, origins: Origins) -> Self {
        Self { handler, origins }
    }

    /// The store beneath.
    pub const fn store(&self) -> &DynamoEventStore {
        self.handler.store()
    }

    /// Where commands came from.
    pub const fn origins(&self) -> &Origins {
        &self.origins
    }

    /// The same, with these.
    #[must_use]
    pub fn with_origins(self, origins: Origins) -> Self {
        Self { origins, ..self }
    }

    /// As [`CommandHandler::execute`].
    pub async fn execute<A>(
        &self,
        id: Uuid,
        command: A::Command,
        expected: ExpectedVersion,
        sent: &impl Provenance,
    ) -> Result<Committed<A>, ExecuteError<A::Error>>
    where
        A: Decider<Services = ()>,
        A::Command: Clone + Send + Sync,
    {
        let committed = self.handler.execute(id, command, expected, sent.metadata()).await?;
        self.keep(id, sent, &committed).await;
        Ok(committed)
    }

    /// As [`CommandHandler::execute_first`].
    pub async fn execute_first<A>(
        &self,
        id: Uuid,
        command: A::Command,
        expected: ExpectedVersion,
        sent: &impl Provenance,
    ) -> Result<Committed<A>, ExecuteError<A::Error>>
    where
        A: Decider<Services = ()>,
        A::Command: Clone + Send + Sync,
    {
        let committed = self.handler.execute_first(id, command, expected, sent.metadata()).await?;
        self.keep(id, sent, &committed).await;
        Ok(committed)
    }

    /// As [`CommandHandler::execute_if`].
    pub async fn execute_if<A, G>(
        &self,
        id: Uuid,
        command: A::Command,
        expected: ExpectedVersion,
        sent: &impl Provenance,
        guard: impl Fn(&A) -> Result<(), G> + Send + Sync,
    ) -> Result<Committed<A>, GuardedError<A::Error, G>>
    where
        A: Decider<Services = ()>,
        A::Command: Clone + Send + Sync,
    {
        let committed = self.handler.execute_if(id, command, expected, sent.metadata(), guard).await?;
        self.keep(id, sent, &committed).await;
        Ok(committed)
    }

    async fn keep<A: Decider>(&self, id: Uuid, sent: &impl Provenance, committed: &Committed<A>) {
        // A repeat came from elsewhere than what it repeats; what changed nothing has no entry in the log.
        if committed.replayed || committed.events.is_empty() {
            return;
        }
        if let Some(origin) = sent.origin() {
            let Metadata { command_id, actor, at, .. } = sent.metadata();
            let stream = StreamId::new(A::KIND, id);
            let carried = Carried { stream, command_id: *command_id, actor: actor.clone() };
            self.origins.keep(carried, origin.clone(), *at).await;
        }
    }
}
