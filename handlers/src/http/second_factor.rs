//! The second factor of an account, and signing in with it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use muster_domain::UserId;
use muster_identity::policy::{Action, Person, Resource};
use muster_identity::{
    Access, AccessKind, AccessSubject, FactorState, FinishLoginError, PasswordAttempt, Proof, RecoveryCode,
    SecondFactorError,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::{Asked, done};
use super::app::{App, not_found};
use super::auth::{Tokens, begun, tokens};
use super::body::{Body, Id};
use super::caller::{Caller, Unsettled};
use super::cookie;
use super::fields::Fields;
use super::problem::{Code, Problem};
use super::request::Intake;
use super::spec::{BodilessProblems, FactorProblems, FinishSignInProblems};
use super::throttle::Attempt;
use crate::mail::Notice;

/// What the access log says of tries that were too many.
const TOO_MANY_TRIES: &str = "too many wrong passwords and codes at the second factor";

/// The caller's password, asked again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BeginBody {
    /// The password.
    #[schema(format = Password, max_length = 1024)]
    password: String,
}

/// A code of the app.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CodeBody {
    /// The six digits that the app shows.
    #[schema(max_length = 64)]
    code: String,
}

/// Password and second factor: either `code` or `recovery_code`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProofBody {
    /// The password.
    #[schema(format = Password, max_length = 1024)]
    password: String,
    /// The six digits that the app shows.
    #[schema(max_length = 64)]
    code: Option<String>,
    /// A recovery code.
    #[schema(max_length = 64)]
    recovery_code: Option<String>,
}

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

/// Whether the caller has a second factor.
#[derive(Serialize, ToSchema)]
pub(crate) struct FactorDocument {
    /// Whether it is asked for at sign-in.
    on: bool,
    /// Since when.
    since: Option<DateTime<Utc>>,
    /// How many recovery codes are not used yet.
    recovery_codes_left: usize,
}

impl From<FactorState> for FactorDocument {
    fn from(state: FactorState) -> Self {
        let FactorState { since, recovery_codes_left } = state;
        Self { on: since.is_some(), since, recovery_codes_left }
    }
}

/// What an app needs to make codes. Shown once.
#[derive(Serialize, ToSchema)]
pub(crate) struct EnrolmentDocument {
    /// The secret in base32, to be typed.
    secret: String,
    /// The same and more, to be shown as a QR code.
    otpauth_uri: String,
}

/// Recovery codes. Shown once.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecoveryCodesDocument {
    /// Each is good once, in the place of a code of the app.
    recovery_codes: Vec<String>,
}

impl From<Vec<RecoveryCode>> for RecoveryCodesDocument {
    fn from(codes: Vec<RecoveryCode>) -> Self {
        Self { recovery_codes: codes.iter().map(|code| code.as_str().to_owned()).collect() }
    }
}

/// Says whether the caller has a second factor.
#[utoipa::path(get, path = "/profile/second-factor", operation_id = "read_second_factor", tag = "profile",
    responses((status = 200, description = "Whether there is one.", body = FactorDocument), BodilessProblems))]
pub(crate) async fn read(
    State(app): State<Arc<App>>,
    Unsettled(caller): Unsettled,
) -> Result<Json<FactorDocument>, Problem> {
    own(&caller)?;
    let state = app.identity.second_factors().state(caller.id()).await;
    Ok(Json(state.map_err(|error| Problem::unavailable(&error))?.into()))
}

/// Begins to set up a second factor: a secret for the caller's app. It is asked for when it is confirmed, not before.
#[utoipa::path(post, path = "/profile/second-factor", operation_id = "begin_second_factor", tag = "profile",
    request_body = BeginBody,
    responses((status = 200, description = "The secret.", body = EnrolmentDocument), FactorProblems))]
pub(crate) async fn begin(
    State(app): State<Arc<App>>,
    Unsettled(caller): Unsettled,
    intake: Intake,
    Body(body): Body<BeginBody>,
) -> Result<Response, Problem> {
    own(&caller)?;
    let counted = attempt(&app, &caller, &intake)?;
    let user = app.user(caller.id(), 0).await?.ok_or_else(|| not_found("user"))?;
    let attempt = PasswordAttempt::new(body.password);
    let begun =
        app.identity.begin_second_factor(caller.id(), user.email.as_deref().unwrap_or(&user.name), &attempt).await;
    let begun = settled(counted, begun, "/code")?;
    let (secret, otpauth_uri) = (begun.secret.to_string(), begun.otpauth_uri.to_string());
    Ok(uncached(EnrolmentDocument { secret, otpauth_uri }))
}

