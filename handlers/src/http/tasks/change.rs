//! What changes tasks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::future::try_join_all;
use muster_commands::{Committed, ExecuteError, ExpectedVersion, GuardedError};
use muster_domain::task::{Status, Task, TaskCommand, TaskError, TaskEvent, TaskFacts, UpdateTask};
use muster_domain::values::{CommentText, MAX_MENTIONS, Reason, mentions};
use muster_domain::{CommentId, DomainEvent, RecordedEvent, TaskId, TeamId, UserId};
use muster_identity::policy::{Action, Person, Resource};
use muster_projections::TaskDocument;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::{AssignBody, CommentBody, DeadlineBody, NewTaskBody, ReasonBody, StatusBody, TaskBody, actions};
use super::relations::has_open_blockers;
use crate::http::app::{App, not_found, unreadable};
use crate::http::body::{Body, Id};
use crate::http::caller::Caller;
use crate::http::commands::Sent;
use crate::http::etag::etag;
use crate::http::fields::Fields;
use crate::http::problem::Problem;
use crate::http::refusal::{self, guarded};
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
    let id = TaskId(change.command_id.created_id());
    let sent = change.metadata("POST /tasks", &body);
    let committed = creating(&app, &change.caller, &body, &sent).await?;
    let mut response = answer(StatusCode::CREATED, id, &committed)?;
    if let Ok(location) = HeaderValue::from_str(&format!("/api/v1/tasks/{id}")) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
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
    responses((status = 200, description = "The task.", body = TaskDocument, headers(("ETag" = String), ("Muster-Warning" = Option<Warning>))), TaskChangeProblems))]
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

/// Who asks for a command, of which version of a task, and what comes with it.
pub(super) struct Asked<'a> {
    pub(super) caller: &'a Caller,
    pub(super) expected: ExpectedVersion,
    pub(super) sent: &'a Sent,
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
    responses((status = 200, description = "The task.", body = TaskDocument, headers(("ETag" = String), ("Muster-Warning" = Option<Warning>))), TaskChangeProblems))]
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

/// One command to a task, if the caller may do all that it does. `actions` are what it does, or why it cannot be done;
/// that is asked only of a command that is new, since one that is known gets its first answer again.
pub(super) async fn execute(
    app: &App,
    change: &Change,
    id: TaskId,
    route: &str,
    meaning: &impl Serialize,
    actions: Result<Vec<Action<'_>>, Problem>,
    command: TaskCommand,
) -> Result<Response, Problem> {
    execute_when(app, change, id, route, meaning, actions, |_| Ok(()), command).await
}

/// Likewise, if something else holds of the task, too.
#[expect(clippy::too_many_arguments, reason = "a command is all of these, and each route has them at hand")]
pub(super) async fn execute_when(
    app: &App,
    change: &Change,
    id: TaskId,
    route: &str,
    meaning: &impl Serialize,
    actions: Result<Vec<Action<'_>>, Problem>,
    when: impl Fn(&TaskFacts) -> Result<(), Problem> + Send + Sync,
    command: TaskCommand,
) -> Result<Response, Problem> {
    let sent = change.metadata(route, meaning);
    let asked = Asked { caller: &change.caller, expected: change.expected, sent: &sent };
    let committed = guarded_command(app, &asked, id, actions, when, command).await?;
    Ok(warned(app, &committed, answer(StatusCode::OK, id, &committed)?).await)
}

/// One command to a task, if the caller may do all that it does and `when` lets it. Whoever expects another version than the present
/// one learns that first: what they read before they asked may be why it does not.
pub(super) async fn guarded_command(
    app: &App,
    asked: &Asked<'_>,
    id: TaskId,
    actions: Result<Vec<Action<'_>>, Problem>,
    when: impl Fn(&TaskFacts) -> Result<(), Problem> + Send + Sync,
    command: TaskCommand,
) -> Result<Committed<Task>, Problem> {
    let Asked { caller, expected, sent } = *asked;
    // Of a change that cannot be made it is not said why to a token that is for no change.
    let wanted = actions.as_deref().unwrap_or(&[Action::EditTask]);
    wanted.iter().chain([&Action::ReadTask]).try_for_each(|action| caller.within_token(*action))?;
    let allowed = AtomicBool::new(false);
    let guard = |task: &Task| {
        let task = task.state.as_ref().ok_or_else(|| not_found("task"))?;
        let facts = TaskFacts::from(task);
        let resource = Resource::Task(facts);
        caller.may(Action::ReadTask, &resource)?;
        let actions = actions.as_ref().map_err(Clone::clone)?;
        actions.iter().try_for_each(|action| caller.may(*action, &resource))?;
        allowed.store(true, Ordering::Relaxed);
        when(&facts)
    };
    let done = app.commands.execute_if::<Task, Problem>(id.0, command, expected, sent, guard).await;
    if let (Err(GuardedError::Guard(_)), ExpectedVersion::Exactly(version)) = (&done, expected)
        && allowed.load(Ordering::Relaxed)
    {
        let actual = app.reader.head(&id.into()).await.map_err(|error| unreadable(&error))?;
        if actual != version {
            return Err(refusal::problem(&ExecuteError::<TaskError>::VersionMismatch { expected, actual }));
        }
    }
    done.map_err(guarded)
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

/// What the caller should know of what they did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Warning {
    /// The task which they completed still waits for others. It is done all the same: whoever does the work knows whether it is.
    OpenBlockers,
}

const WARNING: HeaderName = HeaderName::from_static("muster-warning");

impl Warning {
    /// Of what a command did. What was done is not refused because nobody knows whether it is worth a warning.
    pub(super) async fn of(app: &App, committed: &Committed<Task>) -> Option<Self> {
        let completes = |event: &RecordedEvent| matches!(event.decode(), Ok(DomainEvent::Task(TaskEvent::TaskStatusChanged(changed))) if changed.to == Status::Completed);
        let task = committed.aggregate.state.as_ref().filter(|task| !task.blocked_by.is_empty())?;
        if !committed.events.iter().any(completes) {
            return None;
        }
        match has_open_blockers(app, task.blocked_by.iter().copied()).await {
            Ok(waits) => waits.then_some(Self::OpenBlockers),
            Err(problem) => {
                tracing::warn!(code = problem.code().as_str(), "it is not known whether the task waits for others");
                None
            }
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::OpenBlockers => "open_blockers",
        }
    }
}

async fn warned(app: &App, committed: &Committed<Task>, mut response: Response) -> Response {
    if let Some(warning) = Warning::of(app, committed).await {
        response.headers_mut().insert(WARNING, HeaderValue::from_static(warning.as_str()));
    }
    response
}

/// Whether whomever a text speaks to has an account, and they are not too many. Whether each may see the task is asked when they
/// are told, as that may be another thing then.
async fn spoken_to(app: &App, pointer: &str, text: Option<&str>) -> Result<(), Problem> {
    let named = mentions(text.unwrap_or_default());
    let mut fields = Fields::default();
    if named.len() > MAX_MENTIONS {
        fields
            .wrong(pointer, format_args!("must speak to at most {MAX_MENTIONS} people, and speaks to {}", named.len()));
    } else {
        let accounts = try_join_all(named.iter().map(|user| app.user(*user, 0))).await?;
        for (user, _) in named.iter().zip(accounts).filter(|(_, account)| account.is_none()) {
            fields.wrong(pointer, format_args!("there is no such user: @[{user}]"));
        }
    }
    fields.finish(Some(()))
}
