//! One command to an account, and the answer to it.

use std::sync::{Mutex, PoisonError};

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use muster_commands::Committed;
use muster_domain::UserId;
use muster_domain::user::{User, UserCommand, UserState};
use muster_domain::values::Email;
use muster_identity::policy::{Action, Person, Resource};
use muster_projections::directory::UserDocument;
use serde::Serialize;

use super::read::shown;
use crate::http::app::{App, not_found};
use crate::http::caller::Caller;
use crate::http::etag::etag;
use crate::http::problem::Problem;
use crate::http::refusal::guarded;
use crate::http::request::Change;

/// The account after a command.
pub(crate) fn answer(status: StatusCode, id: UserId, committed: &Committed<User>) -> Result<Response, Problem> {
    let (document, etag) = document(id, committed)?;
    Ok((status, [(header::ETAG, etag)], Json(document)).into_response())
}

/// The same, to be put into an answer, with its `ETag`.
pub(super) fn document(id: UserId, committed: &Committed<User>) -> Result<(UserDocument, HeaderValue), Problem> {
    let state = committed.aggregate.state.as_ref().ok_or_else(|| not_found("user"))?;
    let document = UserDocument::new(id, state, committed.version, committed.updated_at);
    Ok((document, etag(committed.version)))
}

/// An account, as far as the policy asks.
pub(crate) fn resource_of(id: UserId, user: &UserState) -> Resource {
    Resource::User(Person { id, teams: user.teams.iter().copied().collect() })
}

/// A changed account, as far as whoever changed it may see it.
pub(super) fn changed(caller: &Caller, id: UserId, committed: &Committed<User>) -> Result<Response, Problem> {
    let (user, etag) = document(id, committed)?;
    Ok((StatusCode::OK, [(header::ETAG, etag)], Json(shown(caller, user))).into_response())
}

/// One command to an account, if the caller may do all that it does.
pub(crate) async fn execute(
    app: &App,
    change: &Change,
    id: UserId,
    route: &str,
    meaning: &impl Serialize,
    actions: &[Action<'_>],
    command: UserCommand,
) -> Result<Response, Problem> {
    let (_, committed) = commit(app, change, id, route, meaning, actions, command).await?;
    changed(&change.caller, id, &committed)
}

/// The same, before it is an answer; and the account's address as it was before.
pub(crate) async fn commit(
    app: &App,
    change: &Change,
    id: UserId,
    route: &str,
    meaning: &impl Serialize,
    actions: &[Action<'_>],
    command: UserCommand,
) -> Result<(Option<Email>, Committed<User>), Problem> {
    actions.iter().try_for_each(|action| change.caller.within_token(*action))?;
    let metadata = change.metadata(route, meaning);
    let before = Mutex::new(None);
    let guard = |user: &User| {
        let user = user.state.as_ref().ok_or_else(|| not_found("user"))?;
        // It is asked again when somebody else was faster: the last answer is of the version that was changed.
        *before.lock().unwrap_or_else(PoisonError::into_inner) = Some(user.email.clone());
        let resource = resource_of(id, user);
        actions.iter().try_for_each(|action| change.caller.may(*action, &resource))
    };
    let committed = app.commands.execute_if::<User, Problem>(id.0, command, change.expected, &metadata, guard).await;
    let committed = committed.map_err(guarded)?;
    Ok((before.into_inner().unwrap_or_else(PoisonError::into_inner), committed))
}
