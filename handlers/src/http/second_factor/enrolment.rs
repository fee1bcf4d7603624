//! Setting a second factor up, renewing its recovery codes, and taking it away.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use muster_domain::UserId;
use muster_identity::policy::Action;
use muster_identity::{AccessKind, AccessSubject, FactorState, PasswordAttempt, RecoveryCode, SecondFactorError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{note_spent, proof, refused};
use crate::http::access::{Asked, done};
use crate::http::app::{App, not_found};
use crate::http::body::{Body, Id};
use crate::http::caller::{Caller, Unsettled};
use crate::http::problem::{Code, Problem};
use crate::http::request::Intake;
use crate::http::spec::{BodilessProblems, FactorProblems};
use crate::http::throttle::Attempt;
use crate::mail::Notice;

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

/// Takes the second factor off the account of a person who has lost it. Where there is none, it changes nothing.
#[utoipa::path(delete, path = "/users/{user_id}/second-factor", operation_id = "remove_second_factor_of_user",
    tag = "users", params(("user_id" = UserId, Path)),
    responses((status = 204, description = "It is asked for no longer."), BodilessProblems))]
pub(crate) async fn remove_of_user(
    State(app): State<Arc<App>>,
    asked: Asked,
    caller: Caller,
    Id(id): Id<UserId>,
) -> Result<StatusCode, Problem> {
    caller.may(Action::RemoveSecondFactor, &app.person(id).await?)?;
    let state = app.identity.second_factors().state(id).await.map_err(|error| Problem::unavailable(&error))?;
    let is_on = state.since.is_some();
    if is_on {
        // What cannot be written down is not done: it opens the account to whoever knows the password.
        let access = done(AccessKind::SecondFactorRemoved, &caller.0).about(AccessSubject::User(id));
        app.record(&asked, access).await?;
    }
    // Also where there is none any more: the request before may have broken off before its sessions knew.
    app.identity.drop_second_factor(id).await.map_err(|error| Problem::unavailable(&error))?;
    if is_on {
        app.notice(id, Notice::SecondFactorRemoved).await;
    }
    Ok(StatusCode::NO_CONTENT)
}

fn own(caller: &Caller) -> Result<(), Problem> {
    caller.may(Action::ManageSecondFactor, &caller.themselves())
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

/// Secrets are in no cache.
fn uncached(body: impl Serialize) -> Response {
    let mut response = Json(body).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
