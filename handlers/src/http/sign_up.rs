//! Signing up: by oneself, or by an invitation.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use muster_commands::ExpectedVersion;
use muster_domain::user::{Role, User, UserCommand};
use muster_domain::values::{Email, Locale, Name, Phone};
use muster_domain::{Actor, CommandId, TeamId, UserId};
use muster_identity::policy::{Action, role_may};
use muster_identity::{Access, AccessKind, AccessSubject, Invitation};
use muster_projections::directory::UserDocument;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::access::Asked;
use super::app::App;
use super::body::Body;
use super::fields::{Fields, given};
use super::problem::{Code, Problem};
use super::refusal::problem;
use super::request::Intake;
use super::settings::SignUpPolicy;
use super::spec::{CreateHeaders, OpenProblems, SignUpProblems};
use super::users::register::{InRole, NewUser, NewUserBody, Registered, register, register_as};

/// Whether one may sign up.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignUp {
    /// Who may: whoever likes to (`open`), whoever was invited (`invitation`), or nobody (`closed`).
    policy: SignUpPolicy,
}

/// Somebody who signs up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignUpBody {
    /// What the person is called.
    #[schema(value_type = Name)]
    name: String,
    /// The address with which they sign in. With an invitation it is the invitation's, and may be left out.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, format = Email, max_length = 254)]
    email: Option<String>,
    /// Their password.
    #[schema(format = Password, min_length = 8, max_length = 128)]
    password: String,
    /// What stands after `#invitation=` in the link of an invitation.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false, max_length = 1024)]
    invitation: Option<String>,
    /// What they may do: a member, or what the invitation says. There is no need to say it, and whoever administrates because they are
    /// the first cannot.
    #[serde(default)]
    role: Option<Role>,
    /// Where their clock stands: a name of the IANA time zone database. UTC if left out.
    #[serde(default)]
    #[schema(max_length = 64, example = "Europe/Berlin")]
    time_zone: Option<String>,
    /// The language they read, such as `en-GB`.
    #[serde(default)]
    #[schema(value_type = Option<Locale>, example = "en-GB")]
    locale: Option<String>,
    /// Where they can be called.
    #[serde(default)]
    #[schema(value_type = Option<Phone>, example = "+49 30 901820")]
    phone: Option<String>,
}

impl SignUpBody {
    /// The account, with every field checked: as the invitation says, if there is one.
    fn checked(self, invitation: Option<&Invitation>) -> Result<NewUser, Problem> {
        let mut fields = Fields::default();
        let email = match (invitation, self.email) {
            (Some(invitation), given) => {
                let invited = &invitation.new.email;
                let same = |given: Email| given.reservation_key() == invited.reservation_key();
                if given.is_some_and(|given| !given.parse::<Email>().is_ok_and(same)) {
                    fields.wrong("/email", "is not the address that was invited");
                }
                invited.as_str().to_owned()
            }
            (None, Some(given)) => given,
            (None, None) => {
                fields.wrong("/email", "missing field `email`");
                return Err(fields.problem());
            }
        };
        let granted = invitation.map_or(Role::Member, |invitation| invitation.new.role);
        if self.role.is_some_and(|role| role != granted) {
            fields.wrong("/role", "only an administrator may give a role");
        }
        let user = NewUserBody {
            name: self.name,
            email,
            password: Some(self.password),
            role: if invitation.is_some() { Some(granted) } else { self.role },
            time_zone: self.time_zone,
            locale: self.locale,
            phone: self.phone,
        };
        user.checked(fields)
    }
}

/// Tells who may sign up, so that a web app shows the right form.
#[utoipa::path(get, path = "/users/signup", tag = "authentication", security(()),
    responses((status = 200, description = "The policy.", body = SignUp), OpenProblems))]
pub(crate) async fn policy(State(app): State<Arc<App>>) -> Json<SignUp> {
    Json(SignUp { policy: app.settings.sign_up })
}

/// Registers a new user: as a member, or as an invitation says. Whoever signs up by themselves where there is no administrator yet is the
/// administrator.
///
/// An invitation makes one account, however often and by whomever it is used. Sent again as it was, the request gets its first
/// answer again.
#[utoipa::path(post, path = "/users/signup", tag = "authentication", params(CreateHeaders), security(()),
    request_body = SignUpBody,
    responses((status = 201, description = "The account.", body = UserDocument,
        headers(("ETag" = String), ("Location" = String))), SignUpProblems))]
