//! The access log: who tried what, and whether they were let in. Beside the events and not among them
//! (`docs/adr/0016-access-log-beside-the-events.md`): it holds attempts, it is bounded, and it forgets after 400 days.

mod bound;
mod entry;
mod kind;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::NaiveDate;
use muster_domain::ids::UserId;
use muster_domain::ports::Clock;
use uuid::Uuid;

use crate::secrets::ServerSecret;
use crate::store::{Item, StoreError, s};

use bound::{Admitted, Bound};
pub use entry::{Access, AccessEntry, AccessSubject, Origin};
pub use kind::{AccessKind, Outcome};

/// The index by who did it.
const BY_ACTOR: &str = "by-actor";
/// The index by whom or what it was about.
const BY_SUBJECT: &str = "by-subject";
/// The index by what was done.
const BY_KIND: &str = "by-kind";
/// The most queries for one page, when a filter leaves little of each.
const MOST_QUERIES: usize = 10;

/// Which entries to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccessFilter {
    /// Only of this day (UTC).
    pub day: Option<NaiveDate>,
    /// Only by this account.
    pub actor: Option<UserId>,
    /// Only about this account.
    pub about: Option<UserId>,
    /// Only of this kind.
    pub kind: Option<AccessKind>,
    /// Only what was allowed, or what was refused.
    pub outcome: Option<Outcome>,
}

/// A part of the log, in the order that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessPage {
    /// The entries.
    pub items: Vec<AccessEntry>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// Why the log could not be read.
#[derive(Debug, thiserror::Error)]
pub enum AccessLogError {
    /// The cursor is none of this log.
    #[error("is not a cursor of this list")]
    Cursor,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The table of what was tried.
#[derive(Clone)]
pub struct AccessLog {
    client: Client,
    table: String,
    addresses: hmac::Key,
    bound: Bound,
    clock: Arc<dyn Clock>,
}

impl AccessLog {
    /// Over an existing table.
    pub fn new(client: Client, table: impl Into<String>, secret: &ServerSecret, clock: Arc<dyn Clock>) -> Self {
        let addresses = secret.hmac_key("addresses in the access log");
        Self { client, table: table.into(), addresses, bound: Bound::default(), clock }
    }

    /// What stands for an e-mail address that belongs to nobody: the same for the same address, and of no use to whoever
    /// does not have the server's secret.
    pub fn address(&self, email: &str) -> AccessSubject {
        let tag = hmac::sign(&self.addresses, email.trim().to_lowercase().as_bytes());
        AccessSubject::Address(BASE64_URL_SAFE_NO_PAD.encode(&tag.as_ref()[..16]))
    }

    /// Writes an entry.
    pub async fn write(&self, origin: &Origin, access: Access) -> Result<(), StoreError> {
        self.put(&AccessEntry::new(self.clock.now(), origin, access)).await
    }

    /// Writes what was refused, unless so much of the kind came from there in this minute that more would say nothing
    /// new: then it is counted, and the next entry that is written of it says how many were left out. If none is written before what
    /// it is counted in is needed for others, one is written of it then.
    pub async fn write_refused(&self, origin: &Origin, access: Access) -> Result<(), StoreError> {
        let Admitted { own, forgotten } = self.bound.admit(AccessEntry::new(self.clock.now(), origin, access));
        for entry in own.iter().chain(&forgotten) {
            self.put(entry).await?;
        }
        Ok(())
    }

    /// Writes what was left out and counted since, so that it is not lost with the memory that it is counted in: now and then, and
    /// before a stop. What could not be written is counted still.
    pub async fn write_left_out(&self) -> Result<(), StoreError> {
        let mut left_out = self.bound.take_left_out().into_iter();
        while let Some(entry) = left_out.next() {
            if let Err(error) = self.put(&entry).await {
                std::iter::once(entry).chain(left_out).for_each(|entry| self.bound.give_back(entry));
                return Err(error);
            }
        }
        Ok(())
    }

