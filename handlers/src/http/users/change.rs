//! What changes people's accounts.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use muster_commands::Committed;
use muster_domain::user::{Role, UpdateUser, User, UserCommand};
use muster_domain::values::{Email, Locale, Name, Phone};
use muster_domain::{Actor, UserId};
use muster_identity::policy::{Action, Resource};
use muster_identity::{AccessKind, AccessSubject};
use muster_projections::directory::UserDocument;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::command::{changed, commit, document};
use super::register::{NewUserBody, gets_in_without_password, register};
use crate::http::access::{Asked, done};
use crate::http::app::App;
use crate::http::body::{Body, Id};
use crate::http::fields::{Fields, given, present};
use crate::http::password_reset::no_letters;
use crate::http::problem::{Code, Problem};
use crate::http::request::Change;
use crate::http::spec::{ChangeHeaders, CloseUserProblems, CreateHeaders, CreateUserProblems, UserChangeProblems};
use crate::http::tasks::reassign::{OpenTasks, open_tasks};
use crate::mail::{Letter, Notice};

/// The most open tasks that the answer to a closure shows.
const MOST_OPEN_TASKS: usize = 100;

/// An administrator makes an account.
///
/// Without a password, its owner gets a letter with a link to set one, good for a week; afterwards they ask for a new password as
/// anybody does. Where no letters are sent, they sign in with an outside issuer that is trusted with their address, or a password is
/// needed (`mail_not_configured`).
#[utoipa::path(post, path = "/users", operation_id = "create_user", tag = "users",
    params(CreateHeaders), request_body = NewUserBody,
    responses((status = 201, description = "The account.", body = UserDocument,
        headers(("ETag" = String), ("Location" = String))), CreateUserProblems))]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    change: Change,
    Body(body): Body<NewUserBody>,
) -> Result<Response, Problem> {
    change.caller.may(Action::CreateUser, &Resource::Any)?;
    let user = body.checked(Fields::default())?;
    let actor = change.caller.actor();
    if user.has_password() {
        return register(&app, change.intake(), change.command_id, actor, "POST /users", user).await?.answer();
    }
    if !gets_in_without_password(&app, None).await? {
        return Err(no_letters("Give the account a password."));
    }
    let email = user.registration.email.clone();
    // Other keys than those of accounts with a password, so that no repeat gives a password to an account without one.
    let command_id = change.intake().command_id(&Actor::system(&format!("without-password:{}", change.caller.id())));
    let registered = register(&app, change.intake(), command_id, actor, "POST /users", user).await?;
    if !registered.committed.replayed && app.post.is_there() {
        let token = app.identity.password_resets().make_first(registered.id, &email).await;
        let token = token.map_err(|error| Problem::unavailable(&error))?;
        app.post.send([Letter::first_password(email, &app.links, &token)]).await;
    }
    registered.answer()
}

/// Changes to an account. A field that is left out stays; null takes the value away.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserBody {
    /// What the person is called.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Name, required = false)]
    name: Option<String>,
    /// The address with which they sign in.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, format = Email, max_length = 254)]
    email: Option<String>,
    /// What they may do. Nobody changes their own.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Role, required = false)]
    role: Option<Role>,
    /// Where their clock stands: a name of the IANA time zone database.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, max_length = 64, example = "Europe/Berlin")]
    time_zone: Option<String>,
    /// The language they read.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Locale>, example = "en-GB")]
    locale: Option<Option<String>>,
    /// Where they can be called.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Phone>, example = "+49 30 901820")]
    phone: Option<Option<String>>,
}

impl UserBody {
    fn checked(&self) -> Result<UpdateUser, Problem> {
        let mut fields = Fields::default();
        let update = UpdateUser {
            name: fields.parse_optional("/name", self.name.as_ref()),
            email: fields.parse_optional("/email", self.email.as_ref()),
            role: self.role,
            time_zone: fields.parse_optional("/time_zone", self.time_zone.as_ref()),
            locale: fields.parse_change("/locale", self.locale.as_ref()),
            phone: fields.parse_change("/phone", self.phone.as_ref()),
        };
        fields.finish(Some(update))
    }

