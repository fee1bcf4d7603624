//! Who may do what. The whole policy is the table in `rules`; everything else here only reads it.

mod action;
mod credential;
mod rule;
mod scope;
mod token_scope;

use std::fmt;

use muster_domain::ids::{TeamId, UserId};
use muster_domain::user::Role;

pub use action::{Action, Person, Resource};
pub use credential::Credential;
use rule::Rule::{
    self, Anybody, Myself, Never, NewInMyTeams, NewOfMine, Others, OwnOrMyTeams, Reach, ReachIntoMyTeams, Reported,
    ReportedForMyself, ReportedIntoMyTeams,
};
pub use scope::task_scope;
use token_scope::TokenScope::{
    AuditRead, FeedRead, TasksRead, TasksWrite, TeamsRead, TeamsWrite, UsersRead, UsersWrite,
};
pub use token_scope::{TokenScope, TokenScopes};

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The account.
    pub user_id: UserId,
    /// Its role now: from the account, not from the token, so that a change counts at once.
    pub role: Role,
    /// The teams it is in.
    pub teams: Vec<TeamId>,
    /// What it came with.
    pub credential: Credential,
}

/// What the policy says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Go on.
    Allow,
    /// Refuse, and say why (403).
    Deny(Reason),
    /// Refuse as if the thing did not exist (404): the caller may not learn that it does.
    Hidden,
}

/// Why something is denied. Fit to be shown to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The API token that the caller came with is not for this: it has not this scope.
    Scope(TokenScope),
    /// No API token is for this, whatever its scopes.
    Session,
    /// Nobody in this role may.
    Role,
    /// Only who reported the task.
    NotReporter,
    /// Only for the caller's own teams, or for no team.
    NotYourTeam,
    /// The assignee must be the caller or somebody of the caller's teams.
    NotYourMember,
    /// Only to the caller or to nobody.
    NotYourself,
    /// A task is reported in one's own name.
    ReporterNotYourself,
    /// Only the owner of the account.
    NotYourAccount,
    /// Nobody changes their own role, closes or opens their own account or takes the second factor off it without having it.
    OwnAccount,
    /// The action is for another kind of thing: a defect of the caller's code.
    Mismatch,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scope(scope) => return write!(f, "the API token has not the scope {scope}"),
            Self::Session => "no API token is for this: sign in",
            Self::Role => "your role does not allow this",
            Self::NotReporter => "only who reported the task may do this",
            Self::NotYourTeam => "this is possible for your own teams only",
            Self::NotYourMember => "tasks are assigned to yourself or to members of your own teams",
            Self::NotYourself => "you may assign this to yourself or to nobody",
            Self::ReporterNotYourself => "a task is reported in your own name",
            Self::NotYourAccount => "this is possible for your own account only",
            Self::OwnAccount => "nobody does this to their own account: ask another administrator",
            Self::Mismatch => "this cannot be done to such a thing",
        })
    }
}

/// May this person do this to that?
///
/// A task outside the person's reach is [`Decision::Hidden`], whatever they want of it. Whoever comes with an API token may do
/// what they may, as far as the token is for it. An [`Action::CreateTask`] is asked with the facts of the task to be.
pub fn decide(principal: &Principal, action: Action<'_>, resource: &Resource) -> Decision {
    if let (Resource::Task(task), false) = (resource, matches!(action, Action::CreateTask { .. }))
        && !task_scope(principal).contains(task)
    {
        return Decision::Hidden;
    }
    if let Err(reason) = within_token(principal, action) {
        return Decision::Deny(reason);
    }
    match rules(action).of(principal.role).check(principal, action, resource) {
        Ok(()) => Decision::Allow,
        Err(reason) => Decision::Deny(reason),
    }
}

/// Whether what somebody came with is for such things at all: a session is for everything. [`decide`] asks it, too; a route
/// does before it looks anything up.
pub fn within_token(principal: &Principal, action: Action<'_>) -> Result<(), Reason> {
    match (principal.credential, rules(action).token) {
        (Credential::Session(_), _) => Ok(()),
        (Credential::ApiToken { .. }, Token::NoToken) => Err(Reason::Session),
        (Credential::ApiToken { scopes, .. }, Token::With(scope)) => {
            if scopes.allow(scope) {
                Ok(())
            } else {
                Err(Reason::Scope(scope))
            }
        }
    }
}

/// Whether an API token may be used for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    /// One with this scope.
    With(TokenScope),
    /// None: it needs somebody who has signed in. So does everything that decides who can sign in and how, since a token could
    /// otherwise make more of itself.
    NoToken,
}

/// Whether everybody of this role may do this to anything: for what somebody has set off who is not asking now.
pub fn role_may(role: Role, action: Action<'_>) -> bool {
    rules(action).of(role) == Anybody
}

/// One row of the table.
struct Rules {
    token: Token,
    admin: Rule,
    manager: Rule,
    member: Rule,
    auditor: Rule,
}

impl Rules {
    const fn of(self, role: Role) -> Rule {
        match role {
            Role::Admin => self.admin,
            Role::Manager => self.manager,
            Role::Member => self.member,
            Role::Auditor => self.auditor,
        }
    }
}

const fn row(token: Token, admin: Rule, manager: Rule, member: Rule, auditor: Rule) -> Rules {
    Rules { token, admin, manager, member, auditor }
}

