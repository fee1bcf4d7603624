//! The audit: who did what, and who tried what.

pub(crate) mod export;
pub(crate) mod search;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::NaiveDate;
use muster_domain::UserId;
use muster_identity::policy::{Action, Resource};
use muster_identity::{AccessEntry, AccessFilter, AccessKind, AccessLogError, Outcome};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::http::access::{Asked, done};
use crate::http::app::App;
use crate::http::body::Query;
use crate::http::caller::Caller;
use crate::http::fields::wrong_parameter;
use crate::http::page::{Order, Page, PageQuery};
use crate::http::problem::Problem;
use crate::http::spec::ReadProblems;
use crate::http::time::optional_day;

/// Which entries of the access log.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccessQuery {
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
    /// `-at` (newest first, the default) or `at`.
    #[param(pattern = "^-?at$")]
    sort: Option<String>,
    /// The most entries of a page; 50 if left out.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// Where the page begins: `next` of the page before.
    #[param(max_length = 2048)]
    cursor: Option<String>,
}

/// Who signed in, who was refused what, and who made or revoked tokens.
///
/// Entries are kept for 400 days. Reading them is itself an entry.
#[utoipa::path(get, path = "/audit/access", operation_id = "read_access_log", tag = "audit", params(AccessQuery),
    responses((status = 200, description = "A page of the access log.", body = Page<AccessEntry>), ReadProblems))]
pub(crate) async fn access(
    State(app): State<Arc<App>>,
    caller: Caller,
    asked: Asked,
    Query(query): Query<AccessQuery>,
) -> Result<Json<Page<AccessEntry>>, Problem> {
    caller.may(Action::ReadAudit, &Resource::Any)?;
    let AccessQuery { day, actor, about, kind, outcome, sort, limit, cursor } = query;
    let page = PageQuery { limit, cursor }.sorted(sort.as_deref(), Order::Down("at"))?;
    let filter = AccessFilter { day, actor, about, kind, outcome };
    let read = app.identity.access_log().page(&filter, page.limit, page.cursor.as_deref(), page.descending).await;
    let read = read.map_err(|error| access_log_problem(&error))?;
    // Nobody reads it without that being in it.
    app.record(&asked, done(AccessKind::AuditRead, &caller.0)).await?;
    Ok(Json(Page::of(read.items, read.next)))
}

/// Why the access log could not be read.
pub(crate) fn access_log_problem(error: &AccessLogError) -> Problem {
    match error {
        AccessLogError::Cursor => wrong_parameter("cursor", error),
        AccessLogError::Store(error) => Problem::unavailable(error),
    }
}
