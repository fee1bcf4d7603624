//! What an API token is for, action by action, written down apart from the code.

use super::*;
use crate::api_tokens::ApiTokenId;

/// What an API token is to be for: the scope that names it, or none that does.
const TOKENS: &str = "
    list tasks      | tasks:read
    import          | tasks:write
    read            | tasks:read
    read logs       | tasks:read
    create          | tasks:write
    edit            | tasks:write
    move            | tasks:write
    assign          | tasks:write
    change status   | tasks:write
    change priority | tasks:write
    change deadline | tasks:write
    hold            | tasks:write
    comment         | tasks:write
    delete          | tasks:write
    restore         | tasks:write
    list users      | users:read
    read user       | users:read
    read profile    | users:read
    update profile  | users:write
    read told       | users:read
    change told     | users:write
    read filters    | tasks:read
    save filter     | tasks:write
    deactivate      | users:write
    create user     | -
    invite          | -
    invitations     | -
    reactivate      | -
    change e-mail   | -
    change role     | -
    change password | -
    read sessions   | -
    end sessions    | -
    manage factor   | -
    remove factor   | -
    manage outside  | -
    read tokens     | -
    make token      | -
    revoke tokens   | -
    export          | -
    erase           | -
    list teams      | teams:read
    read team       | teams:read
    create team     | teams:write
    update team     | teams:write
    change members  | teams:write
    read audit      | audit:read
    read feed       | feed:read
    read webhooks   | -
    manage webhooks | -
";

/// The same person, with an API token of these scopes.
fn with_token(role: Role, scopes: &[TokenScope]) -> Principal {
    let id = ApiTokenId(Uuid::from_u128(98));
    let credential = Credential::ApiToken { id, scopes: scopes.iter().copied().collect() };
    Principal { credential, ..principal(role) }
}

/// Each action, with something that it can be done to: an administrator may do all of it.
fn each_action() -> Vec<(&'static str, Action<'static>, Resource)> {
    let (task, user, team) =
        (task(Some(ME), Some(ME), Some(MINE)), Resource::User(person(COLLEAGUE)), Resource::Team { id: MINE });
    let myself = Resource::User(person(ME));
    let to_be = Resource::Task(TaskFacts { assignee: None, reporter: Some(ME), team: None });
    vec![
        ("list tasks", Action::ListTasks, Resource::Any),
        ("import", Action::ImportTasks, Resource::Any),
        ("read", Action::ReadTask, task.clone()),
        ("read logs", Action::ReadTaskLogs, task.clone()),
        ("create", Action::CreateTask { to: None }, to_be),
        ("edit", Action::EditTask, task.clone()),
        ("move", Action::MoveTask { to: None }, task.clone()),
        ("assign", Action::AssignTask { to: None }, task.clone()),
        ("change status", Action::ChangeTaskStatus, task.clone()),
        ("change priority", Action::ChangeTaskPriority, task.clone()),
        ("change deadline", Action::ChangeTaskDeadline, task.clone()),
        ("hold", Action::HoldTask, task.clone()),
        ("comment", Action::CommentTask, task.clone()),
        ("delete", Action::DeleteTask, task.clone()),
        ("restore", Action::RestoreTask, task),
        ("list users", Action::ListUsers, Resource::Any),
        ("read user", Action::ReadUser, user.clone()),
        ("read profile", Action::ReadProfile, user.clone()),
        ("update profile", Action::UpdateProfile, user.clone()),
        ("read told", Action::ReadNotificationPreferences, myself.clone()),
        ("change told", Action::ChangeNotificationPreferences, myself.clone()),
        ("read filters", Action::ReadFilters, myself.clone()),
        ("save filter", Action::SaveFilter, myself.clone()),
        ("deactivate", Action::DeactivateUser, user.clone()),
        ("create user", Action::CreateUser, Resource::Any),
        ("invite", Action::InvitePerson, Resource::Any),
        ("invitations", Action::ListInvitations, Resource::Any),
        ("reactivate", Action::ReactivateUser, user.clone()),
        ("change e-mail", Action::ChangeUserEmail, user.clone()),
        ("change role", Action::ChangeUserRole, user.clone()),
        ("change password", Action::ChangePassword, myself.clone()),
        ("read sessions", Action::ReadSessions, user.clone()),
        ("end sessions", Action::EndSessions, user.clone()),
        ("manage factor", Action::ManageSecondFactor, myself.clone()),
        ("remove factor", Action::RemoveSecondFactor, user.clone()),
        ("manage outside", Action::ManageOutsideIdentities, myself.clone()),
        ("read tokens", Action::ReadApiTokens, user.clone()),
        ("make token", Action::MakeApiToken, myself),
        ("revoke tokens", Action::RevokeApiTokens, user.clone()),
        ("export", Action::ExportUser, user.clone()),
        ("erase", Action::EraseUser, user),
        ("list teams", Action::ListTeams, Resource::Any),
        ("read team", Action::ReadTeam, team.clone()),
        ("create team", Action::CreateTeam, Resource::Any),
        ("update team", Action::UpdateTeam, team.clone()),
        ("change members", Action::ChangeTeamMembers, team),
        ("read audit", Action::ReadAudit, Resource::Any),
        ("read feed", Action::ReadFeed, Resource::Any),
        ("read webhooks", Action::ReadWebhooks, Resource::Any),
        ("manage webhooks", Action::ManageWebhooks, Resource::Any),
    ]
}

