//! Opening an account again that was closed.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use muster_domain::UserId;
use muster_domain::user::UserCommand;
use muster_identity::policy::Action;
use muster_identity::{AccessKind, AccessSubject, CredentialsError, Password, PasswordAttempt, SetPasswordError};
use muster_projections::directory::UserDocument;
use serde::Deserialize;
use utoipa::ToSchema;

use super::access::{Asked, done};
use super::app::App;
use super::body::{Body, Id};
use super::fields::{Fields, given};
use super::password_reset::no_letters;
use super::problem::{Code, Problem};
use super::request::Change;
use super::spec::{ChangeHeaders, ReactivateProblems};
use super::users::command::{answer, commit};
use super::users::register::{gets_in_without_password, remove_unless_active};
use crate::mail::Notice;

/// How its owner is to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReactivateBody {
    /// Their first password again: the one that they had, and their second factor, went when the account was closed. Left out for
    /// somebody who signs in with an outside issuer, or sets one with a letter.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, format = Password, min_length = 8, max_length = 128)]
    password: Option<String>,
}

impl ReactivateBody {
    /// The password and its text, if there is one.
    fn checked(self) -> Result<Option<(Password, String)>, Problem> {
        let Some(text) = self.password else { return Ok(None) };
        let mut fields = Fields::default();
        let password = fields.take("/password", Password::parse(text.clone()));
        Ok(Some((fields.finish(password)?, text)))
    }
}

/// Opens a closed account again, with the role, the teams and the address that it had. Somebody else may have its address by now
/// (`email_taken`), and who was erased does not come back (`person_erased`).
///
/// Without a password here, its owner signs in with an outside issuer, or asks for a new password by mail. Where they could do neither,
/// one is needed (`mail_not_configured`).
///
/// Its sessions and API tokens of before stay ended. When the answer was lost, send it again under the same `Idempotency-Key`: the
/// account may be open already, and the password still to be set.
#[utoipa::path(post, path = "/users/{user_id}/reactivate", operation_id = "reactivate_user", tag = "users",
    params(("user_id" = UserId, Path), ChangeHeaders), request_body = ReactivateBody,
    responses((status = 200, description = "The account, open.", body = UserDocument,
        headers(("ETag" = String))), ReactivateProblems))]
pub(crate) async fn reactivate(
    State(app): State<Arc<App>>,
    change: Change,
    asked: Asked,
    Id(id): Id<UserId>,
    Body(body): Body<ReactivateBody>,
) -> Result<Response, Problem> {
    let password = body.checked()?;
    if password.is_none() {
        change.caller.within_token(Action::ReactivateUser)?;
        change.caller.may(Action::ReactivateUser, &app.person(id).await?)?;
        if !gets_in_without_password(&app, Some(id)).await? {
            return Err(no_letters("Give the account a password."));
        }
    }
    let route = format!("POST /users/{id}/reactivate");
    let (meaning, command) = (password.is_some(), UserCommand::Reactivate);
    let (_, committed) = commit(&app, &change, id, &route, &meaning, &[Action::ReactivateUser], command).await?;
    if !committed.replayed {
        app.note(&asked, done(AccessKind::AccountReopened, &change.caller.0).about(AccessSubject::User(id))).await;
        // What a closing that broke off has left behind does not come back to life.
        app.identity.close(id).await.map_err(|error| Problem::unavailable(&error))?;
        app.notice(id, Notice::AccountReopened).await;
    }
    if let Some((password, text)) = &password {
        give(&app, id, password, text).await?;
        // Closed again meanwhile, perhaps long ago: then this is a repeat.
        remove_unless_active(&app, id).await;
    }
    answer(StatusCode::OK, id, &committed)
}

/// Gives an account its password. A repeat of the same request brings the one that it has.
async fn give(app: &App, id: UserId, password: &Password, text: &str) -> Result<(), Problem> {
    match app.identity.create_credentials(id, password).await {
        Ok(()) => Ok(()),
        Err(SetPasswordError::Credentials(CredentialsError::Exists)) => {
            match app.identity.check_password(id, &PasswordAttempt::new(text.to_owned())).await {
                Ok(true) => Ok(()),
                Ok(false) => Err(Problem::new(Code::IdempotencyKeyReused)),
                Err(error) => Err(Problem::unavailable(&error)),
            }
        }
        Err(error) => Err(Problem::unavailable(&error)),
    }
}
