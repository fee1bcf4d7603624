//! Reading tasks as they were.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use muster_domain::task::{TaskFacts, TaskScope};
use muster_domain::{StreamId, TaskId};

use super::plan::plan;
use super::{PastTask, TaskPast, at};
use crate::attribute::Reader;
use crate::cursor::QueryCheck;
use crate::error::QueryError;
use crate::listing::{FILTERED_READ, Listed, Listing, Page};
use crate::projection::Projection as _;
use crate::read_models::{ReadModels, row_of};
use crate::task_list::{Ordered, TaskDocument, TaskFilter, TaskPage, TaskRow, TaskSort, is_late, whose};

/// How many rows are read at once to see whether the asker may see their tasks now.
const READS_AT_ONCE: usize = 16;

/// The most tasks of a moment that are put into another order than that of deadlines.
const MOST_SORTED: usize = 2_000;
/// The most parts that are read for it. Ten would do if all were full; where most of what is read is not asked for they are short, and
/// each has read more than ten thousand states.
const MOST_PARTS: usize = 40;
/// The most parts that one page by deadline is put together of: one is full, but for what the asker may not see now.
const MOST_PARTS_OF_A_PAGE: usize = 10;

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
    /// In another order than that of deadlines: [`QueryError::TooMany`] for more than 2000 tasks, and [`QueryError::TooSparse`] for fewer
    /// among hundreds of thousands of states.
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
        let (mut gathered, mut part) = (Gathered::new(filter.sort), Page::first(Page::MAX));
        loop {
            part.cursor = gathered.take(self.part(scope, &due, moment, &part).await?.page())?;
            if part.cursor.is_none() {
                break;
            }
        }
        let mut tasks = gathered.tasks;
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

    /// Soonest due first, those without a deadline last. The page is full, unless it is the last one or its parts cost too much.
    async fn by_deadline(
        &self,
        scope: &TaskScope,
        filter: &TaskFilter,
        moment: DateTime<Utc>,
        page: &Page,
    ) -> Result<TaskPage, QueryError> {
        let limit = page.limit.clamp(1, Page::MAX);
        let (mut page, mut items, mut seen) = (page.clone(), Vec::new(), HashSet::new());
        for _ in 0..MOST_PARTS_OF_A_PAGE {
            let part = self.part(scope, filter, moment, &page).await?;
            let mut tasks = part.tasks.into_iter();
            while let Some((task, cursor)) = tasks.next() {
                // What is being left at this very moment may be there as what is and as what was.
                if seen.insert(task.id) {
                    items.push(task);
                }
                if items.len() == limit {
                    let more = tasks.next().is_some() || part.next.is_some();
                    return Ok(TaskPage { items, next: more.then_some(cursor) });
                }
            }
            page.cursor = part.next;
            if page.cursor.is_none() || !part.is_full {
                break;
            }
        }
        Ok(TaskPage { items, next: page.cursor })
    }

    /// A part of the list by deadline.
    async fn part(
        &self,
        scope: &TaskScope,
        filter: &TaskFilter,
        moment: DateTime<Utc>,
        page: &Page,
    ) -> Result<Part, QueryError> {
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
            let read = Reader { table, item };
            let (id, cursor) = (TaskId(read.stream()?.id), check.cursor(read.text("due")?));
            let task = if item.contains_key("entry") {
                let PastTask { row, version } = read.typed("entry")?;
                TaskDocument::of_row(id, row, version)
            } else {
                let Some((row, version)) = row_of::<TaskRow>(table, item)? else { return Ok(None) };
                TaskDocument::of_row(id, row, version)
            };
            // Deadlines are in the keys that a list is read by: these cannot be filtered by.
            let is_wanted = filter.in_time.is_none_or(|now| !is_late(task.deadline, task.status, now));
            Ok(is_wanted.then_some((task, cursor)))
        });
        let Listed { items: mut tasks, next } = listed.await?;
        let is_full = tasks.len() >= page.limit.clamp(1, Page::MAX);
        if !matches!(scope, TaskScope::All) {
            let ids: Vec<TaskId> = tasks.iter().map(|(task, _)| task.id).collect();
            let rows = stream::iter(ids).map(|id| self.row(id));
            let rows = rows.buffered(READS_AT_ONCE).try_collect::<Vec<_>>().await?;
            let mut rows = rows.into_iter();
            let visible = |(row, _): &(TaskRow, u64)| scope.contains(&TaskFacts::from(&row.task));
            tasks.retain(|_| rows.next().flatten().as_ref().is_some_and(visible));
        }
        Ok(Part { tasks, is_full, next })
    }

    async fn row(&self, id: TaskId) -> Result<Option<(TaskRow, u64)>, QueryError> {
        Ok(self.models.row(TaskPast::NAME, &StreamId::from(id)).await?)
    }
}

