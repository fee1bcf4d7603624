//! What asks about tasks.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use muster_domain::task::{Priority, Relation, Status, TaskFacts};
use muster_domain::values::{Invalid, Label};
use muster_domain::{RecordedEvent, TaskId, TeamId, UserId};
use muster_identity::policy::{Action, Resource, task_scope};
use muster_projections::{TaskDocument, TaskFilter, TaskSort, TitleWords, fold_task};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use crate::http::app::{App, not_found, unreadable};
use crate::http::body::{Id, Query};
use crate::http::caller::Caller;
use crate::http::etag::{etag, min_version};
use crate::http::fields::{Fields, wrong_parameter};
use crate::http::freshness::MinVersions;
use crate::http::page::{Page, PageQuery, query_problem};
use crate::http::problem::Problem;
use crate::http::saved_filters;
use crate::http::spec::{ListHeaders, ListProblems, ReadHeaders, ReadProblems};
use crate::http::time::{self, NotATime, optional_time};
use crate::saved_filters::{SavedFilterError, SavedFilterId};

/// How often the row is asked for a version that it does not have yet, before the history is read instead.
pub(super) const ASKED: u32 = 5;
/// How long between two of these.
pub(super) const PAUSE: Duration = Duration::from_millis(20);

/// At which moment.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct AsOfQuery {
    /// The task as it was: a time (RFC 3339) or a version. As it is, if left out.
    #[param(max_length = 64, example = "2026-03-02T08:00:00Z")]
    as_of: Option<String>,
}

/// A moment in a history.
enum AsOf {
    Version(u64),
    Time(DateTime<Utc>),
}

impl AsOf {
    fn parse(text: &str) -> Result<Self, Problem> {
        if let Ok(version) = text.parse() {
            return Ok(Self::Version(version));
        }
        time::parse(text).map(Self::Time).map_err(|error| match error {
            NotATime::Form => {
                wrong_parameter("as_of", "must be a time such as 2026-03-02T08:00:00Z, or a version such as 3")
            }
            NotATime::LeapSecond => wrong_parameter("as_of", error),
        })
    }

    fn includes(&self, event: &RecordedEvent) -> bool {
        match self {
            Self::Version(version) => event.version <= *version,
            Self::Time(time) => event.recorded_at <= *time,
        }
    }
}

/// One task, as it is or as it was.
#[utoipa::path(get, path = "/tasks/{task_id}", operation_id = "read_task", tag = "tasks",
    params(("task_id" = TaskId, Path), AsOfQuery, ReadHeaders),
    responses((status = 200, description = "The task.", body = TaskDocument, headers(("ETag" = String))), ReadProblems))]
pub(crate) async fn read(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    Id(id): Id<TaskId>,
    Query(query): Query<AsOfQuery>,
) -> Result<Response, Problem> {
    caller.within_token(Action::ReadTask)?;
    let present = present(&app, id, min_version(&headers)?).await?.ok_or_else(|| not_found("task"))?;
    // Whoever may see a task may see what it was.
    caller.may(Action::ReadTask, &resource(&present))?;
    let Some(as_of) = query.as_of else {
        return Ok(answer(present));
    };
    let moment = AsOf::parse(&as_of)?;
    let up_to = match moment {
        AsOf::Version(version) => Some(version),
        AsOf::Time(_) => None,
    };
    let mut events = app.reader.events(&id.into(), 0, up_to).await.map_err(|error| unreadable(&error))?;
    events.retain(|event| moment.includes(event));
    folded(&events)?.map(answer).ok_or_else(|| not_found("task at that moment"))
}

fn answer(task: TaskDocument) -> Response {
    ([(header::ETAG, etag(task.version))], Json(task)).into_response()
}

pub(crate) fn resource(task: &TaskDocument) -> Resource {
    Resource::Task(facts(task))
}

/// What the policy asks of a task.
pub(crate) const fn facts(task: &TaskDocument) -> TaskFacts {
    TaskFacts { assignee: task.assignee_id, reporter: task.reporter_id, team: task.team_id }
}

/// The task from its row, once that is fresh enough; from its history, if it does not become so soon.
pub(crate) async fn present(app: &App, id: TaskId, min_version: u64) -> Result<Option<TaskDocument>, Problem> {
    for _ in 0..ASKED {
        let row = app.tasks.get(id).await.map_err(|error| query_problem(&error))?;
        match row {
            Some(task) if task.version >= min_version => return Ok(Some(task)),
            Some(_) => tokio::time::sleep(PAUSE).await,
            None => break,
        }
    }
    let events = app.reader.events(&id.into(), 0, None).await.map_err(|error| unreadable(&error))?;
    folded(&events)
}

