//! Session families: rotation, the lost response, the copied token, the end.

mod begun_lately;
mod ends;
mod rotation;
mod standing;
mod tokens;

use std::sync::Arc;

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::types::AttributeValue;
use muster_domain::ids::UserId;
use muster_identity::{Client, Proved, Rotated, ServerSecret, SessionError, SessionId, Sessions};
use uuid::Uuid;

use crate::support::{TestClock, store};

const USER: UserId = UserId(Uuid::from_u128(1));

/// A program that calls itself so.
fn browser(name: &str) -> Client {
    Client { user_agent: Some(name.to_owned()), address: None }
}

struct Case {
    clock: Arc<TestClock>,
    client: DynamoDb,
    table: String,
    sessions: Sessions,
}

impl Case {
    async fn new() -> Self {
        let (client, tables) = store().await;
        let clock = TestClock::new();
        let secret = ServerSecret::from_bytes([7; 32]);
        let sessions = Sessions::new(client.clone(), &tables.sessions, &secret, clock.clone());
        Self { clock, client, table: tables.sessions, sessions }
    }

    async fn start(&self) -> Rotated {
        self.sessions.start(USER, &browser("a browser"), Proved::default()).await.expect("a session")
    }

    async fn refresh(&self, token: &str) -> Rotated {
        self.sessions.refresh(token).await.expect("a successor")
    }

    async fn refused(&self, token: &str) -> SessionError {
        self.sessions.refresh(token).await.expect_err("a refusal")
    }

    async fn is_live(&self, family: SessionId) -> bool {
        self.sessions.is_live(family).await.expect("an answer")
    }

    async fn attribute(&self, family: SessionId, name: &str) -> Option<AttributeValue> {
        let get = self.client.get_item().table_name(&self.table).key("pk", AttributeValue::S(family.to_string()));
        get.send().await.expect("an answer").item.expect("an item").remove(name)
    }
}
