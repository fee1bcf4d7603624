//! Session families: one item each, from log-in to log-out, whose generation counts its refreshes.

mod begun;
mod find;
mod notes;
mod refresh;
mod session;

use std::fmt;
use std::sync::Arc;

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::ids::UserId;
use muster_domain::ports::Clock;
use uuid::Uuid;

use crate::client::Client;
use crate::refresh_token::RefreshTokens;
use crate::secrets::ServerSecret;
use crate::store::{Item, StoreError, n, s};
use begun::begun_lately;

pub use refresh::{Rotated, SessionError};
pub use session::{EndReason, Proved, Session, SessionId, Standing};

/// From log-in to the end, whatever is refreshed meanwhile.
const LIFETIME: TimeDelta = TimeDelta::days(30);
/// How long a family lives that nobody refreshes, unless the operator says otherwise. Whoever uses it refreshes it every quarter of an
/// hour, so a phone may lie in a drawer for a week.
pub const IDLE: TimeDelta = TimeDelta::days(7);
/// The most characters that are kept of a user agent.
const MAX_USER_AGENT: usize = 256;

/// The table of session families.
#[derive(Clone)]
pub struct Sessions {
    client: DynamoDb,
    table: String,
    tokens: RefreshTokens,
    clock: Arc<dyn Clock>,
    idle: TimeDelta,
}

impl Sessions {
    /// Over an existing table.
    pub fn new(client: DynamoDb, table: impl Into<String>, secret: &ServerSecret, clock: Arc<dyn Clock>) -> Self {
        Self { client, table: table.into(), tokens: RefreshTokens::new(secret), clock, idle: IDLE }
    }

    /// The same, where a family that nobody refreshes lives for so long.
    #[must_use]
    pub fn with_idle(self, idle: TimeDelta) -> Self {
        Self { idle, ..self }
    }

    /// Begins a family for a user who has just proved who they are. Whoever ends all of the user's families after this has returned
    /// ends this one, too.
    pub async fn start(&self, user: UserId, client: &Client, proved: Proved) -> Result<Rotated, StoreError> {
        let now = self.clock.now();
        let (family, expires_at) = (SessionId(Uuid::new_v4()), now + LIFETIME);
        let put = self.client.put_item().table_name(&self.table);
        let put = put.item("pk", s(&family)).item("user_id", s(&user)).item("generation", n(&0));
        let put = put.item("rotated_at", millis(now)).item("created_at", millis(now));
        let put = put.item("expires_at", millis(expires_at)).item("ttl", n(&expires_at.timestamp()));
        let agent = client.user_agent.as_ref().map(|agent| agent.chars().take(MAX_USER_AGENT).collect::<String>());
        let put = agent.filter(|agent| !agent.is_empty()).into_iter().fold(put, |put, a| put.item("user_agent", s(&a)));
        let put = client.address.iter().fold(put, |put, address| put.item("address", s(address)));
        let put = if proved.with_factor { put.item("has_factor", AttributeValue::Bool(true)) } else { put };
        let due = proved.with_handed_over_password;
        let put = if due { put.item("new_password_due", AttributeValue::Bool(true)) } else { put };
        let put = put.condition_expression("attribute_not_exists(pk)");
        let put = async { put.send().await.map(drop).map_err(StoreError::of("starting a session")) };
        tokio::try_join!(Box::pin(put), Box::pin(self.note_begun(user, family, now)))?;
        Ok(Rotated { session_id: family, user_id: user, refresh_token: self.tokens.token(family, 0), expires_at })
    }

    /// Ends a family; fine when it has ended or is gone.
    pub async fn end(&self, family: SessionId, reason: EndReason) -> Result<(), StoreError> {
        let update = self.client.update_item().table_name(&self.table).key("pk", s(&family));
        let update = update.update_expression("SET ended_at = :now, ended_reason = :reason");
        let update = update.condition_expression("attribute_exists(pk) AND attribute_not_exists(ended_at)");
        let update = update.expression_attribute_values(":now", millis(self.clock.now()));
        let update = update.expression_attribute_values(":reason", s(&reason.as_str()));
        there_or_gone(update.send().await, "ending a session")
    }

    /// Ends all families of a user that have begun by now. For one that is just beginning, whoever begins it looks again afterwards
    /// whether they still may.
    pub async fn end_all_for_user(&self, user: UserId, reason: EndReason) -> Result<(), StoreError> {
        self.end_all_but(None, user, reason).await
    }

    /// Likewise, but lets one of them live on.
    pub async fn end_all_but(
        &self,
        kept: Option<SessionId>,
        user: UserId,
        reason: EndReason,
    ) -> Result<(), StoreError> {
        for session in self.of_user(user).await? {
            if session.ended_at.is_none() && kept != Some(session.id) {
                self.end(session.id, reason).await?;
            }
        }
        Ok(())
    }

    /// Ends all families of everybody, and says how many there were. It reads the whole table: it is for an operator who has stopped
    /// the rest.
    pub async fn end_all(&self, reason: EndReason) -> Result<usize, StoreError> {
        const LISTING: &str = "listing all sessions";
        // What notes that families were begun lately has no generation.
        let alive = "attribute_exists(generation) AND attribute_not_exists(ended_at)";
        let scan = self.client.scan().table_name(&self.table).consistent_read(true).filter_expression(alive);
        let items = scan.into_paginator().items().send().collect::<Result<Vec<Item>, _>>().await;
        let items = items.map_err(StoreError::of(LISTING))?;
        for item in &items {
            self.end(self.read(item, LISTING)?.id, reason).await?;
        }
        Ok(items.len())
    }

    /// Removes all families of a user, and with them from where they signed in: their tokens are unknown from then on.
    pub async fn forget_all_of(&self, user: UserId) -> Result<(), StoreError> {
        let families = self.of_user(user).await?.into_iter().map(|session| session.id.to_string());
        for key in families.chain(begun_lately(user, self.clock.now())) {
            let delete = self.client.delete_item().table_name(&self.table).key("pk", s(&key));
            delete.send().await.map_err(StoreError::of("removing a session"))?;
        }
        Ok(())
    }

    fn read(&self, item: &Item, doing: &'static str) -> Result<Session, StoreError> {
        Session::of(item, self.idle).ok_or_else(|| StoreError::damaged(doing, "an attribute of the session"))
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("table", &self.table).finish_non_exhaustive()
    }
}

/// A family that is gone, or has ended already, is as good as changed.
fn there_or_gone(
    sent: Result<UpdateItemOutput, SdkError<UpdateItemError>>,
    doing: &'static str,
) -> Result<(), StoreError> {
    match sent {
        Ok(_) => Ok(()),
        Err(error) if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) => {
            Ok(())
        }
        Err(error) => Err(StoreError::of(doing)(error)),
    }
}

fn millis(time: DateTime<Utc>) -> AttributeValue {
    n(&time.timestamp_millis())
}
