//! Reading the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_domain::personal::Opener;
use muster_domain::{Actor, RecordedEvent, StreamId, SubjectKeys};

use super::stored::StoredEntry;
use super::{AuditEntry, AuditHead, AuditLog};
use crate::attribute::{Reader, text};
use crate::cursor::QueryCheck;
use crate::error::{QueryError, StoreError};
use crate::listing::{FILTERED_READ, Filter, Listed, Listing, Page, Partition};
use crate::projection::{Entry, Projection as _};
use crate::read_models::ReadModels;

/// One page of the log.
pub type AuditPage = Listed<AuditEntry>;

/// The queries of `audit-log`.
#[derive(Clone, Debug)]
pub struct AuditQueries {
    pub(super) models: ReadModels,
    keys: Arc<dyn SubjectKeys>,
}

impl AuditQueries {
    /// Over these tables. What is sealed in them is opened with these keys.
    pub fn new(models: ReadModels, keys: Arc<dyn SubjectKeys>) -> Self {
        Self { models, keys }
    }

    /// What happened to an aggregate, by version, as it is now (consistent); only these event types, or all when there
    /// are none.
    pub async fn logs(&self, stream: &StreamId, types: &[String], page: &Page) -> Result<AuditPage, QueryError> {
        let check = QueryCheck::of("logs", &(stream, types, page.descending));
        let partition = Partition { index: None, attribute: "pk", value: stream.to_string(), low: None };
        let mut walk = Walk::through(partition);
        walk.only_types(types);
        self.list(&check, walk, page).await
    }

    /// The version up to which an aggregate's log is there (consistent); 0 when there is nothing of it.
    pub async fn version(&self, stream: &StreamId) -> Result<u64, QueryError> {
        let head = self.models.row::<AuditHead>(AuditLog::NAME, stream).await?;
        Ok(head.map_or(0, |(_, version)| version))
    }

    /// The same as [`Self::logs`], from the aggregate's whole history: for whoever does not wait for the log. Its cursors are
    /// good for both.
    pub async fn logs_of(
        &self,
        stream: &StreamId,
        events: &[RecordedEvent],
        types: &[String],
        page: &Page,
    ) -> Result<AuditPage, QueryError> {
        let check = QueryCheck::of("logs", &(stream, types, page.descending));
        let after = page.cursor.as_ref().map(|cursor| check.after(cursor)).transpose()?;
        let beyond = |event: &&RecordedEvent| {
            let key = Entry::at(event.version);
            after.as_ref().is_none_or(|after| if page.descending { key < *after } else { key > *after })
        };
        let wanted = |event: &&RecordedEvent| types.is_empty() || types.contains(&event.event_type);
        let mut events: Vec<&RecordedEvent> = events.iter().filter(beyond).filter(wanted).collect();
        events.sort_unstable_by_key(|event| event.version);
        if page.descending {
            events.reverse();
        }
        let limit = page.limit.clamp(1, Page::MAX);
        let next = (events.len() > limit).then(|| check.cursor(&Entry::at(events[limit - 1].version)));
        events.truncate(limit);
        let opener = self.keys.opener(stream).await;
        let opener = opener.map_err(|error| StoreError::unavailable("subject-keys", error))?;
        let entry = |event: &RecordedEvent| {
            let decoded = event.decode_with(&opener);
            let decoded = decoded.map_err(|error| StoreError::damaged("events", stream, &error))?;
            Ok::<_, StoreError>(AuditEntry::of(event, &decoded))
        };
        Ok(AuditPage { items: events.into_iter().map(entry).collect::<Result<_, _>>()?, next })
    }

    /// The last thing that happened to an aggregate.
    pub async fn latest(&self, stream: &StreamId) -> Result<Option<AuditEntry>, QueryError> {
        let page = Page { descending: true, ..Page::first(1) };
        Ok(self.logs(stream, &[], &page).await?.items.pop())
    }

    /// What somebody did, by time, without what is sealed: of an entry about a person there are no changes, and nobody's key is
    /// asked for.
    pub async fn deeds(&self, actor: &Actor, page: &Page) -> Result<AuditPage, QueryError> {
        let check = QueryCheck::of("deeds", &(actor, page.descending));
        let table = self.models.table(AuditLog::NAME).await?;
        let partition =
            Partition { index: Some("by-actor"), attribute: "gsi_actor", value: actor.to_string(), low: None };
        let Listed { items, next } = self.stored(&table, &check, Walk::through(partition), page).await?;
        Ok(AuditPage { items: items.into_iter().map(StoredEntry::into_entry).collect(), next })
    }

    pub(super) async fn list(&self, check: &QueryCheck, walk: Walk, page: &Page) -> Result<AuditPage, QueryError> {
        let table = self.models.table(AuditLog::NAME).await?;
        let Listed { items, next } = self.stored(&table, check, walk, page).await?;
        Ok(AuditPage { items: self.opened(&table, items).await?, next })
    }

    pub(super) async fn stored(
        &self,
        table: &str,
        check: &QueryCheck,
        walk: Walk,
        page: &Page,
    ) -> Result<Listed<StoredEntry>, QueryError> {
        let Walk { partition, low, high, filter } = walk;
        let listing = Listing {
            client: self.models.client(),
            table,
            // Entries are by version in the table and by time in an index.
            sort: if partition.index.is_none() { "sk" } else { "at" },
            consistent: partition.index.is_none(),
            partitions: vec![partition],
            low,
            high,
            filter,
            filtered_read: FILTERED_READ,
        };
        listing.page(check, page, |table, item| Reader { table, item }.typed("entry").map(Some)).await
    }

    /// The entries with what is sealed in the open. Each person's key is looked for once.
    async fn opened(&self, table: &str, stored: Vec<StoredEntry>) -> Result<Vec<AuditEntry>, StoreError> {
        let mut openers: BTreeMap<StreamId, Opener> = BTreeMap::new();
        let mut entries = Vec::with_capacity(stored.len());
        for stored in stored {
            let stream = stored.entry().stream;
            if stored.is_sealed() && !openers.contains_key(&stream) {
                let opener = self.keys.opener(&stream).await;
                openers.insert(stream, opener.map_err(|error| StoreError::unavailable(table, error))?);
            }
            let opener = openers.get(&stream).unwrap_or(&Opener::NoKey);
            entries.push(stored.opened(opener).map_err(|error| StoreError::damaged(table, &stream, &error))?);
        }
        Ok(entries)
    }
}

/// Through which partition entries are looked for, between which sort keys, and what is left out.
pub(super) struct Walk {
    partition: Partition,
    pub(super) low: String,
    pub(super) high: String,
    pub(super) filter: Filter,
}

impl Walk {
    /// All of a partition.
    pub(super) fn through(partition: Partition) -> Self {
        let (low, high) = match partition.index {
            None => (Entry::at(0), Entry::at(u64::MAX)),
            Some(_) => (" ".to_owned(), "~".to_owned()),
        };
        Self { partition, low, high, filter: Filter::default() }
    }

    fn only_types(&mut self, types: &[String]) {
        let path = if types.is_empty() { String::new() } else { self.filter.path("entry.type") };
        let mut any = Vec::new();
        // IN takes at most a hundred values.
        for some in types.chunks(100) {
            let values: Vec<_> = some.iter().map(|name| self.filter.value(text(name))).collect();
            any.push(format!("{path} IN ({})", values.join(", ")));
        }
        if !any.is_empty() {
            self.filter.and(any.join(" OR "));
        }
    }
}
