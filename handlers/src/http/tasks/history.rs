//! Who did what to a task, and when: the log, and the raw history that it is made of.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use muster_domain::commit::MAX_EVENTS_IN_COMMIT;
use muster_domain::{Commit, Fingerprint, Hash, RecordedEvent, TaskId};
use muster_identity::policy::Action;
use muster_projections::CursorError;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::read::{ASKED, PAUSE, present, resource};
use crate::http::app::{App, not_found, unreadable};
use crate::http::body::{Id, Query};
use crate::http::caller::Caller;
use crate::http::etag::{MAX_VERSION, min_version};
use crate::http::fields::{Fields, wrong_parameter};
use crate::http::logged::{LogEntry, check_type, page_with_origins, with_origins};
use crate::http::page::{Order, Page, PageQuery, query_problem};
use crate::http::problem::Problem;
use crate::http::spec::{ReadHeaders, ReadProblems};

/// Which entries of a log.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogsQuery {
    /// Only events of this type, such as `TaskStatusChanged`.
    #[serde(rename = "type")]
    #[param(max_length = 64)]
    event_type: Option<String>,
    /// `-version` (newest first, the default) or `version`.
    #[param(pattern = "^-?version$")]
    sort: Option<String>,
    /// The most entries of a page; 50 if left out.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// Where the page begins: `next` of the page before.
    #[param(max_length = 2048)]
    cursor: Option<String>,
}

/// The log of a task: who did what and when, with old and new values.
#[utoipa::path(get, path = "/tasks/{task_id}/logs", tag = "logs",
    params(("task_id" = TaskId, Path), LogsQuery, ReadHeaders),
    responses((status = 200, description = "A page of the log.", body = Page<LogEntry>), ReadProblems))]
pub(crate) async fn logs(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    Id(id): Id<TaskId>,
    Query(query): Query<LogsQuery>,
) -> Result<Json<Page<LogEntry>>, Problem> {
    let least = min_version(&headers)?;
    visible(&app, &caller, id).await?;
    let mut page = PageQuery { limit: query.limit, cursor: query.cursor }.checked()?;
    let mut fields = Fields::default();
    page.descending = Order::Down("version").descending(query.sort.as_deref(), &mut fields);
    check_type(&mut fields, query.event_type.as_deref());
    fields.finish(Some(()))?;
    let types: Vec<String> = query.event_type.into_iter().collect();
    let listed = if has(&app, id, least).await? {
        app.audit.logs(&id.into(), &types, &page).await
    } else {
        let events = app.reader.events(&id.into(), 0, None).await.map_err(|error| unreadable(&error))?;
        app.audit.logs_of(&id.into(), &events, &types, &page).await
    };
    let logged = page_with_origins(&app, &caller, listed.map_err(|error| query_problem(&error))?).await?;
    Ok(Json(Page::of(logged.items, logged.next)))
}

/// The newest entry of a task's log.
#[utoipa::path(get, path = "/tasks/{task_id}/logs/latest", tag = "logs",
    params(("task_id" = TaskId, Path), ReadHeaders),
    responses((status = 200, description = "The entry.", body = LogEntry), ReadProblems))]
pub(crate) async fn latest_log(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    Id(id): Id<TaskId>,
) -> Result<Response, Problem> {
    let least = min_version(&headers)?;
    visible(&app, &caller, id).await?;
    let entry = if has(&app, id, least).await? {
        app.audit.latest(&id.into()).await.map_err(|error| query_problem(&error))?
    } else {
        let events = app.reader.events(&id.into(), 0, None).await.map_err(|error| unreadable(&error))?;
        let newest = muster_projections::Page { descending: true, ..muster_projections::Page::first(1) };
        let listed = app.audit.logs_of(&id.into(), &events, &[], &newest).await;
        listed.map_err(|error| query_problem(&error))?.items.pop()
    };
    let logged = with_origins(&app, &caller, entry.into_iter().collect()).await?.pop();
    Ok(logged.map_or_else(
        || not_found("log yet: it is written in a moment").into_response(),
        |entry| (StatusCode::OK, Json(entry)).into_response(),
    ))
}

/// A part of a history.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct HistoryQuery {
    /// Only what came after this version; from the beginning if left out.
    #[param(minimum = 0, maximum = 9_007_199_254_740_991_u64)]
    after: Option<u64>,
    /// The most commits; 50 if left out.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// Where the part begins: `next` of the part before. Either this or `after`.
    #[param(max_length = 2048)]
    cursor: Option<String>,
}

