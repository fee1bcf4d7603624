//! What people list again and again: filters of tasks under names of their own.
//!
//! They are nobody's business but their owner's, and what one was before is nobody's at all: so they are no events. An item of the
//! table `saved-filters` has all of one person's: `pk` = user id, `version`, `filters`, and by which requests those were made that are
//! gone (`removed`). A change is one write on the condition
//! that nobody was faster, so that names are unique and the number is bounded whoever else saves at the same time.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use muster_domain::values::Name;
use muster_domain::{Fingerprint, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

/// The most filters that one person may have.
pub const MAX_SAVED_FILTERS: usize = 50;
/// How many of the removed ones are remembered, so that a request that made one makes it no second time.
const MAX_REMEMBERED: usize = 100;
/// How often a change is tried while others are faster.
const TRIES: usize = 8;

/// The id of a saved filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Uuid)]
pub struct SavedFilterId(pub Uuid);

impl From<Uuid> for SavedFilterId {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

/// A filter under a name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedFilter {
    /// Its id.
    pub id: SavedFilterId,
    /// How often it was saved; also the `ETag`.
    pub version: u64,
    /// What its owner calls it. No two of their filters are called the same, whatever the letters' case.
    pub name: Name,
    /// The parameters of `GET /tasks` that it stands for.
    pub parameters: Map<String, Value>,
    /// The request that made it, to tell a repeat of it from another one.
    pub made_by: Fingerprint,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last saved.
    pub updated_at: DateTime<Utc>,
}

/// Why a filter is not saved, or not removed.
#[derive(Debug, thiserror::Error)]
pub enum SavedFilterError {
    /// The person has no such filter.
    #[error("there is no such saved filter")]
    NotFound,
    /// Another filter of theirs has this name.
    #[error("another of your filters is called so")]
    NameTaken,
    /// They have as many as they may have.
    #[error("a person may have at most {MAX_SAVED_FILTERS} saved filters")]
    TooMany,
    /// The id came with another request before.
    #[error("this key came with another request before")]
    KeyReused,
    /// It is not the version that was expected.
    #[error("the present version is {actual}")]
    Stale {
        /// The present version.
        actual: u64,
    },
    /// Others were faster each time.
    #[error("too many changes at once")]
    Contended,
    /// The store could not be reached, or holds what nobody wrote.
    #[error("the saved filters of a person could not be {doing}")]
    Store {
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl SavedFilterError {
    fn store<E: std::error::Error + Send + Sync + 'static>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Store { doing, source: Box::new(source) }
    }
}

/// All of one person's, in the order in which they were made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Shelf {
    version: u64,
    filters: Vec<SavedFilter>,
    /// Those that were removed last, in that order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    removed: Vec<Removed>,
}

/// What is left of a filter that was removed: which request made it, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Removed {
    id: SavedFilterId,
    made_by: Fingerprint,
    created_at: DateTime<Utc>,
}

impl Shelf {
    /// Adds one. The same request again has no second effect, and gives what it made as it was then: whatever became of it, the
    /// request says what that was, but for the time.
    fn add(&mut self, new: SavedFilter) -> Result<SavedFilter, SavedFilterError> {
        let there = self.filters.iter().map(|filter| (filter.id, &filter.made_by, filter.created_at));
        let gone = self.removed.iter().map(|filter| (filter.id, &filter.made_by, filter.created_at));
        if let Some((_, made_by, at)) = there.chain(gone).find(|(id, ..)| *id == new.id) {
            let again = *made_by == new.made_by;
            let made = SavedFilter { created_at: at, updated_at: at, ..new };
            return if again { Ok(made) } else { Err(SavedFilterError::KeyReused) };
        }
        self.free(&new.name, new.id)?;
        if self.filters.len() >= MAX_SAVED_FILTERS {
            return Err(SavedFilterError::TooMany);
        }
        self.filters.push(new.clone());
        Ok(new)
    }

    /// Puts another name and other parameters in the place of what one had. One that has both already stays as it is,
    /// whichever version is expected: the change was made (RFC 9110 §13.1.1).
    fn replace(
        &mut self,
        id: SavedFilterId,
        expected: Option<u64>,
        name: Name,
        parameters: Map<String, Value>,
        at: DateTime<Utc>,
    ) -> Result<SavedFilter, SavedFilterError> {
        let index = self.index(id)?;
        let before = &self.filters[index];
        if before.name == name && before.parameters == parameters {
            return Ok(before.clone());
        }
        check(before, expected)?;
        self.free(&name, id)?;
        let filter = &mut self.filters[index];
        filter.version += 1;
        filter.name = name;
        filter.parameters = parameters;
        filter.updated_at = at;
        Ok(filter.clone())
    }

