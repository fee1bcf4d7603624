//! Listing items by sort key over one or several partitions of a table or index, page by page.

use std::collections::{HashMap, VecDeque};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::try_join_all;
use serde::Serialize;

use crate::attribute::{Item, Reader, text};
use crate::cursor::QueryCheck;
use crate::error::{QueryError, StoreError};

/// Which part of a list is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The most items; 1 to [`Page::MAX`], others are brought into it.
    pub limit: usize,
    /// Where to go on: the `next` of the page before.
    pub cursor: Option<String>,
    /// Last first.
    pub descending: bool,
}

impl Page {
    /// The most items of one page.
    pub const MAX: usize = 200;

    /// The first page, first things first.
    pub const fn first(limit: usize) -> Self {
        Self { limit, cursor: None, descending: false }
    }
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Listed<T> {
    /// The items, in order.
    pub items: Vec<T>,
    /// Where the next page begins. A page may be short, even empty, and have a next one: the work for one page is
    /// bounded, whatever the filters leave out. `None` at the end.
    pub next: Option<String>,
}

/// One partition that a listing reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Partition {
    /// The index; `None` for the table itself.
    pub(crate) index: Option<&'static str>,
    /// The attribute that is its partition key.
    pub(crate) attribute: &'static str,
    /// Its value.
    pub(crate) value: String,
    /// The lowest sort key that is wanted of it, where that is not the lowest of all.
    pub(crate) low: Option<String>,
}

/// What items must fulfil besides their place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    conditions: Vec<String>,
    pub(crate) names: HashMap<String, String>,
    pub(crate) values: HashMap<String, AttributeValue>,
}

impl Filter {
    /// A condition more; all must hold.
    pub(crate) fn and(&mut self, condition: String) {
        self.conditions.push(condition);
    }

    /// A placeholder for the attribute at this path, like `row.task.status`.
    pub(crate) fn path(&mut self, path: &str) -> String {
        let parts = path.split('.').map(|part| {
            let name = format!("#{part}");
            self.names.insert(name.clone(), part.to_owned());
            name
        });
        parts.collect::<Vec<_>>().join(".")
    }

    /// A placeholder for the value.
    pub(crate) fn value(&mut self, value: AttributeValue) -> String {
        let name = format!(":v{}", self.values.len());
        self.values.insert(name.clone(), value);
        name
    }

    fn expression(&self) -> Option<String> {
        let all = self.conditions.iter().map(|condition| format!("({condition})")).collect::<Vec<_>>();
        (!all.is_empty()).then(|| all.join(" AND "))
    }
}

/// How a list of tasks is read.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) partitions: Vec<Partition>,
    /// The lowest sort key that is wanted.
    pub(crate) low: String,
    /// The highest sort key that is wanted.
    pub(crate) high: String,
    pub(crate) filter: Filter,
}

/// A listing: the items of some partitions, merged by one sort key that is unique to each thing listed.
pub(crate) struct Listing<'a> {
    pub(crate) client: &'a Client,
    pub(crate) table: &'a str,
    pub(crate) partitions: Vec<Partition>,
    /// The sort key, the same in all partitions.
    pub(crate) sort: &'static str,
    /// The lowest sort key that is wanted.
    pub(crate) low: String,
    /// The highest sort key that is wanted.
    pub(crate) high: String,
    pub(crate) filter: Filter,
    /// How many items the first request to a partition reads at least when a filter leaves some out.
    pub(crate) filtered_read: usize,
    pub(crate) consistent: bool,
}

/// How many items beyond the first requests to each partition one page may read.
const MORE_READ: usize = 16_000;
/// In how many requests: of large items one has less than it asks for.
const MORE_REQUESTS: usize = 64;
/// How many items a request reads at first when a filter leaves some out, if they may be large.
pub(crate) const FILTERED_READ: usize = 100;
/// How many it reads at most: from one request to the next twice as many, as what is rare lies far apart.
const MOST_READ: usize = 1_000;

/// One partition while it is merged.
struct Source {
    partition: Partition,
    buffer: VecDeque<(String, Item)>,
    /// The last sort key that was read, as long as there is more.
    more_after: Option<String>,
    last_key: Option<Item>,
    /// How many items the next request reads.
    read: usize,
    /// How many the last one read, those among them that the filter left out.
    seen: usize,
}

impl Source {
    fn is_waiting(&self) -> bool {
        self.buffer.is_empty() && self.last_key.is_some()
    }
}

/// What a page may still cost.
struct Allowance {
    items: usize,
    requests: usize,
}

