//! The keys of personal data in a run. They are in a table like those of the real program, and can be erased there; but they
//! follow from whose they are, so that a seed seals the same texts each time, and the oracle can read what was erased.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use muster_commands::DynamoEventStore;
use muster_domain::UserId;
use muster_domain::personal::{MemoryKeys, SubjectKey};
use muster_handlers::wiring;
use muster_vault::{Made, Master, MasterError};

use crate::world::PREFIX;

/// Wraps a key as whose it is.
#[derive(Debug)]
struct Simulated;

#[async_trait]
impl Master for Simulated {
    async fn make(&self, subject: UserId) -> Result<Made, MasterError> {
        Ok(Made { key: MemoryKeys::of(subject), wrapped: subject.0.as_bytes().to_vec() })
    }

    async fn wrap(&self, subject: UserId, _: &SubjectKey) -> Result<Vec<u8>, MasterError> {
        Ok(subject.0.as_bytes().to_vec())
    }

    async fn unwrap(&self, subject: UserId, wrapped: &[u8]) -> Result<SubjectKey, MasterError> {
        if wrapped == subject.0.as_bytes() { Ok(MemoryKeys::of(subject)) } else { Err(MasterError::NotOurs) }
    }
}

/// What wraps them.
pub fn master() -> Arc<dyn Master> {
    Arc::new(Simulated)
}

/// The event store as a process of its own has it.
pub fn event_store(client: &Client) -> DynamoEventStore {
    wiring::event_store(client, PREFIX, wiring::subject_keys(client, PREFIX, master()))
}
