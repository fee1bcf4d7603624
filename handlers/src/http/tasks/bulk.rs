//! Many tasks at once: each with its own outcome, as if it had been asked for alone.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::TimeDelta;
use futures::StreamExt as _;
use futures::stream::iter;
use muster_commands::{Committed, ExpectedVersion};
use muster_domain::task::Task;
use muster_domain::{CommandId, Fingerprint, TaskId};
use muster_identity::policy::Action;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::body::{NewTaskBody, TaskBody};
use super::change::{creating, updating};
use super::warning::Warning;
use crate::http::access::Asked;
use crate::http::app::{App, not_found};
use crate::http::body::{Body, part};
use crate::http::commands::Sent;
use crate::http::fields::{Fields, Object};
use crate::http::integer::Version;
use crate::http::problem::Problem;
use crate::http::refusal::key_reused;
use crate::http::request::Change;
use crate::http::spec::{CreateHeaders, CreateProblems};

/// The most tasks of one request.
const MOST: usize = 100;
/// How many of them are worked on at the same time.
const AT_ONCE: usize = 8;

/// Tasks to be.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTasksBody {
    /// Each as `POST /tasks` takes it.
    #[schema(value_type = Vec<NewTaskBody>, min_items = 1, max_items = 100)]
    tasks: Vec<Value>,
}

/// Changes to tasks.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangedTasksBody {
    /// One after the other, in this order.
    #[schema(value_type = Vec<ChangedTaskBody>, min_items = 1, max_items = 100)]
    tasks: Vec<Object<ChangedTaskBody>>,
}

/// Changes to one task.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangedTaskBody {
    /// The task.
    #[schema(value_type = TaskId)]
    id: String,
    /// The version that they are made to, as `If-Match` has it: any if left out.
    #[serde(default)]
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 9_007_199_254_740_991_u64)]
    version: Option<Version>,
    /// What changes, as `PUT /tasks/{task_id}` takes it.
    #[schema(value_type = TaskBody)]
    changes: Value,
}

/// What became of each.
#[derive(Serialize, ToSchema)]
pub(crate) struct BulkOutcomes {
    /// One for each, in the order of the request.
    outcomes: Vec<BulkOutcome>,
}

/// What became of one.
#[derive(Serialize, ToSchema)]
pub(crate) struct BulkOutcome {
    /// The task; null where none was made, or where what was named is no id.
    #[schema(required)]
    id: Option<TaskId>,
    /// The status that the answer to it alone would have.
    #[schema(minimum = 200, maximum = 599)]
    status: u16,
    /// The task's version, if all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    /// What the caller should know of what they did, if there is something.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<Warning>,
    /// What is in the way, if something is. Its pointers lead into the whole body.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
}

impl BulkOutcome {
    async fn of(app: &App, id: Option<TaskId>, good: StatusCode, done: Result<Committed<Task>, Problem>) -> Self {
        match done {
            Ok(committed) => {
                let warning = Warning::of(app, &committed).await;
                Self { id, status: good.as_u16(), version: Some(committed.version), warning, problem: None }
            }
            Err(problem) => {
                let status = problem.code().status().as_u16();
                Self { id, status, version: None, warning: None, problem: Some(problem) }
            }
        }
    }
}

/// Reports several tasks, at most 100, each as `POST /tasks` would.
///
/// Each has its own outcome, in the order of the request: what is wrong with one keeps none of the others. They are created a
/// millisecond apart, so that lists by age have them in this order. Under the same `Idempotency-Key` none is reported twice, and
/// another body is refused as a whole.
#[utoipa::path(post, path = "/tasks/bulk", operation_id = "create_tasks", tag = "tasks",
    params(CreateHeaders), request_body = NewTasksBody,
    responses((status = 200, description = "What became of each.", body = BulkOutcomes), CreateProblems))]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    asked: Asked,
    change: Change,
    Body(body): Body<NewTasksBody>,
) -> Result<Json<BulkOutcomes>, Problem> {
    change.caller.within_token(Action::CreateTask { to: None })?;
    counted(body.tasks.len())?;
    let whole = Fingerprint::of("POST /tasks/bulk", &body);
    first_of_its_key(&app, &change, &whole).await?;
    let (app, change, whole) = (&app, &change, &whole);
    let one = |(place, task): (usize, Value)| async move {
        let sent = sent(change, "POST /tasks/bulk", whole, place);
        let id = TaskId(sent.metadata.command_id.created_id());
        let done = match part::<NewTaskBody>(task) {
            Ok(task) => creating(app, &change.caller, &task, &sent).await,
            Err(problem) => Err(problem),
        };
        let done = done.map_err(|problem| problem.under(&format!("/tasks/{place}")));
        let id = done.is_ok().then_some(id);
        BulkOutcome::of(app, id, StatusCode::CREATED, done).await
    };
    let tasks = body.tasks.into_iter().enumerate();
    let outcomes: Vec<BulkOutcome> = iter(tasks).map(one).buffered(AT_ONCE).collect().await;
    app.note_refusals(&asked, &change.caller.0, problems(&outcomes)).await;
    Ok(Json(BulkOutcomes { outcomes }))
}

