//! Signing in with the second factor, after the password.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use muster_domain::UserId;
use muster_identity::{Access, AccessKind, AccessSubject, FinishLoginError, Proof, SecondFactorError};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{TOO_MANY_TRIES, proof, refused};
use crate::http::access::Asked;
use crate::http::app::App;
use crate::http::auth::{MAX_SHOWN, Tokens, signed_in};
use crate::http::body::Body;
use crate::http::cookie;
use crate::http::fields::Fields;
use crate::http::problem::{Code, Problem};
use crate::http::request::Intake;
use crate::http::spec::FinishSignInProblems;

/// The most characters of a code of either kind.
const MAX_CODE: usize = 64;

/// The answer to a challenge: either `code` or `recovery_code`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FinishBody {
    /// The `challenge` of the problem `second_factor_required`.
    #[schema(max_length = 1024)]
    challenge: String,
    /// The six digits that the app shows.
    #[schema(max_length = 64)]
    code: Option<String>,
    /// A recovery code.
    #[schema(max_length = 64)]
    recovery_code: Option<String>,
    /// Whether the refresh token is kept in a cookie, as at `/users/login`.
    #[serde(default)]
    cookie: bool,
}

/// Signs in with the second factor, after the password.
#[utoipa::path(post, path = "/users/login/second-factor", operation_id = "log_in_with_second_factor",
    tag = "authentication", security(()), request_body = FinishBody,
    responses((status = 200, description = "Tokens.", body = Tokens), FinishSignInProblems))]
pub(crate) async fn log_in(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    asked: Asked,
    intake: Intake,
    Body(body): Body<FinishBody>,
) -> Result<Response, Problem> {
    if body.cookie {
        cookie::same_origin(&headers, &app.settings.allowed_origins)?;
    }
    let mut fields = Fields::default();
    fields.at_most("/challenge", &body.challenge, MAX_SHOWN);
    fields.at_most("/code", body.code.as_deref().unwrap_or_default(), MAX_CODE);
    fields.at_most("/recovery_code", body.recovery_code.as_deref().unwrap_or_default(), MAX_CODE);
    fields.finish(Some(()))?;
    let (proof, _) = proof(body.code, body.recovery_code)?;
    let counted = app.throttle.attempt(None, intake.address())?;
    match app.identity.finish_login(&body.challenge, &proof, &intake.client()).await {
        Ok(pair) => {
            let with = match proof {
                Proof::Code(_) => "with password and second factor",
                Proof::RecoveryCode(_) => {
                    let used = Access::allowed(AccessKind::RecoveryCodeUsed).by_user(pair.user_id);
                    app.note(&asked, used.in_session(pair.session_id)).await;
                    "with password and recovery code"
                }
            };
            signed_in(&app, &asked, counted, pair, with, body.cookie).await
        }
        Err(FinishLoginError::Challenge { of }) => Err(challenge_refused(of)),
        Err(FinishLoginError::Factor { user, source }) => Err(factor_refused(user, &source)),
        Err(FinishLoginError::Internal(error)) => {
            counted.forgiven();
            Err(Problem::unavailable(&error))
        }
    }
}

/// A challenge with which nobody signs in: `of` whom it is, if that is certain.
fn challenge_refused(of: Option<UserId>) -> Problem {
    let access = Access::refused(AccessKind::SignInRefused).because("the challenge is not good, or not any more");
    Problem::new(Code::WrongCredentials)
        .detail("The challenge is not good, or not any more: begin again with the password.")
        .refused(of.map(AccessSubject::User).into_iter().fold(access, Access::about))
}

/// A second factor that was not proved at sign-in. Who tried has shown the password of this account, and need not be its owner.
fn factor_refused(user: UserId, error: &SecondFactorError) -> Problem {
    let refused_to = |kind| Access::refused(kind).about(AccessSubject::User(user));
    match error {
        // Taken away meanwhile: the password alone is enough now, but it has to be shown again.
        SecondFactorError::Off => challenge_refused(Some(user)),
        SecondFactorError::WrongCode => {
            let access = refused_to(AccessKind::SecondFactorRefused).because("the code is wrong, or was used before");
            Problem::new(Code::WrongCredentials).detail("The code is wrong, or was used before.").refused(access)
        }
        SecondFactorError::TooManyTries { .. } => {
            refused(error, "/code").refused(refused_to(AccessKind::Throttled).because(TOO_MANY_TRIES))
        }
        SecondFactorError::On
        | SecondFactorError::NotBegun
        | SecondFactorError::WrongPassword
        | SecondFactorError::NotMade(_)
        | SecondFactorError::Hash(_)
        | SecondFactorError::Store(_) => refused(error, "/code"),
    }
}
