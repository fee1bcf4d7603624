//! Which sessions somebody has begun lately.
//!
//! All of a user's families are found by an index, which is a moment behind. So those that were begun lately also stand in an item of
//! the table itself, which is read consistently (ADR 35).

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::ids::UserId;

use super::{SessionId, Sessions, millis};
use crate::store::{StoreError, n, s};

/// Which families were begun in so long a time stands in one item, which is read consistently: the index is never behind by as much.
const BEGUN_TOGETHER: TimeDelta = TimeDelta::minutes(15);
/// How far the clock of a process that begins a family may be ahead of that of one that ends it.
const AHEAD: TimeDelta = TimeDelta::minutes(1);

impl Sessions {
    /// Keeps beside the index that a family begins.
    pub(super) async fn note_begun(
        &self,
        user: UserId,
        family: SessionId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        // By then no process asks for it any more.
        let until = now + BEGUN_TOGETHER * 2 + AHEAD;
        let update = self.client.update_item().table_name(&self.table).key("pk", s(&begun_together(user, now)));
        let update = update.update_expression("SET #family = :begun, #ttl = :until");
        let update = update.expression_attribute_names("#family", family.to_string());
        let update = update.expression_attribute_names("#ttl", "ttl");
        let update = update.expression_attribute_values(":begun", millis(now));
        let update = update.expression_attribute_values(":until", n(&until.timestamp()));
        update.send().await.map(drop).map_err(StoreError::of("noting that a session begins"))
    }

    /// The families that a user has begun within the last quarter of an hour, and perhaps a few more; read consistently.
    pub(super) async fn begun_lately(&self, user: UserId) -> Result<Vec<SessionId>, StoreError> {
        const READING: &str = "reading which sessions were begun";
        let mut begun = Vec::new();
        for key in begun_lately(user, self.clock.now()) {
            let get = self.client.get_item().table_name(&self.table).key("pk", s(&key)).consistent_read(true);
            let Some(item) = get.send().await.map_err(StoreError::of(READING))?.item else { continue };
            // Each family is an attribute of its name, beside the key and the expiry.
            begun.extend(item.keys().filter_map(|name| name.parse::<SessionId>().ok()));
        }
        Ok(begun)
    }
}

/// The key of the item with the families that a user begins about this time.
fn begun_together(user: UserId, at: DateTime<Utc>) -> String {
    format!("begun#{user}#{}", at.timestamp().div_euclid(BEGUN_TOGETHER.num_seconds()))
}

/// The keys of those with the families that they have begun lately.
pub(super) fn begun_lately(user: UserId, now: DateTime<Utc>) -> Vec<String> {
    let mut keys = [now - BEGUN_TOGETHER, now, now + AHEAD].map(|at| begun_together(user, at)).to_vec();
    keys.dedup();
    keys
}
