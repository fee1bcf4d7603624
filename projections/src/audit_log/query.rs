//! Reading the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use muster_domain::personal::Opener;
use muster_domain::{Actor, StreamId, SubjectKeys};

use super::stored::StoredEntry;
use super::{AuditEntry, AuditLog};
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
    models: ReadModels,
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
        let partition = Partition { index: None, attribute: "pk", value: stream.to_string() };
        self.list(&check, partition, types, page).await
    }

    /// The last thing that happened to an aggregate.
    pub async fn latest(&self, stream: &StreamId) -> Result<Option<AuditEntry>, QueryError> {
        let page = Page { descending: true, ..Page::first(1) };
        Ok(self.logs(stream, &[], &page).await?.items.pop())
    }

    /// What somebody did, by time.
    pub async fn by_actor(&self, actor: &Actor, types: &[String], page: &Page) -> Result<AuditPage, QueryError> {
        let check = QueryCheck::of("by-actor", &(actor, types, page.descending));
        let partition = Partition { index: Some("by-actor"), attribute: "gsi_actor", value: actor.to_string() };
        self.list(&check, partition, types, page).await
    }

    /// What happened on a day (UTC), by time.
    pub async fn by_day(&self, day: NaiveDate, types: &[String], page: &Page) -> Result<AuditPage, QueryError> {
        let check = QueryCheck::of("by-day", &(day, types, page.descending));
        let value = day.format("%Y-%m-%d").to_string();
        let partition = Partition { index: Some("by-day"), attribute: "gsi_day", value };
        self.list(&check, partition, types, page).await
    }

    /// What somebody did, by time, without what is sealed: of an entry about a person there are no changes, and nobody's key is
    /// asked for.
    pub async fn deeds(&self, actor: &Actor, page: &Page) -> Result<AuditPage, QueryError> {
        let check = QueryCheck::of("deeds", &(actor, page.descending));
        let table = self.models.table(AuditLog::NAME).await?;
        let partition = Partition { index: Some("by-actor"), attribute: "gsi_actor", value: actor.to_string() };
        let Listed { items, next } = self.stored(&table, &check, partition, &[], page).await?;
        Ok(AuditPage { items: items.into_iter().map(StoredEntry::into_entry).collect(), next })
    }

    async fn list(
        &self,
        check: &QueryCheck,
        partition: Partition,
        types: &[String],
        page: &Page,
    ) -> Result<AuditPage, QueryError> {
        let table = self.models.table(AuditLog::NAME).await?;
        let Listed { items, next } = self.stored(&table, check, partition, types, page).await?;
        Ok(AuditPage { items: self.opened(&table, items).await?, next })
    }

    async fn stored(
        &self,
        table: &str,
        check: &QueryCheck,
        partition: Partition,
        types: &[String],
        page: &Page,
    ) -> Result<Listed<StoredEntry>, QueryError> {
        // Entries are by version in the table and by time in an index.
        let (sort, low, high) = match partition.index {
            None => ("sk", Entry::at(0), Entry::at(u64::MAX)),
            Some(_) => ("at", " ".to_owned(), "~".to_owned()),
        };
        let mut filter = Filter::default();
        let path = if types.is_empty() { String::new() } else { filter.path("entry.type") };
        let mut any = Vec::new();
        // IN takes at most a hundred values.
        for some in types.chunks(100) {
            let values: Vec<_> = some.iter().map(|name| filter.value(text(name))).collect();
            any.push(format!("{path} IN ({})", values.join(", ")));
        }
        if !any.is_empty() {
            filter.and(any.join(" OR "));
        }
        let consistent = partition.index.is_none();
        let client = self.models.client();
        Listing {
            client,
            table,
            partitions: vec![partition],
            sort,
            low,
            high,
            filter,
            filtered_read: FILTERED_READ,
            consistent,
        }
        .page(check, page, |table, item| Reader { table, item }.typed("entry").map(Some))
        .await
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
