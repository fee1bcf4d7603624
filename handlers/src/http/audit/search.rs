//! Searching the log of all that was done: every event of every task, person and team.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::{Datelike as _, NaiveDate, TimeDelta};
use muster_domain::{Actor, StreamId, TaskId, TeamId, UserId};
use muster_identity::AccessKind;
use muster_identity::policy::{Action, Resource};
use muster_projections::audit_log::AuditFilter;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::http::access::{Asked, done};
use crate::http::app::App;
use crate::http::body::Query;
use crate::http::caller::Caller;
use crate::http::fields::Fields;
use crate::http::logged::{LogEntry, check_type, page_with_origins};
use crate::http::page::{Order, Page, PageQuery, query_problem};
use crate::http::problem::Problem;
use crate::http::spec::ReadProblems;
use crate::http::time::optional_day;

/// The most characters of the name of a part of Muster.
const MAX_SYSTEM: usize = 100;
/// The most days of a range that nothing narrower leads into.
const MOST_DAYS: i64 = 400;

/// Which entries of the log.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuditQuery {
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
    /// Not after this day (UTC). Where nothing but days is asked for, a range has 400 at most; without `from` it has 31, and
    /// without `to` it ends today.
    #[serde(default, deserialize_with = "optional_day")]
    to: Option<NaiveDate>,
    /// `-at` (newest first, the default) or `at`. Of one task, account or team, its versions are in this order.
    #[param(pattern = "^-?at$")]
    sort: Option<String>,
    /// The most entries of a page; 50 if left out.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// Where the page begins: `next` of the page before.
    #[param(max_length = 2048)]
    cursor: Option<String>,
}

/// Who did what to any task, account or team, and when; newest first.
///
/// What is asked for is found through one of it (the task, account or team; else the actor; else the type; else the days),
/// and the rest is left out. Reading it is in the access log.
#[utoipa::path(get, path = "/audit", operation_id = "search_audit_log", tag = "audit", params(AuditQuery),
    responses((status = 200, description = "A page of the log.", body = Page<LogEntry>), ReadProblems))]
pub(crate) async fn search(
    State(app): State<Arc<App>>,
    caller: Caller,
    asked: Asked,
    Query(query): Query<AuditQuery>,
) -> Result<Json<Page<LogEntry>>, Problem> {
    caller.may(Action::ReadAudit, &Resource::Any)?;
    let AuditQuery { actor, event_type, task_id, user_id, team_id, day, from, to, sort, limit, cursor } = query;
    let mut page = PageQuery { limit, cursor }.checked()?;
    let mut fields = Fields::default();
    page.descending = Order::Down("at").descending(sort.as_deref(), &mut fields);
    let today = app.now().date_naive();
    let wanted = Wanted { actor, event_type, task_id, user_id, team_id, day, from, to };
    let filter = wanted.checked(today, Some(MOST_DAYS), fields)?;
    let listed = app.audit.search(&filter, today, &page).await.map_err(|error| query_problem(&error))?;
    let logged = page_with_origins(&app, &caller, listed).await?;
    // Nobody reads it without that being written down.
    app.record(&asked, done(AccessKind::AuditRead, &caller.0)).await?;
    Ok(Json(Page::of(logged.items, logged.next)))
}

/// What is asked for, as it was sent.
pub(super) struct Wanted {
    pub(super) actor: Option<String>,
    pub(super) event_type: Option<String>,
    pub(super) task_id: Option<TaskId>,
    pub(super) user_id: Option<UserId>,
    pub(super) team_id: Option<TeamId>,
    pub(super) day: Option<NaiveDate>,
    pub(super) from: Option<NaiveDate>,
    pub(super) to: Option<NaiveDate>,
}

impl Wanted {
    /// As the log takes it, or all that is wrong with it, and with what was looked at before. A range of days that nothing
    /// narrower leads into has so many at most.
    pub(super) fn checked(
        self,
        today: NaiveDate,
        most_days: Option<i64>,
        mut fields: Fields,
    ) -> Result<AuditFilter, Problem> {
        let Self { actor, event_type, task_id, user_id, team_id, day, from, to } = self;
        let actor = actor.and_then(|text| {
            let parsed = parsed_actor(&text);
            if parsed.is_none() {
                fields.wrong_parameter("actor", "must be the id of an account, or system: and a name");
            }
            parsed
        });
        check_type(&mut fields, event_type.as_deref());
        let about = [task_id.map(StreamId::from), user_id.map(StreamId::from), team_id.map(StreamId::from)];
        let mut about = about.into_iter().flatten();
        let stream = about.next();
        if about.next().is_some() {
            fields.wrong_parameter("task_id", "only one of task_id, user_id and team_id can be asked for");
        }
        for (name, date) in [("day", day), ("from", from), ("to", to)] {
            // Other years are not written with four digits, by which days are sorted.
            if date.is_some_and(|date| !(0..=9999).contains(&date.year())) {
                fields.wrong_parameter(name, "must be a day like 2026-11-28");
            }
        }
        if day.is_some() && (from.is_some() || to.is_some()) {
            fields.wrong_parameter("day", "is a range of its own: leave from and to out");
        }
        let filter = AuditFilter { stream, actor, event_type, from: from.or(day), to: to.or(day) };
        if let Some(from) = filter.from {
            let to = filter.to.unwrap_or(today);
            let is_more = |most: &i64| !filter.is_led() && to.signed_duration_since(from) >= TimeDelta::days(*most);
            if filter.to.is_some() && from > to {
                fields.wrong_parameter("from", "must not be after to");
            } else if let Some(most) = most_days.filter(is_more) {
                fields.wrong_parameter("from", format_args!("a range of days alone has {most} at most"));
            }
        }
        fields.finish(Some(filter))
    }
}

/// An account, or a part of Muster.
fn parsed_actor(text: &str) -> Option<Actor> {
    match text.strip_prefix("system:") {
        Some(name) => (1..=MAX_SYSTEM).contains(&name.chars().count()).then(|| Actor::system(name)),
        None => text.parse::<UserId>().ok().map(Actor::from),
    }
}
