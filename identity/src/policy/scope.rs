//! The reach of a role.

use muster_domain::task::TaskScope;
use muster_domain::user::Role;

use super::Principal;

/// Which tasks a person can see at all. Lists are filtered by it, and a task outside it does not exist for them.
pub fn task_scope(principal: &Principal) -> TaskScope {
    match principal.role {
        Role::Admin | Role::Auditor => TaskScope::All,
        Role::Manager => TaskScope::Teams { teams: principal.teams.clone(), user: principal.user_id },
        Role::Member => TaskScope::Own(principal.user_id),
    }
}
