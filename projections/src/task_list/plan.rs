//! Which partitions answer a list of tasks, and what is left to filter.

use muster_domain::task::{Status, TaskScope};
use muster_domain::{TeamId, UserId};

use super::query::TaskFilter;
use super::{NO_TEAM, sortable};
use crate::attribute::text;
use crate::listing::{Filter, Partition};

/// How a list is read.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) partitions: Vec<Partition>,
    pub(super) low: String,
    pub(super) high: String,
    pub(super) filter: Filter,
}

/// What a partition already sees to, so that it is not filtered again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Covered {
    Assignee,
    Reporter,
    Team,
    Status,
    Priority,
    Nothing,
}

/// The narrowest partitions: those of one person come first, then a team, then the asker's own where the scope is
/// narrower than the filters, then a status, a priority, and all.
pub(super) fn plan(scope: &TaskScope, wanted: &TaskFilter) -> Plan {
    let mut in_scope = true;
    let mut covered = Covered::Nothing;
    let partitions = if let Some(user) = wanted.assignee {
        covered = Covered::Assignee;
        in_scope = is_user(scope, user);
        vec![assignee(user)]
    } else if let Some(user) = wanted.reporter {
        covered = Covered::Reporter;
        in_scope = is_user(scope, user);
        vec![reporter(user)]
    } else if let Some(of) = wanted.team.filter(|of| sees_team(scope, *of)) {
        covered = Covered::Team;
        vec![team(of)]
    } else {
        match scope {
            TaskScope::Own(user) => vec![assignee(*user), reporter(*user)],
            // A team that is not the asker's: of its tasks they see their own.
            TaskScope::Teams { user, .. } if wanted.team.is_some() => vec![assignee(*user), reporter(*user)],
            TaskScope::Teams { teams, user } => {
                let mut teams = teams.clone();
                teams.sort_unstable();
                teams.dedup();
                let others = [of("by-team", "gsi_team", NO_TEAM), assignee(*user), reporter(*user)];
                teams.into_iter().map(team).chain(others).collect()
            }
            TaskScope::All => {
                let (partition, by) = match (wanted.status, wanted.priority) {
                    (Some(status), _) => (of("by-status", "gsi_status", &status), Covered::Status),
                    (None, Some(priority)) => (of("by-priority", "gsi_priority", &priority), Covered::Priority),
                    (None, None) => (of("all", "gsi_all", "all"), Covered::Nothing),
                };
                covered = by;
                vec![partition]
            }
        }
    };
    let mut filter = Filter::default();
    if !in_scope {
        filter_scope(&mut filter, scope);
    }
    filter_rest(&mut filter, wanted, covered);
    let (low, high) = range(wanted);
    Plan { partitions, low, high, filter }
}

fn of(index: &'static str, attribute: &'static str, value: &(impl ToString + ?Sized)) -> Partition {
    Partition { index: Some(index), attribute, value: value.to_string() }
}

fn assignee(user: UserId) -> Partition {
    of("by-assignee", "gsi_assignee", &user)
}

fn reporter(user: UserId) -> Partition {
    of("by-reporter", "gsi_reporter", &user)
}

fn team(team: TeamId) -> Partition {
    of("by-team", "gsi_team", &team)
}

/// Whether the tasks that this user does or reported are all in the scope.
fn is_user(scope: &TaskScope, user: UserId) -> bool {
    match scope {
        TaskScope::All => true,
        TaskScope::Teams { user: own, .. } | TaskScope::Own(own) => *own == user,
    }
}

/// Whether the tasks of this team are all in the scope.
fn sees_team(scope: &TaskScope, team: TeamId) -> bool {
    match scope {
        TaskScope::All => true,
        TaskScope::Teams { teams, .. } => teams.contains(&team),
        TaskScope::Own(_) => false,
    }
}

fn filter_scope(filter: &mut Filter, scope: &TaskScope) {
    let (teams, user) = match scope {
        TaskScope::All => return,
        TaskScope::Teams { teams, user } => (Some(teams), user),
        TaskScope::Own(user) => (None, user),
    };
    let user = filter.value(text(user));
    let (assignee, reporter) = (filter.path("row.task.assignee"), filter.path("row.task.reporter"));
    let mut any = vec![format!("{assignee} = {user}"), format!("{reporter} = {user}")];
    if teams.is_some() {
        let (path, null) = (filter.path("row.task.team"), filter.value(text("NULL")));
        any.push(format!("attribute_type({path}, {null})"));
    }
    // IN takes at most a hundred values.
    for some in teams.iter().flat_map(|teams| teams.chunks(100)) {
        let path = filter.path("row.task.team");
        let values: Vec<_> = some.iter().map(|team| filter.value(text(team))).collect();
        any.push(format!("{path} IN ({})", values.join(", ")));
    }
    filter.and(any.join(" OR "));
}

fn filter_rest(filter: &mut Filter, wanted: &TaskFilter, covered: Covered) {
    let mut equal = |by: Covered, path: &str, value: Option<String>| {
        if let Some(value) = value.filter(|_| covered != by) {
            let (path, value) = (filter.path(path), filter.value(text(&value)));
            filter.and(format!("{path} = {value}"));
        }
    };
    equal(Covered::Assignee, "row.task.assignee", wanted.assignee.map(|id| id.to_string()));
    equal(Covered::Reporter, "row.task.reporter", wanted.reporter.map(|id| id.to_string()));
    equal(Covered::Team, "row.task.team", wanted.team.map(|id| id.to_string()));
    equal(Covered::Status, "row.task.status", wanted.status.map(|status| status.to_string()));
    equal(Covered::Priority, "row.task.priority", wanted.priority.map(|priority| priority.to_string()));
    if let Some(label) = &wanted.label {
        let (path, value) = (filter.path("row.task.labels"), filter.value(text(label)));
        filter.and(format!("contains({path}, {value})"));
    }
    if let Some(watcher) = &wanted.watcher {
        let (path, value) = (filter.path("row.task.watchers"), filter.value(text(watcher)));
        filter.and(format!("contains({path}, {value})"));
    }
    if wanted.open || wanted.overdue.is_some() {
        let (path, value) = (filter.path("row.task.status"), filter.value(text(&Status::Completed)));
        filter.and(format!("{path} <> {value}"));
    }
}

/// The sort keys that can be in the answer. A sort key is a deadline and more, so that it comes after the bare deadline.
fn range(wanted: &TaskFilter) -> (String, String) {
    let before = [wanted.due_before, wanted.overdue].into_iter().flatten().min();
    let low = wanted.due_after.map_or_else(|| " ".to_owned(), sortable);
    let high = match (before, wanted.due_after) {
        (Some(before), _) => sortable(before),
        // What has no deadline is not due after anything.
        (None, Some(_)) => "~".to_owned(),
        (None, None) => "~~".to_owned(),
    };
    (low, high)
}
