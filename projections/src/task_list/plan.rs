//! Which partitions answer a list of tasks, and what is left to filter.

use chrono::{DateTime, Utc};
use muster_domain::task::{Status, TaskFacts, TaskScope, TaskState};
use muster_domain::{TeamId, UserId};

use super::due::{HIGHEST, LOWEST, due_range, sortable};
use super::places::List;
use super::query::{TaskFilter, TaskSort};
use super::words::TitleWords;
use crate::attribute::text;
use crate::listing::{Filter, Partition, Plan};

/// The narrowest lists: those of one person come first, then a label, then a team, then what the asker may see.
pub(super) fn plan(scope: &TaskScope, wanted: &TaskFilter) -> Plan {
    let own = |user: &UserId| vec![List::Assignee(*user), List::Reporter(*user)];
    let lists = if let Some((relation, to)) = wanted.related {
        vec![List::Related(relation, to)]
    } else if let Some(user) = wanted.assignee {
        vec![List::Assignee(user)]
    } else if let Some(user) = wanted.watcher {
        vec![List::Watcher(user)]
    } else if let Some(user) = wanted.reporter {
        vec![List::Reporter(user)]
    } else if let TaskScope::Own(user) = scope {
        own(user)
    } else if let Some(label) = &wanted.label {
        vec![List::Label(label.clone())]
    } else if let Some(team) = wanted.team {
        match scope {
            // A team that is not the asker's: of its tasks they see their own.
            TaskScope::Teams { teams, user } if !teams.contains(&team) => own(user),
            TaskScope::Teams { .. } | TaskScope::All | TaskScope::Own(_) => vec![List::Team(Some(team))],
        }
    } else {
        match scope {
            TaskScope::Teams { teams, user } => {
                let mut teams = teams.clone();
                teams.sort_unstable();
                teams.dedup();
                let teams = teams.into_iter().map(|team| List::Team(Some(team)));
                teams.chain([List::Team(None)]).chain(own(user)).collect()
            }
            TaskScope::All | TaskScope::Own(_) => vec![List::All],
        }
    };
    let mut filter = Filter::default();
    if !lists.iter().all(|list| is_within(list, scope)) {
        filter_scope(&mut filter, scope);
    }
    filter_rest(&mut filter, wanted, &lists);
    let (mut low, mut high) = due_range(wanted);
    if wanted.sort != TaskSort::Due {
        if (low.as_str(), high.as_str()) != (LOWEST, HIGHEST) {
            let (path, low, high) = (filter.path("due"), filter.value(text(&low)), filter.value(text(&high)));
            // DynamoDB refuses BETWEEN with the higher bound first; here nothing is between them.
            filter.and(format!("{path} >= {low} AND {path} <= {high}"));
        }
        (low, high) = (LOWEST.to_owned(), HIGHEST.to_owned());
        if let Some(now) = wanted.in_time {
            let (status, completed) = (filter.path("facts.status"), filter.value(text(&Status::Completed)));
            let (due, now) = (filter.path("due"), filter.value(text(&sortable(now))));
            filter.and(format!("{status} = {completed} OR {due} >= {now}"));
        }
    }
    // A key cannot be filtered by; but a partition has one status.
    let from_now = wanted.in_time.filter(|_| wanted.sort == TaskSort::Due).map(sortable);
    let partition = |list: &List, status| Partition {
        index: Some(wanted.sort.index()),
        attribute: "list",
        value: list.partition(status),
        low: from_now.clone().filter(|_| status != Status::Completed),
    };
    let statuses: Vec<Status> = Status::ALL.iter().copied().filter(|status| is_wanted(*status, wanted)).collect();
    let partitions = lists.iter().flat_map(|list| statuses.iter().map(|status| partition(list, *status))).collect();
    Plan { partitions, low, high, filter }
}

/// Whether a task that is now like this is in the list. Its place was found in an index, which may be behind.
pub(super) fn matches(scope: &TaskScope, wanted: &TaskFilter, task: &TaskState) -> bool {
    let due = |limit: fn(&str, &str) -> bool, than: Option<_>| {
        than.is_none_or(|than| task.deadline.is_some_and(|due| limit(&sortable(due), &sortable(than))))
    };
    task.deleted_at.is_none()
        && scope.contains(&TaskFacts::from(task))
        && is_wanted(task.status, wanted)
        && wanted.related.is_none_or(|(relation, to)| task.related(relation).contains(&to))
        && wanted.assignee.is_none_or(|user| task.assignee == Some(user))
        && wanted.reporter.is_none_or(|user| task.reporter == Some(user))
        && wanted.watcher.is_none_or(|user| task.watchers.contains(&user))
        && wanted.team.is_none_or(|team| task.team == Some(team))
        && wanted.priority.is_none_or(|priority| task.priority == priority)
        && wanted.label.as_ref().is_none_or(|label| task.labels.contains(label))
        && wanted.words.as_ref().is_none_or(|words| words.are_in(task.title.as_str()))
        && due(|due, than| due >= than, wanted.due_after)
        && due(|due, than| due < than, wanted.due_before)
        && due(|due, than| due < than, wanted.overdue)
        && wanted.in_time.is_none_or(|now| !is_late(task.deadline, task.status, now))
}

