//! What changes tasks.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use muster_commands::{Committed, ExpectedVersion};
use muster_domain::task::{Task, TaskCommand, TaskFacts, UpdateTask};
use muster_domain::values::{CommentText, Reason};
use muster_domain::{CommentId, TaskId, TeamId, UserId};
use muster_identity::policy::{Action, Person, Resource};
use muster_projections::TaskDocument;
use serde::Serialize;

use super::body::{AssignBody, CommentBody, DeadlineBody, NewTaskBody, ReasonBody, StatusBody, TaskBody, actions};
use crate::http::app::{App, not_found};
use crate::http::body::{Body, Id};
use crate::http::etag::etag;
use crate::http::fields::Fields;
use crate::http::problem::Problem;
use crate::http::refusal::guarded;
use crate::http::request::Change;
use crate::http::spec::{BodilessTaskChangeProblems, ChangeHeaders, CreateHeaders, CreateProblems, TaskChangeProblems};

/// The task after a command.
fn document(id: TaskId, committed: &Committed<Task>) -> Result<TaskDocument, Problem> {
    let state = committed.aggregate.state.as_ref().ok_or_else(|| not_found("task"))?;
    let updated_by = committed.updated_by.clone();
    Ok(TaskDocument::new(id, state, committed.version, committed.updated_at, updated_by))
}

fn answer(status: StatusCode, id: TaskId, committed: &Committed<Task>) -> Result<Response, Problem> {
    let document = document(id, committed)?;
    Ok((status, [(header::ETAG, etag(committed.version))], Json(document)).into_response())
}

/// Reports a task.
#[utoipa::path(post, path = "/tasks", operation_id = "create_task", tag = "tasks",
    params(CreateHeaders), request_body = NewTaskBody,
    responses((status = 201, description = "The task.", body = TaskDocument,
        headers(("ETag" = String), ("Location" = String))), CreateProblems))]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    change: Change,
    Body(body): Body<NewTaskBody>,
) -> Result<Response, Problem> {
    change.caller.within_token(Action::CreateTask { to: None })?;
    let task = body.checked(change.caller.id(), change.at)?;
    let assignee = known(&app, body.assignee_id, body.team_id).await;
    let resource = Resource::Task(TaskFacts { assignee: task.assignee, reporter: task.reporter, team: task.team });
    let guard = |_: &Task| {
        let to = assignee.as_ref().map_err(Clone::clone)?.as_ref();
        change.caller.may(Action::CreateTask { to }, &resource)
    };
    let id = TaskId(change.command_id.created_id());
    let metadata = change.metadata("POST /tasks", &body);
    let command = TaskCommand::Create(task);
    let committed =
        app.commands.execute_if::<Task, Problem>(id.0, command, ExpectedVersion::New, &metadata, guard).await;
    let mut response = answer(StatusCode::CREATED, id, &committed.map_err(guarded)?)?;
    if let Ok(location) = HeaderValue::from_str(&format!("/api/v1/tasks/{id}")) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// Changes any of a task's properties: all that the body names, or none.
#[utoipa::path(put, path = "/tasks/{task_id}", operation_id = "update_task", tag = "tasks",
    params(("task_id" = TaskId, Path), ChangeHeaders),
    request_body = TaskBody,
    responses((status = 200, description = "The task.", body = TaskDocument, headers(("ETag" = String))), TaskChangeProblems))]
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    change: Change,
    Id(id): Id<TaskId>,
    Body(body): Body<TaskBody>,
) -> Result<Response, Problem> {
    let update = body.checked(change.at)?;
    let assignee = known(&app, body.assignee_id.flatten(), body.team_id.flatten()).await;
    let actions = assignee.as_ref().map(|person| actions(&update, person.as_ref()));
    let route = format!("PUT /tasks/{id}");
    execute(&app, &change, id, &route, &body, actions.map_err(Clone::clone), TaskCommand::Update(update)).await
}

/// Gives a task to somebody, or to nobody.
#[utoipa::path(post, path = "/tasks/{task_id}/assign", tag = "tasks", params(("task_id" = TaskId, Path), ChangeHeaders),
    request_body = AssignBody,
    responses((status = 200, description = "The task.", body = TaskDocument, headers(("ETag" = String))), TaskChangeProblems))]
