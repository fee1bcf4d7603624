//! Which partitions answer a list of a moment, and what is left to filter.

use chrono::{DateTime, Utc};
use muster_domain::task::{Relation, Status, TaskScope};
use muster_domain::{TeamId, UserId};

use super::stretch::around;
use super::{BETWEEN_LABELS, NO_TEAM, at, during, lasts};
use crate::attribute::text;
use crate::listing::{Filter, Partition, Plan};
use crate::task_list::{TaskFilter, TitleWords, due_range};

/// The most lists that are read, each of every kind of stretch: beyond, all tasks are, and the scope is a filter.
const MOST_LISTS: usize = 8;

/// What is and has been so since before the moment, and what lasted then and has been left since: from the narrowest lists that
/// have it all. Those of one person come first, then a team, then what the asker may see.
pub(super) fn plan(scope: &TaskScope, wanted: &TaskFilter, moment: DateTime<Utc>) -> Plan {
    let (mut lists, mut in_scope) = lists(scope, wanted);
    if lists.len() > MOST_LISTS {
        (lists, in_scope) = (vec![all()], false);
    }
    let mut filter = Filter::default();
    let (since, until) = (filter.path("since"), filter.path("until"));
    let value = filter.value(text(&at(moment)));
    filter.and(lasts(&since, &until, &value));
    if !in_scope {
        filter_scope(&mut filter, scope);
    }
    filter_rest(&mut filter, wanted);
    let stretches = around(moment);
    let left = lists.iter().flat_map(|list| {
        stretches.iter().map(|stretch| Partition { value: during(&list.value, stretch), ..list.clone() })
    });
    let partitions = lists.iter().cloned().chain(left).collect();
    let (low, high) = due_range(wanted);
    Plan { partitions, low, high, filter }
}

/// The lists that have it all, and whether they have nothing beyond the scope.
fn lists(scope: &TaskScope, wanted: &TaskFilter) -> (Vec<Partition>, bool) {
    if let Some(user) = wanted.assignee {
        return (vec![assignee(user)], is_user(scope, user));
    }
    if let Some(user) = wanted.reporter {
        return (vec![reporter(user)], is_user(scope, user));
    }
    let own = |user: UserId| vec![assignee(user), reporter(user)];
    let lists = match (scope, wanted.team) {
        (TaskScope::All, Some(of)) => vec![team(&of)],
        (TaskScope::All, None) => vec![all()],
        (TaskScope::Teams { teams, .. }, Some(of)) if teams.contains(&of) => vec![team(&of)],
        // A team that is not the asker's: of its tasks they see their own.
        (TaskScope::Teams { user, .. }, Some(_)) | (TaskScope::Own(user), _) => own(*user),
        (TaskScope::Teams { teams, user }, None) => {
            let mut teams: Vec<TeamId> = teams.clone();
            teams.sort_unstable();
            teams.dedup();
            teams.iter().map(team).chain([team(&NO_TEAM)]).chain(own(*user)).collect()
        }
    };
    (lists, true)
}

fn of(index: &'static str, attribute: &'static str, value: &impl ToString) -> Partition {
    Partition { index: Some(index), attribute, value: value.to_string(), low: None }
}

fn all() -> Partition {
    of("all", "gsi_all", &"all")
}

fn assignee(user: UserId) -> Partition {
    of("by-assignee", "gsi_assignee", &user)
}

fn reporter(user: UserId) -> Partition {
    of("by-reporter", "gsi_reporter", &user)
}

fn team(team: &impl ToString) -> Partition {
    of("by-team", "gsi_team", team)
}

/// Whether the tasks that this user does or reported are all in the scope.
fn is_user(scope: &TaskScope, user: UserId) -> bool {
    match scope {
        TaskScope::All => true,
        TaskScope::Teams { user: own, .. } | TaskScope::Own(own) => *own == user,
    }
}

fn filter_scope(filter: &mut Filter, scope: &TaskScope) {
    let (teams, user) = match scope {
        TaskScope::All => return,
        TaskScope::Teams { teams, user } => (Some(teams), user),
        TaskScope::Own(user) => (None, user),
    };
    let user = filter.value(text(user));
    let (assignee, reporter) = (filter.path("assignee"), filter.path("reporter"));
    let mut any = vec![format!("{assignee} = {user}"), format!("{reporter} = {user}")];
    if let Some(teams) = teams {
        let mut seen: Vec<String> = teams.iter().map(ToString::to_string).collect();
        seen.push(NO_TEAM.to_owned());
        let path = filter.path("team");
        // IN takes at most a hundred values.
        for some in seen.chunks(100) {
            let values: Vec<_> = some.iter().map(|team| filter.value(text(team))).collect();
            any.push(format!("{path} IN ({})", values.join(", ")));
        }
    }
    filter.and(any.join(" OR "));
}

/// What must hold of the attribute at a path and a value.
type Condition = fn(&str, &str) -> String;

fn filter_rest(filter: &mut Filter, wanted: &TaskFilter) {
    // Each of them: what another list is filtered by would be left out here without a word.
    let TaskFilter {
        assignee,
        reporter,
        team,
        status,
        priority,
        label,
        watcher,
        words,
        related,
        due_after: _,
        due_before: _,
        open,
        closed,
        overdue,
        // It is told by the deadline, which is in the key: where what is found is read.
        in_time: _,
        // What was is kept in the order of deadlines; the other orders are made of what is found.
        sort: _,
    } = wanted;
    let mut is = |attribute: &str, value: Option<String>| {
        if let Some(value) = value {
            let (path, value) = (filter.path(attribute), filter.value(text(&value)));
            filter.and(format!("{path} = {value}"));
        }
    };
    is("assignee", assignee.map(|id| id.to_string()));
    is("reporter", reporter.map(|id| id.to_string()));
    is("team", team.map(|id| id.to_string()));
    is("status", status.map(|status| status.to_string()));
    is("priority", priority.map(|priority| priority.to_string()));
    if let Some(label) = label {
        let path = filter.path("labels");
        let value = filter.value(text(&format!("{BETWEEN_LABELS}{label}{BETWEEN_LABELS}")));
        filter.and(format!("contains({path}, {value})"));
    }
    for word in words.iter().flat_map(TitleWords::iter) {
        let (path, value) = (filter.path("title"), filter.value(text(word)));
        filter.and(format!("contains({path}, {value})"));
    }
    // What a state is seldom asked for by is in the state itself: of one that is, and of one that was.
    let mut said = |field: &str, condition: Condition, value: String| {
        let value = filter.value(text(&value));
        let any = ["row", "entry"].map(|of| condition(&filter.path(&format!("{of}.task.{field}")), &value));
        filter.and(any.join(" OR "));
    };
    let has = |path: &str, value: &str| format!("contains({path}, {value})");
    let is = |path: &str, value: &str| format!("{path} = {value}");
    if let Some(watcher) = watcher {
        said("watchers", has, watcher.to_string());
    }
    match related {
        Some((Relation::BlockedBy, to)) => said("blocked_by", has, to.to_string()),
        Some((Relation::ChildOf, to)) => said("parent", is, to.to_string()),
        Some((Relation::DuplicateOf, to)) => said("duplicate_of", is, to.to_string()),
        None => {}
    }
    for (wanted, is) in [(*open || overdue.is_some(), "<>"), (*closed, "=")] {
        if wanted {
            let (path, value) = (filter.path("status"), filter.value(text(&Status::Completed)));
            filter.and(format!("{path} {is} {value}"));
        }
    }
}