    async fn put(&self, entry: &AccessEntry) -> Result<(), StoreError> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(entry.to_item()));
        put.send().await.map_err(StoreError::of("writing the access log"))?;
        Ok(())
    }

    /// A page of the log, newest first if `descending`, else oldest first. Without an account or a kind it is of one day: that of the cursor, or today's, if none is named. A page
    /// may be short, or empty, before the end. A cursor of another day than that is refused.
    pub async fn page(
        &self,
        filter: &AccessFilter,
        limit: usize,
        cursor: Option<&str>,
        descending: bool,
    ) -> Result<AccessPage, AccessLogError> {
        const READING: &str = "reading the access log";
        let mut from = cursor.map(|cursor| opened(cursor, descending).ok_or(AccessLogError::Cursor)).transpose()?;
        let reached = from.as_deref().and_then(day_of);
        // Behind the entries of another day there is nothing of this one.
        if filter.day.zip(reached).is_some_and(|(asked, reached)| asked != reached) {
            return Err(AccessLogError::Cursor);
        }
        let walk = self.walk(filter, reached);
        let mut items = Vec::new();
        for _ in 0..MOST_QUERIES {
            let left = i32::try_from(limit - items.len()).unwrap_or(i32::MAX);
            let query = self.client.query().table_name(&self.table).set_index_name(walk.index.map(str::to_owned));
            let query = query.key_condition_expression(&walk.condition).scan_index_forward(!descending).limit(left);
            let query = query.set_filter_expression((!walk.filters.is_empty()).then(|| walk.filters.join(" AND ")));
            let query = query.set_expression_attribute_values(Some(walk.values.clone()));
            let query = query.set_exclusive_start_key(from.as_ref().map(|after| walk.start_key(after)));
            let page = query.send().await.map_err(StoreError::of(READING))?;
            for item in page.items.unwrap_or_default() {
                items.push(AccessEntry::from_item(&item).ok_or(StoreError::damaged(READING, "an attribute"))?);
            }
            from = page.last_evaluated_key.as_ref().and_then(|key| crate::store::text(key, "sk"));
            if from.is_none() || items.len() >= limit {
                break;
            }
        }
        Ok(AccessPage { items, next: from.map(|after| closed(&after, descending)) })
    }

    fn walk(&self, filter: &AccessFilter, reached: Option<NaiveDate>) -> Walk {
        let mut walk = Walk::default();
        let about = filter.about.map(|user| s(&AccessSubject::User(user)));
        let kind = filter.kind.map(|kind| s(&kind.as_str()));
        // Through the narrowest partition; what else is asked for is left out of it.
        match (filter.actor, about, kind) {
            (Some(actor), about, kind) => {
                walk.through(Some(BY_ACTOR), "actor", s(&actor));
                walk.only_if("subject", about);
                walk.only_if("kind", kind);
            }
            (None, Some(about), kind) => {
                walk.through(Some(BY_SUBJECT), "subject", about);
                walk.only_if("kind", kind);
            }
            (None, None, Some(kind)) => walk.through(Some(BY_KIND), "kind", kind),
            (None, None, None) => {
                // What was begun on one day goes on with it on the next.
                let day = filter.day.or(reached).unwrap_or_else(|| self.clock.now().date_naive());
                walk.through(None, "pk", s(&day));
            }
        }
        if let (Some(day), Some(_)) = (filter.day, walk.index) {
            walk.condition.push_str(" AND begins_with(sk, :day)");
            walk.values.insert(":day".to_owned(), s(&day));
        }
        walk.only_if("outcome", filter.outcome.map(|outcome| s(&outcome.as_str())));
        walk
    }
}

impl fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessLog").field("table", &self.table).finish_non_exhaustive()
    }
}

/// How a page is looked for: through which partition, and what is left out of it.
#[derive(Default)]
struct Walk {
    index: Option<&'static str>,
    partition: Option<(&'static str, AttributeValue)>,
    condition: String,
    filters: Vec<String>,
    values: HashMap<String, AttributeValue>,
}

impl Walk {
    fn through(&mut self, index: Option<&'static str>, attribute: &'static str, value: AttributeValue) {
        self.index = index;
        self.condition = format!("{attribute} = :{attribute}");
        self.values.insert(format!(":{attribute}"), value.clone());
        self.partition = Some((attribute, value));
    }

    fn only_if(&mut self, attribute: &'static str, value: Option<AttributeValue>) {
        if let Some(value) = value {
            self.filters.push(format!("{attribute} = :{attribute}"));
            self.values.insert(format!(":{attribute}"), value);
        }
    }

    /// The key of the entry with this sort key: its partition begins it.
    fn start_key(&self, after: &str) -> Item {
        let mut key = Item::from([("pk".to_owned(), s(&&after[..DAY])), ("sk".to_owned(), s(&after))]);
        if let Some((attribute, value)) = &self.partition
            && self.index.is_some()
        {
            key.insert((*attribute).to_owned(), value.clone());
        }
        key
    }
}

/// The length of a day in a sort key.
const DAY: usize = "2026-11-28".len();

/// What the cursor of a page begins with: it is good for no other list, and for no other order.
const fn beginning(descending: bool) -> &'static str {
    if descending { "access#-at#" } else { "access#at#" }
}

/// The cursor for going on after this sort key.
fn closed(after: &str, descending: bool) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("{}{after}", beginning(descending)))
}

/// The sort key in a cursor, if it is one of this log and this order.
fn opened(cursor: &str, descending: bool) -> Option<String> {
    let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let text = text.strip_prefix(beginning(descending))?.to_owned();
    let (at, id) = text.split_once('#')?;
    chrono::DateTime::parse_from_rfc3339(at).ok()?;
    day_of(&text)?;
    id.parse::<Uuid>().ok()?;
    Some(text)
}

/// The day that a sort key begins with.
fn day_of(sort_key: &str) -> Option<NaiveDate> {
    sort_key.get(..DAY)?.parse().ok()
}
