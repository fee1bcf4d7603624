//! People: their accounts and profiles.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use muster_commands::{Committed, ExecuteError, ExpectedVersion};
use muster_domain::user::{RegisterUser, Role, UpdateUser, User, UserCommand, UserError, UserState};
use muster_domain::values::{Email, Locale, Name, Phone};
use muster_domain::{Actor, CommandId, TeamId, UserId};
use muster_identity::policy::{Action, Person, Resource};
use muster_identity::{AccessKind, AccessSubject, CredentialsError, Password, PasswordAttempt, SetPasswordError};
use muster_projections::Listed;
use muster_projections::directory::{UserDocument, UserFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::access::{Asked, done};
use super::app::{App, not_found};
use super::body::{Body, Id, Query};
use super::caller::{Caller, Unsettled};
use super::commands::Sent;
use super::etag::{etag, min_version};
use super::fields::{Fields, given, present};
use super::page::{Order, Page, PageQuery};
use super::password_reset::no_letters;
use super::problem::{Code, Problem};
use super::refusal::problem;
use super::request::{Change, Intake};
use super::spec::{
    ChangeHeaders, CloseUserProblems, CreateHeaders, CreateUserProblems, ReadHeaders, ReadProblems, UserChangeProblems,
};
use super::tasks::reassign::{OpenTasks, open_tasks};
use crate::mail::{Letter, Notice};

/// The most open tasks that the answer to a closure shows.
const MOST_OPEN_TASKS: usize = 100;

/// A new account.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUserBody {
    /// What the person is called.
    #[schema(value_type = Name)]
    pub(crate) name: String,
    /// The address with which they sign in.
    #[schema(format = Email, max_length = 254)]
    pub(crate) email: String,
    /// Their first password. Left out where letters are sent: then they get one with a link to set it.
    // A password must not be guessable from the digest; and what is never serialized at all is not in the API's document.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_some")]
    #[schema(value_type = String, required = false, format = Password, min_length = 8, max_length = 128)]
    pub(crate) password: Option<String>,
    /// What they may do; a member if left out.
    #[serde(default)]
    pub(crate) role: Option<Role>,
    /// Where their clock stands: a name of the IANA time zone database. UTC if left out.
    #[serde(default)]
    #[schema(max_length = 64, example = "Europe/Berlin")]
    pub(crate) time_zone: Option<String>,
    /// The language they read, such as `en-GB`.
    #[serde(default)]
    #[schema(value_type = Option<Locale>, example = "en-GB")]
    pub(crate) locale: Option<String>,
    /// Where they can be called.
    #[serde(default)]
    #[schema(value_type = Option<Phone>, example = "+49 30 901820")]
    pub(crate) phone: Option<String>,
}

/// A password in the two shapes in which it is needed: to be kept, and to be compared with one that was kept.
struct Chosen(Password, PasswordAttempt);

/// A new account whose every field is right. The time of the registration is filled in when it is sent.
pub(crate) struct NewUser {
    pub(crate) registration: RegisterUser,
    password: Option<Chosen>,
    body: NewUserBody,
}

impl NewUserBody {
    /// The account, with every field checked, beside those that were found wrong before.
    pub(crate) fn checked(self, mut fields: Fields) -> Result<NewUser, Problem> {
        let name = fields.parse("/name", &self.name);
        let email = fields.parse("/email", &self.email);
        let time_zone = fields.parse_optional("/time_zone", self.time_zone.as_ref()).unwrap_or_default();
        let locale = fields.parse_optional("/locale", self.locale.as_ref());
        let phone = fields.parse_optional("/phone", self.phone.as_ref());
        let password = self.password.as_ref().and_then(|password| {
            let known = [self.name.as_str(), self.email.as_str()];
            let parsed = Password::parse(password.clone()).and_then(|password| password.about(&known));
            let parsed = fields.take("/password", parsed)?;
            Some(Chosen(parsed, PasswordAttempt::new(password.clone())))
        });
        let role = self.role.unwrap_or(Role::Member);
        let registration = name.zip(email).map(|(name, email)| RegisterUser {
            name,
            email,
            role,
            time_zone,
            locale,
            phone,
            at: chrono::DateTime::UNIX_EPOCH,
        });
        let registration = fields.finish(registration)?;
        Ok(NewUser { registration, password, body: self })
    }
}

