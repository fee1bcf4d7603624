//! How the caller wants to be told of what concerns them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use muster_domain::user::{
    ByKind, DigestFrequency, NotificationChannel, NotificationChannels, NotificationDigest, NotificationPreferences,
    QuietHours, UserCommand, UserState,
};
use muster_domain::values::LocalTime;
use muster_identity::policy::Action;
use serde::Deserialize;
use utoipa::ToSchema;

use super::app::{App, not_found};
use super::body::Body;
use super::caller::Caller;
use super::etag::{etag, min_version};
use super::fields::{Fields, Object};
use super::problem::Problem;
use super::request::Change;
use super::spec::{ChangeHeaders, ChangeProblems, ReadHeaders, ReadProblems};
use super::users::command::{commit, resource_of};

/// How somebody wants to be told of what concerns them: all of it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NotificationPreferencesBody {
    /// The channels that carry each kind of notification; of a kind without channels the caller is not told.
    #[schema(value_type = ByKind<NotificationChannels>)]
    channels: Object<ByKind<Vec<NotificationChannel>>>,
    /// When to leave the caller alone, in their own time zone; null for never.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required = true, value_type = Option<QuietHoursBody>)]
    quiet_hours: Option<Object<QuietHoursBody>>,
    /// Whether mails come one by one or together.
    #[schema(value_type = DigestBody)]
    digest: Object<DigestBody>,
}

/// The hours in which to leave somebody alone, every day. They may go over midnight.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuietHoursBody {
    /// When they begin.
    #[schema(value_type = LocalTime)]
    from: String,
    /// When they are over: another time than the one at which they begin.
    #[schema(value_type = LocalTime)]
    to: String,
    /// Whether what is about a critical task comes all the same.
    except_critical: bool,
}

/// Whether mails come one by one or together.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DigestBody {
    /// How often they are put together.
    frequency: DigestFrequency,
    /// When the daily one comes, in the caller's time zone. It is kept while there is none.
    #[schema(value_type = LocalTime)]
    at: String,
}

impl NotificationPreferencesBody {
    fn checked(&self) -> Result<NotificationPreferences, Problem> {
        let mut fields = Fields::default();
        let channels = ByKind::each(|kind| {
            let channels = NotificationChannels::try_from(self.channels.0.of(kind).clone());
            fields.take(&format!("/channels/{kind}"), channels).unwrap_or_default()
        });
        let quiet_hours = match &self.quiet_hours {
            None => Some(None),
            Some(Object(hours)) => hours.checked(&mut fields).map(Some),
        };
        let Object(DigestBody { frequency, at }) = &self.digest;
        let digest = fields.parse("/digest/at", at).map(|at| NotificationDigest { frequency: *frequency, at });
        let preferences = quiet_hours.zip(digest).map(|(quiet_hours, digest)| NotificationPreferences {
            channels,
            quiet_hours,
            digest,
        });
        fields.finish(preferences)
    }
}

impl QuietHoursBody {
    fn checked(&self, fields: &mut Fields) -> Option<QuietHours> {
        let (from, to) = (fields.parse("/quiet_hours/from", &self.from), fields.parse("/quiet_hours/to", &self.to));
        fields.take("/quiet_hours/to", QuietHours::new(from?, to?, self.except_critical))
    }
}

/// How the caller wants to be told of what concerns them, or the defaults while they have chosen nothing.
///
/// So far the letter that a task is theirs now asks for it. The other kinds and channels, quiet hours and digests are kept for when
/// there are such notifications.
#[utoipa::path(get, path = "/profile/notification-preferences", operation_id = "read_notification_preferences",
    tag = "profile", params(ReadHeaders),
    responses((status = 200, description = "The preferences.", body = NotificationPreferences,
        headers(("ETag" = String))), ReadProblems))]
pub(crate) async fn read(State(app): State<Arc<App>>, caller: Caller, headers: HeaderMap) -> Result<Response, Problem> {
    caller.within_token(Action::ReadNotificationPreferences)?;
    let account = app.account(caller.id(), min_version(&headers)?).await?.ok_or_else(|| not_found("user"))?;
    caller.may(Action::ReadNotificationPreferences, &resource_of(account.id, &account.state))?;
    Ok(answer(&account.state, account.version))
}

/// Changes how the caller is told of what concerns them. The body has all of it, and takes the place of what was chosen before.
#[utoipa::path(put, path = "/profile/notification-preferences", operation_id = "change_notification_preferences",
    tag = "profile", params(ChangeHeaders), request_body = NotificationPreferencesBody,
    responses((status = 200, description = "The preferences.", body = NotificationPreferences,
        headers(("ETag" = String))), ChangeProblems))]
pub(crate) async fn change(
    State(app): State<Arc<App>>,
    change: Change,
    Body(body): Body<NotificationPreferencesBody>,
) -> Result<Response, Problem> {
    let preferences = body.checked()?;
    let id = change.caller.id();
    let route = format!("PUT /users/{id}/notification-preferences");
    let (actions, command) =
        ([Action::ChangeNotificationPreferences], UserCommand::ChangeNotificationPreferences(preferences));
    let (_, committed) = commit(&app, &change, id, &route, &preferences, &actions, command).await?;
    let state = committed.aggregate.state.as_ref().ok_or_else(|| not_found("user"))?;
    Ok(answer(state, committed.version))
}

/// The preferences, with the version of the account as their `ETag`.
fn answer(state: &UserState, version: u64) -> Response {
    ([(header::ETAG, etag(version))], Json(state.notifications())).into_response()
}
