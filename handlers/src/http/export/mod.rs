//! All that is held of a person, as one document: for themselves, and for an administrator who is asked for it.

mod document;
mod part;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use muster_domain::UserId;
use muster_domain::values::Email;
use muster_identity::policy::{Action, Person, Resource};
use muster_identity::{AccessKind, AccessSubject, StoreError};
use serde::Deserialize;
use utoipa::IntoParams;

use super::access::{Asked, done};
use super::api_tokens::ApiTokenDocument;
use super::app::{App, not_found};
use super::body::{Id, Query};
use super::caller::Caller;
use super::fields::wrong_parameter;
use super::oidc::identities::OutsideIdentityDocument;
use super::problem::Problem;
use super::saved_filters::SavedFilterDocument;
use super::second_factor::enrolment::FactorDocument;
use super::spec::ExportProblems;
use document::{ExportedInvitation, ExportedTeam, Held, PersonExport};
use part::Place;

/// Which part of it.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportQuery {
    /// Where the part begins: `next` of the part before.
    #[param(max_length = 2048)]
    cursor: Option<String>,
}

/// Gives all that is held of the caller: account, saved filters, teams, API tokens, outside identities, invitations, sessions, history, tasks, comments, and
/// what the logs say of them.
///
/// No secret is in it. Its lists have 500 entries together at most, or fewer where they are long: as long as there is a `next`, the
/// next part goes on with it. That it was taken is in the access log.
#[utoipa::path(get, path = "/profile/export", operation_id = "export_profile", tag = "profile", params(ExportQuery),
    responses((status = 200, description = "What is held, to be saved as a file.", body = PersonExport,
        headers(("Content-Disposition" = String))), ExportProblems))]
pub(crate) async fn own(
    state: State<Arc<App>>,
    caller: Caller,
    asked: Asked,
    query: Query<ExportQuery>,
) -> Result<Response, Problem> {
    let id = caller.id();
    of_user(state, caller, asked, Id(id), query).await
}

/// Gives all that is held of a person, likewise. Of who was erased it is what is left.
#[utoipa::path(get, path = "/users/{user_id}/export", operation_id = "export_user", tag = "users",
    params(("user_id" = UserId, Path), ExportQuery),
    responses((status = 200, description = "What is held, to be saved as a file.", body = PersonExport,
        headers(("Content-Disposition" = String))), ExportProblems))]
pub(crate) async fn of_user(
    State(app): State<Arc<App>>,
    caller: Caller,
    asked: Asked,
    Id(id): Id<UserId>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Problem> {
    caller.within_token(Action::ExportUser)?;
    let held_of = app.account(id, 0).await?.ok_or_else(|| not_found("user"))?;
    let account = held_of.document();
    caller.may(Action::ExportUser, &Resource::User(Person { id, teams: account.teams.clone() }))?;
    let from = match query.cursor.as_deref().map(Place::of_cursor) {
        None => Place::START,
        Some(Some(place)) => place,
        Some(None) => return Err(wrong_parameter("cursor", "is not a cursor of this document")),
    };
    // Nobody takes it without that being written down.
    app.record(&asked, done(AccessKind::DataExported, &caller.0).about(AccessSubject::User(id))).await?;
    let mut teams = Vec::with_capacity(account.teams.len());
    for id in &account.teams {
        teams.extend(app.team(*id, 0).await?.map(ExportedTeam::from));
    }
    let unavailable = |error: StoreError| Problem::unavailable(&error);
    let tokens = app.identity.api_tokens().good_of_user(id).await.map_err(unavailable)?;
    let outside = app.identity.outside_identities().of_user(id).await.map_err(unavailable)?;
    let factor = app.identity.second_factors().state(id).await.map_err(unavailable)?;
    let filters = app.filters.of_user(id).await.map_err(|error| Problem::unavailable(&error))?;
    let email = account.email.as_ref().and_then(|email| email.parse::<Email>().ok());
    let invitations = app.identity.invitations().of_person(id, email.as_ref()).await.map_err(unavailable)?;
    let mut held = Held::default();
    let next = part::collect(&app, id, from, &mut held).await?;
    let export = PersonExport {
        taken_at: app.now(),
        account,
        notification_preferences: held_of.state.notifications(),
        saved_filters: filters.into_iter().map(SavedFilterDocument::from).collect(),
        teams,
        second_factor: FactorDocument::from(factor),
        api_tokens: tokens.into_iter().map(ApiTokenDocument::from).collect(),
        invitations: invitations.into_iter().map(ExportedInvitation::from).collect(),
        outside_identities: outside.into_iter().map(OutsideIdentityDocument::from).collect(),
        held,
        next: next.as_ref().map(Place::to_cursor),
    };
    Ok((file(id), Json(export)).into_response())
}

/// To be saved, and to be in no cache.
fn file(id: UserId) -> [(HeaderName, HeaderValue); 2] {
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"muster-{id}.json\""));
    let disposition = disposition.unwrap_or(HeaderValue::from_static("attachment"));
    [(header::CONTENT_DISPOSITION, disposition), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))]
}
