//! API tokens: what programs of integrators call with, in the name of whoever made them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::UserId;
use muster_domain::user::User;
use muster_domain::values::Name;
use muster_identity::policy::{Action, TokenScope};
use muster_identity::{AccessKind, AccessSubject, ApiToken, ApiTokenId, MakeApiTokenError, NewApiToken, Revoked};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::access::{Asked, done};
use super::app::{App, not_found};
use super::body::{Body, Id, Ids};
use super::caller::Caller;
use super::fields::Fields;
use super::page::Page;
use super::problem::{Causes, Code, Problem};
use super::spec::{BodilessProblems, MakeTokenProblems, SessionReadProblems};
use super::time::optional_time;
use crate::mail::Notice;

/// How long a token is good if nobody says otherwise.
const USUAL_LIFETIME: TimeDelta = TimeDelta::days(90);
/// How long a token is good at most.
const LONGEST_LIFETIME: TimeDelta = TimeDelta::days(365);
/// The most scopes that a list may have; each counts once, however often it is named.
const MOST_SCOPES: usize = 16;

/// A new API token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewApiTokenBody {
    /// What it is for, in words: it tells one from another in the list.
    #[schema(value_type = Name, example = "Nightly report")]
    name: String,
    /// What it may be used for, if its owner may do it. Who may write may read the same.
    #[schema(min_items = 1, max_items = 16)]
    scopes: Vec<TokenScope>,
    /// When it ends: within a year. In 90 days, if left out.
    #[serde(default, deserialize_with = "optional_time")]
    expires_at: Option<DateTime<Utc>>,
}

impl NewApiTokenBody {
    fn checked(self, now: DateTime<Utc>) -> Result<NewApiToken, Problem> {
        let mut fields = Fields::default();
        let name = fields.parse("/name", &self.name);
        if !(1..=MOST_SCOPES).contains(&self.scopes.len()) {
            fields.wrong("/scopes", format_args!("must have 1 to {MOST_SCOPES} entries"));
        }
        let expires_at = self.expires_at.unwrap_or(now + USUAL_LIFETIME);
        if expires_at <= now || expires_at > now + LONGEST_LIFETIME {
            fields.wrong("/expires_at", "must be in the future, and within 365 days");
        }
        let scopes = self.scopes.into_iter().collect();
        fields.finish(name.map(|name| NewApiToken { name, scopes, made_at: now, expires_at }))
    }
}

/// An API token, without the token itself.
#[derive(Serialize, ToSchema)]
pub(crate) struct ApiTokenDocument {
    /// Its id.
    id: Uuid,
    /// What its owner calls it.
    #[schema(value_type = Name)]
    name: Name,
    /// What it may be used for.
    scopes: Vec<TokenScope>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it ends.
    expires_at: DateTime<Utc>,
    /// When it was last used: up to an hour later it may have been, too. Null if it never was.
    #[schema(required)]
    last_used_at: Option<DateTime<Utc>>,
}

impl From<ApiToken> for ApiTokenDocument {
    fn from(token: ApiToken) -> Self {
        Self {
            id: token.id.0,
            name: token.name,
            scopes: token.scopes.iter().collect(),
            created_at: token.created_at,
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
        }
    }
}

/// A new API token, and the token itself.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeApiToken {
    #[serde(flatten)]
    document: ApiTokenDocument,
    /// The token, for `Authorization: Bearer`. It is shown here and never again.
    #[schema(min_length = 104, max_length = 104, pattern = "^muster_pat_[0-9A-Za-z]{93}$")]
    token: String,
}

/// Makes an API token for a program that calls in the caller's name. The token is in this answer, and is never shown again.
///
/// A person has 50 tokens at most that are good at the same time. A request that is sent again makes another token: revoke the
/// one whose answer was lost.
#[utoipa::path(post, path = "/tokens", operation_id = "make_api_token", tag = "tokens", request_body = NewApiTokenBody,
    responses((status = 201, description = "The token.", body = MadeApiToken), MakeTokenProblems))]
