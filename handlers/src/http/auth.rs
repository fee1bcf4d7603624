//! Sign in, refresh, sign out.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use muster_domain::UserId;
use muster_domain::values::Email;
use muster_identity::{
    Access, AccessKind, AccessSubject, LoginError, PasswordAttempt, RefreshError, Session, SessionError, StoreError,
    TokenPair,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::{Asked, done};
use super::app::App;
use super::body::{Body, if_sent};
use super::caller::Unsettled;
use super::cookie;
use super::fields::{Fields, given, wrong_field};
use super::problem::{Causes, Code, Problem};
use super::request::Intake;
use super::spec::{RefreshProblems, SignInProblems, SignOutProblems};
use super::throttle::Attempt;

/// The most characters of what somebody shows to be let in: a password, a token, a challenge.
pub(crate) const MAX_SHOWN: usize = 1024;

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
    /// For a browser: the refresh token goes into a cookie that no script can read, and not into the answer.
    #[serde(default)]
    cookie: bool,
}

/// A refresh token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefreshBody {
    /// The refresh token of the answer before. Left out by a browser that keeps it in the cookie, in which the next one
    /// is kept, too.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, max_length = 1024)]
    refresh_token: Option<String>,
}

/// Whose session ends.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignOutBody {
    /// The refresh token of the last answer, for whoever has neither a good access token nor the cookie.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, max_length = 1024)]
    refresh_token: Option<String>,
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
    /// For the next refresh: each is good once. Left out when it is in the cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    refresh_token: Option<String>,
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
            refresh_token: Some(pair.refresh_token),
            session_expires_at: pair.session_expires_at,
            user_id: pair.user_id,
        }
    }
}

/// Tokens are in no cache. The refresh token is in the body or in the cookie, never in both.
pub(crate) fn tokens(app: &App, pair: TokenPair, in_cookie: bool) -> Response {
    let mut tokens = Tokens::from(pair);
    let for_cookie = if in_cookie { tokens.refresh_token.take() } else { None };
    let until = tokens.session_expires_at;
    let mut response = Json(tokens).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(refresh_token) = for_cookie {
        cookie::keep(headers, &refresh_token, until, app.now());
    }
    response
}

/// The answer to a sign-in that was right, once it is written down. The attempt counts for nothing, also where that fails: nobody guessed.
pub(crate) async fn signed_in(
    app: &App,
    asked: &Asked,
    counted: Attempt<'_>,
    pair: TokenPair,
    with: &str,
    in_cookie: bool,
) -> Result<Response, Problem> {
    if let Err(problem) = begun(app, asked, &pair, with).await {
        counted.forgiven();
        return Err(problem);
    }
    counted.succeeded();
    Ok(tokens(app, pair, in_cookie))
}

/// Writes down that a session has begun, and with what. What cannot be written down has not begun: the session ends, and nobody has
/// its tokens.
pub(crate) async fn begun(app: &App, asked: &Asked, pair: &TokenPair, with: &str) -> Result<(), Problem> {
    let access = Access::allowed(AccessKind::SignedIn).by_user(pair.user_id).in_session(pair.session_id);
    let recorded = app.record(asked, access.because(with)).await;
    if recorded.is_err() {
        abandon(app, pair).await;
    }
    recorded
}

/// Ends a session whose tokens nobody was given.
pub(crate) async fn abandon(app: &App, pair: &TokenPair) {
    if let Err(error) = app.identity.logout(pair.session_id).await {
        tracing::warn!(session = %pair.session_id, error = %Causes(&error), "a session that nobody has could not be ended");
    }
}

/// Signs in.
///
/// An account with a second factor is answered with the problem `second_factor_required` and a `challenge`, to be sent to
/// `/users/login/second-factor` with a code.
///
/// After several failures within a minute, further attempts are refused for a while, whether the password is right or not.
#[utoipa::path(post, path = "/users/login", tag = "authentication", security(()), request_body = LoginBody,
    responses((status = 200, description = "Tokens.", body = Tokens), SignInProblems))]
