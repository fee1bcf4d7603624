//! The policy again, cell by cell, written down apart from the code.

mod tokens;

use muster_domain::ids::{TeamId, UserId};
use muster_domain::task::TaskFacts;
use muster_domain::user::Role;
use uuid::Uuid;

use super::*;
use crate::sessions::SessionId;

const ME: UserId = UserId(Uuid::from_u128(1));
const COLLEAGUE: UserId = UserId(Uuid::from_u128(2));
const STRANGER: UserId = UserId(Uuid::from_u128(3));
const MINE: TeamId = TeamId(Uuid::from_u128(11));
const FOREIGN: TeamId = TeamId(Uuid::from_u128(12));
const ROLES: [Role; 4] = [Role::Admin, Role::Manager, Role::Member, Role::Auditor];

/// A = allow, D = deny, H = hidden. In each cell five letters: the task is assigned to me · reported by me · my team's ·
/// of no team · foreign. In the first two it is of a foreign team; in the last three it is a stranger's.
const TASKS: &str = "
    action                | admin | manager | member | auditor
    read                  | AAAAA | AAAAH   | AAHHH  | AAAAA
    read logs             | AAAAA | AAAAH   | AAHHH  | AAAAA
    edit                  | AAAAA | AAAAH   | DAHHH  | DDDDD
    move to my team       | AAAAA | AAAAH   | DAHHH  | DDDDD
    move to no team       | AAAAA | AAAAH   | DAHHH  | DDDDD
    move to foreign team  | AAAAA | DDDDH   | DDHHH  | DDDDD
    assign to me          | AAAAA | AAAAH   | DAHHH  | DDDDD
    assign to nobody      | AAAAA | AAAAH   | DAHHH  | DDDDD
    assign to a colleague | AAAAA | AAAAH   | DDHHH  | DDDDD
    assign to a stranger  | AAAAA | DDDDH   | DDHHH  | DDDDD
    change status         | AAAAA | AAAAH   | AAHHH  | DDDDD
    change priority       | AAAAA | AAAAH   | DAHHH  | DDDDD
    change deadline       | AAAAA | AAAAH   | DAHHH  | DDDDD
    hold                  | AAAAA | AAAAH   | AAHHH  | DDDDD
    comment               | AAAAA | AAAAH   | AAHHH  | DDDDD
    delete                | AAAAA | AAAAH   | DAHHH  | DDDDD
    restore               | AAAAA | AAAAH   | DAHHH  | DDDDD
";

/// A task to be. In each cell three letters: in my team · in no team · in a foreign team.
const NEW_TASKS: &str = "
    reporter, assignee  | admin | manager | member | auditor
    me, nobody          | AAA   | AAD     | AAD    | DDD
    me, me              | AAA   | AAD     | AAD    | DDD
    me, colleague       | AAA   | AAD     | DDD    | DDD
    me, stranger        | AAA   | DDD     | DDD    | DDD
    stranger, nobody    | AAA   | DDD     | DDD    | DDD
    stranger, me        | AAA   | DDD     | DDD    | DDD
    system, nobody      | AAA   | DDD     | DDD    | DDD
";

/// In each cell three letters: my own account · one of my team · a stranger's.
const USERS: &str = "
    action          | admin | manager | member | auditor
    read            | AAA   | AAA     | AAA    | AAA
    read profile    | AAA   | AAD     | ADD    | AAA
    update profile  | AAA   | ADD     | ADD    | ADD
    read told       | ADD   | ADD     | ADD    | ADD
    change told     | ADD   | ADD     | ADD    | ADD
    read filters    | ADD   | ADD     | ADD    | ADD
    save filter     | ADD   | ADD     | ADD    | ADD
    change e-mail   | AAA   | ADD     | ADD    | ADD
    change role     | DAA   | DDD     | DDD    | DDD
    deactivate      | DAA   | DDD     | DDD    | DDD
    reactivate      | DAA   | DDD     | DDD    | DDD
    export          | AAA   | ADD     | ADD    | ADD
    erase           | DAA   | DDD     | DDD    | DDD
    change password | ADD   | ADD     | ADD    | ADD
    read sessions   | AAA   | ADD     | ADD    | ADD
    end sessions    | AAA   | ADD     | ADD    | ADD
    manage factor   | ADD   | ADD     | ADD    | ADD
    manage outside  | ADD   | ADD     | ADD    | ADD
    remove factor   | DAA   | DDD     | DDD    | DDD
    read tokens     | AAA   | ADD     | ADD    | ADD
    make token      | ADD   | ADD     | ADD    | ADD
    revoke tokens   | AAA   | ADD     | ADD    | ADD