/// Sets the second factor up for good: the caller's app makes the right codes. Answers recovery codes, once.
#[utoipa::path(post, path = "/profile/second-factor/confirm", operation_id = "confirm_second_factor", tag = "profile",
    request_body = CodeBody,
    responses((status = 200, description = "Recovery codes.", body = RecoveryCodesDocument), FactorProblems))]
pub(crate) async fn confirm(
    State(app): State<Arc<App>>,
    asked: Asked,
    Unsettled(caller): Unsettled,
    intake: Intake,
    Body(body): Body<CodeBody>,
) -> Result<Response, Problem> {
    own(&caller)?;
    let session = caller.session()?;
    let counted = attempt(&app, &caller, &intake)?;
    let codes = app.identity.confirm_second_factor(caller.id(), session, &body.code).await;
    let codes = settled(counted, codes, "/code")?;
    app.note(&asked, done(AccessKind::SecondFactorAdded, &caller.0)).await;
    app.notice(caller.id(), Notice::SecondFactorAdded).await;
    Ok(uncached(RecoveryCodesDocument::from(codes)))
}

/// Gives the caller other recovery codes, in the place of those that are left.
#[utoipa::path(post, path = "/profile/second-factor/recovery-codes", operation_id = "renew_recovery_codes",
    tag = "profile", request_body = ProofBody,
    responses((status = 200, description = "Recovery codes.", body = RecoveryCodesDocument), FactorProblems))]
pub(crate) async fn renew(
    State(app): State<Arc<App>>,
    asked: Asked,
    caller: Caller,
    intake: Intake,
    Body(body): Body<ProofBody>,
) -> Result<Response, Problem> {
    own(&caller)?;
    let (proof, pointer) = proof(body.code, body.recovery_code)?;
    let counted = attempt(&app, &caller, &intake)?;
    let codes = app.identity.renew_recovery_codes(caller.id(), &PasswordAttempt::new(body.password), &proof).await;
    let codes = settled(counted, codes, pointer)?;
    note_spent(&app, &asked, &caller, &proof).await;
    app.note(&asked, done(AccessKind::RecoveryCodesRenewed, &caller.0)).await;
    app.notice(caller.id(), Notice::RecoveryCodesRenewed).await;
    Ok(uncached(RecoveryCodesDocument::from(codes)))
}

/// Takes the caller's second factor away.
#[utoipa::path(delete, path = "/profile/second-factor", operation_id = "remove_second_factor", tag = "profile",
    request_body = ProofBody,
    responses((status = 204, description = "It is asked for no longer."), FactorProblems))]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    asked: Asked,
    caller: Caller,
    intake: Intake,
    Body(body): Body<ProofBody>,
) -> Result<StatusCode, Problem> {
    own(&caller)?;
    if app.settings.asks_second_factor_of(caller.0.role) {
        return Err(Problem::new(Code::Conflict).detail("Your role needs a second factor: it stays."));
    }
    let (proof, pointer) = proof(body.code, body.recovery_code)?;
    let counted = attempt(&app, &caller, &intake)?;
    let removed = app.identity.remove_second_factor(caller.id(), &PasswordAttempt::new(body.password), &proof).await;
    settled(counted, removed, pointer)?;
    note_spent(&app, &asked, &caller, &proof).await;
    app.note(&asked, done(AccessKind::SecondFactorRemoved, &caller.0)).await;
    app.notice(caller.id(), Notice::SecondFactorRemoved).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes the second factor off the account of a person who has lost it.
#[utoipa::path(delete, path = "/users/{user_id}/second-factor", operation_id = "remove_second_factor_of_user",
    tag = "users", params(("user_id" = UserId, Path)),
    responses((status = 204, description = "It is asked for no longer."), BodilessProblems))]
