//! The tasks whose reminders are due, soonest first.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, Utc};
use muster_domain::task::TaskState;
use muster_domain::{StreamId, TaskId};

use super::{TaskList, TaskQueries, sortable};
use crate::attribute::{Reader, text};
use crate::error::StoreError;
use crate::projection::{IndexKey, Projection as _};

/// The index of the tasks with a reminder to come.
const INDEX: &str = "by-reminder";
/// Its partition key, which is the same for all of them: they are few beside all tasks, and each goes when its reminder has fired.
const PARTITION: &str = "gsi_reminder";
/// Its only value.
const TO_COME: &str = "to come";
/// Its sort key.
const SORT: &str = "remind_at";

/// The keys of a task with a reminder to come.
pub(super) fn keys(task: &TaskState, stream: &StreamId) -> Vec<IndexKey> {
    let Some(at) = task.next_reminder() else { return Vec::new() };
    vec![(PARTITION, TO_COME.into()), (SORT, format!("{}#{}", sortable(at), stream.id).into())]
}

/// Some tasks whose reminders are due.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DueReminders {
    /// The tasks, soonest due first.
    pub tasks: Vec<TaskId>,
    /// What to go on after; `None` at the end.
    pub next: Option<HashMap<String, AttributeValue>>,
}

impl TaskQueries {
    /// The tasks with a reminder that is due by now: up to so many, after those of the page before. The index may be behind the tasks, so
    /// each must be asked itself.
    pub async fn due_reminders(
        &self,
        now: DateTime<Utc>,
        most: i32,
        after: Option<HashMap<String, AttributeValue>>,
    ) -> Result<DueReminders, StoreError> {
        let table = self.models.table(TaskList::NAME).await?;
        // `~` is after every id.
        let query = self.models.client().query().table_name(&table).index_name(INDEX).limit(most);
        let query = query.key_condition_expression("#pk = :pk AND #sk <= :now");
        let query = query.expression_attribute_names("#pk", PARTITION).expression_attribute_names("#sk", SORT);
        let query = query.expression_attribute_values(":pk", text(&TO_COME));
        let query = query.expression_attribute_values(":now", text(&format!("{}#~", sortable(now))));
        let page = query.set_exclusive_start_key(after).send().await;
        let page = page.map_err(|error| StoreError::unavailable(&table, error))?;
        let mut tasks = Vec::new();
        for item in page.items.unwrap_or_default() {
            tasks.push(TaskId(Reader { table: &table, item: &item }.stream()?.id));
        }
        Ok(DueReminders { tasks, next: page.last_evaluated_key.filter(|key| !key.is_empty()) })
    }
}
