//! Reading tasks.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use muster_domain::task::{Priority, Relation, Status, TaskScope};
use muster_domain::values::{Label, Rank};
use muster_domain::{StreamId, TaskId, TeamId, UserId};
use serde::Serialize;

use super::places::{List, around_rank};
use super::plan::{matches, plan};
use super::words::TitleWords;
use super::{TaskDocument, TaskList, TaskRow};
use crate::attribute::{Item, Reader, text};
use crate::cursor::QueryCheck;
use crate::error::{QueryError, StoreError};
use crate::listing::{Filter, Listed, Listing, Page, Partition};
use crate::projection::{Place, Projection as _};
use crate::read_models::ReadModels;
use crate::rows::{DynamoRows, RowStore as _};

/// One page of tasks.
pub type TaskPage = Listed<TaskDocument>;

/// Which of them are asked for: those that fulfil everything that is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TaskFilter {
    /// Who is to do them.
    pub assignee: Option<UserId>,
    /// Who reported them.
    pub reporter: Option<UserId>,
    /// The team that they belong to.
    pub team: Option<TeamId>,
    /// How far they have come.
    pub status: Option<Status>,
    /// How much hurry there is.
    pub priority: Option<Priority>,
    /// A label that they have.
    pub label: Option<Label>,
    /// Who watches them.
    pub watcher: Option<UserId>,
    /// Words that their titles have.
    pub words: Option<TitleWords>,
    /// A task to which they stand so.
    pub related: Option<(Relation, TaskId)>,
    /// Due at this time or later.
    pub due_after: Option<DateTime<Utc>>,
    /// Due before this time.
    pub due_before: Option<DateTime<Utc>>,
    /// Not completed.
    pub open: bool,
    /// Completed.
    pub closed: bool,
    /// Due before this time, which is now, and not completed.
    #[serde(serialize_with = "whether")]
    pub overdue: Option<DateTime<Utc>>,
    /// The others: completed, or without a deadline, or due at this time, which is now, or later.
    #[serde(serialize_with = "whether")]
    pub in_time: Option<DateTime<Utc>>,
    /// In which order.
    pub sort: TaskSort,
}

/// An order of tasks. Of two at the same place the one with the lower id comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum TaskSort {
    /// Soonest due first, those without a deadline last.
    #[default]
    Due,
    /// Oldest first.
    Created,
    /// Those longest unchanged first.
    Updated,
    /// Most urgent first; among those of one priority, soonest due first.
    Priority,
    /// As people have put them by hand.
    Rank,
}

impl TaskSort {
    /// Every order.
    pub(super) const ALL: [Self; 5] = [Self::Due, Self::Created, Self::Updated, Self::Priority, Self::Rank];

    /// The sort key.
    pub(super) const fn attribute(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Priority => "urgency",
            Self::Rank => "rank",
        }
    }

    pub(super) const fn index(self) -> &'static str {
        match self {
            Self::Due => "by-due",
            Self::Created => "by-created",
            Self::Updated => "by-updated",
            Self::Priority => "by-urgency",
            Self::Rank => "by-rank",
        }
    }
}

/// How many places a request reads when a filter leaves some out. They are small.
const FILTERED_READ: usize = 1_000;

/// Now is another time on every page; the query is the same.
#[expect(clippy::ref_option, reason = "serde gives what it has")]
fn whether<T, S: serde::Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bool(value.is_some())
}

/// A scope's teams may change between two pages; a place in the order stays one.
pub(crate) const fn whose(scope: &TaskScope) -> Option<&UserId> {
    match scope {
        TaskScope::All => None,
        TaskScope::Teams { user, .. } | TaskScope::Own(user) => Some(user),
    }
}

/// The queries of `task-list`.
#[derive(Clone, Debug)]
pub struct TaskQueries {
    pub(super) models: ReadModels,
}

impl TaskQueries {
    /// Over these tables.
    pub const fn new(models: ReadModels) -> Self {
        Self { models }
    }

    /// The task, deleted or not; `None` when the read model does not know it (yet).
    pub async fn get(&self, id: TaskId) -> Result<Option<TaskDocument>, QueryError> {
        let row = self.models.row(TaskList::NAME, &StreamId::from(id)).await?;
        Ok(row.map(|(row, version)| TaskDocument::of_row(id, row, version)))
    }

