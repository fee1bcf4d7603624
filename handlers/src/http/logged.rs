//! Entries of the log as the API shows them: with where each command came from, to those who may see it.

use muster_identity::policy::{Action, Resource};
use muster_identity::{Carried, CommandOrigin};
use muster_projections::Listed;
use muster_projections::audit_log::AuditEntry;
use serde::Serialize;
use utoipa::ToSchema;

use super::app::App;
use super::caller::Caller;
use super::fields::Fields;
use super::problem::Problem;
use crate::webhooks::is_event_type;

/// An entry of the log, and where its command came from.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct LogEntry {
    #[serde(flatten)]
    pub(crate) entry: AuditEntry,
    /// Where the command came from: kept for 400 days, and shown to those who audit and to whoever sent it. Null for what came
    /// from nowhere, or is not known.
    #[schema(required)]
    pub(crate) from: Option<CommandOrigin>,
}

/// Notes a `type` of events that there are none of: a word that is mistyped is not to look as if nothing had happened.
pub(crate) fn check_type(fields: &mut Fields, event_type: Option<&str>) {
    if event_type.is_some_and(|event_type| !is_event_type(event_type)) {
        fields.wrong_parameter("type", "must be the type of an event, such as TaskCreated");
    }
}

/// The entries with where they came from, as far as the caller may see it. A colleague sees what was done to a task and not
/// at which address somebody was.
pub(crate) async fn with_origins(
    app: &App,
    caller: &Caller,
    entries: Vec<AuditEntry>,
) -> Result<Vec<LogEntry>, Problem> {
    let audits = caller.can(Action::ReadAudit, &Resource::Any);
    logged(app, entries, |entry| audits || entry.actor.user() == Some(caller.id())).await
}

/// The entries, those that may be shown with where they came from.
pub(crate) async fn logged(
    app: &App,
    entries: Vec<AuditEntry>,
    shown: impl Fn(&AuditEntry) -> bool,
) -> Result<Vec<LogEntry>, Problem> {
    let carried =
        |entry: &AuditEntry| Carried { stream: entry.stream, command_id: entry.command_id, actor: entry.actor.clone() };
    let wanted: Vec<Carried> = entries.iter().filter(|entry| shown(entry)).map(carried).collect();
    let origins = app.commands.origins().of(&wanted).await.map_err(|error| Problem::unavailable(&error))?;
    let mut origins = origins.into_iter();
    let entries = entries.into_iter().map(|entry| {
        let from = if shown(&entry) { origins.next().flatten() } else { None };
        LogEntry { entry, from }
    });
    Ok(entries.collect())
}

/// A page of them.
pub(crate) async fn page_with_origins(
    app: &App,
    caller: &Caller,
    listed: Listed<AuditEntry>,
) -> Result<Listed<LogEntry>, Problem> {
    Ok(Listed { items: with_origins(app, caller, listed.items).await?, next: listed.next })
}
