//! An import that goes on with a file that was changed since it was begun: rows whose tasks were made of others, and rows whose tasks
//! were made already and would be made once more.

use std::collections::{BTreeMap, BTreeSet};

use muster_domain::ports::ReadError;
use muster_domain::{EventReader, TaskId};

use super::plan::{Plan, PlannedTask};
use super::{RowProblem, Severity};

/// The title with which a task was made; `None` if there is no such task.
pub async fn first_title(reader: &dyn EventReader, id: TaskId) -> Result<Option<String>, ReadError> {
    let events = reader.events(&id.into(), 0, Some(1)).await?;
    Ok(events.first().and_then(|first| first.data.get("title")?.as_str().map(str::to_owned)))
}

impl Plan {
    /// Holds the rows against the titles with which tasks of this import were made. A row that is known by its place and has another
    /// title is another row: it is left out, as its task is there already, and so is one that stood in another place. Of one that is
    /// known by its id, it is said that its task stays as it is.
    pub fn compare(&mut self, made: &BTreeMap<TaskId, String>) {
        let before = |planned: &PlannedTask| made.get(&planned.task_id()).map(String::as_str);
        let is_another = |planned: &&PlannedTask| before(planned).is_some_and(|title| title != title_of(planned));
        let displaced: BTreeSet<&str> =
            self.tasks.iter().filter(|planned| planned.is_by_place).filter(is_another).filter_map(before).collect();
        let (mut wrong, mut warnings) = (BTreeMap::new(), Vec::new());
        for planned in &self.tasks {
            let title = title_of(planned);
            let before = before(planned);
            if before == Some(title) {
                continue;
            }
            match (planned.is_by_place, before) {
                (true, _) if displaced.contains(title) => {
                    let detail = "stood in another place of the file when the import was begun: its task is there, and is not \
                        made once more";
                    wrong.insert(planned.task_id(), detail.to_owned());
                }
                (true, Some(before)) => {
                    let detail = format!(
                        "is another one than when the import was begun, which had {before:?} in this place of the file: bring it in \
                         by an import of its own"
                    );
                    wrong.insert(planned.task_id(), detail);
                }
                (false, Some(before)) => {
                    let detail =
                        format!("is {title:?} in the file; the task was imported as {before:?}, and stays as it is");
                    warnings.push(problem(planned, "title", Severity::Warning, detail));
                }
                (true | false, None) => {}
            }
        }
        self.problems.extend(warnings);
        self.leave_out(&wrong);
    }

    /// Leaves out these rows, each for what is said of it, and what would be a part of them.
    pub fn leave_out(&mut self, wrong: &BTreeMap<TaskId, String>) {
        let mut out: BTreeSet<TaskId> = BTreeSet::new();
        for planned in std::mem::take(&mut self.tasks) {
            let id = planned.task_id();
            let is_part = planned.import.parent.is_some_and(|parent| out.contains(&parent));
            let part = is_part.then(|| "is a part of a task that is left out".to_owned());
            match wrong.get(&id).cloned().or(part) {
                None => self.tasks.push(planned),
                Some(detail) => {
                    self.problems.push(problem(&planned, "row", Severity::Error, detail));
                    out.insert(id);
                }
            }
        }
        self.problems.sort_by_key(|problem| problem.line);
    }
}

fn title_of(planned: &PlannedTask) -> &str {
    planned.import.task.title.as_str()
}

fn problem(planned: &PlannedTask, field: &str, severity: Severity, detail: String) -> RowProblem {
    let external_id = planned.import.facts.external_id.as_ref().map(ToString::to_string);
    RowProblem { line: planned.line, external_id, field: field.to_owned(), severity, detail }
}