pub(crate) async fn sign_up(
    State(app): State<Arc<App>>,
    intake: Intake,
    asked: Asked,
    Body(body): Body<SignUpBody>,
) -> Result<Response, Problem> {
    match (app.settings.sign_up, &body.invitation) {
        (SignUpPolicy::Open, _) | (SignUpPolicy::Invitation, Some(_)) => {}
        (SignUpPolicy::Invitation, None) => {
            return Err(refused(Code::InvitationRequired, "Ask an administrator for an invitation."));
        }
        (SignUpPolicy::Closed, _) => return Err(refused(Code::SignupClosed, "Ask an administrator for an account.")),
    }
    // It counts whether it succeeds or not: each costs a hash, and makes an account.
    let _counted = app.throttle.attempt(None, intake.address())?;
    match body.invitation.clone() {
        Some(token) => by_invitation(&app, &intake, &asked, &token, body).await,
        None => by_oneself(&app, &intake, body).await?.answer(),
    }
}

fn refused(code: Code, detail: &str) -> Problem {
    Problem::new(code).detail(detail).refused(Access::refused(AccessKind::SignUpRefused))
}

async fn by_oneself(app: &App, intake: &Intake, body: SignUpBody) -> Result<Registered, Problem> {
    let user = body.checked(None)?;
    // Nobody is signed in yet: the address stands for the person, so that two people's keys never meet.
    let person = Actor::system(&format!("signup:{}", user.registration.email.reservation_key()));
    let command_id = intake.command_id(&person);
    let actor = Actor::from(UserId(command_id.created_id()));
    let role = InRole::AdminIfFirst;
    register_as(app, intake, command_id, actor, "POST /users/signup", user, role).await
}

async fn by_invitation(
    app: &App,
    intake: &Intake,
    asked: &Asked,
    token: &str,
    body: SignUpBody,
) -> Result<Response, Problem> {
    let invitations = app.identity.invitations();
    let found = invitations.of_token(token).await.map_err(|error| Problem::unavailable(&error))?;
    let invitation = found.ok_or_else(|| not_good(None, "it was never made, was withdrawn, or is too old"))?;
    let id = invitation.new.id;
    if !still_given(app, &invitation).await? {
        return Err(not_good(Some(id), "whoever made it may not do so any more"));
    }
    let user = body.checked(Some(&invitation))?;
    let (command_id, account) = (invitation.new.command_id(), invitation.new.account());
    let registered = register(app, intake, command_id, Actor::from(account), "POST /users/signup", user).await;
    // Somebody else's account, or the same person's with another password.
    let is_others = |problem: &Problem| problem.code() == Code::IdempotencyKeyReused;
    let mut registered =
        registered.map_err(|problem| if is_others(&problem) { not_good(Some(id), "it was used") } else { problem })?;
    if invitation.taken_at.is_none() {
        for team in &invitation.new.teams {
            registered = join(app, intake, &invitation, registered, *team).await?;
        }
        invitations.taken(id).await.map_err(|error| Problem::unavailable(&error))?;
        let access = Access::allowed(AccessKind::InvitationTaken).by_user(account);
        app.note(asked, access.about(AccessSubject::Invitation(id))).await;
    }
    registered.answer()
}

fn not_good(id: Option<Uuid>, reason: &str) -> Problem {
    let access = Access::refused(AccessKind::SignUpRefused).because(format!("the invitation is not good: {reason}"));
    let access = id.into_iter().fold(access, |access, id| access.about(AccessSubject::Invitation(id)));
    Problem::new(Code::LinkNotGood).detail("Ask an administrator for another invitation.").refused(access)
}

/// Whether whoever made the invitation might make it now: it gives no more than they can give.
async fn still_given(app: &App, invitation: &Invitation) -> Result<bool, Problem> {
    let inviter = app.user(invitation.new.invited_by, u64::MAX).await?.filter(|inviter| inviter.active);
    Ok(inviter.is_some_and(|inviter| role_may(inviter.role, Action::InvitePerson)))
}

/// Lets the new person join a team, as whoever invited them has said.
async fn join(
    app: &App,
    intake: &Intake,
    invitation: &Invitation,
    registered: Registered,
    team: TeamId,
) -> Result<Registered, Problem> {
    let Registered { id, committed: _ } = registered;
    let (actor, id_of_invitation) = (Actor::from(invitation.new.invited_by), invitation.new.id);
    let command_id = CommandId::from_key(&Actor::system("invitation"), &format!("{id_of_invitation} into {team}"));
    let metadata = intake.metadata(command_id, actor, "POST /users/signup", &(id_of_invitation, team), app.now());
    let command = UserCommand::JoinTeam(team);
    let committed = app.commands.execute::<User>(id.0, command, ExpectedVersion::Any, &metadata).await;
    Ok(Registered { id, committed: committed.map_err(|error| problem(&error))? })
}
