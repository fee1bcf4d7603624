//! Which tasks a person can see at all. One meaning for one task and for a list of them: the policy asks it of a task,
//! and the read model reads no others.

use super::state::TaskState;
use crate::ids::{TeamId, UserId};

/// A person's reach.
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

/// Whose a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskFacts {
    /// Who is to do it.
    pub assignee: Option<UserId>,
    /// Who reported it; nobody when a system did.
    pub reporter: Option<UserId>,
    /// The team that it belongs to.
    pub team: Option<TeamId>,
}

impl From<&TaskState> for TaskFacts {
    fn from(task: &TaskState) -> Self {
        Self { assignee: task.assignee, reporter: task.reporter, team: task.team }
    }
}

impl TaskScope {
    /// Whether a task is within it.
    pub fn contains(&self, task: &TaskFacts) -> bool {
        match self {
            Self::All => true,
            Self::Teams { teams, user } => task.team.is_none_or(|team| teams.contains(&team)) || task.is_of(*user),
            Self::Own(user) => task.is_of(*user),
        }
    }
}

impl TaskFacts {
    /// Whether the user reported it or is to do it.
    fn is_of(&self, user: UserId) -> bool {
        self.assignee == Some(user) || self.reporter == Some(user)
    }
}
