//! What changes tasks.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use muster_commands::{Committed, ExpectedVersion};
use muster_domain::task::{Task, TaskCommand, TaskFacts, UpdateTask};
use muster_domain::values::{CommentText, Reason};
use muster_domain::{CommentId, TaskId};
use muster_identity::policy::{Action, Resource};
use muster_projections::TaskDocument;

use super::body::{AssignBody, CommentBody, DeadlineBody, NewTaskBody, ReasonBody, StatusBody, TaskBody, actions};
use super::command::{Asked, answer, execute, execute_when, guarded_command};
use super::people::{known, spoken_to};
use super::warning::{Warning, warned};
use crate::http::app::App;
use crate::http::body::{Body, Id};
use crate::http::caller::Caller;
use crate::http::commands::Sent;
use crate::http::fields::Fields;
use crate::http::location::located;
use crate::http::problem::Problem;
use crate::http::refusal::guarded;
use crate::http::request::Change;
use crate::http::spec::{BodilessTaskChangeProblems, ChangeHeaders, CreateHeaders, CreateProblems, TaskChangeProblems};

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
    let id = TaskId(change.command_id.created_id());
    let sent = change.metadata("POST /tasks", &body);
    let committed = creating(&app, &change.caller, &body, &sent).await?;
    Ok(located(answer(StatusCode::CREATED, id, &committed)?, format_args!("/tasks/{id}")))
}

/// Reports a task in the caller's name, if they may.
pub(super) async fn creating(
    app: &App,
    caller: &Caller,
    body: &NewTaskBody,
    sent: &Sent,
) -> Result<Committed<Task>, Problem> {
    let task = body.checked(caller.id(), sent.metadata.at)?;
    let assignee = known(app, body.assignee_id, body.team_id).await;
    let spoken_to = spoken_to(app, "/description", body.description()).await;
    let resource = Resource::Task(TaskFacts { assignee: task.assignee, reporter: task.reporter, team: task.team });
    let guard = |_: &Task| {
        let to = assignee.as_ref().map_err(Clone::clone)?.as_ref();
        caller.may(Action::CreateTask { to }, &resource)?;
        spoken_to.clone()
    };
    let (id, command) = (sent.metadata.command_id.created_id(), TaskCommand::Create(task));
    let committed = app.commands.execute_if::<Task, Problem>(id, command, ExpectedVersion::New, sent, guard);
    committed.await.map_err(guarded)
}

/// Changes any of a task's properties: all that the body names, or none.
#[utoipa::path(put, path = "/tasks/{task_id}", operation_id = "update_task", tag = "tasks",
    params(("task_id" = TaskId, Path), ChangeHeaders),
    request_body = TaskBody,
    responses((status = 200, description = "The task.", body = TaskDocument, headers(
        ("ETag" = String),
        ("Muster-Warning" = Warning, description = "Only where the caller should know something of what is done.")
    )), TaskChangeProblems))]
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    change: Change,
    Id(id): Id<TaskId>,
    Body(body): Body<TaskBody>,
) -> Result<Response, Problem> {
    let sent = change.metadata(&format!("PUT /tasks/{id}"), &body);
    let committed = updating(&app, &change.caller, id, &body, change.expected, &sent).await?;
    Ok(warned(&app, &committed, answer(StatusCode::OK, id, &committed)?).await)
}

/// Makes changes to a task, if the caller may.
pub(super) async fn updating(
    app: &App,
    caller: &Caller,
    id: TaskId,
    body: &TaskBody,
    expected: ExpectedVersion,
    sent: &Sent,
) -> Result<Committed<Task>, Problem> {
    let update = body.checked(sent.metadata.at)?;
    let assignee = known(app, body.assignee_id.flatten(), body.team_id.flatten()).await;
    let spoken_to = spoken_to(app, "/description", body.description()).await;
    let actions = assignee.as_ref().map(|person| actions(&update, person.as_ref())).map_err(Clone::clone);
    let asked = Asked { caller, expected, sent };
    guarded_command(app, &asked, id, actions, |_| spoken_to.clone(), TaskCommand::Update(update)).await
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
    responses((status = 200, description = "The task.", body = TaskDocument, headers(
        ("ETag" = String),
        ("Muster-Warning" = Warning, description = "Only where the caller should know something of what is done.")
    )), TaskChangeProblems))]
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
    let spoken_to = spoken_to(&app, "/text", Some(&body.text)).await;
    let command = TaskCommand::Comment { comment_id, text };
    let route = format!("POST /tasks/{id}/comments");
    let actions = Ok(vec![Action::CommentTask]);
    let mut response = execute_when(&app, &change, id, &route, &body, actions, |_| spoken_to.clone(), command).await?;
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
