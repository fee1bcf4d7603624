//! Who is told of what happens to a task, besides those whose it is.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use muster_domain::task::{TaskCommand, TaskFacts};
use muster_domain::{TaskId, UserId};
use muster_identity::policy::{Action, scope_of};
use muster_projections::TaskDocument;

use super::command::{execute, execute_when};
use crate::http::app::{App, not_found};
use crate::http::body::Ids;
use crate::http::problem::{Code, Problem};
use crate::http::request::Change;
use crate::http::spec::{BodilessTaskChangeProblems, ChangeHeaders};

/// One watches for oneself; to let somebody else watch is for whoever may edit the task.
fn action(change: &Change, user: UserId) -> Action<'static> {
    if change.caller.id() == user { Action::WatchTask } else { Action::ChangeTaskWatchers }
}

/// Lets somebody watch a task: oneself, or somebody else who may see it. Watching gives no right to see it. At most 25 people
/// watch a task; to watch twice changes nothing.
#[utoipa::path(put, path = "/tasks/{task_id}/watchers/{user_id}", operation_id = "watch_task", tag = "tasks",
    params(("task_id" = TaskId, Path), ("user_id" = UserId, Path), ChangeHeaders),
    responses((status = 200, description = "The task.", body = TaskDocument, headers(("ETag" = String))), BodilessTaskChangeProblems))]
pub(crate) async fn watch(
    State(app): State<Arc<App>>,
    change: Change,
    Ids(id, user_id): Ids<TaskId, UserId>,
) -> Result<Response, Problem> {
    let action = action(&change, user_id);
    change.caller.within_token(action)?;
    let watcher = match app.user(user_id, 0).await? {
        Some(user) if user.active => Ok(scope_of(user.role, user.teams, user_id)),
        Some(_) => Err(Problem::new(Code::Conflict).detail("This account is not active.")),
        None => Err(not_found("user")),
    };
    let sees = |facts: &TaskFacts| match &watcher {
        Ok(scope) if scope.contains(facts) => Ok(()),
        Ok(_) => Err(Problem::new(Code::Conflict).detail("This person may not see the task.")),
        Err(problem) => Err(problem.clone()),
    };
    let route = format!("PUT /tasks/{id}/watchers/{user_id}");
    execute_when(&app, &change, id, &route, &(), Ok(vec![action]), sees, TaskCommand::Watch { user_id }).await
}

/// Lets somebody watch a task no longer. Whoever does not watch it may be named, too.
#[utoipa::path(delete, path = "/tasks/{task_id}/watchers/{user_id}", operation_id = "unwatch_task", tag = "tasks",
    params(("task_id" = TaskId, Path), ("user_id" = UserId, Path), ChangeHeaders),
    responses((status = 200, description = "The task.", body = TaskDocument, headers(("ETag" = String))), BodilessTaskChangeProblems))]
pub(crate) async fn unwatch(
    State(app): State<Arc<App>>,
    change: Change,
    Ids(id, user_id): Ids<TaskId, UserId>,
) -> Result<Response, Problem> {
    let route = format!("DELETE /tasks/{id}/watchers/{user_id}");
    let actions = vec![action(&change, user_id)];
    execute(&app, &change, id, &route, &(), Ok(actions), TaskCommand::Unwatch { user_id }).await
}
