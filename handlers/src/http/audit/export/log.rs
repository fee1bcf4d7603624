//! The log of all that was done, as a file.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Extension;
use axum::extract::{OriginalUri, State};
use axum::response::Response;
use chrono::{NaiveDate, SecondsFormat};
use muster_domain::{Actor, TaskId, TeamId, UserId};
use muster_identity::AccessKind;
use muster_identity::policy::{Action, Resource};
use muster_projections::Page;
use muster_projections::audit_log::AuditFilter;
use serde::Deserialize;
use utoipa::IntoParams;

use super::Source;
use super::file::{MostBytes, file};
use super::format::{ExportFormat, or_empty};
use crate::http::access::{Asked, done};
use crate::http::app::App;
use crate::http::audit::search::Wanted;
use crate::http::body::Query;
use crate::http::caller::Caller;
use crate::http::fields::Fields;
use crate::http::logged::{LogEntry, with_origins};
use crate::http::page::query_problem;
use crate::http::problem::Problem;
use crate::http::spec::ReadProblems;
use crate::http::time::optional_day;

/// Which entries of the log, and in which form.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditExportQuery {
    /// `jsonl` if left out.
    #[param(inline)]
    format: Option<ExportFormat>,
    /// Only what this account did, or this part of Muster: an id, or `system:` and a name.
    #[param(max_length = 107, pattern = "^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|system:.{1,100})$")]
    actor: Option<String>,
    /// Only of this type, such as `TaskStatusChanged`.
    #[serde(rename = "type")]
    #[param(min_length = 1, max_length = 64)]
    event_type: Option<String>,
    /// Only about this task.
    task_id: Option<TaskId>,
    /// Only about this account. At most one of `task_id`, `user_id` and `team_id`.
    user_id: Option<UserId>,
    /// Only about this team.
    team_id: Option<TeamId>,
    /// Only of this day (UTC). Not together with `from` or `to`.
    #[serde(default, deserialize_with = "optional_day")]
    day: Option<NaiveDate>,
    /// Not before this day (UTC).
    #[serde(default, deserialize_with = "optional_day")]
    from: Option<NaiveDate>,
    /// Not after this day (UTC). Without any of the three it is the log from its first entry to today.
    #[serde(default, deserialize_with = "optional_day")]
    to: Option<NaiveDate>,
    /// Where to go on: in the `Link` of the part before.
    #[param(max_length = 2048)]
    cursor: Option<String>,
}

/// Gives the log of all that was done as a file, oldest first: from the first entry on, if no days are asked for.
///
/// It is sent as it is read, whatever its length. On AWS an answer has 4 MiB at most: if there is more, its header `Link` names
/// the next part (`rel="next"`), which has no header line again. That it was taken is in the access log.
#[utoipa::path(get, path = "/audit/export", operation_id = "export_audit_log", tag = "audit", params(AuditExportQuery),
    responses((status = 200, description = "The entries, to be saved as a file.",
        content((LogEntry = "application/x-ndjson"), (String = "text/csv")),
        headers(
            ("Content-Disposition" = String),
            ("Link" = String, description = "Where the next part is (`rel=\"next\"`); only where this is not all of it.")
        )), ReadProblems))]
pub(crate) async fn export(
    State(app): State<Arc<App>>,
    caller: Caller,
    asked: Asked,
    most: Option<Extension<MostBytes>>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<AuditExportQuery>,
) -> Result<Response, Problem> {
    caller.may(Action::ReadAudit, &Resource::Any)?;
    let AuditExportQuery { format, actor, event_type, task_id, user_id, team_id, day, from, to, cursor } = query;
    let today = app.now().date_naive();
    let wanted = Wanted { actor, event_type, task_id, user_id, team_id, day, from, to };
    let filter = wanted.checked(today, None, Fields::default())?;
    let (days, name) = range(&app, &filter, today).await?;
    // Nobody takes it without that being written down.
    app.record(&asked, done(AccessKind::AuditExported, &caller.0)).await?;
    let source = Log { app, caller, filter, days };
    file(source, format.unwrap_or_default(), cursor, most, &uri, &name).await
}

/// Which days are looked through where nothing narrower leads, and the name that says which they are. Nobody is to take a
/// month for the whole, so it begins with the first entry; and no day is looked through before it or after today.
async fn range(app: &App, filter: &AuditFilter, today: NaiveDate) -> Result<((NaiveDate, NaiveDate), String), Problem> {
    let to = filter.to.unwrap_or(today);
    if filter.is_led() {
        let from = filter.from.map_or_else(String::new, |from| format!("{from}-"));
        return Ok(((today, today), format!("audit-{from}to-{to}")));
    }
    let begun = app.audit.first_day().await.map_err(|error| query_problem(&error))?.unwrap_or(today);
    let from = filter.from.unwrap_or(begun);
    Ok(((from.max(begun), to.min(today)), format!("audit-{from}-to-{to}")))
}

struct Log {
    app: Arc<App>,
    caller: Caller,
    filter: AuditFilter,
    days: (NaiveDate, NaiveDate),
}

#[async_trait]
impl Source for Log {
    type Line = LogEntry;
    const COLUMNS: &'static [&'static str] = &[
        "at",
        "event_id",
        "aggregate",
        "id",
        "version",
        "type",
        "actor",
        "command_id",
        "correlation_id",
        "address",
        "user_agent",
        "changes",
        "note",
        "comment_id",
    ];

    async fn page(&self, cursor: Option<String>, limit: usize) -> Result<(Vec<LogEntry>, Option<String>), Problem> {
        let page = Page { limit, cursor, descending: false };
        let listed = self.app.audit.search_days(&self.filter, self.days, &page).await;
        let listed = listed.map_err(|error| query_problem(&error))?;
        Ok((with_origins(&self.app, &self.caller, listed.items).await?, listed.next))
    }

    fn row(LogEntry { entry, from }: &LogEntry) -> Vec<String> {
        let origin = from.as_ref();
        vec![
            entry.at.to_rfc3339_opts(SecondsFormat::Millis, true),
            entry.event_id.to_string(),
            entry.stream.aggregate.to_string(),
            entry.stream.id.to_string(),
            entry.version.to_string(),
            entry.event_type.clone(),
            actor(&entry.actor),
            entry.command_id.to_string(),
            entry.correlation_id.clone(),
            or_empty(origin.and_then(|origin| origin.address)),
            or_empty(origin.and_then(|origin| origin.user_agent.as_ref())),
            serde_json::to_string(&entry.changes).unwrap_or_default(),
            or_empty(entry.note.as_ref()),
            or_empty(entry.comment_id),
        ]
    }
}

fn actor(actor: &Actor) -> String {
    match actor {
        Actor::User { id } => id.to_string(),
        Actor::System { name } => format!("system:{name}"),
    }
}