pub(crate) async fn assign(
    State(app): State<Arc<App>>,
    change: Change,
    Id(id): Id<TaskId>,
    Body(body): Body<AssignBody>,
) -> Result<Response, Problem> {
    let assignee = known(&app, body.assignee_id, None).await;
    let update = UpdateTask { assignee: Some(body.assignee_id), ..UpdateTask::at(change.at) };
    let route = format!("POST /tasks/{id}/assign");
    let actions = assignee.as_ref().map(|person| vec![Action::AssignTask { to: person.as_ref() }]);
    execute(&app, &change, id, &route, &body, actions.map_err(Clone::clone), TaskCommand::Update(update)).await
}

/// Moves a task on, or back.
#[utoipa::path(post, path = "/tasks/{task_id}/status", tag = "tasks", params(("task_id" = TaskId, Path), ChangeHeaders),
    request_body = StatusBody,
    responses((status = 200, description = "The task.", body = TaskDocument, headers(("ETag" = String))), TaskChangeProblems))]
pub(crate) async fn status(
    State(app): State<Arc<App>>,
    change: Change,
    Id(id): Id<TaskId>,
    Body(body): Body<StatusBody>,
) -> Result<Response, Problem> {
    let update = UpdateTask { status: Some(body.status), ..UpdateTask::at(change.at) };
    let route = format!("POST /tasks/{id}/status");
    execute(&app, &change, id, &route, &body, Ok(vec![Action::ChangeTaskStatus]), TaskCommand::Update(update)).await
}

/// Sets a task's deadline.
#[utoipa::path(post, path = "/tasks/{task_id}/deadline", tag = "tasks", params(("task_id" = TaskId, Path), ChangeHeaders),
    request_body = DeadlineBody,
    responses((status = 200, description = "The task.", body = TaskDocument, headers(("ETag" = String))), TaskChangeProblems))]
pub(crate) async fn set_deadline(
    State(app): State<Arc<App>>,
    change: Change,
    Id(id): Id<TaskId>,
    Body(body): Body<DeadlineBody>,
) -> Result<Response, Problem> {
    let update = UpdateTask { deadline: Some(Some(body.checked()?)), ..UpdateTask::at(change.at) };
    let route = format!("POST /tasks/{id}/deadline");
    execute(&app, &change, id, &route, &body, Ok(vec![Action::ChangeTaskDeadline]), TaskCommand::Update(update)).await
}

/// Takes a task's deadline away.
#[utoipa::path(delete, path = "/tasks/{task_id}/deadline", tag = "tasks", params(("task_id" = TaskId, Path), ChangeHeaders),
    responses((status = 200, description = "The task.", body = TaskDocument, headers(("ETag" = String))), BodilessTaskChangeProblems))]
pub(crate) async fn clear_deadline(
    State(app): State<Arc<App>>,
    change: Change,
    Id(id): Id<TaskId>,
) -> Result<Response, Problem> {
    let update = UpdateTask { deadline: Some(None), ..UpdateTask::at(change.at) };
    let route = format!("DELETE /tasks/{id}/deadline");
    execute(&app, &change, id, &route, &(), Ok(vec![Action::ChangeTaskDeadline]), TaskCommand::Update(update)).await
}

/// Lets a task wait for something outside.
#[utoipa::path(post, path = "/tasks/{task_id}/hold", tag = "tasks", params(("task_id" = TaskId, Path), ChangeHeaders),
    request_body = ReasonBody,
    responses((status = 200, description = "The task.", body = TaskDocument, headers(("ETag" = String))), TaskChangeProblems))]
pub(crate) async fn hold(
    State(app): State<Arc<App>>,
    change: Change,
    Id(id): Id<TaskId>,
    Body(body): Body<ReasonBody>,
) -> Result<Response, Problem> {
    let command = TaskCommand::Hold { reason: reason(&body)?, at: change.at };
    execute(&app, &change, id, &format!("POST /tasks/{id}/hold"), &body, Ok(vec![Action::HoldTask]), command).await
}

/// Lets a task wait no longer.
#[utoipa::path(post, path = "/tasks/{task_id}/resume", tag = "tasks", params(("task_id" = TaskId, Path), ChangeHeaders),
    request_body = ReasonBody,
    responses((status = 200, description = "The task.", body = TaskDocument, headers(("ETag" = String))), TaskChangeProblems))]
pub(crate) async fn resume(
    State(app): State<Arc<App>>,
    change: Change,
    Id(id): Id<TaskId>,
    Body(body): Body<ReasonBody>,
) -> Result<Response, Problem> {
    let command = TaskCommand::Resume { reason: reason(&body)?, at: change.at };
    execute(&app, &change, id, &format!("POST /tasks/{id}/resume"), &body, Ok(vec![Action::HoldTask]), command).await
}

