//! Reading tasks as they were.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use muster_domain::task::{TaskFacts, TaskScope};
use muster_domain::{StreamId, TaskId, UserId};

use super::plan::plan;
use super::{PastTask, TaskPast, at};
use crate::attribute::Reader;
use crate::cursor::QueryCheck;
use crate::error::QueryError;
use crate::listing::{FILTERED_READ, Listing, Page};
use crate::projection::Projection as _;
use crate::read_models::{ReadModels, row_of};
use crate::task_list::{Ordered, TaskDocument, TaskFilter, TaskPage, TaskRow, TaskSort};

/// How many rows are read at once to see whether the asker may see their tasks now.
const READS_AT_ONCE: usize = 16;

/// The most tasks of a moment that are put into another order than that of deadlines.
const MOST_SORTED: usize = 2_000;
/// The most pages that are read for it: three times as many as would do if all were full.
const MOST_PARTS: usize = 30;

/// The queries of `task-past`.
#[derive(Clone, Debug)]
pub struct TaskPastQueries {
    models: ReadModels,
}

impl TaskPastQueries {
    /// Over these tables.
    pub const fn new(models: ReadModels) -> Self {
        Self { models }
    }

    /// The version up to which a task's states are known (consistent); 0 when nothing is known of it.
    pub async fn version(&self, id: TaskId) -> Result<u64, QueryError> {
        Ok(self.row(id).await?.map_or(0, |(_, version)| version))
    }

    /// The tasks that at the moment fulfilled the filter and were in the scope, as they were then, in its order (or all of it
    /// backwards). What had been deleted by then is not among them, nor what is out of the scope now.
    ///
    /// # Errors
    /// [`QueryError::TooMany`] for more than 2000 tasks in another order than that of deadlines.
    pub async fn list(
        &self,
        scope: &TaskScope,
        filter: &TaskFilter,
        moment: DateTime<Utc>,
        page: &Page,
    ) -> Result<TaskPage, QueryError> {
        match filter.sort {
            TaskSort::Due => self.by_deadline(scope, filter, moment, page).await,
            TaskSort::Created | TaskSort::Updated | TaskSort::Priority | TaskSort::Rank => {
                self.in_order(scope, filter, moment, page).await
            }
        }
    }

    /// What was is kept by deadline alone, as each order more would cost some writes for each change of a task: for another
    /// order all that was is read.
    async fn in_order(
        &self,
        scope: &TaskScope,
        filter: &TaskFilter,
        moment: DateTime<Utc>,
        page: &Page,
    ) -> Result<TaskPage, QueryError> {
        let check = QueryCheck::of("tasks at, in order", &(whose(scope), filter, at(moment), page.descending));
        let after = page.cursor.as_ref().map(|cursor| check.after(cursor)).transpose()?;
        let due = TaskFilter { sort: TaskSort::Due, ..filter.clone() };
        let (mut tasks, mut part) = (BTreeMap::new(), Page::first(Page::MAX));
        let mut seen = HashSet::new();
        for _ in 0..MOST_PARTS {
            let listed = self.by_deadline(scope, &due, moment, &part).await?;
            let new = listed.items.into_iter().filter(|task| seen.insert(task.id));
            tasks.extend(new.map(|task| (Ordered::from(&task).key(filter.sort), task)));
            part.cursor = listed.next;
            if part.cursor.is_none() || tasks.len() > MOST_SORTED {
                break;
            }
        }
        if part.cursor.is_some() || tasks.len() > MOST_SORTED {
            return Err(QueryError::TooMany { most: MOST_SORTED });
        }
        let is_next =
            |key: &String| after.as_ref().is_none_or(|after| if page.descending { key < after } else { key > after });
        let mut keys: Vec<String> = tasks.keys().filter(|key| is_next(key)).cloned().collect();
        if page.descending {
            keys.reverse();
        }
        let limit = page.limit.clamp(1, Page::MAX);
        let next = (keys.len() > limit).then(|| check.cursor(&keys[limit - 1]));
        let items = keys.iter().take(limit).filter_map(|key| tasks.remove(key)).collect();
        Ok(TaskPage { items, next })
    }

    /// Soonest due first, those without a deadline last.
    async fn by_deadline(
        &self,
        scope: &TaskScope,
        filter: &TaskFilter,
        moment: DateTime<Utc>,
        page: &Page,
    ) -> Result<TaskPage, QueryError> {
        let check = QueryCheck::of("tasks at", &(whose(scope), filter, at(moment), page.descending));
        let table = self.models.table(TaskPast::NAME).await?;
        let plan = plan(scope, filter, moment);
        let listing = Listing {
            client: self.models.client(),
            table: &table,
            partitions: plan.partitions,
            sort: "due",
            low: plan.low,
            high: plan.high,
            filter: plan.filter,
            filtered_read: FILTERED_READ,
            consistent: false,
        };
        let listed = listing.page(&check, page, |table, item| {
            let id = TaskId(Reader { table, item }.stream()?.id);
            if item.contains_key("entry") {
                let PastTask { row, version } = Reader { table, item }.typed("entry")?;
                return Ok(Some(TaskDocument::of_row(id, row, version)));
            }
            let Some((row, version)) = row_of::<TaskRow>(table, item)? else { return Ok(None) };
            Ok(Some(TaskDocument::of_row(id, row, version)))
        });
        let mut listed = listed.await?;
        // What is being left at this very moment may be there as what is and as what was.
        let mut seen = HashSet::new();
        listed.items.retain(|task| seen.insert(task.id));
        if !matches!(scope, TaskScope::All) {
            let ids: Vec<TaskId> = listed.items.iter().map(|task| task.id).collect();
            let rows = stream::iter(ids).map(|id| self.row(id));
            let rows = rows.buffered(READS_AT_ONCE).try_collect::<Vec<_>>().await?;
            let mut rows = rows.into_iter();
            let visible = |(row, _): &(TaskRow, u64)| scope.contains(&TaskFacts::from(&row.task));
            listed.items.retain(|_| rows.next().flatten().as_ref().is_some_and(visible));
        }
        Ok(listed)
    }

    async fn row(&self, id: TaskId) -> Result<Option<(TaskRow, u64)>, QueryError> {
        Ok(self.models.row(TaskPast::NAME, &StreamId::from(id)).await?)
    }
}

/// A scope's teams may change between two pages; a place in the order stays one.
const fn whose(scope: &TaskScope) -> Option<&UserId> {
    match scope {
        TaskScope::All => None,
        TaskScope::Teams { user, .. } | TaskScope::Own(user) => Some(user),
    }
}
