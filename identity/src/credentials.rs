//! Where password hashes are kept: one item for each account.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use chrono::{DateTime, Utc};
use muster_domain::ids::UserId;

use crate::hasher::PasswordHash;
use crate::store::{Item, StoreError, n, number, s, text};

const READING: &str = "reading credentials";
/// Until when a password is good that was handed to its owner.
const HANDED_OVER: &str = "handed_over_until";

/// What is asked of somebody who signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    /// The hash of their password.
    pub(crate) hash: PasswordHash,
    /// Whether a second factor is asked for after it.
    pub(crate) has_factor: bool,
    /// Until when it is good, if somebody else has made it up and handed it over: its owner takes another at the first sign-in.
    pub(crate) handed_over_until: Option<DateTime<Utc>>,
}

/// A password that its owner has chosen is good without end.
const CHOSEN: &str = "SET password_hash = :new REMOVE handed_over_until";
/// The same password in another shape.
const RENEWED: &str = "SET password_hash = :new";

/// The table of password hashes.
#[derive(Clone, Debug)]
pub struct CredentialsStore {
    client: Client,
    table: String,
}

/// Why credentials could not be written.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The account has credentials already; they are not overwritten.
    #[error("this account has credentials already")]
    Exists,
    /// The account has no credentials, or others than expected.
    #[error("this account has no such credentials")]
    Absent,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CredentialsStore {
    /// Over an existing table.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Writes an account's first hash; [`CredentialsError::Exists`] when there is one.
    pub async fn create(&self, user: UserId, hash: &PasswordHash) -> Result<(), CredentialsError> {
        let put = self.client.put_item().table_name(&self.table);
        let put = put.item("pk", s(&user)).item("password_hash", s(&hash.0));
        match put.condition_expression("attribute_not_exists(pk)").send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => {
                Err(CredentialsError::Exists)
            }
            Err(error) => Err(StoreError::of("creating credentials")(error).into()),
        }
    }

    /// The account's hash, read consistently.
    pub async fn get(&self, user: UserId) -> Result<Option<PasswordHash>, StoreError> {
        self.item(user).await?.as_ref().map(hash).transpose()
    }

    /// All that is asked of its owner at a sign-in, read consistently.
    pub(crate) async fn whole(&self, user: UserId) -> Result<Option<Credentials>, StoreError> {
        let Some(item) = self.item(user).await? else { return Ok(None) };
        let read = || number(&item, HANDED_OVER).and_then(DateTime::from_timestamp_millis);
        let until = item.contains_key(HANDED_OVER).then(|| read().ok_or(StoreError::damaged(READING, HANDED_OVER)));
        let until = until.transpose()?;
        Ok(Some(Credentials { hash: hash(&item)?, has_factor: item.contains_key("factor"), handed_over_until: until }))
    }

    /// Puts another password in the place of whatever is there; [`CredentialsError::Absent`] when nothing is.
    pub async fn replace(&self, user: UserId, hash: &PasswordHash) -> Result<(), CredentialsError> {
        self.update(user, CHOSEN, hash, None).await
    }

    /// Puts a password that its owner has chosen in the place of `old`; [`CredentialsError::Absent`] when it was changed meanwhile.
    pub(crate) async fn change(
        &self,
        user: UserId,
        old: &PasswordHash,
        hash: &PasswordHash,
    ) -> Result<(), CredentialsError> {
        self.update(user, CHOSEN, hash, Some(old)).await
    }

    /// Puts another hash of the same password in the place of `old`, likewise.
    pub async fn renew(&self, user: UserId, old: &PasswordHash, hash: &PasswordHash) -> Result<(), CredentialsError> {
        self.update(user, RENEWED, hash, Some(old)).await
    }

    /// Gives an account a password that somebody has made up for its owner, whether it had one or not. It is good until then.
    pub async fn hand_over(&self, user: UserId, hash: &PasswordHash, until: DateTime<Utc>) -> Result<(), StoreError> {
        let update = self.client.update_item().table_name(&self.table).key("pk", s(&user));
        let update = update.update_expression("SET password_hash = :new, handed_over_until = :until");
        let update = update.expression_attribute_values(":new", s(&hash.0));
        let update = update.expression_attribute_values(":until", n(&until.timestamp_millis()));
        update.send().await.map_err(StoreError::of("handing a password over"))?;
        Ok(())
    }

    /// Removes the account's hash; fine when there is none.
    pub async fn remove(&self, user: UserId) -> Result<(), StoreError> {
        let delete = self.client.delete_item().table_name(&self.table).key("pk", s(&user));
        delete.send().await.map_err(StoreError::of("removing credentials"))?;
        Ok(())
    }

    async fn item(&self, user: UserId) -> Result<Option<Item>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).key("pk", s(&user)).consistent_read(true);
        Ok(get.send().await.map_err(StoreError::of(READING))?.item)
    }

    async fn update(
        &self,
        user: UserId,
        expression: &str,
        hash: &PasswordHash,
        expected: Option<&PasswordHash>,
    ) -> Result<(), CredentialsError> {
        let condition = if expected.is_some() { "password_hash = :old" } else { "attribute_exists(pk)" };
        let update = self.client.update_item().table_name(&self.table).key("pk", s(&user));
        let update = update.update_expression(expression).condition_expression(condition);
        let mut update = update.expression_attribute_values(":new", s(&hash.0));
        if let Some(old) = expected {
            update = update.expression_attribute_values(":old", s(&old.0));
        }
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Err(CredentialsError::Absent)
            }
            Err(error) => Err(StoreError::of("replacing credentials")(error).into()),
        }
    }
}

fn hash(item: &Item) -> Result<PasswordHash, StoreError> {
    text(item, "password_hash").map(PasswordHash).ok_or(StoreError::damaged(READING, "password_hash"))
}