/// An account that was just made, or was made by an earlier sending of the same request.
pub(crate) struct Registered {
    pub(crate) id: UserId,
    pub(crate) committed: Committed<User>,
}

impl Registered {
    /// The answer that says so.
    pub(crate) fn answer(self) -> Result<Response, Problem> {
        let mut response = answer(StatusCode::CREATED, self.id, &self.committed)?;
        if let Ok(location) = HeaderValue::from_str(&format!("/api/v1/users/{}", self.id)) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        Ok(response)
    }
}

/// Makes an account and its password, if it has one. The password comes first: an account that is there can be signed in to.
pub(crate) async fn register(
    app: &App,
    intake: &Intake,
    command_id: CommandId,
    actor: Actor,
    route: &str,
    user: NewUser,
) -> Result<Registered, Problem> {
    register_as(app, intake, command_id, actor, route, user, InRole::AsAsked).await
}

/// In which role an account is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InRole {
    /// In the one that was asked for.
    AsAsked,
    /// As the administrator if there is none yet, and otherwise as was asked.
    AdminIfFirst,
}

/// The same, where whoever comes first may administrate.
pub(crate) async fn register_as(
    app: &App,
    intake: &Intake,
    command_id: CommandId,
    actor: Actor,
    route: &str,
    user: NewUser,
    role: InRole,
) -> Result<Registered, Problem> {
    let id = UserId(command_id.created_id());
    let at = app.now();
    let made = match &user.password {
        Some(password) => make_password(app, intake, id, password).await?,
        None => false,
    };
    let metadata = intake.metadata(command_id, actor, route, &user.body, at);
    let registration = RegisterUser { at, ..user.registration };
    let first = match role {
        InRole::AdminIfFirst => register_first(app, id, &registration, &metadata).await,
        InRole::AsAsked => None,
    };
    let outcome = if let Some(outcome) = first {
        outcome
    } else {
        let command = UserCommand::Register(registration);
        app.commands.execute::<User>(id.0, command, ExpectedVersion::New, &metadata).await
    };
    let needless = match &outcome {
        Ok(committed) => committed.replayed,
        // It is not known whether there is an account, or another sending of the request may just be making it.
        Err(ExecuteError::Unavailable(_) | ExecuteError::Contended | ExecuteError::Damaged { .. }) => false,
        Err(_) => true,
    };
    if made && needless {
        remove_unless_active(app, id).await;
    }
    Ok(Registered { id, committed: outcome.map_err(|error| problem(&error))? })
}

/// Makes the account of the administrator, unless there is one: then it makes none. That there is none and that there is one from now on
/// is one transaction, so of many who come first at once one administrates.
async fn register_first(
    app: &App,
    id: UserId,
    registration: &RegisterUser,
    metadata: &Sent,
) -> Option<Result<Committed<User>, ExecuteError<UserError>>> {
    if app.is_founded.load(Ordering::Relaxed) {
        return None;
    }
    let command = UserCommand::Register(RegisterUser { role: Role::Admin, ..registration.clone() });
    match app.commands.execute_first::<User>(id.0, command, ExpectedVersion::New, metadata).await {
        Err(ExecuteError::NotFirst { .. }) => {
            app.is_founded.store(true, Ordering::Relaxed);
            None
        }
        outcome => Some(outcome),
    }
}