    fn remove(&mut self, id: SavedFilterId, expected: Option<u64>) -> Result<(), SavedFilterError> {
        let index = self.index(id)?;
        check(&self.filters[index], expected)?;
        let SavedFilter { id, made_by, created_at, .. } = self.filters.remove(index);
        self.removed.push(Removed { id, made_by, created_at });
        let forgotten = self.removed.len().saturating_sub(MAX_REMEMBERED);
        self.removed.drain(..forgotten);
        Ok(())
    }

    fn index(&self, id: SavedFilterId) -> Result<usize, SavedFilterError> {
        self.filters.iter().position(|filter| filter.id == id).ok_or(SavedFilterError::NotFound)
    }

    /// That no filter but this one has the name.
    fn free(&self, name: &Name, id: SavedFilterId) -> Result<(), SavedFilterError> {
        let folded = |name: &Name| name.as_str().to_lowercase();
        let taken = self.filters.iter().any(|filter| filter.id != id && folded(&filter.name) == folded(name));
        if taken { Err(SavedFilterError::NameTaken) } else { Ok(()) }
    }
}

fn check(filter: &SavedFilter, expected: Option<u64>) -> Result<(), SavedFilterError> {
    match expected {
        Some(version) if version != filter.version => Err(SavedFilterError::Stale { actual: filter.version }),
        Some(_) | None => Ok(()),
    }
}

/// The saved filters of everybody.
#[derive(Clone, Debug)]
pub struct SavedFilters {
    client: Client,
    table: String,
}

impl SavedFilters {
    /// In the tables with this prefix.
    pub fn new(client: Client, prefix: &str) -> Self {
        Self { client, table: format!("{prefix}saved-filters") }
    }

    /// All of a person's, in the order in which they were made.
    pub async fn of_user(&self, user: UserId) -> Result<Vec<SavedFilter>, SavedFilterError> {
        Ok(self.shelf(user).await?.filters)
    }

    /// One of them.
    pub async fn find(&self, user: UserId, id: SavedFilterId) -> Result<SavedFilter, SavedFilterError> {
        let all = self.shelf(user).await?;
        let index = all.index(id)?;
        Ok(all.filters[index].clone())
    }

    /// Saves a new one.
    pub async fn add(&self, user: UserId, new: SavedFilter) -> Result<SavedFilter, SavedFilterError> {
        self.change(user, |shelf| shelf.add(new.clone())).await
    }

    /// Saves one anew.
    pub async fn replace(
        &self,
        user: UserId,
        id: SavedFilterId,
        expected: Option<u64>,
        name: Name,
        parameters: Map<String, Value>,
        at: DateTime<Utc>,
    ) -> Result<SavedFilter, SavedFilterError> {
        self.change(user, |shelf| shelf.replace(id, expected, name.clone(), parameters.clone(), at)).await
    }

    /// Removes one.
    pub async fn remove(&self, user: UserId, id: SavedFilterId, expected: Option<u64>) -> Result<(), SavedFilterError> {
        self.change(user, |shelf| shelf.remove(id, expected)).await
    }

    /// Removes all of them: of who is erased, nothing is left.
    pub async fn forget(&self, user: UserId) -> Result<(), SavedFilterError> {
        let delete = self.client.delete_item().table_name(&self.table).key("pk", AttributeValue::S(user.to_string()));
        delete.send().await.map(|_| ()).map_err(SavedFilterError::store("removed"))
    }

    async fn shelf(&self, user: UserId) -> Result<Shelf, SavedFilterError> {
        let get = self.client.get_item().table_name(&self.table).key("pk", AttributeValue::S(user.to_string()));
        let found = get.consistent_read(true).send().await.map_err(SavedFilterError::store("read"))?;
        let Some(item) = found.item else { return Ok(Shelf::default()) };
        serde_dynamo::from_item(item).map_err(SavedFilterError::store("read"))
    }

    async fn change<T>(
        &self,
        user: UserId,
        mut change: impl FnMut(&mut Shelf) -> Result<T, SavedFilterError>,
    ) -> Result<T, SavedFilterError> {
        for _ in 0..TRIES {
            let before = self.shelf(user).await?;
            let mut after = before.clone();
            let outcome = change(&mut after)?;
            if after == before || self.put(user, before.version, after).await? {
                return Ok(outcome);
            }
        }
        Err(SavedFilterError::Contended)
    }

