//! What is on a task's checklist.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use muster_domain::task::{TaskCommand, UpdateChecklistItem};
use muster_domain::values::ChecklistText;
use muster_domain::{ChecklistItemId, TaskId};
use muster_identity::policy::Action;
use muster_projections::TaskDocument;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::command::execute;
use crate::http::app::App;
use crate::http::body::{Body, Id, Ids};
use crate::http::fields::{Fields, given, present};
use crate::http::problem::Problem;
use crate::http::request::Change;
use crate::http::spec::{BodilessTaskChangeProblems, ChangeHeaders, TaskChangeProblems};

/// One more thing to tick off.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewChecklistItemBody {
    /// What is to be done.
    #[schema(value_type = ChecklistText)]
    text: String,
    /// Before which item it goes; to the end if left out.
    #[serde(default)]
    before: Option<ChecklistItemId>,
}

/// Changes to an item. A field that is left out stays.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChecklistItemBody {
    /// What is to be done.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = ChecklistText, required = false)]
    text: Option<String>,
    /// Whether it is done.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = bool, required = false)]
    done: Option<bool>,
    /// Before which item it goes; null: to the end.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ChecklistItemId>)]
    before: Option<Option<ChecklistItemId>>,
}

/// Puts something on a task's checklist, which has at most 100 items.
#[utoipa::path(post, path = "/tasks/{task_id}/checklist", operation_id = "add_checklist_item", tag = "tasks",
    params(("task_id" = TaskId, Path), ChangeHeaders), request_body = NewChecklistItemBody,
    responses((status = 201, description = "The task.", body = TaskDocument, headers(("ETag" = String))), TaskChangeProblems))]
pub(crate) async fn add(
    State(app): State<Arc<App>>,
    change: Change,
    Id(id): Id<TaskId>,
    Body(body): Body<NewChecklistItemBody>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let text = fields.parse::<ChecklistText>("/text", &body.text);
    let text = fields.finish(text)?;
    // A repeat of the request is the same item.
    let item_id = ChecklistItemId(change.command_id.created_id());
    let command = TaskCommand::AddChecklistItem { item_id, text, before: body.before };
    let route = format!("POST /tasks/{id}/checklist");
    let mut response = execute(&app, &change, id, &route, &body, Ok(vec![Action::EditTask]), command).await?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// Rewords, ticks, unticks or moves an item of a task's checklist: all that the body names, or none.
#[utoipa::path(put, path = "/tasks/{task_id}/checklist/{item_id}", operation_id = "update_checklist_item", tag = "tasks",
    params(("task_id" = TaskId, Path), ("item_id" = ChecklistItemId, Path), ChangeHeaders), request_body = ChecklistItemBody,
    responses((status = 200, description = "The task.", body = TaskDocument, headers(("ETag" = String))), TaskChangeProblems))]
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    change: Change,
    Ids(id, item_id): Ids<TaskId, ChecklistItemId>,
    Body(body): Body<ChecklistItemBody>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let text = fields.parse_optional::<ChecklistText>("/text", body.text.as_ref());
    fields.finish(Some(()))?;
    let update = UpdateChecklistItem { item_id, text, done: body.done, before: body.before };
    // Whoever does the task ticks off what is done; what there is to do says whoever reported it.
    let edits = update.text.is_some() || update.before.is_some() || update.done.is_none();
    let actions = [edits.then_some(Action::EditTask), update.done.map(|_| Action::TickChecklist)];
    let actions = actions.into_iter().flatten().collect();
    let route = format!("PUT /tasks/{id}/checklist/{item_id}");
    execute(&app, &change, id, &route, &body, Ok(actions), TaskCommand::UpdateChecklistItem(update)).await
}

/// Takes an item off a task's checklist.
#[utoipa::path(delete, path = "/tasks/{task_id}/checklist/{item_id}", operation_id = "remove_checklist_item", tag = "tasks",
    params(("task_id" = TaskId, Path), ("item_id" = ChecklistItemId, Path), ChangeHeaders),
    responses((status = 200, description = "The task.", body = TaskDocument, headers(("ETag" = String))), BodilessTaskChangeProblems))]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    change: Change,
    Ids(id, item_id): Ids<TaskId, ChecklistItemId>,
) -> Result<Response, Problem> {
    let route = format!("DELETE /tasks/{id}/checklist/{item_id}");
    let command = TaskCommand::RemoveChecklistItem { item_id };
    execute(&app, &change, id, &route, &(), Ok(vec![Action::EditTask]), command).await
}