pub(crate) async fn remove_of_user(
    State(app): State<Arc<App>>,
    asked: Asked,
    caller: Caller,
    Id(id): Id<UserId>,
) -> Result<StatusCode, Problem> {
    let user = app.user(id, 0).await?.ok_or_else(|| not_found("user"))?;
    caller.may(Action::RemoveSecondFactor, &Resource::User(Person { id, teams: user.teams }))?;
    // What cannot be written down is not done: it opens the account to whoever knows the password.
    let access = done(AccessKind::SecondFactorRemoved, &caller.0).about(AccessSubject::User(id));
    app.record(&asked, access).await?;
    app.identity.drop_second_factor(id).await.map_err(|error| Problem::unavailable(&error))?;
    app.notice(id, Notice::SecondFactorRemoved).await;
    Ok(StatusCode::NO_CONTENT)
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
            if let Err(problem) = begun(&app, &asked, &pair, with).await {
                counted.forgiven();
                return Err(problem);
            }
            counted.succeeded();
            Ok(tokens(&app, pair, body.cookie))
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

/// Writes down that a recovery code is spent, if one was shown.
pub(crate) async fn note_spent(app: &App, asked: &Asked, caller: &Caller, proof: &Proof) {
    match proof {
        Proof::Code(_) => {}
        Proof::RecoveryCode(_) => app.note(asked, done(AccessKind::RecoveryCodeUsed, &caller.0)).await,
    }
}

fn own(caller: &Caller) -> Result<(), Problem> {
    let person = Person { id: caller.id(), teams: caller.0.teams.clone() };
    caller.may(Action::ManageSecondFactor, &Resource::User(person))
}

/// Counts that the caller tries to prove who they are: whoever has found somebody signed in must not guess here.
fn attempt<'a>(app: &'a App, caller: &Caller, intake: &Intake) -> Result<Attempt<'a>, Problem> {
    app.throttle.attempt(Some(&caller.id().to_string()), intake.address())
}

/// What came of it: it counts for nothing if it was right, or if nobody can say whether it was.
fn settled<T>(counted: Attempt<'_>, outcome: Result<T, SecondFactorError>, pointer: &str) -> Result<T, Problem> {
    match &outcome {
        Ok(_) => counted.succeeded(),
        Err(SecondFactorError::NotMade(_) | SecondFactorError::Hash(_) | SecondFactorError::Store(_)) => {
            counted.forgiven();
        }
        Err(
            SecondFactorError::Off
            | SecondFactorError::On
            | SecondFactorError::NotBegun
            | SecondFactorError::WrongPassword
            | SecondFactorError::WrongCode
            | SecondFactorError::TooManyTries { .. },
        ) => {}
    }
    outcome.map_err(|error| refused(&error, pointer))
}

/// What is shown, and the field that it came in.
pub(crate) fn proof(code: Option<String>, recovery_code: Option<String>) -> Result<(Proof, &'static str), Problem> {
    match (code, recovery_code) {
        (Some(code), None) => Ok((Proof::Code(code), "/code")),
        (None, Some(code)) => Ok((Proof::RecoveryCode(code), "/recovery_code")),
        (None, None) | (Some(_), Some(_)) => {
            Err(wrong_field("/code", "either code or recovery_code must be given".to_owned()))
        }
    }
}

fn wrong_field(pointer: &str, detail: String) -> Problem {
    let mut fields = Fields::default();
    fields.wrong(pointer, detail);
    fields.problem()
}

/// Not 401 where a password or a code is wrong: the caller is signed in, and stays so.
pub(crate) fn refused(error: &SecondFactorError, pointer: &str) -> Problem {
    match error {
        SecondFactorError::Off | SecondFactorError::On | SecondFactorError::NotBegun => {
            Problem::new(Code::Conflict).detail(error)
        }
        SecondFactorError::WrongPassword => wrong_field("/password", "is not the password".to_owned())
            .refused(Access::refused(AccessKind::PasswordRefused).because("the password is wrong")),
        SecondFactorError::WrongCode => wrong_field(pointer, "is wrong, or was used before".to_owned())
            .refused(Access::refused(AccessKind::SecondFactorRefused).because("the code is wrong, or was used before")),
        SecondFactorError::TooManyTries { again_in } => Problem::new(Code::TooManyRequests)
            .retry_after(again_in.num_seconds().unsigned_abs())
            .refused(Access::refused(AccessKind::Throttled).because(TOO_MANY_TRIES)),
        SecondFactorError::NotMade(_) => Problem::internal(error),
        SecondFactorError::Hash(_) | SecondFactorError::Store(_) => Problem::unavailable(error),
    }
}

/// Secrets are in no cache.
fn uncached(body: impl Serialize) -> Response {
    let mut response = Json(body).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
