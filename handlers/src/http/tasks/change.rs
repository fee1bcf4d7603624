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
use crate::http::refusal::{guarded, problem};
use crate::http::request::Change;
use crate::http::spec::{ChangeHeaders, CreateHeaders, TaskChangeProblems};

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
        headers(("ETag" = String), ("Location" = String))), TaskChangeProblems))]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    change: Change,
    Body(body): Body<NewTaskBody>,
) -> Result<Response, Problem> {
    let at = app.now();
    let task = body.checked(change.caller.id(), at)?;
    let assignee = known(&app, body.assignee_id, body.team_id).await?;
    let facts = TaskFacts { assignee: task.assignee, reporter: task.reporter, team: task.team };
    change.caller.may(Action::CreateTask { to: assignee.as_ref() }, &Resource::Task(facts))?;

    let command_id = change.command_id();
    let id = TaskId(command_id.created_id());
    let metadata = change.metadata(command_id, "POST /tasks", &body, at);
    let command = TaskCommand::Create(task);
    let committed = app.commands.execute::<Task>(id.0, command, ExpectedVersion::New, &metadata).await;
    let mut response = answer(StatusCode::CREATED, id, &committed.map_err(|error| problem(&error))?)?;
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
    let update = body.checked(app.now())?;
    let assignee = known(&app, body.assignee_id.flatten(), body.team_id.flatten()).await?;
    let route = format!("PUT /tasks/{id}");
    let actions = actions(&update, assignee.as_ref());
    execute(&app, &change, id, &route, &body, &actions, TaskCommand::Update(update)).await
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
    let assignee = known(&app, body.assignee_id, None).await?;
    let update = UpdateTask { assignee: Some(body.assignee_id), ..UpdateTask::at(app.now()) };
    let route = format!("POST /tasks/{id}/assign");
    let action = Action::AssignTask { to: assignee.as_ref() };
    execute(&app, &change, id, &route, &body, &[action], TaskCommand::Update(update)).await
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
    let update = UpdateTask { status: Some(body.status), ..UpdateTask::at(app.now()) };
    let route = format!("POST /tasks/{id}/status");
    execute(&app, &change, id, &route, &body, &[Action::ChangeTaskStatus], TaskCommand::Update(update)).await
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
    let update = UpdateTask { deadline: Some(Some(body.deadline())), ..UpdateTask::at(app.now()) };
    let route = format!("POST /tasks/{id}/deadline");
    execute(&app, &change, id, &route, &body, &[Action::ChangeTaskDeadline], TaskCommand::Update(update)).await
}

/// Takes a task's deadline away.
#[utoipa::path(delete, path = "/tasks/{task_id}/deadline", tag = "tasks", params(("task_id" = TaskId, Path), ChangeHeaders),
    responses((status = 200, description = "The task.", body = TaskDocument, headers(("ETag" = String))), TaskChangeProblems))]
pub(crate) async fn clear_deadline(
    State(app): State<Arc<App>>,
    change: Change,
    Id(id): Id<TaskId>,
) -> Result<Response, Problem> {
    let update = UpdateTask { deadline: Some(None), ..UpdateTask::at(app.now()) };
    let route = format!("DELETE /tasks/{id}/deadline");
    execute(&app, &change, id, &route, &(), &[Action::ChangeTaskDeadline], TaskCommand::Update(update)).await
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
    let command = TaskCommand::Hold { reason: reason(&body)?, at: app.now() };
    execute(&app, &change, id, &format!("POST /tasks/{id}/hold"), &body, &[Action::HoldTask], command).await
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
    let command = TaskCommand::Resume { reason: reason(&body)?, at: app.now() };
    execute(&app, &change, id, &format!("POST /tasks/{id}/resume"), &body, &[Action::HoldTask], command).await
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
    let comment_id = CommentId(change.command_id().created_id());
    let command = TaskCommand::Comment { comment_id, text };
    let route = format!("POST /tasks/{id}/comments");
    let mut response = execute(&app, &change, id, &route, &body, &[Action::CommentTask], command).await?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// Deletes a task. It can be restored.
#[utoipa::path(delete, path = "/tasks/{task_id}", tag = "tasks", params(("task_id" = TaskId, Path), ChangeHeaders),
    responses((status = 200, description = "The task, deleted.", body = TaskDocument, headers(("ETag" = String))), TaskChangeProblems))]
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    change: Change,
    Id(id): Id<TaskId>,
) -> Result<Response, Problem> {
    let command = TaskCommand::Delete { at: app.now() };
    execute(&app, &change, id, &format!("DELETE /tasks/{id}"), &(), &[Action::DeleteTask], command).await
}

/// Restores a deleted task.
#[utoipa::path(post, path = "/tasks/{task_id}/restore", tag = "tasks", params(("task_id" = TaskId, Path), ChangeHeaders),
    responses((status = 200, description = "The task.", body = TaskDocument, headers(("ETag" = String))), TaskChangeProblems))]
pub(crate) async fn restore(
    State(app): State<Arc<App>>,
    change: Change,
    Id(id): Id<TaskId>,
) -> Result<Response, Problem> {
    let route = format!("POST /tasks/{id}/restore");
    execute(&app, &change, id, &route, &(), &[Action::RestoreTask], TaskCommand::Restore).await
}

/// One command to a task, if the caller may do all that it does.
async fn execute(
    app: &App,
    change: &Change,
    id: TaskId,
    route: &str,
    meaning: &impl Serialize,
    actions: &[Action<'_>],
    command: TaskCommand,
) -> Result<Response, Problem> {
    let metadata = change.metadata(change.command_id(), route, meaning, app.now());
    let guard = |task: &Task| {
        let task = task.state.as_ref().ok_or_else(|| not_found("task"))?;
        let resource = Resource::Task(TaskFacts::from(task));
        actions.iter().try_for_each(|action| change.caller.may(*action, &resource))
    };
    let committed = app.commands.execute_if::<Task, Problem>(id.0, command, change.expected, &metadata, guard).await;
    answer(StatusCode::OK, id, &committed.map_err(guarded)?)
}

/// The assignee to be, who must be there and active; the team must be there, too.
async fn known(app: &App, assignee: Option<UserId>, team: Option<TeamId>) -> Result<Option<Person>, Problem> {
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
