//! The caller's saved filters: what they list again and again, under names of their own.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use muster_commands::ExpectedVersion;
use muster_domain::Fingerprint;
use muster_domain::values::Name;
use muster_identity::policy::Action;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::app::{App, not_found};
use super::body::{Body, Id};
use super::caller::Caller;
use super::etag::etag;
use super::fields::{Fields, Object};
use super::location::located;
use super::page::Page;
use super::problem::{Code, Problem};
use super::refusal::{key_reused, stale};
use super::request::Change;
use super::spec::{
    BodilessChangeProblems, ChangeHeaders, CreateHeaders, ListFiltersProblems, ReadFilterProblems, SaveFilterProblems,
};
use super::tasks::read::TasksQuery;
use crate::saved_filters::{SavedFilter, SavedFilterError, SavedFilterId};

/// A filter to be saved: all of it.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SavedFilterBody {
    /// What to call it. No two of the caller's filters are called the same, whatever the letters' case.
    #[schema(value_type = Name, example = "Late and mine")]
    name: String,
    /// What `GET /tasks` takes, but for the page.
    #[schema(value_type = TasksQuery)]
    filter: Object<TasksQuery>,
}

impl SavedFilterBody {
    fn checked(&self, now: DateTime<Utc>) -> Result<(Name, Map<String, Value>), Problem> {
        let Object(filter) = &self.filter;
        let mut fields = Fields::default();
        let name = fields.parse("/name", &self.name);
        for (parameter, given) in filter.of_a_page() {
            if given {
                fields.wrong(&format!("/filter/{parameter}"), "is of a request, and not of a filter");
            }
        }
        fields.within("/filter", filter.checked(now));
        fields.finish(name.map(|name| (name, filter.parameters())))
    }
}

/// A saved filter.
#[derive(Serialize, ToSchema)]
pub(crate) struct SavedFilterDocument {
    /// Its id: what `filter_id` of `GET /tasks` takes.
    id: SavedFilterId,
    /// How often it was saved; also the `ETag`.
    version: u64,
    /// What it is called.
    #[schema(value_type = Name)]
    name: Name,
    /// The parameters of `GET /tasks` that it stands for.
    #[schema(value_type = TasksQuery)]
    filter: Map<String, Value>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it was last saved.
    updated_at: DateTime<Utc>,
}

impl From<SavedFilter> for SavedFilterDocument {
    fn from(saved: SavedFilter) -> Self {
        let SavedFilter { id, version, name, parameters, made_by: _, created_at, updated_at } = saved;
        Self { id, version, name, filter: parameters, created_at, updated_at }
    }
}

/// Saves a filter of tasks under a name. A person has 50 at most.
#[utoipa::path(post, path = "/profile/filters", operation_id = "save_filter", tag = "profile",
    params(CreateHeaders), request_body = SavedFilterBody,
    responses((status = 201, description = "The filter.", body = SavedFilterDocument,
        headers(("ETag" = String), ("Location" = String))), SaveFilterProblems))]
pub(crate) async fn save(
    State(app): State<Arc<App>>,
    change: Change,
    Body(body): Body<SavedFilterBody>,
) -> Result<Response, Problem> {
    change.caller.may(Action::SaveFilter, &change.caller.themselves())?;
    let (name, parameters) = body.checked(change.at)?;
    let made_by = Fingerprint::of("POST /profile/filters", &(&name, &parameters));
    let id = SavedFilterId(change.command_id.created_id());
    let (created_at, updated_at) = (change.at, change.at);
    let new = SavedFilter { id, version: 1, name, parameters, made_by, created_at, updated_at };
    let saved = app.filters.add(change.caller.id(), new).await.map_err(|error| problem(&error))?;
    Ok(located(answer(StatusCode::CREATED, saved), format_args!("/profile/filters/{}", id.0)))
}

