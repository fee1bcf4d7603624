//! Searching the log over all aggregates: one of what is asked for leads, through its partition, and the rest is left out of it.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};
use muster_domain::{Actor, DomainEvent, StreamId};
use serde::Serialize;

use super::AuditLog;
use super::query::{AuditPage, AuditQueries, Walk};
use crate::attribute::text;
use crate::cursor::QueryCheck;
use crate::error::{CursorError, QueryError};
use crate::listing::{Page, Partition};
use crate::projection::Projection as _;

/// How many days one page looks at, at most, when it goes by days.
const MOST_DAYS: usize = 31;
/// How many days before the last one are looked at when nothing else is asked for.
const DAYS_BACK: u64 = 30;
/// The length of a day in a sort key.
const DAY: usize = "2026-11-28".len();

/// Which entries of the whole log: those that fulfil everything that is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AuditFilter {
    /// About this aggregate.
    pub stream: Option<StreamId>,
    /// By whom.
    pub actor: Option<Actor>,
    /// Of this type.
    pub event_type: Option<String>,
    /// Not before this day (UTC).
    pub from: Option<NaiveDate>,
    /// Not after this day (UTC).
    pub to: Option<NaiveDate>,
}

impl AuditFilter {
    /// Whether they are found through something that is narrower than the days.
    pub const fn is_led(&self) -> bool {
        self.stream.is_some() || self.actor.is_some() || self.event_type.is_some()
    }
}

impl AuditQueries {
    /// What happened, by time; of one aggregate, by version. An aggregate leads before an actor, an actor before a type, and a
    /// type before the days. If there is nothing but days, it is about those, and without them about the last 31: so
    /// a page costs some queries and no more, whatever the log has. It may be short, or empty, before the end.
    pub async fn search(&self, filter: &AuditFilter, today: NaiveDate, page: &Page) -> Result<AuditPage, QueryError> {
        let last = filter.to.unwrap_or(today);
        let first = filter.from.unwrap_or_else(|| last.checked_sub_days(Days::new(DAYS_BACK)).unwrap_or(last));
        self.search_days(filter, (first, last), page).await
    }

    /// The same; but if there is nothing but days, it is about these.
    pub async fn search_days(
        &self,
        filter: &AuditFilter,
        (first, last): (NaiveDate, NaiveDate),
        page: &Page,
    ) -> Result<AuditPage, QueryError> {
        let check = QueryCheck::of("audit", &(filter, page.descending));
        let AuditFilter { stream, actor, event_type, from, to } = filter;
        let mut walk = match (stream, actor, event_type) {
            (Some(stream), _, _) => {
                Walk::through(Partition { index: None, attribute: "pk", value: stream.to_string(), low: None })
            }
            (None, Some(actor), _) => through("by-actor", "gsi_actor", actor.to_string()),
            (None, None, Some(event_type)) => through("by-type", "gsi_type", event_type.clone()),
            (None, None, None) => return self.by_days(&check, first, last, page).await,
        };
        if stream.is_some() {
            // Entries of an aggregate are sorted by version.
            walk.only("gsi_actor", "=", actor.as_ref().map(ToString::to_string));
            walk.only("at", ">=", from.map(begin_of));
            walk.only("at", "<=", to.map(end_of));
        } else {
            walk.low = from.map_or(walk.low, begin_of);
            walk.high = to.map_or(walk.high, end_of);
        }
        if stream.is_some() || actor.is_some() {
            walk.only("gsi_type", "=", event_type.clone());
        }
        self.list(&check, walk, page).await
    }

    /// The day of the first entry of all; `None` while there is none. No index has all entries by time, so it is the first
    /// of the first ones of each type.
    pub async fn first_day(&self) -> Result<Option<NaiveDate>, QueryError> {
        let table = self.models.table(AuditLog::NAME).await?;
        let types: BTreeSet<&str> = DomainEvent::kinds().map(|(_, kind)| kind.event_type).collect();
        let mut first: Option<NaiveDate> = None;
        for event_type in types {
            let check = QueryCheck::of("first", &event_type);
            let walk = through("by-type", "gsi_type", event_type.to_owned());
            let found = self.stored(&table, &check, walk, &Page::first(1)).await?;
            let days = found.items.first().map(|stored| stored.entry().at.date_naive());
            first = first.into_iter().chain(days).min();
        }
        Ok(first)
    }

    /// Day by day, until the page is full or has looked at enough of them.
    async fn by_days(
        &self,
        check: &QueryCheck,
        first: NaiveDate,
        last: NaiveDate,
        page: &Page,
    ) -> Result<AuditPage, QueryError> {
        let next_of = |day: NaiveDate| if page.descending { day.pred_opt() } else { day.succ_opt() };
        let mut page = page.clone();
        page.limit = page.limit.clamp(1, Page::MAX);
        let mut day = Some(if page.descending { last } else { first });
        if let Some(cursor) = &page.cursor {
            let after = check.after(cursor)?;
            let reached = after.get(..DAY).and_then(|day| day.parse::<NaiveDate>().ok());
            let reached = reached.ok_or(CursorError::Malformed)?;
            // A bare day: it was read to its end.
            day = if after.len() == DAY { next_of(reached) } else { Some(reached) };
        }
        let mut items = Vec::new();
        for _ in 0..MOST_DAYS {
            let Some(present) = day.filter(|day| (first..=last).contains(day)) else {
                return Ok(AuditPage { items, next: None });
            };
            let found = self.list(check, through("by-day", "gsi_day", present.to_string()), &page).await?;
            page.limit -= found.items.len();
            items.extend(found.items);
            if found.next.is_some() {
                return Ok(AuditPage { items, next: found.next });
            }
            page.cursor = Some(check.cursor(&present.to_string()));
            day = next_of(present);
            if page.limit == 0 {
                break;
            }
        }
        let more = day.is_some_and(|day| (first..=last).contains(&day));
        Ok(AuditPage { items, next: page.cursor.filter(|_| more) })
    }
}

fn through(index: &'static str, attribute: &'static str, value: String) -> Walk {
    Walk::through(Partition { index: Some(index), attribute, value, low: None })
}

fn begin_of(day: NaiveDate) -> String {
    day.to_string()
}

fn end_of(day: NaiveDate) -> String {
    format!("{day}~")
}

impl Walk {
    fn only(&mut self, attribute: &str, is: &str, value: Option<String>) {
        if let Some(value) = value {
            let (path, value) = (self.filter.path(attribute), self.filter.value(text(&value)));
            self.filter.and(format!("{path} {is} {value}"));
        }
    }
}
