//! Teams, and who is in them.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use muster_commands::{Committed, ExpectedVersion};
use muster_domain::team::{CreateTeam, Team, TeamCommand, UpdateTeam};
use muster_domain::user::UserCommand;
use muster_domain::values::{Description, Name};
use muster_domain::{TeamId, UserId};
use muster_identity::policy::{Action, Resource};
use muster_projections::directory::{TeamDocument, UserDocument, UserFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::app::{App, not_found};
use super::body::{Body, Id, Query};
use super::caller::Caller;
use super::etag::{etag, min_version};
use super::fields::{Fields, given, present};
use super::location::located;
use super::page::{Order, Page, PageQuery};
use super::problem::Problem;
use super::refusal::{guarded, problem};
use super::request::Change;
use super::spec::{
    BodilessChangeProblems, ChangeHeaders, ChangeProblems, CreateHeaders, CreateProblems, ReadHeaders, ReadProblems,
};
use super::users;

/// A new team.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTeamBody {
    /// What it is called.
    #[schema(value_type = Name)]
    name: String,
    /// What it does, in Markdown.
    #[serde(default)]
    #[schema(value_type = Option<Description>)]
    description: Option<String>,
}

/// Changes to a team. A field that is left out stays; null takes the value away.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TeamBody {
    /// What it is called.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Name, required = false)]
    name: Option<String>,
    /// What it does, in Markdown.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Description>)]
    description: Option<Option<String>>,
}

/// The team after a command.
fn answer(status: StatusCode, id: TeamId, committed: &Committed<Team>) -> Result<Response, Problem> {
    let state = committed.aggregate.state.as_ref().ok_or_else(|| not_found("team"))?;
    let document = TeamDocument::new(id, state, committed.version, committed.updated_at);
    Ok((status, [(header::ETAG, etag(committed.version))], Json(document)).into_response())
}

/// Founds a team.
#[utoipa::path(post, path = "/teams", operation_id = "create_team", tag = "teams",
    params(CreateHeaders), request_body = NewTeamBody,
    responses((status = 201, description = "The team.", body = TeamDocument,
        headers(("ETag" = String), ("Location" = String))), CreateProblems))]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    change: Change,
    Body(body): Body<NewTeamBody>,
) -> Result<Response, Problem> {
    change.caller.may(Action::CreateTeam, &Resource::Any)?;
    let mut fields = Fields::default();
    let name = fields.parse("/name", &body.name);
    let description = fields.parse_optional("/description", body.description.as_ref());
    let team = fields.finish(name.map(|name| CreateTeam { name, description, at: change.at }))?;

    let id = TeamId(change.command_id.created_id());
    let metadata = change.metadata("POST /teams", &body);
    let command = TeamCommand::Create(team);
    let committed = app.commands.execute::<Team>(id.0, command, ExpectedVersion::New, &metadata).await;
    let response = answer(StatusCode::CREATED, id, &committed.map_err(|error| problem(&error))?)?;
    Ok(located(response, format_args!("/teams/{id}")))
}

/// A page of a list by name, without filters.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ByNameQuery {
    /// `name` (the default) or `-name`.
    #[param(pattern = "^-?name$")]
    sort: Option<String>,
    /// The most entries of a page; 50 if left out.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
    /// Where the page begins: `next` of the page before.
    #[param(max_length = 2048)]
    cursor: Option<String>,
}

impl ByNameQuery {
    fn page(self) -> Result<muster_projections::Page, Problem> {
        PageQuery { limit: self.limit, cursor: self.cursor }.sorted(self.sort.as_deref(), Order::Up("name"))
    }
}

/// Lists teams, by name.
#[utoipa::path(get, path = "/teams", operation_id = "list_teams", tag = "teams", params(ByNameQuery),
    responses((status = 200, description = "A page of teams.", body = Page<TeamDocument>), ReadProblems))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<ByNameQuery>,
) -> Result<Json<Page<TeamDocument>>, Problem> {
    caller.may(Action::ListTeams, &Resource::Any)?;
    let page = query.page()?;
    Page::answer(app.directory.teams(&page).await)
}

/// One team.
#[utoipa::path(get, path = "/teams/{team_id}", operation_id = "read_team", tag = "teams",
    params(("team_id" = TeamId, Path), ReadHeaders),
    responses((status = 200, description = "The team.", body = TeamDocument, headers(("ETag" = String))), ReadProblems))]
