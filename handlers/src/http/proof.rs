//! Proving again who one is, in a session that has gone on for a while: for what decides who can sign in.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use muster_identity::{Access, AccessKind, PasswordAttempt, ProveError, SecondFactorError};
use serde::Deserialize;
use utoipa::ToSchema;

use super::access::{Asked, done};
use super::app::App;
use super::body::Body;
use super::caller::Unsettled;
use super::fields::{given, wrong_field};
use super::password::wrong_password;
use super::problem::Problem;
use super::request::Intake;
use super::second_factor::{note_spent, proof, refused};
use super::spec::ProveProblems;

/// The caller's password, and their second factor if they have one: either `code` or `recovery_code`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProveBody {
    /// The password.
    #[schema(format = Password, max_length = 1024)]
    password: String,
    /// The six digits that the app shows.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, max_length = 64)]
    code: Option<String>,
    /// A recovery code.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, max_length = 64)]
    recovery_code: Option<String>,
}

/// Proves again who the caller is, after the problem `fresh_sign_in_required`. It is good for a quarter of an hour, in this session.
///
/// Somebody without a password signs in again instead.
#[utoipa::path(post, path = "/users/reauthenticate", operation_id = "reauthenticate", tag = "authentication",
    request_body = ProveBody,
    responses((status = 204, description = "It is proved."), ProveProblems))]
pub(crate) async fn prove(
    State(app): State<Arc<App>>,
    Unsettled(caller): Unsettled,
    intake: Intake,
    asked: Asked,
    Body(body): Body<ProveBody>,
) -> Result<StatusCode, Problem> {
    let session = caller.session()?;
    let shown = match (body.code, body.recovery_code) {
        (None, None) => None,
        (code, recovery_code) => Some(proof(code, recovery_code)?),
    };
    let (shown, pointer) = shown.map_or((None, "/code"), |(proof, pointer)| (Some(proof), pointer));
    // Whoever found somebody signed in must not guess their password here.
    let counted = app.throttle.attempt(Some(&caller.id().to_string()), intake.address())?;
    let attempt = PasswordAttempt::new(body.password);
    match app.identity.prove_again(caller.id(), session, &attempt, shown.as_ref()).await {
        Ok(()) => {
            counted.succeeded();
            if let Some(shown) = &shown {
                note_spent(&app, &asked, &caller, shown).await;
            }
            app.note(&asked, done(AccessKind::ProvedAgain, &caller.0)).await;
            Ok(StatusCode::NO_CONTENT)
        }
        Err(ProveError::WrongPassword) => Err(wrong_password()),
        Err(ProveError::FactorMissing) => {
            // The password was right, and no code was tried.
            counted.succeeded();
            let access = Access::allowed(AccessKind::SecondFactorAsked).because("the password is right");
            Err(wrong_field("/code", "is missing: the account has a second factor").refused(access))
        }
        Err(ProveError::Factor(SecondFactorError::Store(error))) => {
            counted.forgiven();
            Err(Problem::unavailable(&error))
        }
        Err(ProveError::Factor(error)) => Err(refused(&error, pointer)),
        Err(ProveError::Internal(error)) => {
            counted.forgiven();
            Err(Problem::unavailable(&error))
        }
    }
}
