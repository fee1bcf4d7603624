//! Where password hashes are kept: one item for each account.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use muster_domain::ids::UserId;

use crate::hasher::PasswordHash;
use crate::store::{Item, StoreError, s, text};

const READING: &str = "reading credentials";

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

    /// The account's hash, and whether a second factor is asked for after it.
    pub(crate) async fn get_with_factor(&self, user: UserId) -> Result<Option<(PasswordHash, bool)>, StoreError> {
        let Some(item) = self.item(user).await? else { return Ok(None) };
        Ok(Some((hash(&item)?, item.contains_key("factor"))))
    }

    /// Puts another hash in the place of whatever is there; [`CredentialsError::Absent`] when nothing is.
    pub async fn replace(&self, user: UserId, hash: &PasswordHash) -> Result<(), CredentialsError> {
        self.update(user, hash, None).await
    }

    /// Puts another hash in the place of `old`; [`CredentialsError::Absent`] when the password was changed meanwhile.
    pub async fn renew(&self, user: UserId, old: &PasswordHash, hash: &PasswordHash) -> Result<(), CredentialsError> {
        self.update(user, hash, Some(old)).await
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
        hash: &PasswordHash,
        expected: Option<&PasswordHash>,
    ) -> Result<(), CredentialsError> {
        let condition = if expected.is_some() { "password_hash = :old" } else { "attribute_exists(pk)" };
        let update = self.client.update_item().table_name(&self.table).key("pk", s(&user));
        let update = update.update_expression("SET password_hash = :new").condition_expression(condition);
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
