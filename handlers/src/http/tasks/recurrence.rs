//! What comes after a task that is done, and what reminds of its deadline.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use chrono::NaiveDate;
use muster_domain::task::{Frequency, Lead, Leads, Recurrence, TaskCommand, Weekday};
use muster_domain::values::{Invalid, LocalTime, TimeZone};
use muster_domain::{SeriesId, TaskId};
use muster_identity::policy::Action;
use muster_projections::TaskDocument;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::command::execute;
use crate::http::app::App;
use crate::http::body::{Body, Id};
use crate::http::fields::Fields;
use crate::http::integer::optional;
use crate::http::problem::Problem;
use crate::http::request::Change;
use crate::http::spec::{BodilessTaskChangeProblems, ChangeHeaders, TaskChangeProblems};
use crate::http::time::optional_day;

/// The most reminders that are read; more are refused anyway.
const MAX_LEADS_READ: usize = 100;

/// A rule by which a task comes again: all of it.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecurrenceBody {
    /// What it counts in.
    frequency: Frequency,
    /// How many of these lie between two occurrences; one if left out.
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 365)]
    interval: Option<u32>,
    /// Of a weekly rule: its days. That of the deadline, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_items = 1, max_items = 7)]
    weekdays: Option<Vec<Weekday>>,
    /// Of a monthly or yearly rule: the day of the month. In a month that has fewer days it is the last one, so 31 is always the last. That
    /// of the deadline, if left out.
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 31)]
    day: Option<u32>,
    /// Of a yearly rule: the month. That of the deadline, if left out.
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 12)]
    month: Option<u32>,
    /// At which time of its day an occurrence is due.
    #[schema(value_type = LocalTime)]
    time: String,
    /// Where that clock stands.
    #[schema(value_type = TimeZone, example = "Europe/Berlin")]
    time_zone: String,
    /// The last day that an occurrence may be due on. Not beside `count`.
    #[serde(default, deserialize_with = "optional_day", skip_serializing_if = "Option::is_none")]
    until: Option<NaiveDate>,
    /// How many occurrences the series has, with this one and those before it. Not beside `until`.
    #[serde(default, deserialize_with = "optional", skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 10_000)]
    count: Option<u32>,
}

impl RecurrenceBody {
    fn checked(&self) -> Result<Recurrence, Problem> {
        let mut fields = Fields::default();
        if let Some(days) = &self.weekdays
            && !(1..=Weekday::ALL.len()).contains(&days.len())
        {
            fields.wrong("/weekdays", "must have 1 to 7 entries");
        }
        let (time, time_zone) = (fields.parse("/time", &self.time), fields.parse("/time_zone", &self.time_zone));
        let rule = time.zip(time_zone).map(|(time, time_zone)| Recurrence {
            frequency: self.frequency,
            interval: self.interval.unwrap_or(1),
            weekdays: self.weekdays.iter().flatten().copied().collect::<BTreeSet<_>>(),
            day: self.day,
            month: self.month,
            time,
            time_zone,
            until: self.until,
            count: self.count,
        });
        for (field, fault) in rule.iter().flat_map(Recurrence::faults) {
            fields.wrong(&format!("/{field}"), fault);
        }
        fields.finish(rule)
    }
}

/// How long before a task's deadline to remind of it: all of it.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RemindersBody {
    /// How long before: each once. None takes the reminders away.
    #[schema(value_type = Vec<Lead>, max_items = 10)]
    before: Vec<String>,
}

impl RemindersBody {
    fn checked(&self) -> Result<Leads, Problem> {
        let mut fields = Fields::default();
        if self.before.len() > MAX_LEADS_READ {
            fields.wrong("/before", Invalid::TooMany { max: Leads::MAX, actual: self.before.len() });
            return Err(fields.problem());
        }
        let texts = self.before.iter().enumerate();
        let leads: Vec<Lead> =
            texts.filter_map(|(index, text)| fields.parse(&format!("/before/{index}"), text)).collect();
        let leads = fields.take("/before", Leads::try_from(leads));
        fields.finish(leads)
    }
}

/// Lets another task come after this one whenever it is done, by a rule.
///
/// Completing it makes the next one, once: with the same title, description, labels, location, team, priority, checklist (nothing of it ticked), reminders,
/// reporter and assignee, and
/// due on the next day of the rule whose time is not over yet. Whoever has closed their account gets no more to do. The tasks of a series
/// have one `series_id`. Deleting the task that is open ends the series, as taking its rule away does. The same rule sent again goes on from
/// the day that the task is due on by then. One by which no task would come after this one is refused.
#[utoipa::path(put, path = "/tasks/{task_id}/recurrence", operation_id = "set_recurrence", tag = "tasks",
    params(("task_id" = TaskId, Path), ChangeHeaders), request_body = RecurrenceBody,
    responses((status = 200, description = "The task.", body = TaskDocument, headers(("ETag" = String))), TaskChangeProblems))]
pub(crate) async fn set(
    State(app): State<Arc<App>>,
    change: Change,
    Id(id): Id<TaskId>,
    Body(body): Body<RecurrenceBody>,
) -> Result<Response, Problem> {
    let command = TaskCommand::SetRecurrence { rule: body.checked()?, series: SeriesId(id.0), at: change.at };
    let route = format!("PUT /tasks/{id}/recurrence");
    execute(&app, &change, id, &route, &body, Ok(vec![Action::ChangeTaskRecurrence]), command).await
}

/// Lets none come after a task any more.
#[utoipa::path(delete, path = "/tasks/{task_id}/recurrence", operation_id = "clear_recurrence", tag = "tasks",
    params(("task_id" = TaskId, Path), ChangeHeaders),
    responses((status = 200, description = "The task.", body = TaskDocument, headers(("ETag" = String))), BodilessTaskChangeProblems))]
pub(crate) async fn clear(
    State(app): State<Arc<App>>,
    change: Change,
    Id(id): Id<TaskId>,
) -> Result<Response, Problem> {
    let route = format!("DELETE /tasks/{id}/recurrence");
    let actions = Ok(vec![Action::ChangeTaskRecurrence]);
    execute(&app, &change, id, &route, &(), actions, TaskCommand::ClearRecurrence).await
}

/// Says how long before a task's deadline to remind of it: whoever is to do it then, and the caller. It follows the deadline when that is
/// moved.
///
/// Each reminder fires once for one deadline, within a minute or two of its time; one whose time is over already fires at once. A task that
/// is done or deleted reminds of nothing; one on hold does, as its deadline does not wait.
#[utoipa::path(put, path = "/tasks/{task_id}/reminders", operation_id = "set_reminders", tag = "tasks",
    params(("task_id" = TaskId, Path), ChangeHeaders), request_body = RemindersBody,
    responses((status = 200, description = "The task.", body = TaskDocument, headers(("ETag" = String))), TaskChangeProblems))]
pub(crate) async fn remind(
    State(app): State<Arc<App>>,
    change: Change,
    Id(id): Id<TaskId>,
    Body(body): Body<RemindersBody>,
) -> Result<Response, Problem> {
    let command = TaskCommand::SetReminders { leads: body.checked()?, by: Some(change.caller.id()) };
    let route = format!("PUT /tasks/{id}/reminders");
    execute(&app, &change, id, &route, &body, Ok(vec![Action::SetTaskReminders]), command).await
}