impl HistoryQuery {
    /// The version after which the part begins.
    fn begins_after(&self) -> Result<u64, Problem> {
        let Some(cursor) = &self.cursor else {
            let after = self.after.unwrap_or(0);
            let too_great = || wrong_parameter("after", format_args!("must be at most {MAX_VERSION}"));
            return if after > MAX_VERSION { Err(too_great()) } else { Ok(after) };
        };
        if self.after.is_some() {
            return Err(wrong_parameter("cursor", "does not go with after: each says where the part begins"));
        }
        let given_out = |version: &u64| *version <= MAX_VERSION && version.to_string() == *cursor;
        let version = cursor.parse().ok().filter(given_out);
        version.ok_or_else(|| wrong_parameter("cursor", CursorError::Malformed))
    }
}

/// One commit of a history: what one command appended, with its link in the chain of hashes.
#[derive(Serialize, ToSchema)]
pub(crate) struct CommitDocument {
    /// The hash of the commit before.
    #[schema(value_type = String)]
    prev_hash: Hash,
    /// `SHA-256(prev_hash ‖ canonical JSON of the commit)`.
    #[schema(value_type = String)]
    hash: Hash,
    /// What the command asked for, as a digest; the commit's hash is over it, too.
    fingerprint: Fingerprint,
    /// The events.
    events: Vec<RecordedEvent>,
}

impl From<&Commit> for CommitDocument {
    fn from(commit: &Commit) -> Self {
        Self {
            prev_hash: commit.prev_hash,
            hash: commit.hash,
            fingerprint: commit.fingerprint.clone(),
            events: commit.recorded_events().collect(),
        }
    }
}

/// A part of a history.
#[derive(Serialize, ToSchema)]
pub(crate) struct HistoryDocument {
    /// The commits, oldest first.
    items: Vec<CommitDocument>,
    /// For `cursor`, or for `after`, to go on; null at the end.
    next: Option<u64>,
}

/// The raw history of a task: every event as it was recorded, with the hashes.
///
/// It is read part by part as lists are page by page: `cursor` is `next` of the part before. Here `next` is a number, the version with
/// which the part ends, and `after` takes it, too: whoever knows up to which version they have a history goes on from there.
#[utoipa::path(get, path = "/tasks/{task_id}/history", tag = "logs", params(("task_id" = TaskId, Path), HistoryQuery),
    responses((status = 200, description = "The commits.", body = HistoryDocument), ReadProblems))]
pub(crate) async fn history(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<TaskId>,
    Query(query): Query<HistoryQuery>,
) -> Result<Json<HistoryDocument>, Problem> {
    visible(&app, &caller, id).await?;
    let limit = PageQuery { limit: query.limit, cursor: None }.checked()?.limit;
    let after = query.begins_after()?;
    let up_to = after.saturating_add((limit * MAX_EVENTS_IN_COMMIT) as u64 + 1);
    let mut commits = app.reader.commits(&id.into(), after, Some(up_to)).await.map_err(|error| unreadable(&error))?;
    // A version in the middle of a commit leads to the commit after it.
    commits.retain(|commit| commit.version > after);
    let next = (commits.len() > limit).then(|| commits[limit - 1].last_version());
    commits.truncate(limit);
    Ok(Json(HistoryDocument { items: commits.iter().map(CommitDocument::from).collect(), next }))
}

/// Whoever may see a task may see its log.
pub(crate) async fn visible(app: &App, caller: &Caller, id: TaskId) -> Result<(), Problem> {
    caller.within_token(Action::ReadTaskLogs)?;
    let task = present(app, id, 0).await?.ok_or_else(|| not_found("task"))?;
    caller.may(Action::ReadTaskLogs, &resource(&task))
}

/// Whether the log has come to this version, or does so soon. If not, the history itself has it, or nothing has.
async fn has(app: &App, id: TaskId, least: u64) -> Result<bool, Problem> {
    if least == 0 {
        return Ok(true);
    }
    for _ in 0..ASKED {
        let version = app.audit.version(&id.into()).await.map_err(|error| query_problem(&error))?;
        if version >= least {
            return Ok(true);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(false)
}