/// The policy. What each rule means stands at [`Rule`], what each scope is for at [`TokenScope`].
#[rustfmt::skip]
#[expect(clippy::match_same_arms, reason = "a table has one row for each action, alike or not")]
const fn rules(action: Action<'_>) -> Rules {
    use Token::{NoToken, With};
    match action {
        //                                   API token         admin    manager           member               auditor
        Action::CreateTask { .. }     => row(With(TasksWrite), Anybody, NewInMyTeams,     NewOfMine,           Never),
        Action::ImportTasks           => row(With(TasksWrite), Anybody, Anybody,          Never,               Never),
        Action::ListTasks             => row(With(TasksRead),  Anybody, Anybody,          Anybody,             Anybody),
        Action::ReadTask              => row(With(TasksRead),  Anybody, Reach,            Reach,               Anybody),
        Action::ReadTaskLogs          => row(With(TasksRead),  Anybody, Reach,            Reach,               Anybody),
        Action::EditTask              => row(With(TasksWrite), Anybody, Reach,            Reported,            Never),
        Action::MoveTask { .. }       => row(With(TasksWrite), Anybody, ReachIntoMyTeams, ReportedIntoMyTeams, Never),
        Action::AssignTask { .. }     => row(With(TasksWrite), Anybody, OwnOrMyTeams,     ReportedForMyself,   Never),
        Action::ChangeTaskStatus      => row(With(TasksWrite), Anybody, Reach,            Reach,               Never),
        Action::ChangeTaskPriority    => row(With(TasksWrite), Anybody, Reach,            Reported,            Never),
        Action::ChangeTaskDeadline    => row(With(TasksWrite), Anybody, Reach,            Reported,            Never),
        Action::HoldTask              => row(With(TasksWrite), Anybody, Reach,            Reach,               Never),
        Action::CommentTask           => row(With(TasksWrite), Anybody, Reach,            Reach,               Never),
        Action::DeleteTask            => row(With(TasksWrite), Anybody, Reach,            Reported,            Never),
        Action::RestoreTask           => row(With(TasksWrite), Anybody, Reach,            Reported,            Never),

        Action::CreateUser            => row(NoToken,          Anybody, Never,            Never,               Never),
        Action::InvitePerson          => row(NoToken,          Anybody, Never,            Never,               Never),
        Action::ListInvitations       => row(NoToken,          Anybody, Never,            Never,               Anybody),
        Action::ListUsers             => row(With(UsersRead),  Anybody, Anybody,          Anybody,             Anybody),
        Action::ReadUser              => row(With(UsersRead),  Anybody, Anybody,          Anybody,             Anybody),
        Action::ReadProfile           => row(With(UsersRead),  Anybody, OwnOrMyTeams,     Myself,              Anybody),
        Action::UpdateProfile         => row(With(UsersWrite), Anybody, Myself,           Myself,              Myself),
        Action::ReadNotificationPreferences   => row(With(UsersRead),  Myself, Myself,    Myself,              Myself),
        Action::ChangeNotificationPreferences => row(With(UsersWrite), Myself, Myself,    Myself,              Myself),
        Action::ReadFilters           => row(With(TasksRead),  Myself,  Myself,           Myself,              Myself),
        Action::SaveFilter            => row(With(TasksWrite), Myself,  Myself,           Myself,              Myself),
        Action::ChangeUserEmail       => row(NoToken,          Anybody, Myself,           Myself,              Myself),
        Action::ChangeUserRole        => row(NoToken,          Others,  Never,            Never,               Never),
        Action::DeactivateUser        => row(With(UsersWrite), Others,  Never,            Never,               Never),
        Action::ReactivateUser        => row(NoToken,          Others,  Never,            Never,               Never),
        Action::ChangePassword        => row(NoToken,          Myself,  Myself,           Myself,              Myself),
        Action::ManageSecondFactor    => row(NoToken,          Myself,  Myself,           Myself,              Myself),
        Action::RemoveSecondFactor    => row(NoToken,          Others,  Never,            Never,               Never),
        Action::ManageOutsideIdentities => row(NoToken,        Myself,  Myself,           Myself,              Myself),
        Action::ReadSessions          => row(NoToken,          Anybody, Myself,           Myself,              Myself),
        Action::EndSessions           => row(NoToken,          Anybody, Myself,           Myself,              Myself),
        Action::ReadApiTokens         => row(NoToken,          Anybody, Myself,           Myself,              Myself),
        Action::MakeApiToken          => row(NoToken,          Myself,  Myself,           Myself,              Myself),
        Action::RevokeApiTokens       => row(NoToken,          Anybody, Myself,           Myself,              Myself),
        Action::ExportUser            => row(NoToken,          Anybody, Myself,           Myself,              Myself),
        Action::EraseUser             => row(NoToken,          Others,  Never,            Never,               Never),

        Action::CreateTeam            => row(With(TeamsWrite), Anybody, Never,            Never,               Never),
        Action::ListTeams             => row(With(TeamsRead),  Anybody, Anybody,          Anybody,             Anybody),
        Action::ReadTeam              => row(With(TeamsRead),  Anybody, Anybody,          Anybody,             Anybody),
        Action::UpdateTeam            => row(With(TeamsWrite), Anybody, Never,            Never,               Never),
        Action::ChangeTeamMembers     => row(With(TeamsWrite), Anybody, Never,            Never,               Never),

        Action::ReadAudit             => row(With(AuditRead),  Anybody, Never,            Never,               Anybody),
        Action::ReadFeed              => row(With(FeedRead),   Anybody, Anybody,          Anybody,             Anybody),
        Action::ReadWebhooks          => row(NoToken,          Anybody, Never,            Never,               Anybody),
        Action::ManageWebhooks        => row(NoToken,          Anybody, Never,            Never,               Never),
    }
}

#[cfg(test)]
mod tests;