pub(crate) async fn log_in(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    asked: Asked,
    intake: Intake,
    Body(body): Body<LoginBody>,
) -> Result<Response, Problem> {
    if body.cookie {
        cookie::same_origin(&headers, &app.settings.allowed_origins)?;
    }
    let mut fields = Fields::default();
    fields.at_most("/email", &body.email, Email::MAX);
    fields.at_most("/password", &body.password, MAX_SHOWN);
    fields.finish(Some(()))?;
    let counted = app.throttle.attempt(Some(&body.email), intake.address())?;
    let attempt = PasswordAttempt::new(body.password);
    match app.identity.login(&body.email, &attempt, &intake.client()).await {
        Ok(pair) => signed_in(&app, &asked, counted, pair, "with the password", body.cookie).await,
        Err(LoginError::InvalidCredentials) => {
            let tried = match app.identity.owner(&body.email).await.map_err(|error| Problem::unavailable(&error))? {
                Some(user) => AccessSubject::User(user),
                None => app.identity.access_log().address(&body.email),
            };
            let access = Access::refused(AccessKind::SignInRefused).about(tried);
            let access = access.because(Code::WrongCredentials.as_str());
            let problem = Problem::new(Code::WrongCredentials).detail("The e-mail address or the password is wrong.");
            Err(problem.refused(access))
        }
        // The password was right. Codes have a count of their own.
        Err(LoginError::SecondFactorRequired { user, challenge }) => {
            counted.succeeded();
            // Whoever has found out a password and not the second factor is seen here. Who it is that knows it, nobody can say yet.
            let access = Access::allowed(AccessKind::SecondFactorAsked).about(AccessSubject::User(user));
            let access = access.because("the password is right");
            Err(Problem::new(Code::SecondFactorRequired).challenge(challenge).refused(access))
        }
        Err(LoginError::Internal(error)) => {
            counted.forgiven();
            Err(Problem::unavailable(&error))
        }
    }
}

/// Signs in, as the first of the two documents names it.
#[utoipa::path(post, path = "/login", tag = "authentication", security(()), request_body = LoginBody,
    responses((status = 200, description = "Tokens.", body = Tokens), SignInProblems))]
pub(crate) async fn log_in_short(
    app: State<Arc<App>>,
    headers: HeaderMap,
    asked: Asked,
    intake: Intake,
    body: Body<LoginBody>,
) -> Result<Response, Problem> {
    log_in(app, headers, asked, intake, body).await
}

/// Gives new tokens for a refresh token.
///
/// Each refresh token is good once. Sent again within 20 seconds, it gives the same successor, so that a lost answer
/// signs nobody out; sent again later, it ends the session: somebody else may hold it. A browser whose cookie is good no longer is
/// told to forget it.
#[utoipa::path(post, path = "/users/refresh", tag = "authentication", security(()), request_body = RefreshBody,
    responses((status = 200, description = "Tokens.", body = Tokens), RefreshProblems))]
pub(crate) async fn refresh(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    intake: Intake,
    Body(body): Body<RefreshBody>,
) -> Result<Response, Problem> {
    bounded(body.refresh_token.as_deref())?;
    let in_cookie = body.refresh_token.is_none();
    let refresh_token = body.refresh_token.or_else(|| cookie::kept(&headers)).ok_or_else(no_refresh_token)?;
    if in_cookie {
        cookie::same_origin(&headers, &app.settings.allowed_origins)?;
    }
    // What this server has not sealed is a guess, and is asked about before anything else. Nobody guesses a seal: whoever is signed in
    // goes on, however many have failed at their address.
    let is_sealed = app.identity.sessions().family(&refresh_token).is_some();
    let guess = if is_sealed { None } else { Some(app.throttle.attempt(None, intake.address())?) };
    match app.identity.refresh(&refresh_token).await {
        Ok(pair) => Ok(tokens(&app, pair, in_cookie)),
        Err(RefreshError::Refused(refusal)) => {
            if is_sealed {
                app.throttle.failed(intake.address());
            }
            let problem = Problem::new(Code::WrongCredentials)
                .detail("The refresh token is not good, or not any more: sign in again.")
                .refused(refresh_refused(&app, &refresh_token, &refusal).await?);
            let mut response = problem.into_response();
            // Who was overtaken has the cookie of the answer that was faster.
            if in_cookie && !matches!(refusal, SessionError::Overtaken) {
                cookie::forget(response.headers_mut());
            }
            Ok(response)
        }
        Err(RefreshError::Internal(error)) => {
            guess.into_iter().for_each(Attempt::forgiven);
            Err(Problem::unavailable(&error))
        }
    }
}

/// Refuses a refresh token that is longer than any.
fn bounded(refresh_token: Option<&str>) -> Result<(), Problem> {
    let mut fields = Fields::default();
    fields.at_most("/refresh_token", refresh_token.unwrap_or_default(), MAX_SHOWN);
    fields.finish(Some(()))
}

/// Neither the body nor a cookie has one.
fn no_refresh_token() -> Problem {
    wrong_field("/refresh_token", "missing field `refresh_token`")
}

/// What the access log keeps of a refused refresh: of a token that this server gave out, whose it was.
async fn refresh_refused(app: &App, token: &str, refusal: &SessionError) -> Result<Access, Problem> {
    let kind = match refusal {
        SessionError::Reused => AccessKind::RefreshReused,
        SessionError::Unknown
        | SessionError::Ended
        | SessionError::Expired
        | SessionError::Overtaken
        | SessionError::Store(_) => AccessKind::RefreshRefused,
    };
    let access = Access::refused(kind).because(refusal.to_string());
    let sessions = app.identity.sessions();
    let Some(id) = sessions.family(token) else { return Ok(access) };
    let session = sessions.find(id).await.map_err(|error| Problem::unavailable(&error))?;
    Ok(session.map_or(access.clone(), |session| access.by_user(session.user_id)).in_session(id))
}

