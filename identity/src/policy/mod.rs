//! Who may do what. The whole policy is the table in `rules`; everything else here only reads it.

mod action;
mod rule;
mod scope;

use std::fmt;

use muster_domain::ids::{TeamId, UserId};
use muster_domain::user::Role;

pub use action::{Action, Person, Resource};
use rule::Rule::{
    self, Anybody, Myself, Never, NewInMyTeams, NewOfMine, Others, OwnOrMyTeams, Reach, ReachIntoMyTeams, Reported,
    ReportedForMyself, ReportedIntoMyTeams,
};
pub use scope::task_scope;

use crate::sessions::SessionId;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The account.
    pub user_id: UserId,
    /// Its role now: from the account, not from the token, so that a change counts at once.
    pub role: Role,
    /// The teams it is in.
    pub teams: Vec<TeamId>,
    /// The session it came with.
    pub session_id: SessionId,
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
    /// Nobody changes their own role, closes their own account or takes the second factor off it without having it.
    OwnAccount,
    /// The action is for another kind of thing: a defect of the caller's code.
    Mismatch,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
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
/// A task outside the person's reach is [`Decision::Hidden`], whatever they want of it. An [`Action::CreateTask`] is
/// asked with the facts of the task to be.
pub fn decide(principal: &Principal, action: Action<'_>, resource: &Resource) -> Decision {
    if let (Resource::Task(task), false) = (resource, matches!(action, Action::CreateTask { .. }))
        && !task_scope(principal).contains(task)
    {
        return Decision::Hidden;
    }
    let rules = rules(action);
    let rule = match principal.role {
        Role::Admin => rules.admin,
        Role::Manager => rules.manager,
        Role::Member => rules.member,
        Role::Auditor => rules.auditor,
    };
    match rule.check(principal, action, resource) {
        Ok(()) => Decision::Allow,
        Err(reason) => Decision::Deny(reason),
    }
}

/// One row of the table.
struct Rules {
    admin: Rule,
    manager: Rule,
    member: Rule,
    auditor: Rule,
}

const fn row(admin: Rule, manager: Rule, member: Rule, auditor: Rule) -> Rules {
    Rules { admin, manager, member, auditor }
}

/// The policy. What each rule means stands at [`Rule`].
#[rustfmt::skip]
#[expect(clippy::match_same_arms, reason = "a table has one row for each action, alike or not")]
const fn rules(action: Action<'_>) -> Rules {
    match action {
        //                                   admin    manager           member               auditor
        Action::CreateTask { .. }     => row(Anybody, NewInMyTeams,     NewOfMine,           Never),
        Action::ReadTask              => row(Anybody, Reach,            Reach,               Anybody),
        Action::ReadTaskLogs          => row(Anybody, Reach,            Reach,               Anybody),
        Action::EditTask              => row(Anybody, Reach,            Reported,            Never),
        Action::MoveTask { .. }       => row(Anybody, ReachIntoMyTeams, ReportedIntoMyTeams, Never),
        Action::AssignTask { .. }     => row(Anybody, OwnOrMyTeams,     ReportedForMyself,   Never),
        Action::ChangeTaskStatus      => row(Anybody, Reach,            Reach,               Never),
        Action::ChangeTaskPriority    => row(Anybody, Reach,            Reported,            Never),
        Action::ChangeTaskDeadline    => row(Anybody, Reach,            Reported,            Never),
        Action::HoldTask              => row(Anybody, Reach,            Reach,               Never),
        Action::CommentTask           => row(Anybody, Reach,            Reach,               Never),
        Action::DeleteTask            => row(Anybody, Reach,            Reported,            Never),
        Action::RestoreTask           => row(Anybody, Reach,            Reported,            Never),

        Action::CreateUser            => row(Anybody, Never,            Never,               Never),
        Action::ListUsers             => row(Anybody, Anybody,          Anybody,             Anybody),
        Action::ReadUser              => row(Anybody, Anybody,          Anybody,             Anybody),
        Action::ReadProfile           => row(Anybody, OwnOrMyTeams,     Myself,              Anybody),
        Action::UpdateProfile         => row(Anybody, Myself,           Myself,              Myself),
        Action::ChangeUserEmail       => row(Anybody, Myself,           Myself,              Myself),
        Action::ChangeUserRole        => row(Others,  Never,            Never,               Never),
        Action::DeactivateUser        => row(Others,  Never,            Never,               Never),
        Action::ChangePassword        => row(Myself,  Myself,           Myself,              Myself),
        Action::ManageSecondFactor    => row(Myself,  Myself,           Myself,              Myself),
        Action::RemoveSecondFactor    => row(Others,  Never,            Never,               Never),
        Action::ReadSessions          => row(Anybody, Myself,           Myself,              Myself),
        Action::EndSessions           => row(Anybody, Myself,           Myself,              Myself),

        Action::CreateTeam            => row(Anybody, Never,            Never,               Never),
        Action::ListTeams             => row(Anybody, Anybody,          Anybody,             Anybody),
        Action::ReadTeam              => row(Anybody, Anybody,          Anybody,             Anybody),
        Action::UpdateTeam            => row(Anybody, Never,            Never,               Never),
        Action::ChangeTeamMembers     => row(Anybody, Never,            Never,               Never),

        Action::ReadAudit             => row(Anybody, Never,            Never,               Anybody),
    }
}

#[cfg(test)]
mod tests;
