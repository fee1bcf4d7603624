//! What the identity stores share: their tables' names and the error of a call that failed.

use std::collections::HashMap;
use std::error::Error;

use aws_sdk_dynamodb::types::AttributeValue;

/// An item as the SDK gives it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// The names of the tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityTables {
    /// Password hashes: `pk` (S) = user id.
    pub credentials: String,
    /// Session families: `pk` (S) = family id; index `by-user` on `user_id` (S); expiry attribute `ttl` (N). And which of them a
    /// user has begun lately: `pk` (S) = `begun#<user id>#<quarter of an hour>`, in no index.
    pub sessions: String,
    /// What was tried: `pk` (S) = UTC day, `sk` (S) = `<time>#<id>`; indexes `by-actor` on `actor`, `by-subject` on
    /// `subject` and `by-kind` on `kind`, all sorted by `sk`; expiry attribute `ttl` (N).
    pub access_log: String,
    /// Unique e-mail addresses, written by the command side: `pk` (S) = `email#<address>`, `owner` (S) = user id.
    pub reservations: String,
    /// Hashes of one-time tokens: `pk` (S) = `<purpose>#<hash>`; expiry attribute `ttl` (N).
    pub one_time_tokens: String,
    /// API tokens: `pk` (S) = user id, `sk` (S) = token id; expiry attribute `ttl` (N).
    pub api_tokens: String,
    /// People of outside issuers: `pk` (S) = hash of issuer and subject, `user_id` (S); index `by-user` on `user_id`.
    pub outside_identities: String,
    /// Invitations: `pk` (S) = id; index `open` on `open` (S), sorted by `created_at` (S); expiry attribute `ttl` (N).
    pub invitations: String,
}

/// A store that could not be reached, refused, or holds what nobody wrote. Trying again may help with the first.
#[derive(Debug, thiserror::Error)]
#[error("the identity store failed: {operation}")]
pub struct StoreError {
    /// What was tried, for the log: "reading a session".
    operation: &'static str,
    #[source]
    source: Box<dyn Error + Send + Sync>,
}

impl StoreError {
    pub(crate) fn of<E: Error + Send + Sync + 'static>(operation: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self { operation, source: Box::new(source) }
    }

    pub(crate) fn damaged(operation: &'static str, what: &'static str) -> Self {
        Self { operation, source: format!("{what} is missing or of another type").into() }
    }
}

pub(crate) fn text(item: &Item, attribute: &str) -> Option<String> {
    item.get(attribute)?.as_s().ok().cloned()
}

pub(crate) fn number<T: std::str::FromStr>(item: &Item, attribute: &str) -> Option<T> {
    item.get(attribute)?.as_n().ok()?.parse().ok()
}

/// Whether the attribute says yes; it says no where it is not there.
pub(crate) fn flag(item: &Item, attribute: &str) -> Option<bool> {
    item.get(attribute).map_or(Some(false), |value| value.as_bool().ok().copied())
}

pub(crate) fn s(value: &impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

pub(crate) fn n(value: &impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
