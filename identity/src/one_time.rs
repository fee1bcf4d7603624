//! Tokens that are good for one thing, once, and not for long: a new password, a first password, a sign-in elsewhere.
//!
//! Only a token's hash is stored, so that whoever reads the table finds nothing to use. A token has 256 random bits, so a
//! plain SHA-256 of it cannot be guessed back.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValue;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::ids::UserId;
use muster_domain::ports::Clock;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::store::{Item, StoreError, n, number, s, text};

/// Random bytes of a token.
const BYTES: usize = 32;
/// Ours have 43 characters; nothing longer is hashed.
const MAX_CHARACTERS: usize = 64;

/// What a token is good for. A token for one purpose is none for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To set a new password without the old one.
    PasswordReset,
    /// To come back from an outside issuer.
    OutsideSignIn,
    /// To set the first password of an account that was made without one.
    FirstPassword,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::PasswordReset => "password-reset",
            Self::OutsideSignIn => "outside-sign-in",
            Self::FirstPassword => "first-password",
        }
    }
}

/// The table of one-time tokens.
#[derive(Clone)]
pub struct OneTimeTokens {
    client: Client,
    table: String,
    clock: Arc<dyn Clock>,
}

impl OneTimeTokens {
    /// Over an existing table.
    pub fn new(client: Client, table: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        Self { client, table: table.into(), clock }
    }

    /// A new token that brings this payload to whoever takes it before its lifetime is over. It is a secret, and is
    /// shown only here. The payload is readable in the table.
    pub async fn make(
        &self,
        purpose: Purpose,
        payload: &(impl Serialize + Sync),
        lifetime: TimeDelta,
    ) -> Result<String, StoreError> {
        const MAKING: &str = "making a one-time token";
        let mut bytes = Zeroizing::new([0; BYTES]);
        rand::fill(&mut *bytes).map_err(StoreError::of(MAKING))?;
        let token = BASE64_URL_SAFE_NO_PAD.encode(*bytes);
        let payload = serde_json::to_string(payload).map_err(StoreError::of(MAKING))?;
        let expires_at = self.clock.now() + lifetime;
        let put = self.client.put_item().table_name(&self.table).item("pk", s(&key(purpose, &token)));
        let put = put.item("payload", s(&payload)).item("expires_at", n(&expires_at.timestamp_millis()));
        // The store removes it some time after this; until then the expiry itself keeps it from being taken.
        let put = put.item("ttl", n(&expires_at.timestamp())).condition_expression("attribute_not_exists(pk)");
        put.send().await.map_err(StoreError::of(MAKING))?;
        Ok(token)
    }

    /// Removes every token that names this person in its payload, whatever it is good for, and the places that they took. It reads the whole table, which is small:
    /// tokens do not live long, and people are seldom erased.
    pub async fn forget(&self, user: UserId) -> Result<(), StoreError> {
        const FORGETTING: &str = "removing one-time tokens";
        let mut from = None::<Item>;
        loop {
            let scan = self.client.scan().table_name(&self.table).consistent_read(true).projection_expression("pk");
            let scan = scan.filter_expression("contains(payload, :user) OR user_id = :user");
            let scan = scan.expression_attribute_values(":user", s(&user)).set_exclusive_start_key(from);
            let page = scan.send().await.map_err(StoreError::of(FORGETTING))?;
            for item in page.items.unwrap_or_default() {
                let key = item.get("pk").cloned().ok_or(StoreError::damaged(FORGETTING, "pk"))?;
                let delete = self.client.delete_item().table_name(&self.table).key("pk", key);
                delete.send().await.map_err(StoreError::of(FORGETTING))?;
            }
            from = page.last_evaluated_key.filter(|key| !key.is_empty());
            if from.is_none() {
                return Ok(());
            }
        }
    }

    /// Takes one of the few places that there are for tokens of one purpose and owner, for so long; `false` if none is left.
    pub(crate) async fn take_place(
        &self,
        purpose: Purpose,
        owner: UserId,
        places: u8,
        lifetime: TimeDelta,
    ) -> Result<bool, StoreError> {
        let now = self.clock.now();
        for place in 0..places {
            let key = format!("{}-place#{owner}#{place}", purpose.as_str());
            let put = self.client.put_item().table_name(&self.table).item("pk", s(&key));
            let put = put.item("user_id", s(&owner)).item("expires_at", n(&(now + lifetime).timestamp_millis()));
            let put = put.item("ttl", n(&(now + lifetime).timestamp()));
            let put = put.condition_expression("attribute_not_exists(pk) OR expires_at <= :now");
            match put.expression_attribute_values(":now", n(&now.timestamp_millis())).send().await {
                Ok(_) => return Ok(true),
                Err(error)
                    if error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => {}
                Err(error) => return Err(StoreError::of("counting one-time tokens")(error)),
            }
        }
        Ok(false)
    }

    /// What the token brings, without taking it; `None` if it is not good for this, or not any more.
    pub async fn look<T: DeserializeOwned>(&self, purpose: Purpose, token: &str) -> Result<Option<T>, StoreError> {
        const LOOKING: &str = "looking at a one-time token";
        if token.len() > MAX_CHARACTERS {
            return Ok(None);
        }
        let get = self.client.get_item().table_name(&self.table).key("pk", s(&key(purpose, token)));
        let Some(item) = get.consistent_read(true).send().await.map_err(StoreError::of(LOOKING))?.item else {
            return Ok(None);
        };
        let expires_at = number(&item, "expires_at").and_then(DateTime::<Utc>::from_timestamp_millis);
        let expires_at = expires_at.ok_or(StoreError::damaged(LOOKING, "expires_at"))?;
        if expires_at <= self.clock.now() { Ok(None) } else { payload(&item, LOOKING).map(Some) }
    }

    /// What the token brings; `None` if it is not good for this, or not any more. Of many who take it one gets it. When
    /// the store's answer is lost, the token may be gone with it, and its owner needs a new one.
    pub async fn take<T: DeserializeOwned>(&self, purpose: Purpose, token: &str) -> Result<Option<T>, StoreError> {
        const TAKING: &str = "taking a one-time token";
        if token.len() > MAX_CHARACTERS {
            return Ok(None);
        }
        let delete = self.client.delete_item().table_name(&self.table).key("pk", s(&key(purpose, token)));
        let delete = delete.condition_expression("attribute_exists(pk) AND expires_at > :now");
        let delete = delete.expression_attribute_values(":now", n(&self.clock.now().timestamp_millis()));
        match delete.return_values(ReturnValue::AllOld).send().await {
            Ok(deleted) => payload(&deleted.attributes.unwrap_or_default(), TAKING).map(Some),
            Err(error)
                if error.as_service_error().is_some_and(DeleteItemError::is_conditional_check_failed_exception) =>
            {
                Ok(None)
            }
            Err(error) => Err(StoreError::of(TAKING)(error)),
        }
    }
}

impl fmt::Debug for OneTimeTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneTimeTokens").field("table", &self.table).finish_non_exhaustive()
    }
}

/// Where a token is kept. The search is by its hash, so its time tells nothing of the token.
fn key(purpose: Purpose, token: &str) -> String {
    let hash = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes()));
    format!("{}#{hash}", purpose.as_str())
}

fn payload<T: DeserializeOwned>(item: &Item, operation: &'static str) -> Result<T, StoreError> {
    let payload = text(item, "payload").ok_or(StoreError::damaged(operation, "payload"))?;
    serde_json::from_str(&payload).map_err(StoreError::of(operation))
}
