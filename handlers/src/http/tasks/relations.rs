//! How tasks stand to each other: what waits for what, what is a part of what, what asks for the same.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use futures::future::try_join_all;
use muster_domain::task::{Priority, Relation, Status, TaskCommand, TaskFacts};
use muster_domain::{TaskId, UserId};
use muster_identity::policy::{Action, task_scope};
use muster_projections::{Page, TaskDocument, TaskFilter, TaskSort};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::command::execute_when;
use super::read::{present, resource, up_to_date};
use crate::http::app::{App, not_found};
use crate::http::body::{Body, Id};
use crate::http::caller::Caller;
use crate::http::fields::Fields;
use crate::http::freshness::MinVersions;
use crate::http::problem::{Code, Problem};
use crate::http::request::Change;
use crate::http::spec::{ChangeHeaders, ListHeaders, ListProblems, TaskChangeProblems};

/// How many tasks are looked at, to see that a relation closes no circle.
const FARTHEST: usize = 200;
/// How many tasks of each kind are shown that stand so to a task.
const SHOWN: usize = 100;

/// What one task is to another. Each has its opposite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RelationKind {
    /// It waits until the other one is done.
    BlockedBy,
    /// The other one waits until it is done.
    Blocks,
    /// It is a part of the other one.
    ChildOf,
    /// The other one is a part of it.
    ParentOf,
    /// It asks for what the other one asks for already.
    DuplicateOf,
    /// The other one asks for what it asks for already.
    DuplicatedBy,
}

impl RelationKind {
    /// The relation, and whether the other one says it.
    const fn said(self) -> (Relation, bool) {
        match self {
            Self::BlockedBy => (Relation::BlockedBy, false),
            Self::Blocks => (Relation::BlockedBy, true),
            Self::ChildOf => (Relation::ChildOf, false),
            Self::ParentOf => (Relation::ChildOf, true),
            Self::DuplicateOf => (Relation::DuplicateOf, false),
            Self::DuplicatedBy => (Relation::DuplicateOf, true),
        }
    }

    const fn of(relation: Relation, opposite: bool) -> Self {
        match (relation, opposite) {
            (Relation::BlockedBy, false) => Self::BlockedBy,
            (Relation::BlockedBy, true) => Self::Blocks,
            (Relation::ChildOf, false) => Self::ChildOf,
            (Relation::ChildOf, true) => Self::ParentOf,
            (Relation::DuplicateOf, false) => Self::DuplicateOf,
            (Relation::DuplicateOf, true) => Self::DuplicatedBy,
        }
    }
}

/// A relation to another task.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RelationBody {
    /// What the task is to the other one.
    kind: RelationKind,
    /// The other one.
    task_id: TaskId,
}

/// Relates a task to another one that the caller may see, too.
///
/// `blocked_by`, `child_of` and `duplicate_of` are said by the task itself, and their opposites by the other one: the caller must be
/// allowed to edit the one that says it, of which `If-Match` tells the version, and which is answered. A task has one parent and is a duplicate of one other: a new one takes
/// the place of the old one. A relation that closes a circle is refused. Nobody is kept from completing a task that is blocked: the
/// answer then has the header `Muster-Warning: open_blockers`.
#[utoipa::path(post, path = "/tasks/{task_id}/relations", operation_id = "relate_task", tag = "tasks",
    params(("task_id" = TaskId, Path), ChangeHeaders), request_body = RelationBody,
    responses((status = 200, description = "The task that says it.", body = TaskDocument, headers(("ETag" = String))), TaskChangeProblems))]
pub(crate) async fn relate(
    State(app): State<Arc<App>>,
    change: Change,
    Id(id): Id<TaskId>,
    Body(body): Body<RelationBody>,
) -> Result<Response, Problem> {
    let Said { relation, holder, to, mut wrong } = both(&app, &change, id, &body, true).await?;
    if wrong.is_none() && leads_to(&app, relation, to, holder).await? {
        let detail = format!("This would close a circle of {relation}.");
        wrong = Some(Problem::new(Code::Conflict).detail(detail));
    }
    let route = format!("POST /tasks/{id}/relations");
    let when = |_: &TaskFacts| wrong.clone().map_or(Ok(()), Err);
    let (actions, command) = (Ok(vec![Action::EditTask]), TaskCommand::Relate { relation, to });
    execute_when(&app, &change, holder, &route, &body, actions, when, command).await
}

/// Takes a relation to another task away. One that is not there may be named, too.
#[utoipa::path(delete, path = "/tasks/{task_id}/relations", operation_id = "unrelate_task", tag = "tasks",
    params(("task_id" = TaskId, Path), ChangeHeaders), request_body = RelationBody,
    responses((status = 200, description = "The task that said it.", body = TaskDocument, headers(("ETag" = String))), TaskChangeProblems))]
pub(crate) async fn unrelate(
    State(app): State<Arc<App>>,
    change: Change,
    Id(id): Id<TaskId>,
    Body(body): Body<RelationBody>,
) -> Result<Response, Problem> {
    let Said { relation, holder, to, wrong } = both(&app, &change, id, &body, false).await?;
    let route = format!("DELETE /tasks/{id}/relations");
    let when = |_: &TaskFacts| wrong.clone().map_or(Ok(()), Err);
    let (actions, command) = (Ok(vec![Action::EditTask]), TaskCommand::Unrelate { relation, to });
    execute_when(&app, &change, holder, &route, &body, actions, when, command).await
}

/// A relation: how, which task says it, and to which other; what is wrong with it.
struct Said {
    relation: Relation,
    holder: TaskId,
    to: TaskId,
    wrong: Option<Problem>,
}

