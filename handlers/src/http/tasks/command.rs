//! One command to a task, and the answer to it.

use std::sync::atomic::{AtomicBool, Ordering};

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use muster_commands::{Committed, ExecuteError, ExpectedVersion, GuardedError};
use muster_domain::TaskId;
use muster_domain::task::{Task, TaskCommand, TaskError, TaskFacts};
use muster_identity::policy::{Action, Resource};
use muster_projections::TaskDocument;
use serde::Serialize;

use super::warning::warned;
use crate::http::app::{App, not_found, unreadable};
use crate::http::caller::Caller;
use crate::http::commands::Sent;
use crate::http::etag::etag;
use crate::http::problem::Problem;
use crate::http::refusal::{self, guarded};
use crate::http::request::Change;

/// The task after a command.
fn document(id: TaskId, committed: &Committed<Task>) -> Result<TaskDocument, Problem> {
    let state = committed.aggregate.state.as_ref().ok_or_else(|| not_found("task"))?;
    let updated_by = committed.updated_by.clone();
    Ok(TaskDocument::new(id, state, committed.version, committed.updated_at, updated_by))
}

/// The same, as an answer.
pub(super) fn answer(status: StatusCode, id: TaskId, committed: &Committed<Task>) -> Result<Response, Problem> {
    let document = document(id, committed)?;
    Ok((status, [(header::ETAG, etag(committed.version))], Json(document)).into_response())
}

/// Who asks for a command, of which version of a task, and what comes with it.
pub(super) struct Asked<'a> {
    pub(super) caller: &'a Caller,
    pub(super) expected: ExpectedVersion,
    pub(super) sent: &'a Sent,
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