/// Changes several tasks, at most 100, each as `PUT /tasks/{task_id}` would.
///
/// Each has its own outcome, in the order of the request: what is wrong with one keeps none of the others, and a task that the
/// caller may not see is answered like one that is not there. Under the same `Idempotency-Key` none is changed twice, and another
/// body is refused as a whole.
#[utoipa::path(patch, path = "/tasks/bulk", operation_id = "update_tasks", tag = "tasks",
    params(CreateHeaders), request_body = ChangedTasksBody,
    responses((status = 200, description = "What became of each.", body = BulkOutcomes), CreateProblems))]
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    asked: Asked,
    change: Change,
    Body(body): Body<ChangedTasksBody>,
) -> Result<Json<BulkOutcomes>, Problem> {
    for action in [Action::ReadTask, Action::EditTask] {
        change.caller.within_token(action)?;
    }
    counted(body.tasks.len())?;
    let whole = Fingerprint::of("PATCH /tasks/bulk", &body);
    first_of_its_key(&app, &change, &whole).await?;
    let mut outcomes = Vec::with_capacity(body.tasks.len());
    // One after the other: a task may be named twice.
    for (place, Object(task)) in body.tasks.into_iter().enumerate() {
        let ChangedTaskBody { id, version, changes } = task;
        let id = id.parse::<TaskId>().ok();
        let expected = version.map_or(ExpectedVersion::Any, |Version(version)| ExpectedVersion::Exactly(version));
        let sent = sent(&change, "PATCH /tasks/bulk", &whole, place);
        let done = match (id, part::<TaskBody>(changes)) {
            (None, _) => Err(not_found("task")),
            (Some(id), Ok(changes)) => updating(&app, &change.caller, id, &changes, expected, &sent).await,
            (Some(_), Err(problem)) => Err(problem),
        };
        let done = done.map_err(|problem| problem.under(&format!("/tasks/{place}/changes")));
        outcomes.push(BulkOutcome::of(&app, id, StatusCode::OK, done).await);
    }
    app.note_refusals(&asked, &change.caller.0, problems(&outcomes)).await;
    Ok(Json(BulkOutcomes { outcomes }))
}

fn counted(tasks: usize) -> Result<(), Problem> {
    let mut fields = Fields::default();
    if !(1..=MOST).contains(&tasks) {
        fields.wrong("/tasks", format_args!("must have 1 to {MOST} entries, and has {tasks}"));
    }
    fields.finish(Some(()))
}

/// That no other request came under this key. One that is refused before, as it is not of its shape, leaves the key free.
async fn first_of_its_key(app: &App, change: &Change, whole: &Fingerprint) -> Result<(), Problem> {
    if !change.is_named() {
        return Ok(());
    }
    let first = app.requests.is_of_its_name(change.command_id, whole, change.at).await;
    if first.map_err(|error| Problem::unavailable(&error))? { Ok(()) } else { Err(key_reused()) }
}

/// What comes with the command at this place of the request. Its id follows from the request's, so that a repeat of the one is a
/// repeat of the other.
fn sent(change: &Change, route: &str, whole: &Fingerprint, place: usize) -> Sent {
    let command_id = CommandId::from_key(&change.caller.actor(), &format!("{}#{place}", change.command_id));
    let mut sent = change.metadata_of(command_id, route, &(whole, place));
    sent.metadata.at += TimeDelta::milliseconds(i64::try_from(place).unwrap_or(0));
    sent
}

/// What was in the way, and of which task.
fn problems(outcomes: &[BulkOutcome]) -> Vec<(Option<TaskId>, &Problem)> {
    outcomes.iter().filter_map(|outcome| Some((outcome.id, outcome.problem.as_ref()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::problem::Code;

    #[test]
    fn tasks_are_counted_from_one_to_a_hundred() {
        for (tasks, good) in [(0, false), (1, true), (100, true), (101, false)] {
            assert_eq!(counted(tasks).err().map(|problem| problem.code()), (!good).then_some(Code::InvalidRequest));
        }
    }
}