pub(crate) async fn make(
    State(app): State<Arc<App>>,
    caller: Caller,
    asked: Asked,
    Body(body): Body<NewApiTokenBody>,
) -> Result<Response, Problem> {
    let owner = caller.id();
    caller.may(Action::MakeApiToken, &caller.themselves())?;
    let new = body.checked(app.now())?;
    let tokens = app.identity.api_tokens();
    let (token, text) = tokens.make(owner, &new).await.map_err(|error| match error {
        MakeApiTokenError::TooMany => Problem::new(Code::TooManyTokens).detail(error),
        MakeApiTokenError::Store(error) => Problem::unavailable(&error),
    })?;
    // Whoever closes an account revokes the tokens that are there then.
    let is_open = is_active(&app, owner).await;
    let access = done(AccessKind::ApiTokenMade, &caller.0).about(AccessSubject::ApiToken(token.id));
    let recorded = match is_open {
        Ok(true) => app.record(&asked, access).await,
        Ok(false) => Err(Problem::new(Code::Unauthenticated).detail("The account is not active.")),
        Err(problem) => Err(problem),
    };
    if let Err(problem) = recorded {
        if let Err(error) = tokens.forget(owner, token.id).await {
            tracing::warn!(token = %token.id, error = %Causes(&error), "an API token that nobody has could not be removed");
        }
        return Err(problem);
    }
    app.notice(owner, Notice::ApiTokenMade).await;
    let made = MadeApiToken { document: token.into(), token: text.as_str().to_owned() };
    let mut response = (StatusCode::CREATED, Json(made)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Whether the account is active by its history, which is never behind as the directory may be.
async fn is_active(app: &App, user: UserId) -> Result<bool, Problem> {
    let account = app.commands.store().load::<User>(user.0).await.map_err(|error| Problem::unavailable(&error))?;
    Ok(account.state().state.as_ref().is_some_and(|user| user.active))
}

/// Lists the caller's API tokens that are good, newest first.
#[utoipa::path(get, path = "/tokens", operation_id = "list_api_tokens", tag = "tokens",
    responses((status = 200, description = "The tokens.", body = Page<ApiTokenDocument>), BodilessProblems))]
pub(crate) async fn list(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Page<ApiTokenDocument>>, Problem> {
    caller.may(Action::ReadApiTokens, &caller.themselves())?;
    good(&app, caller.id()).await
}

/// Lists a person's API tokens, likewise.
#[utoipa::path(get, path = "/users/{user_id}/tokens", operation_id = "list_api_tokens_of_user", tag = "users",
    params(("user_id" = UserId, Path)),
    responses((status = 200, description = "The tokens.", body = Page<ApiTokenDocument>), SessionReadProblems))]
pub(crate) async fn list_of_user(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<UserId>,
) -> Result<Json<Page<ApiTokenDocument>>, Problem> {
    caller.may(Action::ReadApiTokens, &app.person(id).await?)?;
    good(&app, id).await
}

async fn good(app: &App, user: UserId) -> Result<Json<Page<ApiTokenDocument>>, Problem> {
    let tokens = app.identity.api_tokens().good_of_user(user).await.map_err(|error| Problem::unavailable(&error))?;
    Ok(Json(Page::whole(tokens.into_iter().map(ApiTokenDocument::from).collect())))
}

/// Revokes one of the caller's API tokens: it is refused from the next request on. Revoking it twice changes nothing.
#[utoipa::path(delete, path = "/tokens/{token_id}", operation_id = "revoke_api_token", tag = "tokens",
    params(("token_id" = Uuid, Path)),
    responses((status = 204, description = "It is good no longer."), BodilessProblems))]
pub(crate) async fn revoke(
    State(app): State<Arc<App>>,
    caller: Caller,
    asked: Asked,
    Id(id): Id<Uuid>,
) -> Result<StatusCode, Problem> {
    caller.may(Action::RevokeApiTokens, &caller.themselves())?;
    revoked(&app, &caller, &asked, caller.id(), ApiTokenId(id)).await
}

/// Revokes an API token of a person, likewise.
#[utoipa::path(delete, path = "/users/{user_id}/tokens/{token_id}", operation_id = "revoke_api_token_of_user",
    tag = "users", params(("user_id" = UserId, Path), ("token_id" = Uuid, Path)),
    responses((status = 204, description = "It is good no longer."), BodilessProblems))]
pub(crate) async fn revoke_of_user(
    State(app): State<Arc<App>>,
    caller: Caller,
    asked: Asked,
    Ids(user, id): Ids<UserId, Uuid>,
) -> Result<StatusCode, Problem> {
    caller.may(Action::RevokeApiTokens, &app.person(user).await?)?;
    revoked(&app, &caller, &asked, user, ApiTokenId(id)).await
}

async fn revoked(
    app: &App,
    caller: &Caller,
    asked: &Asked,
    owner: UserId,
    id: ApiTokenId,
) -> Result<StatusCode, Problem> {
    match app.identity.api_tokens().revoke(owner, id).await.map_err(|error| Problem::unavailable(&error))? {
        Revoked::Absent => return Err(not_found("API token")),
        Revoked::Before => {}
        Revoked::Now => {
            app.note(asked, done(AccessKind::ApiTokenRevoked, &caller.0).about(AccessSubject::ApiToken(id))).await;
        }
    }
    Ok(StatusCode::NO_CONTENT)
}
