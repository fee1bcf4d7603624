//! Giving all that somebody was to do to somebody else: when they leave, fall ill, or have too much.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use muster_commands::ExpectedVersion;
use muster_domain::task::{Task, TaskCommand, TaskFacts, UpdateTask};
use muster_domain::{CommandId, TaskId, UserId};
use muster_identity::policy::{Action, Person, Resource, task_scope};
use muster_projections::{Listed, Page, TaskDocument, TaskFilter};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::people::known;
use crate::http::access::Asked;
use crate::http::app::{App, not_found};
use crate::http::body::{Body, Id};
use crate::http::caller::Caller;
use crate::http::fields::Fields;
use crate::http::page::query_problem;
use crate::http::problem::{Code, Problem};
use crate::http::refusal::guarded;
use crate::http::request::Change;
use crate::http::spec::ReassignProblems;

/// The most tasks that one request moves.
const MOST: usize = 100;

/// Whom a person's tasks go to.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReassignBody {
    /// Who is to do them; null for nobody yet.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required = true)]
    to: Option<UserId>,
    /// Only these; all that are open, if left out.
    #[serde(default)]
    #[schema(min_items = 1, max_items = 100)]
    task_ids: Option<Vec<TaskId>>,
}

/// What became of each task.
#[derive(Serialize, ToSchema)]
pub(crate) struct Reassigned {
    /// One for each task, in the order in which they were taken.
    outcomes: Vec<TaskOutcome>,
    /// Whether there are more open tasks than one request moves: send it again.
    more: bool,
}

/// What became of one task.
#[derive(Serialize, ToSchema)]
pub(crate) struct TaskOutcome {
    /// The task.
    task_id: TaskId,
    /// Its version, if whoever is to do it has it now.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    /// Why they do not, if they do not.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
}

/// Gives a person's open tasks to somebody else, each as `POST /tasks/{task_id}/assign` would.
///
/// Each task has its own outcome: what the caller may not move stays, and says so. A task that was given to somebody else in the
/// meantime is left alone. Send it again after an answer that got lost, and as long as there is `more`: it takes what is left, and
/// what whoever is to do it has already is done, and has the version that it is at. It knows no `Idempotency-Key`.
#[utoipa::path(post, path = "/users/{user_id}/reassign", tag = "users",
    params(("user_id" = UserId, Path)), request_body = ReassignBody,
    responses((status = 200, description = "What became of each task.", body = Reassigned), ReassignProblems))]
pub(crate) async fn reassign(
    State(app): State<Arc<App>>,
    asked: Asked,
    change: Change,
    Id(from): Id<UserId>,
    Body(body): Body<ReassignBody>,
) -> Result<Json<Reassigned>, Problem> {
    for action in [Action::ListTasks, Action::AssignTask { to: None }] {
        change.caller.within_token(action)?;
    }
    app.user(from, 0).await?.ok_or_else(|| not_found("user"))?;
    let mut fields = Fields::default();
    if let Some(ids) = &body.task_ids
        && !(1..=MOST).contains(&ids.len())
    {
        fields.wrong("/task_ids", format_args!("must have 1 to {MOST} entries"));
    }
    if body.to == Some(from) {
        fields.wrong("/to", "must be somebody else");
    }
    fields.finish(Some(()))?;
    let to = known(&app, body.to, None).await.map_err(|problem| problem.renamed("/assignee_id", "/to"))?;
    let (tasks, more) = if let Some(ids) = &body.task_ids {
        (ids.clone(), false)
    } else {
        let page = open_tasks(&app, &change.caller, from, MOST).await?;
        (page.items.iter().map(|task| task.id).collect(), page.next.is_some())
    };
    let mut outcomes = Vec::with_capacity(tasks.len());
    for task_id in tasks {
        let moved = one(&app, &change, from, task_id, to.as_ref()).await;
        let (version, problem) = moved.map_or_else(|problem| (None, Some(problem)), |version| (Some(version), None));
        outcomes.push(TaskOutcome { task_id, version, problem });
    }
    let problems = outcomes.iter().filter_map(|outcome| Some((Some(outcome.task_id), outcome.problem.as_ref()?)));
    app.note_refusals(&asked, &change.caller.0, problems.collect()).await;
    Ok(Json(Reassigned { outcomes, more }))
}

/// Moves one task; gives its version.
async fn one(app: &App, change: &Change, from: UserId, id: TaskId, to: Option<&Person>) -> Result<u64, Problem> {
    let command_id = CommandId(Uuid::new_v4());
    let assignee = to.map(|person| person.id);
    let metadata = change.metadata_of(command_id, &format!("POST /users/{from}/reassign {id}"), &assignee);
    let command = TaskCommand::Update(UpdateTask { assignee: Some(assignee), ..UpdateTask::at(change.at) });
    let guard = |task: &Task| {
        let task = task.state.as_ref().ok_or_else(|| not_found("task"))?;
        let facts = TaskFacts::from(task);
        let resource = Resource::Task(facts);
        change.caller.may(Action::ReadTask, &resource)?;
        change.caller.may(Action::AssignTask { to }, &resource)?;
        // Theirs already: by a request before, which the list of open tasks may not know yet. There is nothing to change.
        if facts.assignee != Some(from) && facts.assignee != assignee {
            return Err(Problem::new(Code::Conflict).detail("The task is not this person's, or not any more."));
        }
        Ok(())
    };
    let committed = app.commands.execute_if::<Task, Problem>(id.0, command, ExpectedVersion::Any, &metadata, guard);
    Ok(committed.await.map_err(guarded)?.version)
}

/// What somebody is to do and has not done, as far as the caller may see it, soonest due first.
pub(crate) async fn open_tasks(
    app: &App,
    caller: &Caller,
    of: UserId,
    limit: usize,
) -> Result<Listed<TaskDocument>, Problem> {
    let filter = TaskFilter { assignee: Some(of), open: true, ..TaskFilter::default() };
    let page = Page { limit, cursor: None, descending: false };
    app.tasks.list(&task_scope(&caller.0), &filter, &page).await.map_err(|error| query_problem(&error))
}

/// The tasks that a closed account leaves behind, as the list of tasks knows them: what was given to it or taken from it a moment ago may not
/// be in it yet. `GET /tasks?assignee_id=…&open=true` shows what is left.
#[derive(Serialize, ToSchema)]
pub(crate) struct OpenTasks {
    /// Those due first; 100 at most.
    items: Vec<TaskDocument>,
    /// Where the next page begins: the `cursor` of `GET /tasks?assignee_id=…&open=true`; null at the end.
    next: Option<String>,
}

impl From<Listed<TaskDocument>> for OpenTasks {
    fn from(Listed { items, next }: Listed<TaskDocument>) -> Self {
        Self { items, next }
    }
}
