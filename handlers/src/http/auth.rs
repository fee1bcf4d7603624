//! Sign up, sign in, refresh, sign out.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use muster_domain::user::Role;
use muster_domain::{Actor, UserId};
use muster_identity::{LoginError, PasswordAttempt, RefreshError, TokenPair};
use muster_projections::directory::UserDocument;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::app::App;
use super::body::Body;
use super::caller::Caller;
use super::problem::{Code, Problem};
use super::request::Intake;
use super::spec::{CreateHeaders, RefreshProblems, SignInProblems, SignOutProblems, SignUpProblems};
use super::users::{NewUserBody, register};

/// Address and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginBody {
    /// The address of the account.
    #[schema(format = Email, max_length = 254)]
    email: String,
    /// Its password.
    #[schema(format = Password, max_length = 1024)]
    password: String,
}

/// A refresh token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefreshBody {
    /// The refresh token of the answer before.
    #[schema(max_length = 1024)]
    refresh_token: String,
}

/// What a person who signed in holds.
#[derive(Serialize, ToSchema)]
pub(crate) struct Tokens {
    /// For `Authorization: Bearer`.
    access_token: String,
    /// How the access token is sent: always `Bearer`.
    token_type: &'static str,
    /// Seconds until the access token expires.
    expires_in: i64,
    /// For the next refresh: each is good once.
    refresh_token: String,
    /// When the session ends, however often it is refreshed.
    session_expires_at: DateTime<Utc>,
    /// Whose they are.
    user_id: UserId,
}

impl From<TokenPair> for Tokens {
    fn from(pair: TokenPair) -> Self {
        Self {
            access_token: pair.access_token,
            token_type: "Bearer",
            expires_in: pair.expires_in.num_seconds(),
            refresh_token: pair.refresh_token,
            session_expires_at: pair.session_expires_at,
            user_id: pair.user_id,
        }
    }
}

/// Tokens are in no cache.
fn tokens(pair: TokenPair) -> Response {
    let mut response = Json(Tokens::from(pair)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Registers a new user, as a member.
#[utoipa::path(post, path = "/users/signup", tag = "authentication", params(CreateHeaders), security(()),
    request_body = NewUserBody,
    responses((status = 201, description = "The account.", body = UserDocument,
        headers(("ETag" = String), ("Location" = String))), SignUpProblems))]
pub(crate) async fn sign_up(
    State(app): State<Arc<App>>,
    intake: Intake,
    Body(body): Body<NewUserBody>,
) -> Result<Response, Problem> {
    let user = body.checked(Role::Member)?;
    // Nobody is signed in yet: the address stands for the person, so that two people's keys never meet.
    let person = Actor::system(&format!("signup:{}", user.registration.email.reservation_key()));
    let command_id = intake.command_id(&person);
    let actor = Actor::from(UserId(command_id.created_id()));
    register(&app, &intake, command_id, actor, "POST /users/signup", user).await
}

/// Signs in.
#[utoipa::path(post, path = "/users/login", tag = "authentication", security(()), request_body = LoginBody,
    responses((status = 200, description = "Tokens.", body = Tokens), SignInProblems))]
pub(crate) async fn log_in(
    State(app): State<Arc<App>>,
    intake: Intake,
    Body(body): Body<LoginBody>,
) -> Result<Response, Problem> {
    let attempt = PasswordAttempt::new(body.password);
    match app.identity.login(&body.email, &attempt, &intake.client()).await {
        Ok(pair) => Ok(tokens(pair)),
        Err(LoginError::InvalidCredentials) => Err(Problem::new(Code::WrongCredentials)),
        Err(LoginError::Internal(error)) => Err(Problem::unavailable(&error)),
    }
}

/// Signs in, as the first of the two documents names it.
#[utoipa::path(post, path = "/login", tag = "authentication", security(()), request_body = LoginBody,
    responses((status = 200, description = "Tokens.", body = Tokens), SignInProblems))]
pub(crate) async fn log_in_short(
    app: State<Arc<App>>,
    intake: Intake,
    body: Body<LoginBody>,
) -> Result<Response, Problem> {
    log_in(app, intake, body).await
}

/// Gives new tokens for a refresh token.
///
/// Each refresh token is good once. Sent again within 20 seconds, it gives the same successor, so that a lost answer
/// signs nobody out; sent again later, it ends the session: somebody else may hold it.
#[utoipa::path(post, path = "/users/refresh", tag = "authentication", security(()), request_body = RefreshBody,
    responses((status = 200, description = "Tokens.", body = Tokens), RefreshProblems))]
pub(crate) async fn refresh(State(app): State<Arc<App>>, Body(body): Body<RefreshBody>) -> Result<Response, Problem> {
    match app.identity.refresh(&body.refresh_token).await {
        Ok(pair) => Ok(tokens(pair)),
        Err(RefreshError::Refused(_)) => Err(Problem::new(Code::WrongCredentials)
            .detail("The refresh token is not good, or not any more: sign in again.")),
        Err(RefreshError::Internal(error)) => Err(Problem::unavailable(&error)),
    }
}

/// Gives new tokens for a refresh token; the same as `/users/refresh`.
#[utoipa::path(post, path = "/refresh", tag = "authentication", security(()), request_body = RefreshBody,
    responses((status = 200, description = "Tokens.", body = Tokens), RefreshProblems))]
pub(crate) async fn refresh_short(app: State<Arc<App>>, body: Body<RefreshBody>) -> Result<Response, Problem> {
    refresh(app, body).await
}

/// Signs out: the session ends, and its access tokens with it.
#[utoipa::path(post, path = "/users/logout", tag = "authentication",
    responses((status = 204, description = "Signed out."), SignOutProblems))]
pub(crate) async fn log_out(State(app): State<Arc<App>>, caller: Caller) -> Result<StatusCode, Problem> {
    app.identity.logout(caller.session()).await.map_err(|error| Problem::unavailable(&error))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Signs out; the same as `/users/logout`.
#[utoipa::path(post, path = "/logout", tag = "authentication",
    responses((status = 204, description = "Signed out."), SignOutProblems))]
pub(crate) async fn log_out_short(app: State<Arc<App>>, caller: Caller) -> Result<StatusCode, Problem> {
    log_out(app, caller).await
}