#[test]
fn a_token_is_for_what_its_scope_names_and_no_scope_names_what_decides_who_signs_in() {
    let table: Vec<(&str, &str)> =
        TOKENS.trim().lines().map(|line| line.split_once('|').map(|(a, b)| (a.trim(), b.trim())).unwrap()).collect();
    let actions = each_action();
    assert_eq!(table.len(), actions.len());
    for ((named, scope), (name, action, resource)) in table.into_iter().zip(&actions) {
        assert_eq!(named, *name);
        for token in TokenScope::ALL {
            let expected = match scope {
                "-" => Decision::Deny(Reason::Session),
                scope if token.as_str() == scope || token.as_str() == scope.replace(":read", ":write") => {
                    Decision::Allow
                }
                scope => {
                    let missing = TokenScope::ALL.iter().find(|known| known.as_str() == scope).expect("a scope");
                    Decision::Deny(Reason::Scope(*missing))
                }
            };
            let who = with_token(Role::Admin, &[*token]);
            assert_eq!(decide(&who, *action, resource), expected, "{name} with {token}");
            assert_eq!(within_token(&who, *action).is_ok(), expected == Decision::Allow, "{name} with {token}");
        }
        let nothing = decide(&with_token(Role::Admin, &[]), *action, resource);
        assert!(matches!(nothing, Decision::Deny(Reason::Session | Reason::Scope(_))), "{name}: {nothing:?}");
    }
}

#[test]
fn a_token_of_every_scope_may_never_do_what_its_owner_may_not() {
    let resources = tasks().into_iter().chain([ME, COLLEAGUE, STRANGER].map(|id| Resource::User(person(id))));
    let resources: Vec<_> = resources.chain([Resource::Team { id: FOREIGN }, Resource::Any]).collect();
    for role in ROLES {
        let (owner, token) = (principal(role), with_token(role, TokenScope::ALL));
        for (name, action, _) in each_action() {
            for resource in &resources {
                match (decide(&token, action, resource), decide(&owner, action, resource)) {
                    (Decision::Deny(Reason::Session), _) => {}
                    (of_token, of_owner) => assert_eq!(of_token, of_owner, "{role:?}, {name}, {resource:?}"),
                }
            }
        }
    }
}

#[test]
fn a_task_out_of_reach_is_hidden_from_a_token_too_whatever_its_scopes() {
    let foreign = task(Some(STRANGER), Some(STRANGER), Some(FOREIGN));
    for scopes in [&[][..], &[TokenScope::UsersRead], TokenScope::ALL] {
        let decision = decide(&with_token(Role::Member, scopes), Action::ReadTask, &foreign);
        assert_eq!(decision, Decision::Hidden, "{scopes:?}");
    }
}
