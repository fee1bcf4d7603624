//! What an import would do, for whoever decides on it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use muster_domain::task::{ImportSource, Priority, Status};
use muster_domain::{ImportId, TaskId, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use super::columns::ColumnGuess;
use super::draft::{RowProblem, Severity};
use super::plan::{Plan, PlannedTask};
use super::{Encoding, TaskFile};

/// How many tasks a preview shows.
const SHOWN: usize = 10;
/// How many problems and people it lists.
const LISTED: usize = 500;

/// What an import would do.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Preview {
    /// The import's id: sent again with it, the same rows make the same tasks.
    pub import_id: ImportId,
    /// What the file is.
    pub source: ImportSource,
    /// In which encoding its text is.
    pub encoding: Encoding,
    /// What separates the values of a table.
    #[schema(required, value_type = Option<String>)]
    pub delimiter: Option<char>,
    /// The columns of a table, and what each is taken for.
    pub columns: Vec<ColumnGuess>,
    /// How many there are of what.
    pub counts: Counts,
    /// The first tasks, as they would be.
    pub tasks: Vec<PreviewTask>,
    /// What is wrong, row by row; the first 500.
    pub problems: Vec<RowProblem>,
    /// Who is named and has no account here; the first 500. They are left out of the tasks: nothing keeps their names.
    pub unknown_people: Vec<UnknownPerson>,
}

/// How many there are of what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Counts {
    /// Rows, cards or items.
    pub rows: usize,
    /// Those that can be tasks.
    pub tasks: usize,
    /// Those of them by status.
    pub by_status: BTreeMap<Status, usize>,
    /// Comments that come with them.
    pub comments: usize,
    /// Points of checklists that come with them.
    pub checklist_items: usize,
    /// Rows that cannot be tasks.
    pub errors: usize,
    /// What tasks go without.
    pub warnings: usize,
    /// Archived cards or items that are left out.
    pub archived: usize,
}

/// A task as it would be.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PreviewTask {
    /// The line on which it begins, in a table.
    #[schema(required)]
    pub line: Option<u32>,
    /// The id that it would have.
    pub task_id: TaskId,
    /// What it is called in its source.
    #[schema(required)]
    pub external_id: Option<String>,
    /// What is to be done, in a line.
    pub title: String,
    /// How far it has come.
    pub status: Status,
    /// How much hurry there is.
    pub priority: Priority,
    /// What it is grouped by, sorted.
    pub labels: Vec<String>,
    /// When it is to be done.
    #[schema(required)]
    pub deadline: Option<DateTime<Utc>>,
    /// Who is to do it.
    #[schema(required)]
    pub assignee_id: Option<UserId>,
    /// When it was created there.
    #[schema(required)]
    pub created_at: Option<DateTime<Utc>>,
    /// When it was completed there.
    #[schema(required)]
    pub completed_at: Option<DateTime<Utc>>,
    /// The task of this import that it is a part of.
    #[schema(required)]
    pub parent_id: Option<TaskId>,
    /// How many points are on its checklist.
    pub checklist_items: usize,
    /// How many comments come with it.
    pub comments: usize,
}

/// Somebody who has no account here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct UnknownPerson {
    /// What they are called in the file.
    pub name: String,
    /// How often.
    pub times: usize,
}

impl TaskFile {
    /// What this plan of the file would do.
    pub fn preview(&self, plan: &Plan) -> Preview {
        let mut by_status: BTreeMap<Status, usize> = Status::ALL.iter().map(|status| (*status, 0)).collect();
        for planned in &plan.tasks {
            *by_status.entry(planned.import.status).or_default() += 1;
        }
        let of = |severity| plan.problems.iter().filter(|problem| problem.severity == severity).count();
        Preview {
            import_id: plan.id,
            source: self.read.source.unwrap_or(ImportSource::Csv),
            encoding: self.read.encoding.unwrap_or(Encoding::Utf8),
            delimiter: self.read.delimiter,
            columns: self.read.columns.clone(),
            counts: Counts {
                rows: self.read.drafts.len(),
                tasks: plan.tasks.len(),
                by_status,
                comments: plan.tasks.iter().map(|planned| planned.import.comments.len()).sum(),
                checklist_items: plan.tasks.iter().map(|planned| planned.import.checklist.len()).sum(),
                errors: self.read.drafts.len() - plan.tasks.len(),
                warnings: of(Severity::Warning),
                archived: self.read.skipped,
            },
            tasks: plan.tasks.iter().take(SHOWN).map(shown).collect(),
            problems: plan.problems.iter().take(LISTED).cloned().collect(),
            unknown_people: plan
                .unknown
                .iter()
                .take(LISTED)
                .map(|(name, times)| UnknownPerson { name: name.clone(), times: *times })
                .collect(),
        }
    }
}

fn shown(planned: &PlannedTask) -> PreviewTask {
    let (task, facts) = (&planned.import.task, &planned.import.facts);
    PreviewTask {
        line: planned.line,
        task_id: planned.task_id(),
        external_id: facts.external_id.as_ref().map(ToString::to_string),
        title: task.title.as_str().to_owned(),
        status: planned.import.status,
        priority: task.priority,
        labels: task.labels.iter().map(|label| label.as_str().to_owned()).collect(),
        deadline: task.deadline,
        assignee_id: task.assignee,
        created_at: facts.created_at,
        completed_at: facts.completed_at,
        parent_id: planned.import.parent,
        checklist_items: planned.import.checklist.len(),
        comments: planned.import.comments.len(),
    }
}