";

/// In each cell two letters: my team · a foreign one.
const TEAMS: &str = "
    action         | admin | manager | member | auditor
    read           | AA    | AA      | AA     | AA
    update         | AA    | DD      | DD     | DD
    change members | AA    | DD      | DD     | DD
";

/// One letter a cell.
const ANY: &str = "
    action      | admin | manager | member | auditor
    import      | A     | A       | D      | D
    list tasks  | A     | A       | A      | A
    create user | A     | D       | D      | D
    invite      | A     | D       | D      | D
    invitations | A     | D       | D      | A
    list users  | A     | A       | A      | A
    create team | A     | D       | D      | D
    list teams  | A     | A       | A      | A
    read audit  | A     | D       | D      | A
    read feed   | A     | A       | A      | A
    read hooks  | A     | D       | D      | A
    make hooks  | A     | D       | D      | D
";

fn principal(role: Role) -> Principal {
    let credential = Credential::Session(SessionId(Uuid::from_u128(99)));
    Principal { user_id: ME, role, teams: vec![MINE], credential }
}

fn person(id: UserId) -> Person {
    Person { id, teams: vec![if id == STRANGER { FOREIGN } else { MINE }] }
}

fn task(assignee: Option<UserId>, reporter: Option<UserId>, team: Option<TeamId>) -> Resource {
    Resource::Task(TaskFacts { assignee, reporter, team })
}

/// The task of each letter in a cell of `TASKS`.
fn tasks() -> Vec<Resource> {
    let stranger = Some(STRANGER);
    vec![
        task(Some(ME), stranger, Some(FOREIGN)),
        task(stranger, Some(ME), Some(FOREIGN)),
        task(stranger, stranger, Some(MINE)),
        task(stranger, stranger, None),
        task(stranger, stranger, Some(FOREIGN)),
    ]
}

/// Asserts every letter of a table and returns how many there were.
#[track_caller]
fn assert_table<'a>(table: &str, of_row: impl Fn(&str) -> (Action<'a>, Vec<Resource>)) -> usize {
    let mut cells = 0;
    for line in table.trim().lines().skip(1) {
        let mut columns = line.split('|').map(str::trim);
        let name = columns.next().expect("a name");
        let (action, resources) = of_row(name);
        let letters: Vec<&str> = columns.collect();
        assert_eq!(letters.len(), ROLES.len(), "{name}");
        for (role, letters) in ROLES.into_iter().zip(letters) {
            assert_eq!(letters.len(), resources.len(), "{name} for {role:?}");
            for (expected, resource) in letters.chars().zip(&resources) {
                let decision = decide(&principal(role), action, resource);
                let letter = match decision {
                    Decision::Allow => 'A',
                    Decision::Deny(Reason::Mismatch) => '?',
                    Decision::Deny(_) => 'D',
                    Decision::Hidden => 'H',
                };
                assert_eq!(letter, expected, "{role:?}, {name}, {resource:?}: {decision:?}");
                cells += 1;
            }
        }
    }
    cells
}

