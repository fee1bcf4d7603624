//! Questions about people, and what of them the caller may see.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use muster_domain::user::Role;
use muster_domain::{TeamId, UserId};
use muster_identity::policy::{Action, Person, Resource};
use muster_projections::Listed;
use muster_projections::directory::{UserDocument, UserFilter};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::http::app::{App, not_found};
use crate::http::body::{Id, Query};
use crate::http::caller::{Caller, Unsettled};
use crate::http::etag::{etag, min_version};
use crate::http::page::{Order, Page, PageQuery};
use crate::http::problem::Problem;
use crate::http::spec::{ReadHeaders, ReadProblems};

/// Which people to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct UsersQuery {
    /// Only members of this team.
    team_id: Option<TeamId>,
    /// Only people of this role.
    role: Option<Role>,
    /// Only accounts that are active, or that are not.
    active: Option<bool>,
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

/// Lists people, by name.
#[utoipa::path(get, path = "/users", operation_id = "list_users", tag = "users", params(UsersQuery),
    responses((status = 200, description = "A page of people.", body = Page<UserDocument>), ReadProblems))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<UsersQuery>,
) -> Result<Json<Page<UserDocument>>, Problem> {
    caller.may(Action::ListUsers, &Resource::Any)?;
    let page = PageQuery { limit: query.limit, cursor: query.cursor };
    let page = page.sorted(query.sort.as_deref(), Order::Up("name"))?;
    let filter = UserFilter { team: query.team_id, role: query.role, active: query.active };
    self::page(&app, &caller, &filter, &page).await
}

/// One person.
#[utoipa::path(get, path = "/users/{user_id}", operation_id = "read_user", tag = "users",
    params(("user_id" = UserId, Path), ReadHeaders),
    responses((status = 200, description = "The account.", body = UserDocument, headers(("ETag" = String))), ReadProblems))]
pub(crate) async fn read(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    Id(id): Id<UserId>,
) -> Result<Response, Problem> {
    caller.within_token(Action::ReadUser)?;
    let user = app.user(id, min_version(&headers)?).await?.ok_or_else(|| not_found("user"))?;
    caller.may(Action::ReadUser, &resource(&user))?;
    Ok(([(header::ETAG, etag(user.version))], Json(shown(&caller, user))).into_response())
}

/// The caller's own account.
#[utoipa::path(get, path = "/profile", tag = "profile", params(ReadHeaders),
    responses((status = 200, description = "The account.", body = UserDocument, headers(("ETag" = String))), ReadProblems))]
pub(crate) async fn profile(
    app: State<Arc<App>>,
    Unsettled(caller): Unsettled,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = caller.id();
    read(app, caller, headers, Id(id)).await
}

fn resource(user: &UserDocument) -> Resource {
    Resource::User(Person { id: user.id, teams: user.teams.clone() })
}

/// What of an account the caller may see: how to reach a person is for themselves and those who lead them.
pub(super) fn shown(caller: &Caller, mut user: UserDocument) -> UserDocument {
    if !caller.can(Action::ReadProfile, &resource(&user)) {
        user.email = None;
        user.phone = None;
    }
    user
}

/// A page of people, as the caller may see them.
pub(crate) async fn page(
    app: &App,
    caller: &Caller,
    filter: &UserFilter,
    page: &muster_projections::Page,
) -> Result<Json<Page<UserDocument>>, Problem> {
    let listed = app.directory.users(filter, page).await;
    Page::answer(listed.map(|Listed { items, next }| {
        let items = items.into_iter().map(|user| shown(caller, user)).collect();
        Listed { items, next }
    }))
}