pub(crate) async fn read(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    Id(id): Id<TeamId>,
) -> Result<Response, Problem> {
    caller.may(Action::ReadTeam, &Resource::Team { id })?;
    let team = app.team(id, min_version(&headers)?).await?.ok_or_else(|| not_found("team"))?;
    Ok(([(header::ETAG, etag(team.version))], Json(team)).into_response())
}

/// Changes a team.
#[utoipa::path(put, path = "/teams/{team_id}", operation_id = "update_team", tag = "teams",
    params(("team_id" = TeamId, Path), ChangeHeaders),
    request_body = TeamBody,
    responses((status = 200, description = "The team.", body = TeamDocument, headers(("ETag" = String))), ChangeProblems))]
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    change: Change,
    Id(id): Id<TeamId>,
    Body(body): Body<TeamBody>,
) -> Result<Response, Problem> {
    change.caller.within_token(Action::UpdateTeam)?;
    let mut fields = Fields::default();
    let update = UpdateTeam {
        name: fields.parse_optional("/name", body.name.as_ref()),
        description: fields.parse_change("/description", body.description.as_ref()),
    };
    let update = fields.finish(Some(update))?;
    let metadata = change.metadata(&format!("PUT /teams/{id}"), &body);
    let guard = |team: &Team| {
        change.caller.may(Action::UpdateTeam, &Resource::Team { id })?;
        // Before its version is asked for: a team that is not there has none.
        team.state.as_ref().map(|_| ()).ok_or_else(|| not_found("team"))
    };
    let command = TeamCommand::Update(update);
    let committed = app.commands.execute_if::<Team, Problem>(id.0, command, change.expected, &metadata, guard).await;
    answer(StatusCode::OK, id, &committed.map_err(guarded)?)
}

/// Lists the people of a team, by name.
#[utoipa::path(get, path = "/teams/{team_id}/members", tag = "teams", params(("team_id" = TeamId, Path), ByNameQuery),
    responses((status = 200, description = "A page of people.", body = Page<UserDocument>), ReadProblems))]
pub(crate) async fn members(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<TeamId>,
    Query(query): Query<ByNameQuery>,
) -> Result<Json<Page<UserDocument>>, Problem> {
    caller.may(Action::ReadTeam, &Resource::Team { id })?;
    app.team(id, 0).await?.ok_or_else(|| not_found("team"))?;
    let page = query.page()?;
    let filter = UserFilter { team: Some(id), role: None, active: Some(true) };
    users::read::page(&app, &caller, &filter, &page).await
}

/// Lets a person join a team. Joining twice changes nothing.
#[utoipa::path(put, path = "/teams/{team_id}/members/{user_id}", tag = "teams",
    params(("team_id" = TeamId, Path), ("user_id" = UserId, Path), ChangeHeaders),
    responses((status = 200, description = "The person.", body = UserDocument, headers(("ETag" = String))), BodilessChangeProblems))]
pub(crate) async fn join(
    State(app): State<Arc<App>>,
    change: Change,
    ids: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, Problem> {
    let (team, user) = member(&app, &change, ids).await?;
    let route = format!("PUT /teams/{team}/members/{user}");
    users::command::execute(&app, &change, user, &route, &(), &[], UserCommand::JoinTeam(team)).await
}

/// Lets a person leave a team. Leaving twice changes nothing.
#[utoipa::path(delete, path = "/teams/{team_id}/members/{user_id}", tag = "teams",
    params(("team_id" = TeamId, Path), ("user_id" = UserId, Path), ChangeHeaders),
    responses((status = 200, description = "The person.", body = UserDocument, headers(("ETag" = String))), BodilessChangeProblems))]
pub(crate) async fn leave(
    State(app): State<Arc<App>>,
    change: Change,
    ids: Result<Path<(String, String)>, PathRejection>,
) -> Result<Response, Problem> {
    let (team, user) = member(&app, &change, ids).await?;
    let route = format!("DELETE /teams/{team}/members/{user}");
    users::command::execute(&app, &change, user, &route, &(), &[], UserCommand::LeaveTeam(team)).await
}

/// A team that is there and whose members the caller may change, and the person whom the path names.
async fn member(
    app: &App,
    change: &Change,
    ids: Result<Path<(String, String)>, PathRejection>,
) -> Result<(TeamId, UserId), Problem> {
    let Path((team, user)) = ids.map_err(|_| not_found("team"))?;
    let id = team.parse().map_err(|_| not_found("team"))?;
    let user = user.parse().map_err(|_| not_found("user"))?;
    change.caller.may(Action::ChangeTeamMembers, &Resource::Team { id })?;
    app.team(id, 0).await?.ok_or_else(|| not_found("team"))?;
    Ok((id, user))
}
