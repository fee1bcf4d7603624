//! What can be asked for, and of what.

use muster_domain::ids::{TeamId, UserId};
use muster_domain::task::TaskFacts;

/// Something that a person wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action<'a> {
    /// Report a task, perhaps assigned from the start. The resource is the task to be.
    CreateTask {
        /// Who is to do it; the same as the task's `assignee`.
        to: Option<&'a Person>,
    },
    /// Bring in tasks from a file: whether at all. Each task is then asked for as a new one.
    ImportTasks,
    /// See which tasks there are, as far as one's reach goes.
    ListTasks,
    /// See a task.
    ReadTask,
    /// See who did what to a task: its logs and its raw history.
    ReadTaskLogs,
    /// Change its title, description, labels or location, or what is on its checklist.
    EditTask,
    /// Give it to another team, or to none.
    MoveTask {
        /// The team that it will belong to.
        to: Option<TeamId>,
    },
    /// Say who is to do it.
    AssignTask {
        /// Who, or nobody.
        to: Option<&'a Person>,
    },
    /// Begin, complete or reopen it.
    ChangeTaskStatus,
    /// Say how much hurry there is.
    ChangeTaskPriority,
    /// Set or clear when it is due.
    ChangeTaskDeadline,
    /// Let others come after it, or none.
    ChangeTaskRecurrence,
    /// Say when to remind of its deadline.
    SetTaskReminders,
    /// Let it wait, or wait no longer.
    HoldTask,
    /// Say something on it.
    CommentTask,
    /// Tick off what is on its checklist, or take the tick away.
    TickChecklist,
    /// Watch it oneself, or watch it no longer.
    WatchTask,
    /// Let somebody else watch it, or watch it no longer.
    ChangeTaskWatchers,
    /// Put it at another place of the order that people make by hand.
    PositionTask,
    /// Delete it.
    DeleteTask,
    /// Undo its deletion.
    RestoreTask,

    /// Make an account.
    CreateUser,
    /// Invite somebody to sign up, or take an invitation back.
    InvitePerson,
    /// See who is invited.
    ListInvitations,
    /// See who there is: names, roles and teams.
    ListUsers,
    /// See one of them, as in the list.
    ReadUser,
    /// See all of an account: address and telephone number too.
    ReadProfile,
    /// Change an account's name, time zone, locale or telephone number.
    UpdateProfile,
    /// See how its owner wants to be told of what concerns them.
    ReadNotificationPreferences,
    /// Change how.
    ChangeNotificationPreferences,
    /// See which filters of tasks its owner has saved, and list by them.
    ReadFilters,
    /// Save one, or remove one.
    SaveFilter,
    /// Change its address.
    ChangeUserEmail,
    /// Change its role.
    ChangeUserRole,
    /// Close it.
    DeactivateUser,
    /// Open it again, and give its owner a password.
    ReactivateUser,
    /// Change the password with which its owner signs in.
    ChangePassword,
    /// Look at, set up or take away the second factor with which its owner signs in, as its owner.
    ManageSecondFactor,
    /// Take it away without having it, from somebody who has lost it.
    RemoveSecondFactor,
    /// See, add and take away who its owner is at outside issuers.
    ManageOutsideIdentities,
    /// See where its owner is signed in.
    ReadSessions,
    /// Sign its owner out.
    EndSessions,
    /// See which API tokens its owner has.
    ReadApiTokens,
    /// Make an API token that acts in its owner's name.
    MakeApiToken,
    /// Revoke one.
    RevokeApiTokens,
    /// Take out all that is held of its owner.
    ExportUser,
    /// Erase everything personal of it.
    EraseUser,

    /// Make a team.
    CreateTeam,
    /// See which teams there are.
    ListTeams,
    /// See a team and its members.
    ReadTeam,
    /// Change its name or description, or close it.
    UpdateTeam,
    /// Let people join and leave.
    ChangeTeamMembers,

    /// Search the audit log over all tasks, people and teams.
    ReadAudit,
    /// Follow what happens, as far as one's reach goes.
    ReadFeed,
    /// See which webhooks there are, and what was sent to them.
    ReadWebhooks,
    /// Set webhooks up, change and remove them, and have something sent to them.
    ManageWebhooks,
}

impl Action<'_> {
    /// Whether it decides who can sign in, or as what, or lets a program see what happens from then on: then it lasts longer than the
    /// session, and whoever does it must have proved a moment ago who they are. What asks for the password itself is not among them.
    pub const fn needs_fresh_proof(&self) -> bool {
        matches!(
            self,
            Self::CreateUser
                | Self::InvitePerson
                | Self::ChangeUserEmail
                | Self::ChangeUserRole
                | Self::DeactivateUser
                | Self::ReactivateUser
                | Self::EraseUser
                | Self::RemoveSecondFactor
                | Self::EndSessions
                | Self::MakeApiToken
                | Self::ManageWebhooks
        )
    }
}

/// A person, as far as the policy asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The account.
    pub id: UserId,
    /// The teams it is in.
    pub teams: Vec<TeamId>,
}

/// What an action is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// A task.
    Task(TaskFacts),
    /// An account.
    User(Person),
    /// A team.
    Team {
        /// Its id.
        id: TeamId,
    },
    /// Nothing in particular: a list, the audit log, an account or a team that is not there yet.
    Any,
}
