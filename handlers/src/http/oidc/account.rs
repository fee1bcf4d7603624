//! Whose account it is: from somebody for whom an issuer vouches to an account here, which may be made for them.

use muster_commands::{ExecuteError, ExpectedVersion, StoreError};
use muster_domain::user::{RegisterUser, Role, UpdateUser, User, UserCommand, UserState};
use muster_domain::values::{Email, Name};
use muster_domain::{Actor, CommandId, UserId};
use muster_identity::{
    Access, AccessKind, AccessSubject, OutsideIdentity, OutsidePerson, OutsideRole, ProviderSettings,
};
use uuid::Uuid;

use super::refused;
use crate::http::access::Asked;
use crate::http::app::App;
use crate::http::problem::{Code, Problem};
use crate::http::refusal::problem;
use crate::http::request::Intake;
use crate::mail::Notice;

/// How often it is looked at anew when others sign in as the same person at the same moment.
const TRIES: usize = 5;

/// The account that this person may go on with, in the role that they are to have.
pub(super) async fn admitted(
    app: &App,
    asked: &Asked,
    intake: &Intake,
    provider: &ProviderSettings,
    person: &OutsidePerson,
) -> Result<UserId, Problem> {
    let visit = Visit { app, asked, intake, provider, person };
    for _ in 0..TRIES {
        let linked = visit.linked().await?;
        if let Some(id) = linked
            && let Some(user) = visit.account(id).await?
        {
            visit.enter(id, &user).await?;
            return Ok(id);
        }
        // Whatever comes of this, the next round sees it.
        visit.make_or_link(linked).await?;
    }
    Err(Problem::new(Code::Contended).detail("Try again in a moment."))
}

/// Whether they still are, after their session has begun.
pub(super) async fn still_admitted(
    app: &App,
    provider: &ProviderSettings,
    person: &OutsidePerson,
    user: UserId,
) -> Result<(), Problem> {
    let (link, account) = tokio::join!(app.identity.outside_identities().find(person.identity), account(app, user));
    let is_linked = link.map_err(|error| Problem::unavailable(&error))?.is_some_and(|link| link.user_id == user);
    if is_linked && account?.is_some_and(|account| account.active) { Ok(()) } else { Err(closed(provider, user)) }
}

/// One person who comes in.
struct Visit<'a> {
    app: &'a App,
    asked: &'a Asked,
    intake: &'a Intake,
    provider: &'a ProviderSettings,
    person: &'a OutsidePerson,
}

