//! Where somebody is signed in: their sessions, and ending them.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use muster_domain::UserId;
use muster_identity::policy::Action;
use muster_identity::{AccessKind, AccessSubject, EndReason, Session, SessionId};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::access::{Asked, done};
use super::app::{App, not_found};
use super::body::Id;
use super::caller::{Caller, hidden};
use super::page::Page;
use super::problem::Problem;
use super::spec::{BodilessProblems, SessionReadProblems};

/// The most sessions that a list shows. Nobody who signs in by hand has so many.
const MOST: usize = 200;

/// One place where somebody is signed in.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionDocument {
    /// Its id.
    id: Uuid,
    /// When it began.
    created_at: DateTime<Utc>,
    /// When it was last refreshed, or begun.
    refreshed_at: DateTime<Utc>,
    /// When it ends, however often it is refreshed.
    expires_at: DateTime<Utc>,
    /// The program that signed in, as it named itself.
    #[schema(required)]
    user_agent: Option<String>,
    /// The address from which it signed in.
    #[schema(required, value_type = Option<String>)]
    address: Option<IpAddr>,
    /// Whether it is the session of this very request.
    current: bool,
}

impl SessionDocument {
    fn new(session: Session, caller: &Caller) -> Self {
        Self {
            id: session.id.0,
            created_at: session.created_at,
            refreshed_at: session.rotated_at,
            expires_at: session.expires_at,
            current: caller.0.credential.session() == Some(session.id),
            user_agent: session.user_agent,
            address: session.address,
        }
    }
}

/// Lists where the caller is signed in: the sessions that live, those used last first, 200 of them at most.
#[utoipa::path(get, path = "/users/sessions", operation_id = "list_sessions", tag = "authentication",
    responses((status = 200, description = "The sessions.", body = Page<SessionDocument>), SessionReadProblems))]
pub(crate) async fn list(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Page<SessionDocument>>, Problem> {
    caller.may(Action::ReadSessions, &caller.themselves())?;
    live(&app, &caller, caller.id()).await
}

/// Lists where a person is signed in, likewise.
#[utoipa::path(get, path = "/users/{user_id}/sessions", operation_id = "list_sessions_of_user", tag = "users",
    params(("user_id" = UserId, Path)),
    responses((status = 200, description = "The sessions.", body = Page<SessionDocument>), SessionReadProblems))]
pub(crate) async fn list_of_user(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<UserId>,
) -> Result<Json<Page<SessionDocument>>, Problem> {
    caller.may(Action::ReadSessions, &app.person(id).await?)?;
    live(&app, &caller, id).await
}

async fn live(app: &App, caller: &Caller, user: UserId) -> Result<Json<Page<SessionDocument>>, Problem> {
    let live = app.identity.sessions().live_of_user(user).await.map_err(|error| Problem::unavailable(&error))?;
    let shown = live.into_iter().take(MOST).map(|session| SessionDocument::new(session, caller));
    Ok(Json(Page::whole(shown.collect())))
}

/// Ends one of the caller's sessions: its access tokens are good no longer. Ending it twice changes nothing.
#[utoipa::path(delete, path = "/users/sessions/{session_id}", operation_id = "end_session", tag = "authentication",
    params(("session_id" = Uuid, Path)),
    responses((status = 204, description = "It has ended."), BodilessProblems))]
pub(crate) async fn end(
    State(app): State<Arc<App>>,
    caller: Caller,
    asked: Asked,
    Id(id): Id<Uuid>,
) -> Result<StatusCode, Problem> {
    caller.may(Action::EndSessions, &caller.themselves())?;
    let (sessions, id) = (app.identity.sessions(), SessionId(id));
    let found = sessions.find(id).await.map_err(|error| Problem::unavailable(&error))?;
    let found = found.ok_or_else(|| not_found("session"))?;
    if found.user_id != caller.id() {
        // Of another person's session nobody learns that it is there, and whoever audits sees who tried.
        return Err(not_found("session").refused(hidden("session").about(AccessSubject::Session(id))));
    }
    sessions.end(id, EndReason::Revoked).await.map_err(|error| Problem::unavailable(&error))?;
    // What is over does not end again.
    if found.is_live(app.now()) {
        app.note(&asked, done(AccessKind::SessionEnded, &caller.0).about(AccessSubject::Session(id))).await;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Ends all sessions of a person: they have to sign in again, everywhere.
#[utoipa::path(delete, path = "/users/{user_id}/sessions", operation_id = "end_sessions_of_user", tag = "users",
    params(("user_id" = UserId, Path)),
    responses((status = 204, description = "They have ended."), BodilessProblems))]
pub(crate) async fn end_all_of_user(
    State(app): State<Arc<App>>,
    caller: Caller,
    asked: Asked,
    Id(id): Id<UserId>,
) -> Result<StatusCode, Problem> {
    caller.may(Action::EndSessions, &app.person(id).await?)?;
    let ended = app.identity.end_sessions(id, EndReason::Revoked).await;
    ended.map_err(|error| Problem::unavailable(&error))?;
    app.note(&asked, done(AccessKind::SessionEnded, &caller.0).about(AccessSubject::User(id))).await;
    Ok(StatusCode::NO_CONTENT)
}
