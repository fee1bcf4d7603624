//! Making an account and its first password, whoever asks for it.

use std::sync::atomic::Ordering;

use axum::http::StatusCode;
use axum::response::Response;
use muster_commands::{Committed, ExecuteError, ExpectedVersion};
use muster_domain::user::{RegisterUser, Role, User, UserCommand, UserError};
use muster_domain::values::{Locale, Name, Phone};
use muster_domain::{Actor, CommandId, UserId};
use muster_identity::{CredentialsError, Password, PasswordAttempt, SetPasswordError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::command::answer;
use crate::http::app::App;
use crate::http::commands::Sent;
use crate::http::fields::{Fields, given};
use crate::http::location::located;
use crate::http::problem::{Code, Problem};
use crate::http::refusal::problem;
use crate::http::request::Intake;

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

impl NewUser {
    /// Whether it comes with its first password.
    pub(super) const fn has_password(&self) -> bool {
        self.password.is_some()
    }
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
        let response = answer(StatusCode::CREATED, self.id, &self.committed)?;
        Ok(located(response, format_args!("/users/{}", self.id)))
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
        Some(password) => make_password(app, intake, id, &actor, password).await?,
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

/// Whether somebody without a password gets in here: by a letter with which they set one, or with an outside issuer. That must know
/// them, or be trusted with their address: no issuer gives somebody new an account that is there. Nobody is known yet as a new account.
pub(crate) async fn gets_in_without_password(app: &App, user: Option<UserId>) -> Result<bool, Problem> {
    if app.post.is_there() || app.identity.outside_issuers().any(|issuer| issuer.link_verified_email) {
        return Ok(true);
    }
    let Some(user) = user else { return Ok(false) };
    let links = app.identity.outside_identities().of_user(user).await.map_err(|error| Problem::unavailable(&error))?;
    let mut issuers = app.identity.outside_issuers();
    Ok(issuers.any(|issuer| links.iter().any(|link| link.provider == issuer.id)))
}

/// Keeps the first password of an account. Whether it was not there before.
async fn make_password(
    app: &App,
    intake: &Intake,
    id: UserId,
    actor: &Actor,
    Chosen(password, attempt): &Chosen,
) -> Result<bool, Problem> {
    let count = || app.throttle.attempt(Some(&id.to_string()), intake.address());
    match app.identity.create_credentials(id, password).await {
        Ok(()) => Ok(true),
        // A repeat of the same request brings the same password. Whoever has the link of an invitation that was used brings what they
        // like: it is a guess at that account's.
        Err(SetPasswordError::Credentials(CredentialsError::Exists)) => {
            // An administrator is somebody, and is bound by the limit of their account: of them, only what is wrong counts.
            let is_signed_in = actor.user() != Some(id);
            let counted = if is_signed_in { None } else { Some(count()?) };
            match app.identity.check_password(id, attempt).await {
                Ok(true) => {
                    if let Some(counted) = counted {
                        counted.succeeded();
                    }
                    Ok(false)
                }
                Ok(false) => {
                    let _counted = if is_signed_in { Some(count()?) } else { counted };
                    Err(Problem::new(Code::IdempotencyKeyReused))
                }
                Err(error) => {
                    if let Some(counted) = counted {
                        counted.forgiven();
                    }
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
