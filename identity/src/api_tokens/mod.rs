//! API tokens: what a program of an integrator calls with, in the name of a person, as long as it is good for, and only for
//! what its scopes name (`docs/adr/0021-api-tokens.md`).
//!
//! The table has an item for each, under its owner and its id. Of the token itself it has the hash alone: a token has 256
//! random bits, so a plain SHA-256 of it cannot be guessed back.

mod stored;
mod text;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnValue;
use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::ids::UserId;
use muster_domain::ports::Clock;
use muster_domain::values::Name;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::policy::TokenScopes;
use crate::store::{Item, StoreError, n, s};

pub use stored::ApiToken;
pub(crate) use text::PREFIX;
pub use text::{ApiTokenText, PresentedApiToken};

use stored::millis;

/// The most tokens of one person that are good at the same time.
pub const MOST_API_TOKENS: usize = 50;
/// How long one that is not good any more is remembered, so that its use is told from that of a made-up one.
const REMEMBERED: TimeDelta = TimeDelta::days(30);
/// How exactly it is known when a token was last used: no more than one write in this time.
const USE_IS_KNOWN_TO: TimeDelta = TimeDelta::hours(1);

/// Names an API token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApiTokenId(pub Uuid);

impl fmt::Display for ApiTokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ApiTokenId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// What a new token is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewApiToken {
    /// What its owner calls it.
    pub name: Name,
    /// What it may be used for.
    pub scopes: TokenScopes,
    /// When it is made: its lifetime counts from then.
    pub made_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// Why a token was not made.
#[derive(Debug, thiserror::Error)]
pub enum MakeApiTokenError {
    /// There are [`MOST_API_TOKENS`] already.
    #[error("there are {MOST_API_TOKENS} API tokens already: revoke one first")]
    TooMany,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a revocation has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// The token is good no longer.
    Now,
    /// It was revoked before.
    Before,
    /// There is no such token.
    Absent,
}

/// The table of API tokens.
#[derive(Clone)]
pub struct ApiTokens {
    client: Client,
    table: String,
    clock: Arc<dyn Clock>,
}

impl ApiTokens {
    /// Over an existing table.
    pub fn new(client: Client, table: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        Self { client, table: table.into(), clock }
    }

    /// Makes a token. Its text is a secret, and is shown only here.
    pub async fn make(&self, user: UserId, new: &NewApiToken) -> Result<(ApiToken, ApiTokenText), MakeApiTokenError> {
        const MAKING: &str = "making an API token";
        let id = ApiTokenId(Uuid::new_v4());
        let text = ApiTokenText::generate(user, id).map_err(StoreError::of(MAKING))?;
        let token = ApiToken::new(user, id, new);
        let put = self.client.put_item().table_name(&self.table).set_item(Some(token.to_item(&text, REMEMBERED)));
        let put = put.condition_expression("attribute_not_exists(pk)");
        put.send().await.map_err(StoreError::of(MAKING))?;
        // Counted after it is there, and all of them consistently: of several who make the last one at once none goes
        // beyond the bound, though none may get it either.
        if self.good_of_user(user).await?.len() > MOST_API_TOKENS {
            self.forget(user, id).await?;
            return Err(MakeApiTokenError::TooMany);
        }
        Ok((token, text))
    }

    /// Removes a token that nobody has seen: what should have gone with it did not go.
    pub async fn forget(&self, user: UserId, id: ApiTokenId) -> Result<(), StoreError> {
        let delete = self.client.delete_item().table_name(&self.table).set_key(Some(key(user, id)));
        delete.send().await.map_err(StoreError::of("removing an API token"))?;
        Ok(())
    }

    /// A person's tokens that are good, newest first; read consistently.
    pub async fn good_of_user(&self, user: UserId) -> Result<Vec<ApiToken>, StoreError> {
        const LISTING: &str = "listing API tokens";
        let (now, mut found, mut from) = (self.clock.now(), Vec::new(), None::<Item>);
        loop {
            let query = self.client.query().table_name(&self.table).consistent_read(true);
            let query = query.key_condition_expression("pk = :user").expression_attribute_values(":user", s(&user));
            let query = query.filter_expression("expires_at > :now AND attribute_not_exists(revoked_at)");
            let query = query.expression_attribute_values(":now", millis(now));
            let page = query.set_exclusive_start_key(from).send().await.map_err(StoreError::of(LISTING))?;
            for item in page.items.unwrap_or_default() {
                found.push(ApiToken::from_item(&item).ok_or(StoreError::damaged(LISTING, "an attribute of it"))?);
            }
            from = page.last_evaluated_key.filter(|key| !key.is_empty());
            if from.is_none() {
                found.sort_by_key(|token| (std::cmp::Reverse(token.created_at), token.id));
                return Ok(found);
            }
        }
    }