/// Keeps the first password of an account. Whether it was not there before.
async fn make_password(
    app: &App,
    intake: &Intake,
    id: UserId,
    Chosen(password, attempt): &Chosen,
) -> Result<bool, Problem> {
    match app.identity.create_credentials(id, password).await {
        Ok(()) => Ok(true),
        // A repeat of the same request brings the same password. Whoever has the link of an invitation that was used brings what they
        // like: it is a guess at that account's.
        Err(SetPasswordError::Credentials(CredentialsError::Exists)) => {
            let counted = app.throttle.attempt(Some(&id.to_string()), intake.address())?;
            match app.identity.check_password(id, attempt).await {
                Ok(true) => {
                    counted.succeeded();
                    Ok(false)
                }
                Ok(false) => Err(Problem::new(Code::IdempotencyKeyReused)),
                Err(error) => {
                    counted.forgiven();
                    Err(Problem::unavailable(&error))
                }
            }
        }
        Err(error) => Err(Problem::unavailable(&error)),
    }
}

/// Takes back a password that was made for an account that is not there or is closed.
pub(crate) async fn remove_unless_active(app: &App, id: UserId) {
    let removed = match app.commands.store().load::<User>(id.0).await {
        Ok(account) if account.state().state.as_ref().is_some_and(|user| user.active) => return,
        Ok(_) => app.identity.close(id).await.is_ok(),
        Err(_) => false,
    };
    if !removed {
        tracing::warn!(user = %id, "the credentials of an account that is not open could not be removed");
    }
}

/// The account after a command.
pub(crate) fn answer(status: StatusCode, id: UserId, committed: &Committed<User>) -> Result<Response, Problem> {
    let (document, etag) = document(id, committed)?;
    Ok((status, [(header::ETAG, etag)], Json(document)).into_response())
}

/// The same, to be put into an answer, with its `ETag`.
fn document(id: UserId, committed: &Committed<User>) -> Result<(UserDocument, HeaderValue), Problem> {
    let state = committed.aggregate.state.as_ref().ok_or_else(|| not_found("user"))?;
    let document = UserDocument::new(id, state, committed.version, committed.updated_at);
    Ok((document, etag(committed.version)))
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

/// An administrator makes an account.
///
/// Without a password, its owner gets a letter with a link to set one, good for a week; afterwards they ask for a new password as
/// anybody does.
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
    if user.password.is_some() {
        return register(&app, change.intake(), change.command_id, actor, "POST /users", user).await?.answer();
    }
    if !app.post.is_there() {
        return Err(no_letters("Give the account a password."));
    }
    let email = user.registration.email.clone();
    // Other keys than those of accounts with a password, so that no repeat gives a password to an account without one.
    let command_id = change.intake().command_id(&Actor::system(&format!("without-password:{}", change.caller.id())));
    let registered = register(&app, change.intake(), command_id, actor, "POST /users", user).await?;
    if !registered.committed.replayed {
        let token = app.identity.password_resets().make_first(registered.id, &email).await;
        let token = token.map_err(|error| Problem::unavailable(&error))?;
        app.post.send([Letter::first_password(email, &app.links, &token)]).await;
    }
    registered.answer()
}

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

fn resource(user: &UserDocument) -> Resource {
    Resource::User(Person { id: user.id, teams: user.teams.clone() })
}

/// What of an account the caller may see: how to reach a person is for themselves and those who lead them.
fn shown(caller: &Caller, mut user: UserDocument) -> UserDocument {
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

/// An account that was closed, and what its owner leaves behind.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClosedAccount {
    #[serde(flatten)]
    user: UserDocument,
    /// What they were to do and have not done: `POST /users/{user_id}/reassign` gives it to somebody else.
    open_tasks: OpenTasks,
}

/// Closes an account: its sessions end, its password is gone, and its address is free. Its open tasks stay with it until they are
/// given to somebody else. The last administrator's stays open. `POST /users/{user_id}/reactivate` opens it again.
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

/// An account, as far as the policy asks.
pub(crate) fn resource_of(id: UserId, user: &UserState) -> Resource {
    Resource::User(Person { id, teams: user.teams.iter().copied().collect() })
}

/// A changed account, as far as whoever changed it may see it.
fn changed(caller: &Caller, id: UserId, committed: &Committed<User>) -> Result<Response, Problem> {
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
    let committed = committed.map_err(super::refusal::guarded)?;
    Ok((before.into_inner().unwrap_or_else(PoisonError::into_inner), committed))
}
