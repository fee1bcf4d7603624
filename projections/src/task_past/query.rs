//! Reading tasks as they were.

use std::collections::HashSet;

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
use crate::task_list::{TaskDocument, TaskFilter, TaskPage, TaskRow};

/// How many rows are read at once to see whether the asker may see their tasks now.
const READS_AT_ONCE: usize = 16;

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

    /// The tasks that at the moment fulfilled the filter and were in the scope, as they were then, soonest due first, those without a
    /// deadline last (or all of it backwards). What had been deleted by then is not among them, nor what is out of the
    /// scope now.
    pub async fn list(
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
