//! Finding sessions: one by its id, or all of a user.

use std::collections::HashMap;

use muster_domain::ids::UserId;

use super::{Session, SessionId, Sessions};
use crate::store::{StoreError, s};

/// The index by `user_id`. It is a moment behind the table.
const BY_USER: &str = "by-user";

impl Sessions {
    /// A user's families that still live, those used last first.
    pub async fn live_of_user(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        let (now, mut live) = (self.clock.now(), self.of_user(user).await?);
        live.retain(|session| session.is_live(now));
        live.sort_by_key(|session| (std::cmp::Reverse(session.rotated_at), session.id.0));
        Ok(live)
    }

    /// A user's families that have not been removed yet, ended ones too, in no order: also those that were begun a moment ago.
    pub async fn of_user(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        let (mut found, begun) = tokio::try_join!(Box::pin(self.by_index(user)), Box::pin(self.begun_lately(user)))?;
        for family in begun {
            if found.iter().all(|session| session.id != family) {
                found.extend(self.find(family).await?);
            }
        }
        Ok(found)
    }

    async fn by_index(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        const LISTING: &str = "listing sessions";
        let (mut found, mut from) = (Vec::new(), None::<HashMap<_, _>>);
        loop {
            let query = self.client.query().table_name(&self.table).index_name(BY_USER);
            let query =
                query.key_condition_expression("user_id = :user").expression_attribute_values(":user", s(&user));
            let page = query.set_exclusive_start_key(from).send().await.map_err(StoreError::of(LISTING))?;
            for item in page.items.unwrap_or_default() {
                found.push(self.read(&item, LISTING)?);
            }
            from = page.last_evaluated_key.filter(|key| !key.is_empty());
            if from.is_none() {
                return Ok(found);
            }
        }
    }

    /// The family, if it still lives; read consistently, so that a log-out counts at once.
    pub async fn live(&self, family: SessionId) -> Result<Option<Session>, StoreError> {
        Ok(self.find(family).await?.filter(|session| session.is_live(self.clock.now())))
    }

    /// The family, also one that has ended, until it is removed; read consistently.
    pub async fn find(&self, family: SessionId) -> Result<Option<Session>, StoreError> {
        const READING: &str = "reading a session";
        let get = self.client.get_item().table_name(&self.table).key("pk", s(&family)).consistent_read(true);
        let Some(item) = get.send().await.map_err(StoreError::of(READING))?.item else { return Ok(None) };
        self.read(&item, READING).map(Some)
    }

    /// Whether the family still lives.
    pub async fn is_live(&self, family: SessionId) -> Result<bool, StoreError> {
        Ok(self.live(family).await?.is_some())
    }
}
