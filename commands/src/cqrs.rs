//! The event store as cqrs-es knows it: a thin layer over [`EventStore::load`] and [`EventStore::append`].

use std::collections::HashMap;

use cqrs_es::{AggregateError, EventEnvelope};
use muster_domain::aggregate::Decider;
use muster_domain::{Commit, EventReader as _, Metadata, StreamId};
use uuid::Uuid;

use crate::context::{Context, opened};
use crate::error::StoreError;
use crate::log::{BoxError, CommitLog};
use crate::metadata::{metadata_from_map, metadata_to_map};
use crate::store::EventStore;

impl<A: Decider, L: CommitLog> cqrs_es::EventStore<A> for EventStore<L> {
    type AC = Context<A>;

    async fn load_events(&self, aggregate_id: &str) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        let id = parse(aggregate_id)?;
        let stream = StreamId::new(A::KIND, id);
        let commits = self.commits(&stream, 0, None).await.map_err(StoreError::from)?;
        // Not before: who wrote them had a key, and there may have been none a moment ago.
        let opener = self.opener(&stream).await?;
        let mut envelopes = Vec::new();
        for commit in &commits {
            let metadata = metadata_to_map(&metadata_of(commit));
            for (version, event) in (commit.version..).zip(&commit.events) {
                let payload = opened::<A>(&opener, commit, version, event)?;
                envelopes.push(envelope(&stream, version, payload, metadata.clone())?);
            }
        }
        Ok(envelopes)
    }

    async fn load_aggregate(&self, aggregate_id: &str) -> Result<Context<A>, AggregateError<A::Error>> {
        let id = parse(aggregate_id)?;
        Ok(self.load(id).await?)
    }

    async fn commit(
        &self,
        events: Vec<A::Event>,
        context: Context<A>,
        metadata: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        let typed = metadata_from_map(&metadata).map_err(unexpected)?;
        let stream = context.stream();
        let first = context.version() + 1;
        self.append(context, events.clone(), &typed).await?;
        (first..).zip(events).map(|(version, event)| envelope(&stream, version, event, metadata.clone())).collect()
    }
}

/// The source is always the [`StoreError`] itself, so that nothing is lost.
impl<E: std::error::Error> From<StoreError> for AggregateError<E> {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::AggregateConflict,
            StoreError::Busy | StoreError::Unavailable(_) => Self::DatabaseConnectionError(Box::new(error)),
            StoreError::Damaged { .. } => Self::DeserializationError(Box::new(error)),
            StoreError::Reserved { .. }
            | StoreError::LastOnRoster { .. }
            | StoreError::NotFirst { .. }
            | StoreError::TooLarge { .. } => Self::UnexpectedError(Box::new(error)),
        }
    }
}

fn unexpected<E: std::error::Error>(error: impl Into<BoxError>) -> AggregateError<E> {
    AggregateError::UnexpectedError(error.into())
}

fn parse<E: std::error::Error>(aggregate_id: &str) -> Result<Uuid, AggregateError<E>> {
    aggregate_id.parse().map_err(unexpected)
}

fn metadata_of(commit: &Commit) -> Metadata {
    Metadata {
        command_id: commit.command_id,
        fingerprint: commit.fingerprint.clone(),
        actor: commit.actor.clone(),
        at: commit.recorded_at,
        correlation_id: commit.correlation_id.clone(),
        causation_id: commit.causation_id.clone(),
    }
}

fn envelope<A: Decider>(
    stream: &StreamId,
    version: u64,
    payload: A::Event,
    metadata: HashMap<String, String>,
) -> Result<EventEnvelope<A>, AggregateError<A::Error>> {
    let sequence = usize::try_from(version).map_err(unexpected)?;
    Ok(EventEnvelope { aggregate_id: stream.id.to_string(), sequence, payload, metadata })
}