/// Gives new tokens for a refresh token; the same as `/users/refresh`.
#[utoipa::path(post, path = "/refresh", tag = "authentication", security(()), request_body = RefreshBody,
    responses((status = 200, description = "Tokens.", body = Tokens), RefreshProblems))]
pub(crate) async fn refresh_short(
    app: State<Arc<App>>,
    headers: HeaderMap,
    intake: Intake,
    body: Body<RefreshBody>,
) -> Result<Response, Problem> {
    refresh(app, headers, intake, body).await
}

/// Signs out: the session ends, and its access tokens with it.
///
/// It is the session of the access token, and that of the cookie if the request comes from a page of ours, whatever has become of the
/// access token. Without either it is that of the refresh token in the body. The browser is told to forget the cookie.
#[utoipa::path(post, path = "/users/logout", tag = "authentication", security(("bearer" = []), ()), request_body = Option<SignOutBody>,
    responses((status = 204, description = "Signed out."), SignOutProblems))]
pub(crate) async fn log_out(State(app): State<Arc<App>>, request: Request) -> Result<Response, Problem> {
    let (mut parts, body) = request.into_parts();
    let sent = if_sent::<SignOutBody>(Request::from_parts(parts.clone(), body)).await?;
    let sent = sent.and_then(|sent| sent.refresh_token);
    bounded(sent.as_deref())?;
    let asked = Asked::from_request_parts(&mut parts, &app).await?;
    let kept = cookie::kept(&parts.headers);
    let mut response = StatusCode::NO_CONTENT.into_response();
    if kept.is_some() {
        cookie::forget(response.headers_mut());
    }
    let is_from_us = cookie::same_origin(&parts.headers, &app.settings.allowed_origins);
    let foreign = if kept.is_some() { is_from_us.err() } else { None };
    let own = kept.filter(|_| foreign.is_none());
    let has_header = parts.headers.contains_key(header::AUTHORIZATION);
    let of_bearer = end_session_of_bearer(&app, &asked, &mut parts).await;
    let refresh_token = match (of_bearer, own) {
        (Ok(()), own) => own,
        // An access token is good for a quarter of an hour, and a session for much longer.
        (Err(problem), Some(own)) if problem.code().status().is_client_error() => Some(own),
        (Err(problem), None) if problem.code() == Code::Unauthenticated => {
            if let Some(foreign) = foreign.filter(|_| !has_header) {
                return Err(foreign);
            }
            Some(sent.ok_or(problem)?)
        }
        (Err(problem), _) => return Err(problem),
    };
    if let Some(refresh_token) = refresh_token {
        end_session_with(&app, &asked, &refresh_token).await?;
    }
    Ok(response)
}

/// Ends the session of the access token with which somebody calls.
async fn end_session_of_bearer(app: &Arc<App>, asked: &Asked, parts: &mut Parts) -> Result<(), Problem> {
    let Unsettled(caller) = Unsettled::from_request_parts(parts, app).await?;
    app.identity.logout(caller.session()?).await.map_err(|error| Problem::unavailable(&error))?;
    app.note(asked, done(AccessKind::SignedOut, &caller.0)).await;
    Ok(())
}

/// Ends the session of a refresh token. One that is none, or of a session that has ended, ends nothing.
async fn end_session_with(app: &App, asked: &Asked, refresh_token: &str) -> Result<(), Problem> {
    let unavailable = |error: StoreError| Problem::unavailable(&error);
    let access = signed_out_with(app, refresh_token).await.map_err(unavailable)?;
    app.identity.logout_with(refresh_token).await.map_err(unavailable)?;
    if let Some(access) = access {
        app.note(asked, access).await;
    }
    Ok(())
}

/// What the access log keeps of a sign-out with this refresh token: whose session it ends, if that has not ended before.
async fn signed_out_with(app: &App, refresh_token: &str) -> Result<Option<Access>, StoreError> {
    let sessions = app.identity.sessions();
    let Some(id) = sessions.family(refresh_token) else { return Ok(None) };
    let access = |session: Session| Access::allowed(AccessKind::SignedOut).by_user(session.user_id).in_session(id);
    Ok(sessions.live(id).await?.map(access))
}

/// Signs out; the same as `/users/logout`.
#[utoipa::path(post, path = "/logout", tag = "authentication", security(("bearer" = []), ()), request_body = Option<SignOutBody>,
    responses((status = 204, description = "Signed out."), SignOutProblems))]
pub(crate) async fn log_out_short(app: State<Arc<App>>, request: Request) -> Result<Response, Problem> {
    log_out(app, request).await
}