impl Listing<'_> {
    /// One page of the items, each made by `make`.
    pub(crate) async fn page<T>(
        mut self,
        check: &QueryCheck,
        page: &Page,
        mut make: impl FnMut(&str, &Item) -> Result<Option<T>, StoreError>,
    ) -> Result<Listed<T>, QueryError> {
        let limit = page.limit.clamp(1, Page::MAX);
        if let Some(cursor) = &page.cursor {
            let after = check.after(cursor)?;
            if page.descending {
                self.high = self.high.min(just_before(&after));
            } else {
                self.low = self.low.max(just_after(&after));
            }
        }
        if self.low > self.high {
            return Ok(Listed { items: Vec::new(), next: None });
        }
        let read = if self.filter.conditions.is_empty() { limit + 1 } else { self.filtered_read.max(limit + 1) };
        let first = self.partitions.iter().map(|partition| {
            let (partition, buffer) = (partition.clone(), VecDeque::new());
            let empty = Source { partition, buffer, more_after: None, last_key: None, read, seen: 0 };
            self.read(empty, page.descending)
        });
        let mut sources = try_join_all(first).await?;
        let mut allowance = Allowance { items: MORE_READ, requests: MORE_REQUESTS };
        let mut items = Vec::new();
        let mut last: Option<String> = None;
        let mut frontier = None;
        loop {
            if frontier.is_none() {
                frontier = self.refill(&mut sources, &mut allowance, page.descending).await?;
            }
            let beyond = |key: &String, edge: &String| if page.descending { key < edge } else { key > edge };
            let key = next_key(&sources, page.descending);
            let Some(key) = key.filter(|key| !frontier.as_ref().is_some_and(|edge| beyond(key, edge))) else {
                return Ok(Listed { items, next: frontier.map(|edge| check.cursor(&edge)) });
            };
            if items.len() == limit {
                return Ok(Listed { items, next: last.map(|last| check.cursor(&last)) });
            }
            // What several partitions have is listed once.
            if let Some(item) = take(&mut sources, &key) {
                items.extend(make(self.table, &item)?);
            }
            last = Some(key);
        }
    }

    /// Sees to it that every partition that goes on has its next item at hand. When the allowance is used up: how far
    /// the partition that was read least has been read. Everything up to there has been seen, and no more.
    async fn refill(
        &self,
        sources: &mut Vec<Source>,
        left: &mut Allowance,
        descending: bool,
    ) -> Result<Option<String>, StoreError> {
        while sources.iter().any(Source::is_waiting) {
            if left.items == 0 || left.requests == 0 {
                return Ok(frontier(sources, descending));
            }
            let (waiting, ready): (Vec<_>, Vec<_>) = std::mem::take(sources).into_iter().partition(Source::is_waiting);
            *sources = ready;
            let read = waiting.into_iter().map(|source| self.read(source, descending));
            for source in try_join_all(read).await? {
                left.requests = left.requests.saturating_sub(1);
                left.items = left.items.saturating_sub(source.seen);
                sources.push(source);
            }
        }
        Ok(None)
    }

    async fn read(&self, mut source: Source, descending: bool) -> Result<Source, StoreError> {
        let limit = source.read;
        if !self.filter.conditions.is_empty() {
            source.read = limit.max(MOST_READ.min(limit * 2));
        }
        let Partition { index, attribute, value, low } = &source.partition;
        let low = low.as_ref().unwrap_or(&self.low).max(&self.low);
        if *low > self.high {
            return Ok(source);
        }
        let mut query = self
            .client
            .query()
            .table_name(self.table)
            .set_index_name(index.map(str::to_owned))
            .key_condition_expression("#pk = :pk AND #sk BETWEEN :low AND :high")
            .set_filter_expression(self.filter.expression())
            .scan_index_forward(!descending)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(source.last_key.take());
        if self.consistent {
            query = query.consistent_read(true);
        }
        let mut names = self.filter.names.clone();
        names.insert("#pk".to_owned(), (*attribute).to_owned());
        names.insert("#sk".to_owned(), self.sort.to_owned());
        let mut values = self.filter.values.clone();
        values.insert(":pk".to_owned(), text(value));
        values.insert(":low".to_owned(), text(low));
        values.insert(":high".to_owned(), text(&self.high));
        let query = query.set_expression_attribute_names(Some(names)).set_expression_attribute_values(Some(values));
        let answer = query.send().await.map_err(|error| StoreError::unavailable(self.table, error))?;
        for item in answer.items.unwrap_or_default() {
            let key = Reader { table: self.table, item: &item }.text(self.sort)?.to_owned();
            source.buffer.push_back((key, item));
        }
        source.seen = usize::try_from(answer.scanned_count).unwrap_or(0);
        source.last_key = answer.last_evaluated_key;
        source.more_after = match &source.last_key {
            Some(item) => Some(Reader { table: self.table, item }.text(self.sort)?.to_owned()),
            None => None,
        };
        Ok(source)
    }
}

/// The sort key that comes next over all partitions.
fn next_key(sources: &[Source], descending: bool) -> Option<String> {
    let heads = sources.iter().filter_map(|source| source.buffer.front().map(|(key, _)| key));
    if descending { heads.max().cloned() } else { heads.min().cloned() }
}

/// Takes this sort key out of every partition that has it next.
fn take(sources: &mut [Source], key: &str) -> Option<Item> {
    let mut taken = None;
    for source in sources {
        if let Some((_, item)) = source.buffer.pop_front_if(|(next, _)| next == key) {
            taken = Some(item);
        }
    }
    taken
}

/// How far the partition that was read least has been read.
fn frontier(sources: &[Source], descending: bool) -> Option<String> {
    let read = sources.iter().filter_map(|source| source.more_after.clone());
    if descending { read.max() } else { read.min() }
}

/// The lowest text above this one.
pub(crate) fn just_after(key: &str) -> String {
    format!("{key}\0")
}

/// A text below this one and above all others below it that end in ASCII, as sort keys do.
pub(crate) fn just_before(key: &str) -> String {
    let mut chars = key.chars();
    let below = chars.next_back().and_then(|last| char::from_u32(u32::from(last).saturating_sub(1)));
    format!("{}{}\u{10ffff}", chars.as_str(), below.unwrap_or('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_lies_between_a_sort_key_and_its_neighbours() {
        let keys = ["2026#a0", "2026#a9", "2026#aa", "2026#ab", "~#00", "~#0f"];
        for pair in keys.windows(2) {
            assert!(just_after(pair[0]).as_str() <= pair[1] && just_after(pair[0]).as_str() > pair[0]);
            assert!(just_before(pair[1]).as_str() >= pair[0] && just_before(pair[1]).as_str() < pair[1]);
        }
    }
}
