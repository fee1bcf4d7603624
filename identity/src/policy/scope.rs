//! Which tasks a person can see at all: for one task, and as a filter for lists.

use muster_domain::ids::{TeamId, UserId};
use muster_domain::user::Role;

use super::{Principal, TaskFacts};

/// A person's reach. Lists are filtered by it, and a task outside it does not exist for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskScope {
    /// Every task.
    All,
    /// Tasks of these teams, of no team, and those that the user reported or is to do.
    Teams {
        /// The teams.
        teams: Vec<TeamId>,
        /// The user.
        user: UserId,
    },
    /// Tasks that the user reported or is to do.
    Own(UserId),
}

/// The reach of a person.
pub fn task_scope(principal: &Principal) -> TaskScope {
    match principal.role {
        Role::Admin | Role::Auditor => TaskScope::All,
        Role::Manager => TaskScope::Teams { teams: principal.teams.clone(), user: principal.user_id },
        Role::Member => TaskScope::Own(principal.user_id),
    }
}

impl TaskScope {
    /// Whether a task is within it.
    pub fn contains(&self, task: &TaskFacts) -> bool {
        match self {
            Self::All => true,
            Self::Teams { teams, user } => task.team.is_none_or(|team| teams.contains(&team)) || is_of(task, *user),
            Self::Own(user) => is_of(task, *user),
        }
    }
}

fn is_of(task: &TaskFacts, user: UserId) -> bool {
    task.assignee == Some(user) || task.reporter == Some(user)
}
