//! The board: tasks in columns by status, each in the order that people make by hand.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use futures::future::try_join_all;
use muster_domain::task::{Priority, Status, TaskCommand, TaskFacts};
use muster_domain::values::{Label, Rank};
use muster_domain::{TaskId, TeamId, UserId};
use muster_identity::policy::{Action, Resource, task_scope};
use muster_projections::{TaskDocument, TaskFilter, TaskSort};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::command::execute_when;
use super::read::{TasksQuery, present, resource, up_to_date};
use crate::http::app::{App, not_found};
use crate::http::body::{Body, Id, Query};
use crate::http::caller::Caller;
use crate::http::fields::Fields;
use crate::http::freshness::MinVersions;
use crate::http::page::{PageQuery, query_problem};
use crate::http::problem::{Code, Problem};
use crate::http::request::Change;
use crate::http::spec::{ChangeHeaders, ListHeaders, ListProblems, TaskChangeProblems};
use crate::http::time::optional_time;
use crate::saved_filters::SavedFilterId;

/// Which board, and how much of it.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct BoardQuery {
    /// The board of what this saved filter of the caller's is for, but for its order. What else is given wins over what the filter says.
    filter_id: Option<SavedFilterId>,
    /// The board of this team.
    team_id: Option<TeamId>,
    /// The board of this person: what they are to do.
    assignee_id: Option<UserId>,
    /// Only tasks of this hurry.
    priority: Option<Priority>,
    /// Only tasks with this label.
    #[param(value_type = Option<Label>)]
    label: Option<String>,
    /// Only tasks whose titles have each of these words, as in `GET /tasks`.
    #[param(min_length = 1, max_length = 200, pattern = r"^\s*\S+(\s+\S+){0,9}\s*$", example = "lift hall")]
    text: Option<String>,
    /// Only tasks that this person reported.
    reporter_id: Option<UserId>,
    /// Only tasks that this person watches.
    watcher_id: Option<UserId>,
    /// Only tasks that are a part of this one.
    parent_id: Option<TaskId>,
    /// Only tasks due at this time or later.
    #[serde(default, deserialize_with = "optional_time")]
    due_after: Option<DateTime<Utc>>,
    /// Only tasks due before this time.
    #[serde(default, deserialize_with = "optional_time")]
    due_before: Option<DateTime<Utc>>,
    /// Only tasks that should have been done by now and are not; with `false`, only the others.
    overdue: Option<bool>,
    /// Only tasks that are not completed; with `false`, only those that are.
    open: Option<bool>,
    /// The board as it was at this time (RFC 3339), as far as the caller may see its tasks now; at most 2000 tasks in a column.
    /// What was done in the last moments may not be in it yet.
    #[serde(default, deserialize_with = "optional_time")]
    as_of: Option<DateTime<Utc>>,
    /// Only this column.
    status: Option<Status>,
    /// The most tasks of a column; 50 if left out.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// Where the column that `status` names goes on: its `next`.
    #[param(max_length = 2048)]
    cursor: Option<String>,
}

impl BoardQuery {
    /// As a list takes it.
    fn listed(self) -> TasksQuery {
        TasksQuery {
            filter_id: self.filter_id,
            assignee_id: self.assignee_id,
            reporter_id: self.reporter_id,
            team_id: self.team_id,
            status: self.status,
            priority: self.priority,
            label: self.label,
            text: self.text,
            watcher_id: self.watcher_id,
            parent_id: self.parent_id,
            due_after: self.due_after,
            due_before: self.due_before,
            overdue: self.overdue,
            open: self.open,
            as_of: self.as_of,
            limit: self.limit,
            cursor: self.cursor,
            sort: None,
        }
    }
}

/// A board.
#[derive(Serialize, ToSchema)]
pub(crate) struct Board {
    /// Its columns, from what is to be done to what is done.
    columns: Vec<Column>,
}

/// One column of a board.
#[derive(Serialize, ToSchema)]
pub(crate) struct Column {
    /// How far its tasks have come.
    status: Status,
    /// The tasks, in the order that people have made by hand.
    items: Vec<TaskDocument>,
    /// For `cursor`, with this `status`, to go on; null at the end.
    #[schema(required)]
    next: Option<String>,
}

/// The board of a team, of a person, or of all that the caller may see.
#[utoipa::path(get, path = "/tasks/board", operation_id = "read_board", tag = "tasks", params(BoardQuery, ListHeaders),
    responses((status = 200, description = "The board.", body = Board), ListProblems))]
pub(crate) async fn read(
    State(app): State<Arc<App>>,
    caller: Caller,
    fresh: MinVersions,
    Query(query): Query<BoardQuery>,
) -> Result<Json<Board>, Problem> {
    caller.may(Action::ListTasks, &Resource::Any)?;
    let page = PageQuery { limit: query.limit, cursor: query.cursor.clone() }.checked()?;
    let query = query.listed().with_saved(&app, &caller).await?;
    let mut fields = Fields::default();
    if page.cursor.is_some() && query.status.is_none() {
        fields.wrong_parameter("cursor", "is of one column: name its status, too");
    }
    let (filter, _) = query.read(query.as_of.unwrap_or_else(|| app.now()), &mut fields);
    fields.finish(Some(()))?;
    let scope = task_scope(&caller.0);
    let statuses = query.status.map_or_else(|| Status::ALL.to_vec(), |status| vec![status]);
    let column = async |status: Status| {
        let filter = TaskFilter { status: Some(status), sort: TaskSort::Rank, ..filter.clone() };
        let listed = fresh.list(&app, &scope, &filter, query.as_of, &page).await?;
        Ok::<_, Problem>(Column { status, items: listed.items, next: listed.next })
    };
    Ok(Json(Board { columns: try_join_all(statuses.into_iter().map(column)).await? }))
}