/// The task as it is at this moment, whatever the read model knows yet: one small read of its history beside that of its row says
/// whether the row is behind, and then all of the history is read.
pub(super) async fn up_to_date(app: &App, id: TaskId) -> Result<Option<TaskDocument>, Problem> {
    let stream = id.into();
    let (head, row) = tokio::join!(app.reader.head(&stream), app.tasks.get(id));
    let (head, row) = (head.map_err(|error| unreadable(&error))?, row.map_err(|error| query_problem(&error))?);
    match row {
        Some(task) if task.version >= head => Ok(Some(task)),
        None if head == 0 => Ok(None),
        Some(_) | None => {
            let events = app.reader.events(&stream, 0, None).await.map_err(|error| unreadable(&error))?;
            folded(&events)
        }
    }
}

fn folded(events: &[RecordedEvent]) -> Result<Option<TaskDocument>, Problem> {
    fold_task(events).map_err(|error| Problem::internal(&error))
}

/// Which tasks to list. What of it is not of a page can be saved as a filter; explicit parameters win over those of a saved one, and none of
/// them is taken away by leaving it out.
#[derive(Default, Deserialize, Serialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TasksQuery {
    /// Only those that this saved filter of the caller's is for. What else is given wins over what the filter says.
    #[schema(ignore)]
    pub(super) filter_id: Option<SavedFilterId>,
    /// Only those that this person is to do.
    pub(super) assignee_id: Option<UserId>,
    /// Only those that this person reported.
    pub(super) reporter_id: Option<UserId>,
    /// Only those of this team.
    pub(super) team_id: Option<TeamId>,
    /// Only those that have come this far.
    pub(super) status: Option<Status>,
    /// Only those of this hurry.
    pub(super) priority: Option<Priority>,
    /// Only those with this label.
    #[param(value_type = Option<Label>)]
    #[schema(value_type = Option<Label>)]
    pub(super) label: Option<String>,
    /// Only those whose titles have each of these words, or what begins, ends or is within a word: whatever the letters' case and the marks
    /// on them. At most ten words.
    #[param(min_length = 1, max_length = 200, pattern = r"^\s*\S+(\s+\S+){0,9}\s*$", example = "lift hall")]
    #[schema(min_length = 1, max_length = 200, pattern = r"^\s*\S+(\s+\S+){0,9}\s*$")]
    pub(super) text: Option<String>,
    /// Only those that this person watches.
    pub(super) watcher_id: Option<UserId>,
    /// Only those that are a part of this task.
    pub(super) parent_id: Option<TaskId>,
    /// Only those due at this time or later.
    #[serde(deserialize_with = "optional_time")]
    pub(super) due_after: Option<DateTime<Utc>>,
    /// Only those due before this time.
    #[serde(deserialize_with = "optional_time")]
    pub(super) due_before: Option<DateTime<Utc>>,
    /// Only those that should have been done by now and are not; with `false`, only the others.
    pub(super) overdue: Option<bool>,
    /// Only those that are not completed; with `false`, only those that are.
    pub(super) open: Option<bool>,
    /// The tasks as they were at this time (RFC 3339), with these filters on what they were then, as far as the caller may see
    /// them now. What was done in the last moments may not be in it yet. In another order than that of deadlines at most 2000.
    #[serde(deserialize_with = "optional_time")]
    #[schema(ignore)]
    pub(super) as_of: Option<DateTime<Utc>>,
    /// `due` (soonest first, those without a deadline last; the default), `created` (oldest first), `updated`, `priority` (most
    /// urgent first) or `rank` (as people have put them by hand); with a `-` the other way round.
    #[param(pattern = "^-?(due|created|updated|priority|rank)$")]
    #[schema(pattern = "^-?(due|created|updated|priority|rank)$")]
    pub(super) sort: Option<String>,
    /// The most entries of a page; 50 if left out.
    #[param(minimum = 1, maximum = 200)]
    #[schema(ignore)]
    pub(super) limit: Option<u32>,
    /// Where the page begins: `next` of the page before.
    #[param(max_length = 2048)]
    #[schema(ignore)]
    pub(super) cursor: Option<String>,
}

impl TasksQuery {
    /// What is asked for, and whether from its end.
    pub(crate) fn checked(&self, now: DateTime<Utc>) -> Result<(TaskFilter, bool), Problem> {
        let mut fields = Fields::default();
        let asked = self.read(now, &mut fields);
        fields.finish(Some(asked))
    }