/// The relation that the body names. Whoever says it must be seen, and to say something new, both.
async fn both(app: &App, change: &Change, id: TaskId, body: &RelationBody, new: bool) -> Result<Said, Problem> {
    for action in [Action::ReadTask, Action::EditTask] {
        change.caller.within_token(action)?;
    }
    let task = present(app, id, 0).await?.ok_or_else(|| not_found("task"))?;
    change.caller.may(Action::ReadTask, &resource(&task))?;
    let (relation, opposite) = body.kind.said();
    let mut fields = Fields::default();
    let mut seen = true;
    if body.task_id == id {
        fields.wrong("/task_id", "must be another task");
    } else if new || opposite {
        let other = present(app, body.task_id, 0).await?;
        let other = other.filter(|other| change.caller.can(Action::ReadTask, &resource(other)));
        seen = other.is_some();
        if other.is_none_or(|other| new && other.deleted_at.is_some()) {
            fields.wrong("/task_id", "there is no such task");
        }
    }
    let wrong = fields.finish(Some(())).err();
    let (holder, to) = if opposite { (body.task_id, id) } else { (id, body.task_id) };
    match wrong {
        // It says nothing that can be told of a task that is not seen.
        Some(wrong) if opposite && !seen => Err(wrong),
        // Whoever asks again for what was done before gets its answer, whatever has become of the other one.
        wrong => Ok(Said { relation, holder, to, wrong }),
    }
}

/// Whether one comes from the one task to the other by such relations. Each task is read as it is, so that no relation is missed that was
/// answered before. Two that are made at the same moment may close a circle unseen: whoever walks along them stops after so many.
async fn leads_to(app: &App, relation: Relation, from: TaskId, target: TaskId) -> Result<bool, Problem> {
    let (mut seen, mut next) = (BTreeSet::from([from]), VecDeque::from([from]));
    while let Some(id) = next.pop_front() {
        if id == target {
            return Ok(true);
        }
        if seen.len() > FARTHEST {
            let detail = format!(
                "So many tasks hang together by {relation} that it cannot be seen whether this closes a circle."
            );
            return Err(Problem::new(Code::Conflict).detail(detail));
        }
        let Some(task) = up_to_date(app, id).await? else { continue };
        next.extend(said_by(&task, relation).into_iter().filter(|id| seen.insert(*id)));
    }
    Ok(false)
}

/// The tasks to which this one says that it stands so.
fn said_by(task: &TaskDocument, relation: Relation) -> Vec<TaskId> {
    match relation {
        Relation::BlockedBy => task.blocked_by_ids.clone(),
        Relation::ChildOf => task.parent_id.into_iter().collect(),
        Relation::DuplicateOf => task.duplicate_of_id.into_iter().collect(),
    }
}

/// The tasks to which a task stands in some way.
#[derive(Serialize, ToSchema)]
pub(crate) struct Relations {
    /// Those that the caller may see; of each kind 100 at most.
    items: Vec<RelatedTask>,
}

/// One of them.
#[derive(Serialize, ToSchema)]
pub(crate) struct RelatedTask {
    /// What the task is to it.
    kind: RelationKind,
    /// Its id.
    id: TaskId,
    /// What is to be done, in a line.
    title: String,
    /// How far it has come.
    status: Status,
    /// How much hurry there is.
    priority: Priority,
    /// Who is to do it.
    #[schema(required)]
    assignee_id: Option<UserId>,
    /// When it is to be done.
    #[schema(required)]
    deadline: Option<DateTime<Utc>>,
}

impl RelatedTask {
    fn new(kind: RelationKind, task: TaskDocument) -> Self {
        let TaskDocument { id, title, status, priority, assignee_id, deadline, .. } = task;
        Self { kind, id, title, status, priority, assignee_id, deadline }
    }
}

/// The tasks to which a task stands in some way, as far as the caller may see them. Deleted ones are not among them.
#[utoipa::path(get, path = "/tasks/{task_id}/relations", operation_id = "list_relations", tag = "tasks",
    params(("task_id" = TaskId, Path), ListHeaders),
    responses((status = 200, description = "The tasks.", body = Relations), ListProblems))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    fresh: MinVersions,
    Id(id): Id<TaskId>,
) -> Result<Json<Relations>, Problem> {
    caller.within_token(Action::ReadTask)?;
    let task = present(&app, id, fresh.of(id)).await?.ok_or_else(|| not_found("task"))?;
    caller.may(Action::ReadTask, &resource(&task))?;
    let mut items = Vec::new();
    for relation in Relation::ALL.iter().copied() {
        let others = said_by(&task, relation).into_iter().map(|id| present(&app, id, fresh.of(id)));
        let others = try_join_all(others).await?;
        let seen = |task: &TaskDocument| task.deleted_at.is_none() && caller.can(Action::ReadTask, &resource(task));
        let others = others.into_iter().flatten().filter(seen);
        items.extend(others.map(|other| RelatedTask::new(RelationKind::of(relation, false), other)));
        let filter = TaskFilter { related: Some((relation, id)), sort: TaskSort::Created, ..TaskFilter::default() };
        let opposite = fresh.list(&app, &task_scope(&caller.0), &filter, None, &Page::first(SHOWN)).await?;
        items.extend(opposite.items.into_iter().map(|other| RelatedTask::new(RelationKind::of(relation, true), other)));
    }
    Ok(Json(Relations { items }))
}

/// Whether something that a task waits for is still to be done.
pub(super) async fn has_open_blockers(app: &App, blockers: impl IntoIterator<Item = TaskId>) -> Result<bool, Problem> {
    let blockers = try_join_all(blockers.into_iter().map(|id| present(app, id, 0))).await?;
    Ok(blockers.into_iter().flatten().any(|task| task.deleted_at.is_none() && task.status != Status::Completed))
}