/// Whether what is due then, and has come this far, should have been done by now and is not.
pub(crate) fn is_late(deadline: Option<DateTime<Utc>>, status: Status, now: DateTime<Utc>) -> bool {
    status != Status::Completed && deadline.is_some_and(|due| sortable(due) < sortable(now))
}

fn is_wanted(status: Status, wanted: &TaskFilter) -> bool {
    let open = wanted.open || wanted.overdue.is_some();
    let is_done = status == Status::Completed;
    wanted.status.is_none_or(|wanted| wanted == status) && !(open && is_done) && (is_done || !wanted.closed)
}

/// Whether all tasks of this list are in the scope.
fn is_within(list: &List, scope: &TaskScope) -> bool {
    let sees_team = |team: &Option<TeamId>| match scope {
        TaskScope::All => true,
        TaskScope::Teams { teams, .. } => team.is_none_or(|team| teams.contains(&team)),
        TaskScope::Own(_) => false,
    };
    let is_user = |user: &UserId| match scope {
        TaskScope::All => true,
        TaskScope::Teams { user: own, .. } | TaskScope::Own(own) => own == user,
    };
    match list {
        List::Team(team) => sees_team(team),
        List::Assignee(user) | List::Reporter(user) => is_user(user),
        List::All | List::Label(_) | List::Watcher(_) | List::Related(..) => *scope == TaskScope::All,
    }
}

fn filter_scope(filter: &mut Filter, scope: &TaskScope) {
    let (teams, user) = match scope {
        TaskScope::All => return,
        TaskScope::Teams { teams, user } => (Some(teams), user),
        TaskScope::Own(user) => (None, user),
    };
    let user = filter.value(text(user));
    let (assignee, reporter) = (filter.path("facts.assignee"), filter.path("facts.reporter"));
    let mut any = vec![format!("{assignee} = {user}"), format!("{reporter} = {user}")];
    if teams.is_some() {
        let (path, null) = (filter.path("facts.team"), filter.value(text("NULL")));
        any.push(format!("attribute_type({path}, {null})"));
    }
    // IN takes at most a hundred values.
    for some in teams.iter().flat_map(|teams| teams.chunks(100)) {
        let path = filter.path("facts.team");
        let values: Vec<_> = some.iter().map(|team| filter.value(text(team))).collect();
        any.push(format!("{path} IN ({})", values.join(", ")));
    }
    filter.and(any.join(" OR "));
}

/// What the lists do not see to already.
fn filter_rest(filter: &mut Filter, wanted: &TaskFilter, lists: &[List]) {
    let covers = |list: List| lists == [list];
    let mut equal = |covered: bool, path: &str, value: Option<String>| {
        if let Some(value) = value.filter(|_| !covered) {
            let (path, value) = (filter.path(path), filter.value(text(&value)));
            filter.and(format!("{path} = {value}"));
        }
    };
    let covered = |value: Option<UserId>, list: fn(UserId) -> List| value.is_some_and(|user| covers(list(user)));
    equal(covered(wanted.assignee, List::Assignee), "facts.assignee", wanted.assignee.map(|id| id.to_string()));
    equal(covered(wanted.reporter, List::Reporter), "facts.reporter", wanted.reporter.map(|id| id.to_string()));
    equal(covers(List::Team(wanted.team)), "facts.team", wanted.team.map(|id| id.to_string()));
    equal(false, "facts.priority", wanted.priority.map(|priority| priority.to_string()));
    let mut has = |covered: bool, path: &str, value: Option<String>| {
        if let Some(value) = value.filter(|_| !covered) {
            let (path, value) = (filter.path(path), filter.value(text(&value)));
            filter.and(format!("contains({path}, {value})"));
        }
    };
    let label = wanted.label.as_ref();
    has(label.is_some_and(|label| covers(List::Label(label.clone()))), "facts.labels", label.map(ToString::to_string));
    has(covered(wanted.watcher, List::Watcher), "facts.watchers", wanted.watcher.map(|id| id.to_string()));
    for word in wanted.words.iter().flat_map(TitleWords::iter) {
        has(false, "facts.title", Some(word.to_owned()));
    }
}