#[test]
fn each_role_may_do_to_each_task_what_the_table_says_and_nothing_else() {
    let (me, colleague, stranger) = (person(ME), person(COLLEAGUE), person(STRANGER));
    let cells = assert_table(TASKS, |name| {
        let action = match name {
            "read" => Action::ReadTask,
            "read logs" => Action::ReadTaskLogs,
            "edit" => Action::EditTask,
            "move to my team" => Action::MoveTask { to: Some(MINE) },
            "move to no team" => Action::MoveTask { to: None },
            "move to foreign team" => Action::MoveTask { to: Some(FOREIGN) },
            "assign to me" => Action::AssignTask { to: Some(&me) },
            "assign to nobody" => Action::AssignTask { to: None },
            "assign to a colleague" => Action::AssignTask { to: Some(&colleague) },
            "assign to a stranger" => Action::AssignTask { to: Some(&stranger) },
            "change status" => Action::ChangeTaskStatus,
            "change priority" => Action::ChangeTaskPriority,
            "change deadline" => Action::ChangeTaskDeadline,
            "hold" => Action::HoldTask,
            "comment" => Action::CommentTask,
            "delete" => Action::DeleteTask,
            "restore" => Action::RestoreTask,
            other => panic!("{other} is no action"),
        };
        (action, tasks())
    });
    assert_eq!(cells, 17 * 4 * 5);
}

#[test]
fn new_tasks_are_reported_in_ones_own_name_for_those_one_answers_for() {
    let (me, colleague, stranger) = (person(ME), person(COLLEAGUE), person(STRANGER));
    let cells = assert_table(NEW_TASKS, |name| {
        let (reporter, assignee) = name.split_once(", ").expect("two names");
        let reporter = match reporter {
            "me" => Some(ME),
            "stranger" => Some(STRANGER),
            "system" => None,
            other => panic!("{other} is no reporter"),
        };
        let to = match assignee {
            "nobody" => None,
            "me" => Some(&me),
            "colleague" => Some(&colleague),
            "stranger" => Some(&stranger),
            other => panic!("{other} is no assignee"),
        };
        let assignee = to.map(|person| person.id);
        let teams = [Some(MINE), None, Some(FOREIGN)];
        (Action::CreateTask { to }, teams.map(|team| task(assignee, reporter, team)).to_vec())
    });
    assert_eq!(cells, 7 * 4 * 3);
}

#[test]
fn each_role_may_do_to_each_account_what_the_table_says_and_nothing_else() {
    let cells = assert_table(USERS, |name| {
        let action = match name {
            "read" => Action::ReadUser,
            "read profile" => Action::ReadProfile,
            "update profile" => Action::UpdateProfile,
            "read told" => Action::ReadNotificationPreferences,
            "change told" => Action::ChangeNotificationPreferences,
            "read filters" => Action::ReadFilters,
            "save filter" => Action::SaveFilter,
            "change e-mail" => Action::ChangeUserEmail,
            "change role" => Action::ChangeUserRole,
            "deactivate" => Action::DeactivateUser,
            "reactivate" => Action::ReactivateUser,
            "change password" => Action::ChangePassword,
            "read sessions" => Action::ReadSessions,
            "end sessions" => Action::EndSessions,
            "manage factor" => Action::ManageSecondFactor,
            "manage outside" => Action::ManageOutsideIdentities,
            "remove factor" => Action::RemoveSecondFactor,
            "read tokens" => Action::ReadApiTokens,
            "make token" => Action::MakeApiToken,
            "revoke tokens" => Action::RevokeApiTokens,
            "export" => Action::ExportUser,
            "erase" => Action::EraseUser,
            other => panic!("{other} is no action"),
        };
        (action, [ME, COLLEAGUE, STRANGER].map(|id| Resource::User(person(id))).to_vec())
    });
    assert_eq!(cells, 22 * 4 * 3);
}

#[test]
fn each_role_may_do_to_each_team_what_the_table_says_and_nothing_else() {
    let cells = assert_table(TEAMS, |name| {
        let action = match name {
            "read" => Action::ReadTeam,
            "update" => Action::UpdateTeam,
            "change members" => Action::ChangeTeamMembers,
            other => panic!("{other} is no action"),
        };
        (action, [MINE, FOREIGN].map(|id| Resource::Team { id }).to_vec())
    });
    assert_eq!(cells, 3 * 4 * 2);
}

