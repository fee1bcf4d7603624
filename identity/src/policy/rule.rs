//! The words that the table is written in.

use muster_domain::ids::TeamId;
use muster_domain::task::TaskFacts;

use super::action::{Action, Person, Resource};
use super::{Principal, Reason};

/// What must hold for a cell of the table. That a task is within reach has been checked before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// To anything and anybody.
    Anybody,
    /// Not in this role.
    Never,
    /// A task within reach.
    Reach,
    /// A task that they reported.
    Reported,
    /// A task within reach, into one of their teams or none.
    ReachIntoMyTeams,
    /// A task that they reported, into one of their teams or none.
    ReportedIntoMyTeams,
    /// To themselves, to a member of one of their teams, or to nobody.
    OwnOrMyTeams,
    /// A task that they reported, to themselves or to nobody.
    ReportedForMyself,
    /// A new task in their own name, in one of their teams or none, for themselves, a member of their teams or nobody.
    NewInMyTeams,
    /// A new task in their own name, in one of their teams or none, for themselves or nobody.
    NewOfMine,
    /// Their own account.
    Myself,
    /// Another's account.
    Others,
}

impl Rule {
    pub(super) fn check(self, who: &Principal, action: Action<'_>, resource: &Resource) -> Result<(), Reason> {
        match self {
            Self::Anybody | Self::Reach => fits(action, resource),
            Self::Never => Err(Reason::Role),
            Self::Reported => reported(who, task(resource)?),
            Self::ReachIntoMyTeams => my_team(who, destination(action)?),
            Self::ReportedIntoMyTeams => {
                reported(who, task(resource)?)?;
                my_team(who, destination(action)?)
            }
            Self::OwnOrMyTeams => my_member(who, concerned(action, resource)?),
            Self::ReportedForMyself => {
                reported(who, task(resource)?)?;
                for_myself(who, concerned(action, resource)?)
            }
            Self::NewInMyTeams => {
                new_in_my_name(who, action, task(resource)?)?;
                my_member(who, concerned(action, resource)?)
            }
            Self::NewOfMine => {
                new_in_my_name(who, action, task(resource)?)?;
                for_myself(who, concerned(action, resource)?)
            }
            Self::Myself => {
                if account(resource)?.id == who.user_id {
                    Ok(())
                } else {
                    Err(Reason::NotYourAccount)
                }
            }
            Self::Others => {
                if account(resource)?.id == who.user_id {
                    Err(Reason::OwnAccount)
                } else {
                    Ok(())
                }
            }
        }
    }
}

fn reported(who: &Principal, task: &TaskFacts) -> Result<(), Reason> {
    if task.reporter == Some(who.user_id) { Ok(()) } else { Err(Reason::NotReporter) }
}

fn my_team(who: &Principal, team: Option<TeamId>) -> Result<(), Reason> {
    if team.is_none_or(|team| who.teams.contains(&team)) { Ok(()) } else { Err(Reason::NotYourTeam) }
}

fn my_member(who: &Principal, person: Option<&Person>) -> Result<(), Reason> {
    let mine = |person: &Person| person.id == who.user_id || person.teams.iter().any(|team| who.teams.contains(team));
    if person.is_none_or(mine) { Ok(()) } else { Err(Reason::NotYourMember) }
}

fn for_myself(who: &Principal, person: Option<&Person>) -> Result<(), Reason> {
    if person.is_none_or(|person| person.id == who.user_id) { Ok(()) } else { Err(Reason::NotYourself) }
}

fn new_in_my_name(who: &Principal, action: Action<'_>, task: &TaskFacts) -> Result<(), Reason> {
    fits(action, &Resource::Task(*task))?;
    if task.reporter != Some(who.user_id) {
        return Err(Reason::ReporterNotYourself);
    }
    my_team(who, task.team)
}

fn task(resource: &Resource) -> Result<&TaskFacts, Reason> {
    match resource {
        Resource::Task(task) => Ok(task),
        Resource::User(_) | Resource::Team { .. } | Resource::Any => Err(Reason::Mismatch),
    }
}

fn account(resource: &Resource) -> Result<&Person, Reason> {
    match resource {
        Resource::User(person) => Ok(person),
        Resource::Task(_) | Resource::Team { .. } | Resource::Any => Err(Reason::Mismatch),
    }
}

/// The team that a task is to go to.
fn destination(action: Action<'_>) -> Result<Option<TeamId>, Reason> {
    if let Action::MoveTask { to } = action { Ok(to) } else { Err(Reason::Mismatch) }
}

/// The person that an action is about: an assignee to be, or the owner of an account.
fn concerned<'a>(action: Action<'a>, resource: &'a Resource) -> Result<Option<&'a Person>, Reason> {
    fits(action, resource)?;
    match (action, resource) {
        (Action::CreateTask { to } | Action::AssignTask { to }, _) => Ok(to),
        (_, Resource::User(person)) => Ok(Some(person)),
        (_, Resource::Task(_) | Resource::Team { .. } | Resource::Any) => Err(Reason::Mismatch),
    }
}

/// Whether the action is for such a thing at all, and a new task for the assignee that it names.
fn fits(action: Action<'_>, resource: &Resource) -> Result<(), Reason> {
    let fits = match action {
        Action::CreateTask { to } => task(resource)?.assignee == to.map(|person| person.id),
        Action::ReadTask
        | Action::ReadTaskLogs
        | Action::EditTask
        | Action::MoveTask { .. }
        | Action::AssignTask { .. }
        | Action::ChangeTaskStatus
        | Action::ChangeTaskPriority
        | Action::ChangeTaskDeadline
        | Action::HoldTask
        | Action::CommentTask
        | Action::DeleteTask
        | Action::RestoreTask => matches!(resource, Resource::Task(_)),
        Action::ReadUser
        | Action::ReadProfile
        | Action::UpdateProfile
        | Action::ReadNotificationPreferences
        | Action::ChangeNotificationPreferences
        | Action::ReadFilters
        | Action::SaveFilter
        | Action::ChangeUserEmail
        | Action::ChangeUserRole
        | Action::DeactivateUser
        | Action::ReactivateUser
        | Action::ChangePassword
        | Action::ManageSecondFactor
        | Action::RemoveSecondFactor
        | Action::ManageOutsideIdentities
        | Action::ReadSessions
        | Action::EndSessions
        | Action::ReadApiTokens
        | Action::MakeApiToken
        | Action::RevokeApiTokens
        | Action::ExportUser
        | Action::EraseUser => matches!(resource, Resource::User(_)),
        Action::ReadTeam | Action::UpdateTeam | Action::ChangeTeamMembers => matches!(resource, Resource::Team { .. }),
        Action::ListTasks
        | Action::ImportTasks
        | Action::CreateUser
        | Action::InvitePerson
        | Action::ListInvitations
        | Action::ListUsers
        | Action::CreateTeam
        | Action::ListTeams
        | Action::ReadAudit
        | Action::ReadFeed
        | Action::ReadWebhooks
        | Action::ManageWebhooks => matches!(resource, Resource::Any),
    };
    if fits { Ok(()) } else { Err(Reason::Mismatch) }
}