    /// What one must be allowed to do to make these changes.
    fn actions(update: &UpdateUser) -> Vec<Action<'static>> {
        let UpdateUser { name, email, role, time_zone, locale, phone } = update;
        let profile = name.is_some() || time_zone.is_some() || locale.is_some() || phone.is_some();
        [
            (profile || (email.is_none() && role.is_none())).then_some(Action::UpdateProfile),
            email.is_some().then_some(Action::ChangeUserEmail),
            role.is_some().then_some(Action::ChangeUserRole),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// Changes an account.
#[utoipa::path(put, path = "/users/{user_id}", operation_id = "update_user", tag = "users",
    params(("user_id" = UserId, Path), ChangeHeaders),
    request_body = UserBody,
    responses((status = 200, description = "The account.", body = UserDocument, headers(("ETag" = String))), UserChangeProblems))]
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    change: Change,
    Id(id): Id<UserId>,
    Body(body): Body<UserBody>,
) -> Result<Response, Problem> {
    let update = body.checked()?;
    let actions = UserBody::actions(&update);
    let moves = update.email.is_some();
    let route = format!("PUT /users/{id}");
    let (before, committed) = commit(&app, &change, id, &route, &body, &actions, UserCommand::Update(update)).await?;
    if moves && !committed.replayed {
        address_changed(&app, before, &committed).await;
    }
    changed(&change.caller, id, &committed)
}

/// Tells both addresses of an account that it goes by the other one from now on.
async fn address_changed(app: &App, before: Option<Email>, committed: &Committed<User>) {
    let after = committed.aggregate.state.as_ref().map(|user| user.email.clone());
    if before != after {
        let letters = before.into_iter().chain(after);
        let letters = letters.map(|to| Notice::EmailChanged.letter(to, &app.links, committed.updated_at));
        app.post.send(letters.collect::<Vec<_>>()).await;
    }
}

/// Changes the caller's own account.
#[utoipa::path(put, path = "/profile", tag = "profile", params(ChangeHeaders), request_body = UserBody,
    responses((status = 200, description = "The account.", body = UserDocument, headers(("ETag" = String))), UserChangeProblems))]
pub(crate) async fn update_profile(
    app: State<Arc<App>>,
    change: Change,
    body: Body<UserBody>,
) -> Result<Response, Problem> {
    let id = change.caller.id();
    update(app, change, Id(id), body).await
}

/// An account that was closed, and what its owner leaves behind.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClosedAccount {
    #[serde(flatten)]
    user: UserDocument,
    /// What they were to do and have not done: `POST /users/{user_id}/reassign` gives it to somebody else.
    open_tasks: OpenTasks,
}

/// Closes an account: its sessions end, its password is gone, and its address is free. Its open tasks stay with it until they are
/// given to somebody else; those that it got a moment ago may be missing in the answer, and `GET /tasks?assignee_id=…&open=true` has them a
/// moment later. The last administrator's stays open. `POST /users/{user_id}/reactivate` opens it again.
#[utoipa::path(delete, path = "/users/{user_id}", tag = "users", params(("user_id" = UserId, Path), ChangeHeaders),
    responses((status = 200, description = "The account, closed.", body = ClosedAccount, headers(("ETag" = String))), CloseUserProblems))]
pub(crate) async fn deactivate(
    State(app): State<Arc<App>>,
    change: Change,
    asked: Asked,
    Id(id): Id<UserId>,
) -> Result<Response, Problem> {
    // The answer has the tasks that are left.
    change.caller.within_token(Action::ListTasks)?;
    let route = format!("DELETE /users/{id}");
    let closed = commit(&app, &change, id, &route, &(), &[Action::DeactivateUser], UserCommand::Deactivate).await;
    // An account that is closed already may still have sessions, if the request before broke off here.
    let is_closed = closed.as_ref().map_or_else(|problem| problem.code() == Code::Conflict, |_| true);
    if is_closed {
        app.identity.close(id).await.map_err(|error| Problem::unavailable(&error))?;
    }
    let (_, closed) = closed?;
    if !closed.replayed {
        app.note(&asked, done(AccessKind::AccountClosed, &change.caller.0).about(AccessSubject::User(id))).await;
        app.notice(id, Notice::AccountClosed).await;
    }
    let (user, etag) = document(id, &closed)?;
    let open_tasks = open_tasks(&app, &change.caller, id, MOST_OPEN_TASKS).await?.into();
    Ok((StatusCode::OK, [(header::ETAG, etag)], Json(ClosedAccount { user, open_tasks })).into_response())
}