/// Lists the caller's saved filters, in the order in which they were made.
#[utoipa::path(get, path = "/profile/filters", operation_id = "list_filters", tag = "profile",
    responses((status = 200, description = "The filters, all on one page.", body = Page<SavedFilterDocument>), ListFiltersProblems))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
) -> Result<Json<Page<SavedFilterDocument>>, Problem> {
    caller.may(Action::ReadFilters, &caller.themselves())?;
    let filters = app.filters.of_user(caller.id()).await.map_err(|error| problem(&error))?;
    Ok(Json(Page::whole(filters.into_iter().map(SavedFilterDocument::from).collect())))
}

/// One of the caller's saved filters.
#[utoipa::path(get, path = "/profile/filters/{filter_id}", operation_id = "read_filter", tag = "profile",
    params(("filter_id" = SavedFilterId, Path)),
    responses((status = 200, description = "The filter.", body = SavedFilterDocument,
        headers(("ETag" = String))), ReadFilterProblems))]
pub(crate) async fn read(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<SavedFilterId>,
) -> Result<Response, Problem> {
    caller.may(Action::ReadFilters, &caller.themselves())?;
    let saved = app.filters.find(caller.id(), id).await.map_err(|error| problem(&error))?;
    Ok(answer(StatusCode::OK, saved))
}

/// Saves one of the caller's filters anew: the body has all of it, and takes the place of what was there.
#[utoipa::path(put, path = "/profile/filters/{filter_id}", operation_id = "replace_filter", tag = "profile",
    params(("filter_id" = SavedFilterId, Path), ChangeHeaders), request_body = SavedFilterBody,
    responses((status = 200, description = "The filter.", body = SavedFilterDocument,
        headers(("ETag" = String))), SaveFilterProblems))]
pub(crate) async fn replace(
    State(app): State<Arc<App>>,
    change: Change,
    Id(id): Id<SavedFilterId>,
    Body(body): Body<SavedFilterBody>,
) -> Result<Response, Problem> {
    change.caller.may(Action::SaveFilter, &change.caller.themselves())?;
    let (name, parameters) = body.checked(change.at)?;
    let replaced = app.filters.replace(change.caller.id(), id, expected(&change), name, parameters, change.at).await;
    Ok(answer(StatusCode::OK, replaced.map_err(|error| problem(&error))?))
}

/// Removes one of the caller's saved filters.
#[utoipa::path(delete, path = "/profile/filters/{filter_id}", operation_id = "remove_filter", tag = "profile",
    params(("filter_id" = SavedFilterId, Path), ChangeHeaders),
    responses((status = 204, description = "It is there no longer."), BodilessChangeProblems))]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    change: Change,
    Id(id): Id<SavedFilterId>,
) -> Result<StatusCode, Problem> {
    change.caller.may(Action::SaveFilter, &change.caller.themselves())?;
    let removed = app.filters.remove(change.caller.id(), id, expected(&change)).await;
    removed.map_err(|error| problem(&error))?;
    Ok(StatusCode::NO_CONTENT)
}

const fn expected(change: &Change) -> Option<u64> {
    match change.expected {
        ExpectedVersion::Any => None,
        ExpectedVersion::New => Some(0),
        ExpectedVersion::Exactly(version) => Some(version),
    }
}

fn answer(status: StatusCode, saved: SavedFilter) -> Response {
    let etag = etag(saved.version);
    (status, [(header::ETAG, etag)], Json(SavedFilterDocument::from(saved))).into_response()
}

/// Why a filter could not be read, saved or removed.
pub(crate) fn problem(error: &SavedFilterError) -> Problem {
    match error {
        SavedFilterError::NotFound => not_found("saved filter"),
        SavedFilterError::NameTaken => Problem::new(Code::FilterNameTaken).detail(error),
        SavedFilterError::TooMany => Problem::new(Code::TooManyFilters).detail(error),
        SavedFilterError::KeyReused => key_reused(),
        SavedFilterError::Stale { actual } => stale(*actual),
        SavedFilterError::Contended => Problem::new(Code::Contended).detail("Try again in a moment."),
        SavedFilterError::Store { .. } => Problem::unavailable(error),
    }
}