/// A part of a list by deadline.
struct Part {
    /// The tasks that the asker may see, each with the cursor for going on behind it.
    tasks: Vec<(TaskDocument, String)>,
    /// Whether as many were found as were asked for, those that the asker may not see among them.
    is_full: bool,
    /// Where the next part begins, if there is one.
    next: Option<String>,
}

impl Part {
    fn page(self) -> TaskPage {
        TaskPage { items: self.tasks.into_iter().map(|(task, _)| task).collect(), next: self.next }
    }
}

/// Tasks that are put in order, as parts of a list come in.
struct Gathered {
    sort: TaskSort,
    tasks: BTreeMap<String, TaskDocument>,
    seen: HashSet<TaskId>,
    parts: usize,
}

impl Gathered {
    fn new(sort: TaskSort) -> Self {
        Self { sort, tasks: BTreeMap::new(), seen: HashSet::new(), parts: 0 }
    }

    /// Takes in a part. Gives where the next one begins, if there is one.
    fn take(&mut self, part: TaskPage) -> Result<Option<String>, QueryError> {
        self.parts += 1;
        let new = part.items.into_iter().filter(|task| self.seen.insert(task.id));
        self.tasks.extend(new.map(|task| (Ordered::from(&task).key(self.sort), task)));
        if self.tasks.len() > MOST_SORTED {
            return Err(QueryError::TooMany { most: MOST_SORTED });
        }
        if part.next.is_some() && self.parts >= MOST_PARTS {
            return Err(QueryError::TooSparse { found: self.tasks.len() });
        }
        Ok(part.next)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use muster_domain::task::{CreateTask, Task, TaskCreated};
    use muster_domain::{Actor, Decider as _, UserId};
    use uuid::Uuid;

    use super::*;

    /// So many tasks from this number on, the newest first.
    fn tasks(from: usize, count: usize) -> Vec<TaskDocument> {
        let one = |number: usize| {
            let at = DateTime::UNIX_EPOCH - TimeDelta::milliseconds(i64::try_from(number).unwrap());
            let mut task = Task::default();
            task.evolve(&TaskCreated::from(CreateTask::new("Fix the lift".parse().unwrap(), at)).into());
            let (id, by) = (TaskId(Uuid::from_u128(number as u128)), Actor::from(UserId(Uuid::from_u128(1))));
            TaskDocument::new(id, &task.state.unwrap(), 1, at, by)
        };
        (from..from + count).map(one).collect()
    }

    fn part(items: Vec<TaskDocument>, more: bool) -> TaskPage {
        TaskPage { items, next: more.then(|| "on".to_owned()) }
    }

    #[test]
    fn parts_are_put_in_order_and_what_comes_twice_is_there_once() {
        let mut gathered = Gathered::new(TaskSort::Created);
        assert_eq!(gathered.take(part(tasks(0, 3), true)).unwrap().as_deref(), Some("on"));
        assert_eq!(gathered.take(part(tasks(2, 2), false)).unwrap(), None);
        let found: Vec<u128> = gathered.tasks.into_values().map(|task| task.id.0.as_u128()).collect();
        assert_eq!(found, [3, 2, 1, 0]);
    }

    #[test]
    fn what_is_rare_is_looked_for_in_many_parts_and_not_in_any_number() {
        let mut gathered = Gathered::new(TaskSort::Created);
        for number in 1..MOST_PARTS {
            assert_eq!(gathered.take(part(tasks(number, 1), true)).unwrap().as_deref(), Some("on"));
        }
        let refused = gathered.take(part(tasks(MOST_PARTS, 1), true));
        assert!(matches!(refused, Err(QueryError::TooSparse { found: MOST_PARTS })), "{refused:?}");
        let mut gathered = Gathered { parts: MOST_PARTS - 1, ..Gathered::new(TaskSort::Created) };
        assert_eq!(gathered.take(part(tasks(1, 1), false)).unwrap(), None, "the last part may be the last one");
    }

    #[test]
    fn more_than_can_be_put_in_order_is_refused_as_that() {
        let mut gathered = Gathered::new(TaskSort::Rank);
        assert_eq!(gathered.take(part(tasks(0, MOST_SORTED), true)).unwrap().as_deref(), Some("on"));
        let refused = gathered.take(part(tasks(MOST_SORTED, 1), false));
        assert!(matches!(refused, Err(QueryError::TooMany { most: MOST_SORTED })), "{refused:?}");
    }
}
