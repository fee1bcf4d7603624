//! Reading tasks.

use chrono::{DateTime, Utc};
use muster_domain::task::{Priority, Status, TaskScope};
use muster_domain::values::Label;
use muster_domain::{StreamId, TaskId, TeamId, UserId};
use serde::Serialize;

use super::plan::plan;
use super::{TaskDocument, TaskList, TaskRow};
use crate::attribute::{Reader, text};
use crate::cursor::QueryCheck;
use crate::error::{QueryError, StoreError};
use crate::listing::{Listed, Listing, Page, Partition};
use crate::projection::Projection as _;
use crate::read_models::{ReadModels, row_of};

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
    /// Due at this time or later.
    pub due_after: Option<DateTime<Utc>>,
    /// Due before this time.
    pub due_before: Option<DateTime<Utc>>,
    /// Not completed.
    pub open: bool,
    /// Due before this time, which is now, and not completed.
    #[serde(serialize_with = "whether")]
    pub overdue: Option<DateTime<Utc>>,
}

/// Now is another time on every page; the query is the same.
#[expect(clippy::ref_option, reason = "serde gives what it has")]
fn whether<T, S: serde::Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bool(value.is_some())
}

/// The queries of `task-list`.
#[derive(Clone, Debug)]
pub struct TaskQueries {
    models: ReadModels,
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

    /// Whether the list that these ask for can show the task at this version or a later one: its row has come so far, and so
    /// has each index that the list is read from and that has the task. An index follows a row a moment later.
    pub async fn shows(
        &self,
        scope: &TaskScope,
        filter: &TaskFilter,
        id: TaskId,
        version: u64,
    ) -> Result<bool, QueryError> {
        let table = self.models.table(TaskList::NAME).await?;
        let Some(item) = self.models.item(&table, &StreamId::from(id)).await? else { return Ok(false) };
        if (Reader { table: &table, item: &item }).number("as_of")? < version {
            return Ok(false);
        }
        for Partition { index, attribute, value } in plan(scope, filter).partitions {
            let (of, due) = (item.get(attribute).and_then(|of| of.as_s().ok()), item.get("due"));
            let (Some(due), true) = (due, of == Some(&value)) else { continue };
            let query = self.models.client().query().table_name(&table).set_index_name(index.map(str::to_owned));
            let query = query.key_condition_expression("#pk = :pk AND #sk = :sk");
            let query = query.expression_attribute_names("#pk", attribute).expression_attribute_names("#sk", "due");
            let query = query.expression_attribute_values(":pk", text(&value));
            let answer = query.expression_attribute_values(":sk", due.clone()).send().await;
            let found = answer.map_err(|error| StoreError::unavailable(&table, error))?.items.unwrap_or_default();
            let Some(found) = found.first() else { return Ok(false) };
            if (Reader { table: &table, item: found }).number("as_of")? < version {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The tasks that fulfil the filter and are in the scope, soonest due first, those without a deadline last (or all
    /// of it backwards). Deleted tasks are in no list.
    pub async fn list(&self, scope: &TaskScope, filter: &TaskFilter, page: &Page) -> Result<TaskPage, QueryError> {
        // A scope's teams may change between two pages; a place in the order stays one.
        let whose = match scope {
            TaskScope::All => None,
            TaskScope::Teams { user, .. } | TaskScope::Own(user) => Some(user),
        };
        let check = QueryCheck::of("tasks", &(whose, filter, page.descending));
        let table = self.models.table(TaskList::NAME).await?;
        let plan = plan(scope, filter);
        let listing = Listing {
            client: self.models.client(),
            table: &table,
            partitions: plan.partitions,
            sort: "due",
            low: plan.low,
            high: plan.high,
            filter: plan.filter,
            consistent: false,
        };
        listing
            .page(&check, page, |table, item| {
                let Some((row, version)) = row_of::<TaskRow>(table, item)? else { return Ok(None) };
                let stream = Reader { table, item }.stream()?;
                Ok(Some(TaskDocument::of_row(TaskId(stream.id), row, version)))
            })
            .await
    }
}