    /// Whether the list that these ask for can show the task at this version or a later one: its row has come so far, and so has
    /// the index, where the list is read from a place that the task has. An index follows a moment later.
    pub async fn shows(
        &self,
        scope: &TaskScope,
        filter: &TaskFilter,
        id: TaskId,
        version: u64,
    ) -> Result<bool, QueryError> {
        let table = self.models.table(TaskList::NAME).await?;
        let stream = StreamId::from(id);
        let Some(row) = self.models.item(&table, &stream).await? else { return Ok(false) };
        if (Reader { table: &table, item: &row }).number("as_of")? < version {
            return Ok(false);
        }
        let unavailable = |error| StoreError::unavailable(&table, error);
        let query = self.models.client().query().table_name(&table).consistent_read(true);
        let query = query.key_condition_expression("pk = :pk AND begins_with(sk, :place)");
        let query = query.expression_attribute_values(":pk", text(&stream));
        let places = query.expression_attribute_values(":place", text(&Place::at(""))).send().await;
        let places = places.map_err(unavailable)?.items.unwrap_or_default();
        let lists: HashSet<String> = plan(scope, filter).partitions.into_iter().map(|list| list.value).collect();
        let sort = filter.sort.attribute();
        for place in places {
            let read = Reader { table: &table, item: &place };
            if !lists.contains(read.text("list")?) {
                continue;
            }
            let query = self.models.client().query().table_name(&table).index_name(filter.sort.index());
            let query = query.key_condition_expression("#list = :list AND #sort = :sort");
            let query = query.expression_attribute_names("#list", "list").expression_attribute_names("#sort", sort);
            let query = query.expression_attribute_values(":list", text(read.text("list")?));
            let found = query.expression_attribute_values(":sort", text(read.text(sort)?)).send().await;
            // An index holds a part of the place.
            let is_part = |found: &Item| found.iter().all(|(name, value)| place.get(name) == Some(value));
            if !found.map_err(unavailable)?.items().iter().any(is_part) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The tasks that fulfil the filter and are in the scope, in its order (or all of it backwards). Deleted tasks are in no list.
    /// Pages are full but the last, unless a task changed at this moment, or thousands were left out between two.
    pub async fn list(&self, scope: &TaskScope, filter: &TaskFilter, page: &Page) -> Result<TaskPage, QueryError> {
        let check = QueryCheck::of("tasks", &(whose(scope), filter, page.descending));
        let table = self.models.table(TaskList::NAME).await?;
        let plan = plan(scope, filter);
        let listing = Listing {
            client: self.models.client(),
            table: &table,
            partitions: plan.partitions,
            sort: filter.sort.attribute(),
            low: plan.low,
            high: plan.high,
            filter: plan.filter,
            filtered_read: FILTERED_READ,
            consistent: false,
        };
        let mut found = listing.page(&check, page, |table, item| Reader { table, item }.stream().map(Some)).await?;
        // Of a task that has just moved, one list's index may have the new place and another's the old one; DynamoDB loads no row twice.
        let mut seen = HashSet::new();
        found.items.retain(|stream: &StreamId| seen.insert(*stream));
        let rows = DynamoRows::new(self.models.client().clone(), table.clone()).load(&found.items).await?;
        let mut items = Vec::with_capacity(found.items.len());
        for (stream, stored) in found.items.iter().zip(rows) {
            let Some((json, as_of)) = stored.and_then(|stored| Some((stored.row?, stored.as_of))) else { continue };
            let row: TaskRow =
                serde_json::from_value(json).map_err(|error| StoreError::damaged(&table, stream, &error))?;
            if matches(scope, filter, &row.task) {
                items.push(TaskDocument::of_row(TaskId(stream.id), row, as_of));
            }
        }
        Ok(Listed { items, next: found.next })
    }

    /// The rank that comes next to that of this task, `behind` it or before it, among those of its status; `None` at the end. Tasks
    /// of its own rank are passed over: between them there is no place. The task `moved` is not asked for: it is about to go elsewhere.
    pub async fn beside(&self, beside: &TaskDocument, behind: bool, moved: TaskId) -> Result<Option<Rank>, QueryError> {
        let table = self.models.table(TaskList::NAME).await?;
        let (before_here, behind_here) = around_rank(&beside.rank);
        let (low, high) = if behind { (behind_here, "~".to_owned()) } else { (" ".to_owned(), before_here) };
        let list = List::All.partition(beside.status);
        let listing = Listing {
            client: self.models.client(),
            table: &table,
            partitions: vec![Partition {
                index: Some(TaskSort::Rank.index()),
                attribute: "list",
                value: list,
                low: None,
            }],
            sort: TaskSort::Rank.attribute(),
            low,
            high,
            filter: Filter::default(),
            filtered_read: FILTERED_READ,
            consistent: false,
        };
        let check = QueryCheck::of("beside", &beside.id);
        let page = Page { limit: 3, cursor: None, descending: !behind };
        let found = listing
            .page(&check, &page, |table, item| {
                let read = Reader { table, item };
                Ok(Some((read.stream()?, read.text("rank")?.to_owned())))
            })
            .await?;
        // Where the index is behind, the task itself may still be elsewhere in it.
        let others = [StreamId::from(moved), StreamId::from(beside.id)];
        let next = found.items.into_iter().find(|(stream, _)| !others.contains(stream));
        Ok(next.and_then(|(_, key)| key.split('!').next()?.parse().ok()))
    }
}