    /// The token of which this is the text, also one that is good no longer, until it is forgotten; read consistently, so
    /// that a revocation counts at once.
    pub async fn find(&self, presented: &PresentedApiToken) -> Result<Option<ApiToken>, StoreError> {
        const READING: &str = "reading an API token";
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key(presented.user_id, presented.id)));
        let found = get.consistent_read(true).send().await.map_err(StoreError::of(READING))?;
        let Some(item) = found.item.filter(|item| stored::is_of(item, presented)) else { return Ok(None) };
        ApiToken::from_item(&item).map(Some).ok_or(StoreError::damaged(READING, "an attribute of it"))
    }

    /// Revokes a token: it is refused from the next request on. Fine when that was done before.
    pub async fn revoke(&self, user: UserId, id: ApiTokenId) -> Result<Revoked, StoreError> {
        let now = self.clock.now();
        let update = self.client.update_item().table_name(&self.table).set_key(Some(key(user, id)));
        let update = update.update_expression("SET revoked_at = if_not_exists(revoked_at, :now), #ttl = :ttl");
        let update = update.expression_attribute_names("#ttl", "ttl").expression_attribute_values(":now", millis(now));
        let update = update.expression_attribute_values(":ttl", n(&(now + REMEMBERED).timestamp()));
        let update = update.return_values(ReturnValue::AllOld);
        match update.condition_expression("attribute_exists(pk)").send().await {
            Ok(done) => {
                let before = done.attributes.unwrap_or_default();
                Ok(if before.contains_key("revoked_at") { Revoked::Before } else { Revoked::Now })
            }
            Err(error)
                if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(Revoked::Absent)
            }
            Err(error) => Err(StoreError::of("revoking an API token")(error)),
        }
    }

    /// Revokes all tokens of an account.
    pub async fn revoke_all_of_user(&self, user: UserId) -> Result<(), StoreError> {
        for token in self.good_of_user(user).await? {
            self.revoke(user, token.id).await?;
        }
        Ok(())
    }

    /// Removes all tokens of an account, also those that are good no longer.
    pub(crate) async fn forget_all_of(&self, user: UserId) -> Result<(), StoreError> {
        const FORGETTING: &str = "removing API tokens";
        let mut from = None::<Item>;
        loop {
            let query = self.client.query().table_name(&self.table).consistent_read(true);
            let query = query.key_condition_expression("pk = :user").expression_attribute_values(":user", s(&user));
            let page = query.set_exclusive_start_key(from).send().await.map_err(StoreError::of(FORGETTING))?;
            for item in page.items.unwrap_or_default() {
                let id = crate::store::text(&item, "sk").and_then(|id| id.parse().ok());
                self.forget(user, id.ok_or(StoreError::damaged(FORGETTING, "sk"))?).await?;
            }
            from = page.last_evaluated_key.filter(|key| !key.is_empty());
            if from.is_none() {
                return Ok(());
            }
        }
    }

    /// Notes that a token is in use, if that was not noted within the hour. That it could not be is for the program's
    /// log: nobody is refused for it.
    pub(crate) async fn note_use(&self, token: &ApiToken) {
        let now = self.clock.now();
        if token.last_used_at.is_some_and(|at| now - at < USE_IS_KNOWN_TO) {
            return;
        }
        let update = self.client.update_item().table_name(&self.table).set_key(Some(key(token.user_id, token.id)));
        let update = update.update_expression("SET last_used_at = :now").condition_expression("attribute_exists(pk)");
        if let Err(error) = update.expression_attribute_values(":now", millis(now)).send().await {
            let error = StoreError::of("noting the use of an API token")(error);
            tracing::warn!(token = %token.id, %error, "when a token was last used could not be noted");
        }
    }
}

impl fmt::Debug for ApiTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiTokens").field("table", &self.table).finish_non_exhaustive()
    }
}

fn key(user: UserId, id: ApiTokenId) -> Item {
    Item::from([("pk".to_owned(), s(&user)), ("sk".to_owned(), s(&id))])
}
