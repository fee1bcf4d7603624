//! What a list must hold, by a look at each task.

use muster_domain::task::{Relation, Status, TaskFacts, TaskScope};
use muster_projections::{TaskDocument, TaskFilter};

/// Titles, and which of them have the words "CAFE door".
pub(crate) const TITLES: [(&str, bool); 3] =
    [("Fix the lift", false), ("Türen: the café\u{2019}s doors", true), ("DOOR of a Cafe\u{301}", true)];

pub(crate) fn in_scope(scope: &TaskScope, task: &TaskDocument) -> bool {
    scope.contains(&TaskFacts { assignee: task.assignee_id, reporter: task.reporter_id, team: task.team_id })
}

pub(crate) fn fulfils(filter: &TaskFilter, task: &TaskDocument) -> bool {
    let due = task.deadline;
    filter.assignee.is_none_or(|user| task.assignee_id == Some(user))
        && filter.reporter.is_none_or(|user| task.reporter_id == Some(user))
        && filter.team.is_none_or(|team| task.team_id == Some(team))
        && filter.status.is_none_or(|status| task.status == status)
        && filter.priority.is_none_or(|priority| task.priority == priority)
        && filter.label.as_ref().is_none_or(|label| task.labels.iter().any(|has| has == label.as_str()))
        && filter.watcher.is_none_or(|user| task.watcher_ids.contains(&user))
        && filter.words.as_ref().is_none_or(|_| TITLES.contains(&(task.title.as_str(), true)))
        && filter.related.is_none_or(|(relation, to)| match relation {
            Relation::BlockedBy => task.blocked_by_ids.contains(&to),
            Relation::ChildOf => task.parent_id == Some(to),
            Relation::DuplicateOf => task.duplicate_of_id == Some(to),
        })
        && filter.due_after.is_none_or(|after| due.is_some_and(|due| due >= after))
        && filter.due_before.is_none_or(|before| due.is_some_and(|due| due < before))
        && filter.overdue.is_none_or(|now| due.is_some_and(|due| due < now) && task.status != Status::Completed)
        && filter.in_time.is_none_or(|now| due.is_none_or(|due| due >= now) || task.status == Status::Completed)
        && (!filter.open || task.status != Status::Completed)
        && (!filter.closed || task.status == Status::Completed)
}