#[test]
fn lists_creations_and_the_audit_are_for_whom_the_table_says() {
    let cells = assert_table(ANY, |name| {
        let action = match name {
            "import" => Action::ImportTasks,
            "list tasks" => Action::ListTasks,
            "create user" => Action::CreateUser,
            "invite" => Action::InvitePerson,
            "invitations" => Action::ListInvitations,
            "list users" => Action::ListUsers,
            "create team" => Action::CreateTeam,
            "list teams" => Action::ListTeams,
            "read audit" => Action::ReadAudit,
            "read feed" => Action::ReadFeed,
            "read hooks" => Action::ReadWebhooks,
            "make hooks" => Action::ManageWebhooks,
            other => panic!("{other} is no action"),
        };
        (action, vec![Resource::Any])
    });
    assert_eq!(cells, 12 * 4);
}

#[test]
fn a_list_shows_exactly_the_tasks_that_may_be_read() {
    for role in ROLES {
        let principal = principal(role);
        for resource in tasks() {
            let Resource::Task(facts) = &resource else { panic!("a task") };
            let readable = decide(&principal, Action::ReadTask, &resource) == Decision::Allow;
            assert_eq!(task_scope(&principal).contains(facts), readable, "{role:?} {resource:?}");
        }
    }
}

#[test]
fn a_manager_of_no_team_reaches_tasks_of_no_team_and_their_own() {
    let lost = Principal { teams: vec![], ..principal(Role::Manager) };
    let decisions: Vec<_> = tasks().iter().map(|task| decide(&lost, Action::ReadTask, task)).collect();
    let (seen, hidden) = (Decision::Allow, Decision::Hidden);
    assert_eq!(decisions, [seen, seen, hidden, seen, hidden]);
}

#[test]
fn a_refusal_says_what_is_missing() {
    let (member, manager, admin) = (principal(Role::Member), principal(Role::Manager), principal(Role::Admin));
    let assigned = task(Some(ME), Some(STRANGER), Some(FOREIGN));
    let stranger = person(STRANGER);
    let cases = [
        (&member, Action::EditTask, assigned.clone(), Reason::NotReporter),
        (&member, Action::CreateUser, Resource::Any, Reason::Role),
        (&member, Action::UpdateProfile, Resource::User(stranger.clone()), Reason::NotYourAccount),
        (&manager, Action::MoveTask { to: Some(FOREIGN) }, assigned.clone(), Reason::NotYourTeam),
        (&manager, Action::AssignTask { to: Some(&stranger) }, assigned.clone(), Reason::NotYourMember),
        (&member, Action::AssignTask { to: Some(&stranger) }, task(None, Some(ME), None), Reason::NotYourself),
        (&member, Action::CreateTask { to: None }, task(None, Some(STRANGER), None), Reason::ReporterNotYourself),
        (&admin, Action::ChangeUserRole, Resource::User(person(ME)), Reason::OwnAccount),
    ];
    for (who, action, resource, reason) in cases {
        assert_eq!(decide(who, action, &resource), Decision::Deny(reason), "{action:?}");
    }
}

#[test]
fn an_action_on_the_wrong_kind_of_thing_is_denied_even_to_an_admin() {
    let admin = principal(Role::Admin);
    let mismatch = Decision::Deny(Reason::Mismatch);
    assert_eq!(decide(&admin, Action::ReadTask, &Resource::Any), mismatch);
    assert_eq!(decide(&admin, Action::ChangeUserRole, &Resource::Team { id: MINE }), mismatch);
    assert_eq!(decide(&admin, Action::ReadAudit, &task(None, None, None)), mismatch);
    let other = person(COLLEAGUE);
    let unlike = decide(&admin, Action::CreateTask { to: Some(&other) }, &task(Some(STRANGER), None, None));
    assert_eq!(unlike, mismatch, "the assignee that is asked for is not the one that the task would have");
}
