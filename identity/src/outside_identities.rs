//! Who somebody of an outside issuer is here: one item for each person of an issuer who was ever let in.

use aws_lc_rs::digest::{Context, SHA256};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use chrono::{DateTime, SecondsFormat, Utc};
use muster_domain::ids::UserId;
use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

use crate::store::{Item, StoreError, s, text};

const READING: &str = "reading an outside identity";
/// The index by account.
const BY_USER: &str = "by-user";

/// A person of an issuer, as an id: it follows from issuer and subject, and neither can be told from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OutsideIdentityId(pub Uuid);

impl OutsideIdentityId {
    /// Of this subject at this issuer: 122 bits of a SHA-256.
    pub fn of(issuer: &str, subject: &str) -> Self {
        let mut hash = Context::new(&SHA256);
        // The length keeps apart what would read the same put together.
        hash.update(&issuer.len().to_be_bytes());
        hash.update(issuer.as_bytes());
        hash.update(subject.as_bytes());
        let digest = hash.finish();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest.as_ref()[..16]);
        Self(Builder::from_custom_bytes(bytes).into_uuid())
    }
}

impl std::fmt::Display for OutsideIdentityId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// An outside identity and the account that it opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutsideIdentity {
    /// Who they are over there.
    pub id: OutsideIdentityId,
    /// The account. It may not be there yet: an account that is being made has its identity first.
    pub user_id: UserId,
    /// The issuer, by its id in the settings of that time.
    pub provider: String,
    /// Since when.
    pub linked_at: DateTime<Utc>,
}

/// The table of outside identities.
#[derive(Clone, Debug)]
pub struct OutsideIdentities {
    client: Client,
    table: String,
}

impl OutsideIdentities {
    /// Over an existing table.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// The identity, read consistently.
    pub async fn find(&self, id: OutsideIdentityId) -> Result<Option<OutsideIdentity>, StoreError> {
        let get = self.client.get_item().table_name(&self.table).key("pk", s(&id)).consistent_read(true);
        let item = get.send().await.map_err(StoreError::of(READING))?.item;
        item.as_ref().map(identity).transpose()
    }

    /// Links it with an account, if it is still linked with `before`, or with none. Of many who do so at once one does.
    pub async fn link(&self, new: &OutsideIdentity, before: Option<UserId>) -> Result<bool, StoreError> {
        let linked_at = new.linked_at.to_rfc3339_opts(SecondsFormat::Millis, true);
        let put = self.client.put_item().table_name(&self.table);
        let put = put.item("pk", s(&new.id)).item("user_id", s(&new.user_id));
        let put = put.item("provider", s(&new.provider)).item("linked_at", s(&linked_at));
        let put = match before {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(user) => {
                put.condition_expression("user_id = :before").expression_attribute_values(":before", s(&user))
            }
        };
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => {
                Ok(false)
            }
            Err(error) => Err(StoreError::of("linking an outside identity")(error)),
        }
    }

    /// Takes it off this account. Whether it was there.
    pub async fn unlink(&self, id: OutsideIdentityId, user: UserId) -> Result<bool, StoreError> {
        let delete = self.client.delete_item().table_name(&self.table).key("pk", s(&id));
        let delete = delete.condition_expression("user_id = :user").expression_attribute_values(":user", s(&user));
        match delete.send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error.as_service_error().is_some_and(DeleteItemError::is_conditional_check_failed_exception) =>
            {
                Ok(false)
            }
            Err(error) => Err(StoreError::of("unlinking an outside identity")(error)),
        }
    }

    /// Takes every one of them off an account whose owner is erased. Nothing is left of them then.
    pub async fn forget_all_of(&self, user: UserId) -> Result<(), StoreError> {
        for identity in self.of_user(user).await? {
            self.unlink(identity.id, user).await?;
        }
        Ok(())
    }

    /// Those of an account. One that was linked a moment ago may be missing.
    pub async fn of_user(&self, user: UserId) -> Result<Vec<OutsideIdentity>, StoreError> {
        let query = self.client.query().table_name(&self.table).index_name(BY_USER);
        let query = query.key_condition_expression("user_id = :user").expression_attribute_values(":user", s(&user));
        let pages = query.into_paginator().items().send();
        let items = pages.collect::<Result<Vec<Item>, _>>().await.map_err(StoreError::of(READING))?;
        items.iter().map(identity).collect()
    }
}

fn identity(item: &Item) -> Result<OutsideIdentity, StoreError> {
    let field = |name: &'static str| text(item, name).ok_or(StoreError::damaged(READING, name));
    let damaged = |name: &'static str| StoreError::damaged(READING, name);
    Ok(OutsideIdentity {
        id: OutsideIdentityId(field("pk")?.parse().map_err(|_| damaged("pk"))?),
        user_id: field("user_id")?.parse().map_err(|_| damaged("user_id"))?,
        provider: field("provider")?,
        linked_at: field("linked_at")?.parse().map_err(|_| damaged("linked_at"))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_person_of_the_same_issuer_and_nobody_else_has_an_id() {
        let id = OutsideIdentityId::of("https://a.example", "ada");
        assert_eq!(id, OutsideIdentityId::of("https://a.example", "ada"));
        for (issuer, subject) in [
            ("https://b.example", "ada"),
            ("https://a.example", "ben"),
            ("https://a.example/", "ada"),
            ("https://a.exampl", "eada"),
            ("https://a.examplea", "da"),
        ] {
            assert_ne!(id, OutsideIdentityId::of(issuer, subject), "{subject} of {issuer}");
        }
        // What follows from it is in every store: it never changes.
        assert_eq!(id.0.get_version_num(), 8);
    }
}
