//! The caller's password.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use muster_identity::policy::Action;
use muster_identity::{Access, AccessKind, ChangePasswordError, Password, PasswordAttempt};
use serde::Deserialize;
use utoipa::ToSchema;

use super::access::{Asked, done};
use super::app::{App, not_found};
use super::body::Body;
use super::caller::Unsettled;
use super::fields::{Fields, wrong_field};
use super::problem::{Code, Problem};
use super::request::Intake;
use super::spec::PasswordProblems;
use crate::mail::Notice;

/// A new password in the place of the present one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordBody {
    /// The present one.
    #[schema(format = Password, max_length = 1024)]
    current_password: String,
    /// The new one.
    #[schema(format = Password, min_length = 8, max_length = 128)]
    new_password: String,
}

/// Changes the caller's password. Their other sessions end; this one lives on.
#[utoipa::path(put, path = "/profile/password", tag = "profile", request_body = PasswordBody,
    responses((status = 204, description = "It is changed."), PasswordProblems))]
pub(crate) async fn change(
    State(app): State<Arc<App>>,
    Unsettled(caller): Unsettled,
    intake: Intake,
    asked: Asked,
    Body(body): Body<PasswordBody>,
) -> Result<StatusCode, Problem> {
    caller.may(Action::ChangePassword, &caller.themselves())?;
    let (id, session) = (caller.id(), caller.session()?);
    let mut fields = Fields::default();
    // From the history: the directory may not know yet what they have just called themselves.
    let user = app.user(id, u64::MAX).await?.ok_or_else(|| not_found("user"))?;
    let known = [user.name.as_str(), user.email.as_deref().unwrap_or_default()];
    let new = Password::parse(body.new_password).and_then(|password| password.about(&known));
    let new = fields.take("/new_password", new);
    // The same again would leave one that somebody else has made up.
    if new.as_ref().is_some_and(|new| new.is(&body.current_password)) {
        fields.wrong("/new_password", "is the present password");
    }
    let new = fields.finish(new)?;
    // Whoever found somebody signed in must not guess their password here.
    let counted = app.throttle.attempt(Some(&id.to_string()), intake.address())?;
    let current = PasswordAttempt::new(body.current_password);
    match app.identity.change_password(id, session, &current, &new).await {
        Ok(()) => {
            counted.succeeded();
            app.note(&asked, done(AccessKind::PasswordChanged, &caller.0)).await;
            app.notice(id, Notice::PasswordChanged).await;
            Ok(StatusCode::NO_CONTENT)
        }
        // Not 401: the caller is signed in, and stays so.
        Err(ChangePasswordError::Wrong) => {
            // Whoever found an open session tries this.
            let access = Access::refused(AccessKind::PasswordRefused).because("the present password is wrong");
            Err(wrong_field("/current_password", "is not the present password").refused(access))
        }
        Err(ChangePasswordError::Meanwhile) => {
            Err(Problem::new(Code::Conflict).detail("The password was changed at the same moment."))
        }
        Err(ChangePasswordError::Internal(error)) => Err(Problem::unavailable(&error)),
    }
}

/// What was shown as the caller's password is not it. Not 401: the caller is signed in, and stays so.
pub(crate) fn wrong_password() -> Problem {
    let access = Access::refused(AccessKind::PasswordRefused).because("the password is wrong");
    wrong_field("/password", "is not the password").refused(access)
}