/// Between which tasks.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NeighboursBody {
    /// The task that comes right before it.
    #[serde(default)]
    after: Option<TaskId>,
    /// The task that comes right after it.
    #[serde(default)]
    before: Option<TaskId>,
}

/// Puts a task right behind another one, right before another one, or between two.
///
/// There is one order of all tasks, of which each board and each list by `rank` shows a part: whoever names one neighbour alone
/// puts the task next to it on every board. A task that was never moved stands behind those that were reported before it. Two that are
/// put at one place at the same moment stand there one behind the other.
#[utoipa::path(post, path = "/tasks/{task_id}/position", operation_id = "position_task", tag = "tasks",
    params(("task_id" = TaskId, Path), ChangeHeaders), request_body = NeighboursBody,
    responses((status = 200, description = "The task.", body = TaskDocument, headers(("ETag" = String))), TaskChangeProblems))]
pub(crate) async fn position(
    State(app): State<Arc<App>>,
    change: Change,
    Id(id): Id<TaskId>,
    Body(body): Body<NeighboursBody>,
) -> Result<Response, Problem> {
    change.caller.within_token(Action::PositionTask)?;
    let task = present(&app, id, 0).await?.ok_or_else(|| not_found("task"))?;
    change.caller.may(Action::ReadTask, &resource(&task))?;
    let placed = place(&app, &change, id, &body).await;
    let refused = placed.as_ref().err().cloned();
    let rank = match placed {
        Ok(rank) => rank,
        Err(_) => own(&task)?,
    };
    let when = |_: &TaskFacts| refused.clone().map_or(Ok(()), Err);
    let route = format!("POST /tasks/{id}/position");
    let actions = Ok(vec![Action::PositionTask]);
    execute_when(&app, &change, id, &route, &body, actions, when, TaskCommand::Rank { rank }).await
}

/// Where the task then stands.
async fn place(app: &App, change: &Change, id: TaskId, body: &NeighboursBody) -> Result<Rank, Problem> {
    let mut fields = Fields::default();
    if body.after.is_none() && body.before.is_none() {
        fields.wrong("/after", "name a neighbour: after, before or both");
    }
    let after = neighbour(app, &change.caller, id, "/after", body.after, &mut fields).await?;
    let before = neighbour(app, &change.caller, id, "/before", body.before, &mut fields).await?;
    if after.as_ref().zip(before.as_ref()).is_some_and(|(after, before)| after.id == before.id) {
        fields.wrong("/before", "must be another task than the one that it comes after");
    }
    fields.finish(Some(()))?;
    // The index may be behind: what this program has put there lately counts, too.
    let beside = async |task: &TaskDocument, behind| {
        let listed = app.tasks.beside(task, behind, id).await.map_err(|error| query_problem(&error))?;
        let others = listed.into_iter().chain(app.placed.beside(&own(task)?, behind, &[id, task.id]));
        Ok::<_, Problem>(if behind { others.min() } else { others.max() })
    };
    let (low, high) = match (&after, &before) {
        (Some(after), Some(before)) if own(after)? > own(before)? => {
            let detail = "The two do not stand in this order, or not any more: read the board again.";
            return Err(Problem::new(Code::Conflict).detail(detail));
        }
        (Some(after), Some(before)) if own(after)? < own(before)? => (Some(own(after)?), Some(own(before)?)),
        // Two that share a place, as they were reported at the same moment, have nothing between them: it goes behind both.
        (Some(after), Some(_) | None) => {
            let next = beside(after, true).await?;
            // At the end of the order what is reported from now on still comes behind it.
            let next = next.or_else(|| Some(Rank::of_time(change.at)));
            (Some(own(after)?), next)
        }
        (None, Some(before)) => (beside(before, false).await?, Some(own(before)?)),
        (None, None) => (None, None),
    };
    let rank = Rank::between_for(id, low.as_ref(), high.as_ref()).ok_or_else(|| {
        Problem::new(Code::Conflict).detail("So many tasks were put there that there is no room: put it elsewhere.")
    })?;
    app.placed.note(id, rank.clone());
    Ok(rank)
}

fn own(task: &TaskDocument) -> Result<Rank, Problem> {
    task.rank.parse().map_err(|error| Problem::internal(&error))
}

/// The task that is to be a neighbour: another one, that the caller may see.
async fn neighbour(
    app: &App,
    caller: &Caller,
    moved: TaskId,
    pointer: &str,
    id: Option<TaskId>,
    fields: &mut Fields,
) -> Result<Option<TaskDocument>, Problem> {
    let Some(id) = id else { return Ok(None) };
    if id == moved {
        fields.wrong(pointer, "must be another task");
        return Ok(None);
    }
    let task = up_to_date(app, id).await?;
    let task = task.filter(|task| task.deleted_at.is_none() && caller.can(Action::ReadTask, &resource(task)));
    if task.is_none() {
        fields.wrong(pointer, "there is no such task");
    }
    Ok(task)
}
