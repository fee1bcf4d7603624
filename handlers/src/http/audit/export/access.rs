//! The access log, as a file.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Extension;
use axum::extract::{OriginalUri, State};
use axum::response::Response;
use chrono::{NaiveDate, SecondsFormat};
use muster_domain::UserId;
use muster_identity::policy::{Action, Resource};
use muster_identity::{AccessEntry, AccessFilter, AccessKind, Outcome};
use serde::Deserialize;
use utoipa::IntoParams;

use super::Source;
use super::file::{MostBytes, file};
use super::format::{ExportFormat, or_empty};
use crate::http::access::{Asked, done};
use crate::http::app::App;
use crate::http::audit::access_log_problem;
use crate::http::body::Query;
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::http::spec::ReadProblems;
use crate::http::time::optional_day;

/// Which entries of the access log, and in which form.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccessExportQuery {
    /// `jsonl` if left out.
    #[param(inline)]
    format: Option<ExportFormat>,
    /// Only of this day (UTC). If neither a day nor an account nor a kind is given, of today.
    #[serde(default, deserialize_with = "optional_day")]
    day: Option<NaiveDate>,
    /// Only by this account.
    actor: Option<UserId>,
    /// Only about this account: what others did to it, or tried.
    about: Option<UserId>,
    /// Only of this kind.
    kind: Option<AccessKind>,
    /// Only what was allowed, or only what was refused.
    outcome: Option<Outcome>,
    /// Where to go on: in the `Link` of the part before.
    #[param(max_length = 2048)]
    cursor: Option<String>,
}

/// Gives the access log as a file, newest first, in the way of `GET /audit/export`.
#[utoipa::path(get, path = "/audit/access/export", operation_id = "export_access_log", tag = "audit",
    params(AccessExportQuery),
    responses((status = 200, description = "The entries, to be saved as a file.",
        content((AccessEntry = "application/x-ndjson"), (String = "text/csv")),
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
    Query(query): Query<AccessExportQuery>,
) -> Result<Response, Problem> {
    caller.may(Action::ReadAudit, &Resource::Any)?;
    let AccessExportQuery { format, day, actor, about, kind, outcome, cursor } = query;
    let today = app.now().date_naive();
    // What is read meanwhile is about the day that it was when it began; what goes on, about that of the cursor.
    let begins = cursor.is_none() && actor.is_none() && about.is_none() && kind.is_none();
    let day = if begins { Some(day.unwrap_or(today)) } else { day };
    let filter = AccessFilter { day, actor, about, kind, outcome };
    app.record(&asked, done(AccessKind::AuditExported, &caller.0)).await?;
    let name = day.map_or_else(|| format!("access-to-{today}"), |day| format!("access-{day}"));
    file(Access { app, filter }, format.unwrap_or_default(), cursor, most, &uri, &name).await
}

struct Access {
    app: Arc<App>,
    filter: AccessFilter,
}

#[async_trait]
impl Source for Access {
    type Line = AccessEntry;
    const COLUMNS: &'static [&'static str] = &[
        "at",
        "id",
        "kind",
        "outcome",
        "reason",
        "actor",
        "session_id",
        "api_token_id",
        "subject",
        "address",
        "user_agent",
        "request_id",
        "route",
        "left_out",
    ];

    async fn page(&self, cursor: Option<String>, limit: usize) -> Result<(Vec<AccessEntry>, Option<String>), Problem> {
        let read = self.app.identity.access_log().page(&self.filter, limit, cursor.as_deref(), true).await;
        let read = read.map_err(|error| access_log_problem(&error))?;
        Ok((read.items, read.next))
    }

    fn row(entry: &AccessEntry) -> Vec<String> {
        vec![
            entry.at.to_rfc3339_opts(SecondsFormat::Millis, true),
            entry.id.to_string(),
            entry.kind.as_str().to_owned(),
            entry.outcome.as_str().to_owned(),
            or_empty(entry.reason.as_ref()),
            or_empty(entry.actor),
            or_empty(entry.session_id),
            or_empty(entry.api_token_id),
            or_empty(entry.subject.as_ref()),
            or_empty(entry.address),
            or_empty(entry.user_agent.as_ref()),
            entry.request_id.clone(),
            entry.route.clone(),
            entry.left_out.to_string(),
        ]
    }
}