impl Visit<'_> {
    /// The account that they are linked with, which may not be there yet.
    async fn linked(&self) -> Result<Option<UserId>, Problem> {
        let link = self.app.identity.outside_identities().find(self.person.identity).await;
        Ok(link.map_err(|error| Problem::unavailable(&error))?.map(|link| link.user_id))
    }

    async fn account(&self, id: UserId) -> Result<Option<UserState>, Problem> {
        account(self.app, id).await
    }

    /// Lets them into their account, and gives them the role that they are to have.
    async fn enter(&self, id: UserId, user: &UserState) -> Result<(), Problem> {
        if !user.active {
            return Err(closed(self.provider, id));
        }
        let role = match self.person.role {
            OutsideRole::Unsaid => return Ok(()),
            OutsideRole::None => return Err(self.without_role(Some(id))),
            OutsideRole::Is(role) if role == user.role => return Ok(()),
            OutsideRole::Is(role) => role,
        };
        let (provider, at) = (&self.provider.id, self.app.now());
        let command = UserCommand::Update(UpdateUser { role: Some(role), ..UpdateUser::default() });
        // Not the person's own doing, whoever they are: the operator's map says so.
        let actor = Actor::system(&format!("oidc:{provider}"));
        let command_id = CommandId(Uuid::new_v4());
        let metadata = self.intake.metadata(command_id, actor, "POST /users/oidc/finish", &(id, role), at);
        let changed = self.app.commands.execute::<User>(id.0, command, ExpectedVersion::Any, &metadata).await;
        match changed {
            Ok(_) => Ok(()),
            Err(error @ ExecuteError::LastOnRoster { .. }) => {
                let access = refused(self.provider, "its groups would take the role from the last administrator");
                Err(problem(&error).refused(access.about(AccessSubject::User(id))))
            }
            // Closed a moment ago.
            Err(ExecuteError::Refused(_)) => Err(closed(self.provider, id)),
            Err(error) => Err(problem(&error)),
        }
    }

    /// Makes an account for somebody who has none, or links them with the one that has their address. `before` is an account
    /// that was about to be made for them and is not there yet.
    async fn make_or_link(&self, before: Option<UserId>) -> Result<(), Problem> {
        let email = self.person.verified_email.as_ref().and_then(|email| email.parse::<Email>().ok());
        let Some(email) = email else {
            let detail = "The issuer has not verified an e-mail address of yours.";
            return Err(self.not_admitted(detail, "no address that the issuer has verified", None));
        };
        let owner = self.app.identity.owner(email.as_str()).await.map_err(|error| Problem::unavailable(&error))?;
        let Some(owner) = owner else {
            if self.provider.sign_up {
                return self.make(email, before).await;
            }
            return Err(self.not_admitted("Ask an administrator for an account.", "nobody signs up with it", None));
        };
        if Some(owner) == before {
            // Made a moment ago, beside this.
            return Ok(());
        }
        if self.provider.link_verified_email {
            return self.link_with(owner, before).await;
        }
        // Likewise, if there is another link by now.
        if self.linked().await? == before { Err(self.taken(Some(owner))) } else { Ok(()) }
    }

    async fn link_with(&self, owner: UserId, before: Option<UserId>) -> Result<(), Problem> {
        if self.link(owner, before).await? {
            let linked = Access::allowed(AccessKind::OutsideIdentityLinked).by_user(owner);
            let reason = format!("with the issuer {}, by the address that it has verified", self.provider.id);
            let linked = linked.about(AccessSubject::OutsideIdentity(self.person.identity)).because(reason);
            self.app.note(self.asked, linked).await;
            self.app.notice(owner, Notice::OutsideIdentityLinked).await;
        }
        Ok(())
    }

    /// The link comes first: of many who sign in as the same person at once, all make the same account.
    async fn make(&self, email: Email, before: Option<UserId>) -> Result<(), Problem> {
        let role = match self.person.role {
            OutsideRole::Unsaid => Role::Member,
            OutsideRole::Is(role) => role,
            OutsideRole::None => return Err(self.without_role(None)),
        };
        let id = before.unwrap_or_else(|| UserId(Uuid::new_v4()));
        if before.is_none() && !self.link(id, None).await? {
            return Ok(());
        }
        let command_id = CommandId::from_key(&Actor::system("oidc"), &id.to_string());
        let registration = RegisterUser::new(self.name(&email)?, email, role, self.app.now());
        let metadata = self.intake.metadata(command_id, id.into(), "POST /users/oidc/finish", &id, registration.at);
        let command = UserCommand::Register(registration);
        let made = self.app.commands.execute::<User>(id.0, command, ExpectedVersion::New, &metadata).await;
        match made {
            Ok(_) => Ok(()),
            Err(ExecuteError::Reserved { .. }) => Err(self.taken(None)),
            Err(error) => Err(problem(&error)),
        }
    }

    async fn link(&self, user_id: UserId, before: Option<UserId>) -> Result<bool, Problem> {
        let (id, provider, linked_at) = (self.person.identity, self.provider.id.clone(), self.app.now());
        let link = OutsideIdentity { id, user_id, provider, linked_at };
        let linked = self.app.identity.outside_identities().link(&link, before).await;
        linked.map_err(|error| Problem::unavailable(&error))
    }

    /// What the issuer calls them, or else what their address does.
    fn name(&self, email: &Email) -> Result<Name, Problem> {
        let fit = |name: &str| name.chars().take(Name::MAX).collect::<String>().parse::<Name>();
        let called = self.person.name.as_deref().and_then(|name| fit(name).ok());
        let by_address = || fit(email.as_str().split('@').next().unwrap_or_default());
        called.map_or_else(by_address, Ok).map_err(|error| Problem::internal(&error))
    }

    fn without_role(&self, user: Option<UserId>) -> Problem {
        self.not_admitted("You are in none of the groups that may work here.", "no group of theirs has a role", user)
    }

    fn taken(&self, owner: Option<UserId>) -> Problem {
        let detail = "There is an account with your address: sign in to it another way, and link it there.";
        let problem = Problem::new(Code::EmailTaken).detail(detail);
        problem.refused(about(refused(self.provider, "another account has the address"), owner))
    }

    fn not_admitted(&self, detail: &str, reason: &str, user: Option<UserId>) -> Problem {
        not_admitted(self.provider, detail, reason, user)
    }
}

fn closed(provider: &ProviderSettings, user: UserId) -> Problem {
    not_admitted(provider, "The account is closed.", "the account is closed", Some(user))
}

fn not_admitted(provider: &ProviderSettings, detail: &str, reason: &str, user: Option<UserId>) -> Problem {
    Problem::new(Code::NotAdmitted).detail(detail).refused(about(refused(provider, reason), user))
}

fn about(access: Access, user: Option<UserId>) -> Access {
    match user {
        Some(user) => access.about(AccessSubject::User(user)),
        None => access,
    }
}

/// The account as its history has it at this moment; the directory may not know yet that it was closed.
pub(super) async fn account(app: &App, id: UserId) -> Result<Option<UserState>, Problem> {
    match app.commands.store().load::<User>(id.0).await {
        Ok(account) => Ok(account.state().state.clone()),
        Err(error @ StoreError::Damaged { .. }) => Err(Problem::internal(&error)),
        Err(error) => Err(Problem::unavailable(&error)),
    }
}