    /// Writes them in the place of this version. Whether nobody was faster.
    async fn put(&self, user: UserId, before: u64, mut after: Shelf) -> Result<bool, SavedFilterError> {
        after.version = before + 1;
        let item = serde_dynamo::to_item(after).map_err(SavedFilterError::store("saved"))?;
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        let put = put.item("pk", AttributeValue::S(user.to_string()));
        let put = match before {
            0 => put.condition_expression("attribute_not_exists(pk)"),
            before => put
                .condition_expression("#version = :before")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":before", AttributeValue::N(before.to_string())),
        };
        match put.send().await {
            Ok(_) => Ok(true),
            Err(SdkError::ServiceError(error))
                if matches!(error.err(), PutItemError::ConditionalCheckFailedException(_)) =>
            {
                Ok(false)
            }
            Err(error) => Err(SavedFilterError::store("saved")(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use serde_json::json;

    use super::*;

    fn filter(number: u128, name: &str) -> SavedFilter {
        let at = DateTime::UNIX_EPOCH;
        SavedFilter {
            id: SavedFilterId(Uuid::from_u128(number)),
            version: 1,
            name: name.parse().unwrap(),
            parameters: parameters("todo"),
            made_by: Fingerprint::of("", &name),
            created_at: at,
            updated_at: at,
        }
    }

    fn parameters(status: &str) -> Map<String, Value> {
        json!({ "status": status, "overdue": true }).as_object().unwrap().clone()
    }

    fn shelf(names: &[&str]) -> Shelf {
        let mut shelf = Shelf::default();
        for (number, name) in (1..).zip(names) {
            shelf.add(filter(number, name)).unwrap();
        }
        shelf
    }

    #[test]
    fn names_are_unique_whatever_their_case_and_a_filter_may_keep_its_own() {
        let mut shelf = shelf(&["Mine", "Late"]);
        assert!(matches!(shelf.add(filter(3, "mINE")), Err(SavedFilterError::NameTaken)));
        let id = SavedFilterId(Uuid::from_u128(2));
        let at = DateTime::UNIX_EPOCH;
        let replaced = shelf.replace(id, None, "Mine".parse().unwrap(), parameters("todo"), at);
        assert!(matches!(replaced, Err(SavedFilterError::NameTaken)));
        let replaced = shelf.replace(id, Some(1), "LATE".parse().unwrap(), parameters("todo"), at).unwrap();
        assert_eq!((replaced.version, replaced.name.as_str()), (2, "LATE"));
    }

    #[test]
    fn there_are_fifty_at_most() {
        let names: Vec<String> = (0..MAX_SAVED_FILTERS).map(|number| format!("Number {number}")).collect();
        let mut shelf = shelf(&names.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(matches!(shelf.add(filter(1000, "One more")), Err(SavedFilterError::TooMany)));
        shelf.remove(SavedFilterId(Uuid::from_u128(7)), None).unwrap();
        assert!(shelf.add(filter(1000, "One more")).is_ok());
    }

    #[test]
    fn a_repeat_gives_what_it_made_then_and_another_request_under_its_key_is_refused() {
        let mut shelf = shelf(&["Mine"]);
        let (id, at) = (SavedFilterId(Uuid::from_u128(1)), DateTime::UNIX_EPOCH);
        let later = at + TimeDelta::days(1);
        let repeat = || SavedFilter { created_at: later, updated_at: later, ..filter(1, "Mine") };
        let of_its_key = |shelf: &mut Shelf| {
            assert_eq!(shelf.add(repeat()).unwrap(), filter(1, "Mine"));
            assert!(matches!(shelf.add(filter(1, "Other")), Err(SavedFilterError::KeyReused)));
        };
        of_its_key(&mut shelf);
        shelf.replace(id, None, "Changed".parse().unwrap(), parameters("completed"), later).unwrap();
        of_its_key(&mut shelf);
        assert_eq!(shelf.filters.len(), 1);
        assert_eq!(shelf.filters[0].name.as_str(), "Changed");
        shelf.remove(id, None).unwrap();
        of_its_key(&mut shelf);
        assert_eq!(shelf.filters.len(), 0);
    }

    #[test]
    fn of_removed_filters_a_hundred_are_remembered() {
        let mut shelf = shelf(&[]);
        for number in 0..=100 {
            shelf.add(filter(number, "Mine")).unwrap();
            shelf.remove(SavedFilterId(Uuid::from_u128(number)), None).unwrap();
        }
        assert_eq!(shelf.removed.len(), MAX_REMEMBERED);
        assert_eq!(shelf.removed[0].id, SavedFilterId(Uuid::from_u128(1)));
    }

    #[test]
    fn a_change_is_of_the_version_that_is_expected_unless_it_was_made_already() {
        let mut shelf = shelf(&["Mine"]);
        let id = SavedFilterId(Uuid::from_u128(1));
        let at = DateTime::UNIX_EPOCH;
        let name = || "Mine".parse().unwrap();
        assert_eq!(shelf.replace(id, Some(1), name(), parameters("completed"), at).unwrap().version, 2);
        assert_eq!(shelf.replace(id, Some(1), name(), parameters("completed"), at).unwrap().version, 2);
        let stale = shelf.replace(id, Some(1), name(), parameters("todo"), at);
        assert!(matches!(stale, Err(SavedFilterError::Stale { actual: 2 })));
        assert!(matches!(shelf.remove(id, Some(1)), Err(SavedFilterError::Stale { actual: 2 })));
        shelf.remove(id, Some(2)).unwrap();
        assert!(matches!(shelf.remove(id, None), Err(SavedFilterError::NotFound)));
    }
}