    /// The same, with a note of what is wrong with it.
    pub(super) fn read(&self, now: DateTime<Utc>, fields: &mut Fields) -> (TaskFilter, bool) {
        let sort = self.sort.as_deref().unwrap_or("due");
        let descending = sort.starts_with('-');
        let sort = match sort.strip_prefix('-').unwrap_or(sort) {
            "due" => TaskSort::Due,
            "created" => TaskSort::Created,
            "updated" => TaskSort::Updated,
            "priority" => TaskSort::Priority,
            "rank" => TaskSort::Rank,
            _ => {
                let orders = "must be due, created, updated, priority or rank, or one of them after a -";
                fields.wrong_parameter("sort", orders);
                TaskSort::Due
            }
        };
        let label = label(self.label.as_deref(), fields);
        let words = words(self.text.as_deref(), fields);
        let filter = TaskFilter {
            assignee: self.assignee_id,
            reporter: self.reporter_id,
            team: self.team_id,
            status: self.status,
            priority: self.priority,
            label,
            watcher: self.watcher_id,
            words,
            related: self.parent_id.map(|parent| (Relation::ChildOf, parent)),
            due_after: self.due_after,
            due_before: self.due_before,
            open: self.open == Some(true),
            closed: self.open == Some(false),
            overdue: (self.overdue == Some(true)).then_some(now),
            in_time: (self.overdue == Some(false)).then_some(now),
            sort,
        };
        (filter, descending)
    }

    /// The parameters that are not of a filter, and whether they are given.
    pub(crate) const fn of_a_page(&self) -> [(&'static str, bool); 4] {
        [
            ("filter_id", self.filter_id.is_some()),
            ("as_of", self.as_of.is_some()),
            ("limit", self.limit.is_some()),
            ("cursor", self.cursor.is_some()),
        ]
    }

    /// The parameters that are given, as a saved filter keeps them.
    pub(crate) fn parameters(&self) -> Map<String, Value> {
        let Ok(Value::Object(all)) = serde_json::to_value(self) else { return Map::new() };
        all.into_iter().filter(|(_, value)| !value.is_null()).collect()
    }

    /// The same with what these parameters say of which it says nothing.
    fn over(&self, saved: Map<String, Value>) -> Result<Self, Problem> {
        let merged: Map<String, Value> = saved.into_iter().chain(self.parameters()).collect();
        // What a filter was saved by may be no parameter any more.
        serde_json::from_value(Value::Object(merged)).map_err(|error| {
            let mut fields = Fields::default();
            fields.wrong_parameter("filter_id", format_args!("the filter is out of date, save it again: {error}"));
            fields.problem()
        })
    }

    /// With what the saved filter of the caller's says that it names, if it names one.
    pub(super) async fn with_saved(self, app: &App, caller: &Caller) -> Result<Self, Problem> {
        let Some(id) = self.filter_id else { return Ok(self) };
        caller.within_token(Action::ReadFilters)?;
        match app.filters.find(caller.id(), id).await {
            Ok(saved) => self.over(saved.parameters),
            Err(SavedFilterError::NotFound) => {
                let mut fields = Fields::default();
                fields.wrong_parameter("filter_id", "is no saved filter of yours");
                Err(fields.problem())
            }
            Err(error) => Err(saved_filters::problem(&error)),
        }
    }
}

/// The label of the parameter `label`.
fn label(text: Option<&str>, fields: &mut Fields) -> Option<Label> {
    let label = text.map(|text| text.parse::<Label>().map_err(|error| fields.wrong_parameter("label", error)));
    label.and_then(Result::ok).map(Label::composed)
}

/// The words of the parameter `text`.
fn words(text: Option<&str>, fields: &mut Fields) -> Option<TitleWords> {
    text.and_then(|text| text.parse().map_err(|error: Invalid| fields.wrong_parameter("text", error)).ok())
}

/// Lists the tasks that the caller may see. Deleted tasks are not among them.
#[utoipa::path(get, path = "/tasks", operation_id = "list_tasks", tag = "tasks", params(TasksQuery, ListHeaders),
    responses((status = 200, description = "A page of tasks.", body = Page<TaskDocument>), ListProblems))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    fresh: MinVersions,
    Query(query): Query<TasksQuery>,
) -> Result<Json<Page<TaskDocument>>, Problem> {
    caller.may(Action::ListTasks, &Resource::Any)?;
    let query = query.with_saved(&app, &caller).await?;
    let mut page = PageQuery { limit: query.limit, cursor: query.cursor.clone() }.checked()?;
    let as_of = query.as_of;
    let (filter, descending) = query.checked(as_of.unwrap_or_else(|| app.now()))?;
    page.descending = descending;
    let listed = fresh.list(&app, &task_scope(&caller.0), &filter, as_of, &page).await?;
    Ok(Json(Page::of(listed.items, listed.next)))
}