fn reason(body: &ReasonBody) -> Result<Reason, Problem> {
    let mut fields = Fields::default();
    let reason = fields.parse("/reason", &body.reason);
    fields.finish(reason)
}

/// Says something on a task.
#[utoipa::path(post, path = "/tasks/{task_id}/comments", tag = "tasks", params(("task_id" = TaskId, Path), ChangeHeaders),
    request_body = CommentBody,
    responses((status = 201, description = "The task.", body = TaskDocument, headers(("ETag" = String))), TaskChangeProblems))]
pub(crate) async fn comment(
    State(app): State<Arc<App>>,
    change: Change,
    Id(id): Id<TaskId>,
    Body(body): Body<CommentBody>,
) -> Result<Response, Problem> {
    let mut fields = Fields::default();
    let text = fields.parse::<CommentText>("/text", &body.text);
    let text = fields.finish(text)?;
    // A repeat of the request is the same comment.
    let comment_id = CommentId(change.command_id.created_id());
    let command = TaskCommand::Comment { comment_id, text };
    let route = format!("POST /tasks/{id}/comments");
    let mut response = execute(&app, &change, id, &route, &body, Ok(vec![Action::CommentTask]), command).await?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// Deletes a task. It can be restored.
#[utoipa::path(delete, path = "/tasks/{task_id}", tag = "tasks", params(("task_id" = TaskId, Path), ChangeHeaders),
    responses((status = 200, description = "The task, deleted.", body = TaskDocument, headers(("ETag" = String))), BodilessTaskChangeProblems))]
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    change: Change,
    Id(id): Id<TaskId>,
) -> Result<Response, Problem> {
    let command = TaskCommand::Delete { at: change.at };
    execute(&app, &change, id, &format!("DELETE /tasks/{id}"), &(), Ok(vec![Action::DeleteTask]), command).await
}

/// Restores a deleted task.
#[utoipa::path(post, path = "/tasks/{task_id}/restore", tag = "tasks", params(("task_id" = TaskId, Path), ChangeHeaders),
    responses((status = 200, description = "The task.", body = TaskDocument, headers(("ETag" = String))), BodilessTaskChangeProblems))]
pub(crate) async fn restore(
    State(app): State<Arc<App>>,
    change: Change,
    Id(id): Id<TaskId>,
) -> Result<Response, Problem> {
    let route = format!("POST /tasks/{id}/restore");
    execute(&app, &change, id, &route, &(), Ok(vec![Action::RestoreTask]), TaskCommand::Restore).await
}

/// One command to a task, if the caller may do all that it does. `actions` are what it does, or why it cannot be done;
/// that is asked only of a command that is new, since one that is known gets its first answer again.
async fn execute(
    app: &App,
    change: &Change,
    id: TaskId,
    route: &str,
    meaning: &impl Serialize,
    actions: Result<Vec<Action<'_>>, Problem>,
    command: TaskCommand,
) -> Result<Response, Problem> {
    // Of a change that cannot be made it is not said why to a token that is for no change.
    let asked = actions.as_deref().unwrap_or(&[Action::EditTask]);
    asked.iter().chain([&Action::ReadTask]).try_for_each(|action| change.caller.within_token(*action))?;
    let metadata = change.metadata(route, meaning);
    let guard = |task: &Task| {
        let task = task.state.as_ref().ok_or_else(|| not_found("task"))?;
        let resource = Resource::Task(TaskFacts::from(task));
        change.caller.may(Action::ReadTask, &resource)?;
        let actions = actions.as_ref().map_err(Clone::clone)?;
        actions.iter().try_for_each(|action| change.caller.may(*action, &resource))
    };
    let committed = app.commands.execute_if::<Task, Problem>(id.0, command, change.expected, &metadata, guard).await;
    answer(StatusCode::OK, id, &committed.map_err(guarded)?)
}

/// The assignee to be, who must be there and active; the team must be there, too.
pub(in crate::http) async fn known(
    app: &App,
    assignee: Option<UserId>,
    team: Option<TeamId>,
) -> Result<Option<Person>, Problem> {
    let mut fields = Fields::default();
    let mut person = None;
    if let Some(id) = assignee {
        match app.user(id, 0).await? {
            Some(user) if user.active => person = Some(Person { id, teams: user.teams }),
            Some(_) => fields.wrong("/assignee_id", "this account is not active"),
            None => fields.wrong("/assignee_id", "there is no such user"),
        }
    }
    if let Some(id) = team
        && app.team(id, 0).await?.is_none()
    {
        fields.wrong("/team_id", "there is no such team");
    }
    fields.finish(Some(person))
}
