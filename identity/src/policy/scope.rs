//! The reach of a role.

use muster_domain::task::TaskScope;
use muster_domain::user::Role;
use muster_domain::{TeamId, UserId};

use super::Principal;

/// Which tasks a person can see at all. Lists are filtered by it, and a task outside it does not exist for them.
pub fn task_scope(principal: &Principal) -> TaskScope {
    scope_of(principal.role, principal.teams.clone(), principal.user_id)
}

/// The same of somebody who does not ask: whom somebody else names.
pub fn scope_of(role: Role, teams: Vec<TeamId>, user: UserId) -> TaskScope {
    match role {
        Role::Admin | Role::Auditor => TaskScope::All,
        Role::Manager => TaskScope::Teams { teams, user },
        Role::Member => TaskScope::Own(user),
    }
}
