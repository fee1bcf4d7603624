//! A task as the API shows it.

use chrono::{DateTime, NaiveDate, Utc};
use muster_domain::personal::Opener;
use muster_domain::task::{
    ChecklistItem, Hold, ImportSource, ImportedFacts, Leads, Occurrence, Priority, Recurrence, Status, TaskState,
};
use muster_domain::values::{Location, Position};
use muster_domain::{Actor, ChecklistItemId, ImportId, RecordedEvent, SeriesId, TaskId, TeamId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{TaskList, TaskRow};
use crate::advance::Fold;
use crate::projection::Poison;

/// A task. Every key is there; what the task does not have is null.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskDocument {
    /// The task's id.
    pub id: TaskId,
    /// The version that this is the state of; also the `ETag`.
    pub version: u64,
    /// What is to be done, in a line.
    pub title: String,
    /// What is to be done, in Markdown.
    #[schema(required)]
    pub description: Option<String>,
    /// How much hurry there is.
    pub priority: Priority,
    /// How far it has come.
    pub status: Status,
    /// What it is grouped by, sorted.
    pub labels: Vec<String>,
    /// Where it is to be done.
    #[schema(required)]
    pub location: Option<LocationDocument>,
    /// The team that it belongs to.
    #[schema(required)]
    pub team_id: Option<TeamId>,
    /// Who is to do it.
    #[schema(required)]
    pub assignee_id: Option<UserId>,
    /// Who reported it; null when Muster made it itself.
    #[schema(required)]
    pub reporter_id: Option<UserId>,
    /// When it is to be done.
    #[schema(required)]
    pub deadline: Option<DateTime<Utc>>,
    /// What it waits for.
    #[schema(required)]
    pub hold: Option<HoldDocument>,
    /// When work on it began, in the present cycle.
    #[schema(required)]
    pub started_at: Option<DateTime<Utc>>,
    /// When it was completed, in the present cycle.
    #[schema(required)]
    pub completed_at: Option<DateTime<Utc>>,
    /// How often it was taken up again after completion.
    pub reopened: u32,
    /// How many comments it has.
    pub comments: u32,
    /// What is ticked off on the way to its end, in order.
    #[schema(max_items = 100)]
    pub checklist: Vec<ChecklistItemDocument>,
    /// Who watches it, sorted.
    #[schema(max_items = 25)]
    pub watcher_ids: Vec<UserId>,
    /// Where it stands in the order that people make by hand: sorts like its text.
    pub rank: String,
    /// The task that it is a part of.
    #[schema(required)]
    pub parent_id: Option<TaskId>,
    /// The tasks that it waits for, sorted.
    #[schema(max_items = 40)]
    pub blocked_by_ids: Vec<TaskId>,
    /// The task that asks for the same.
    #[schema(required)]
    pub duplicate_of_id: Option<TaskId>,
    /// The rule by which another one comes after it, and its place among those.
    #[schema(required)]
    pub recurrence: Option<RecurrenceDocument>,
    /// How long before the deadline whoever is to do it is reminded, and whoever has set that.
    pub reminders: Leads,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// Who changed it last.
    pub updated_by: Actor,
    /// When it was deleted; it can be restored.
    #[schema(required)]
    pub deleted_at: Option<DateTime<Utc>>,
    /// What was known of it where it comes from, if it was brought in from elsewhere.
    #[schema(required)]
    pub imported: Option<ImportedDocument>,
}

/// What was known of a task where it comes from: facts that somebody else recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImportedDocument {
    /// The import that brought it.
    pub import_id: ImportId,
    /// Where it comes from.
    pub source: ImportSource,
    /// What it is called there.
    #[schema(required)]
    pub external_id: Option<String>,
    /// Who had written it there, if they have an account here.
    #[schema(required)]
    pub author_id: Option<UserId>,
    /// When it was created there.
    #[schema(required)]
    pub created_at: Option<DateTime<Utc>>,
    /// When it was completed there.
    #[schema(required)]
    pub completed_at: Option<DateTime<Utc>>,
}

/// One thing to tick off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChecklistItemDocument {
    /// The item's id.
    pub id: ChecklistItemId,
    /// What is to be done.
    pub text: String,
    /// Whether it is.
    pub done: bool,
}

/// How a task comes again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecurrenceDocument {
    /// What links it with those before and after it.
    pub series_id: SeriesId,
    /// Which one it is; the first has 1.
    pub number: u32,
    /// Its day by the rule. Its deadline may be moved without those of the others.
    pub day: NaiveDate,
    /// The rule, with what was left open filled in.
    pub rule: Recurrence,
}

impl From<&Occurrence> for RecurrenceDocument {
    fn from(occurrence: &Occurrence) -> Self {
        let Occurrence { rule, series, number, day } = occurrence.clone();
        Self { series_id: series, number, day, rule }
    }
}

/// What a task waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HoldDocument {
    /// What it waits for.
    pub reason: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// Where a task is to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LocationDocument {
    /// The place in words.
    pub name: String,
    /// Where it is on the globe, if known.
    #[schema(required)]
    pub position: Option<PositionDocument>,
}

/// A point on the globe (WGS 84).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PositionDocument {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
}

impl TaskDocument {
    /// The task in this state at this version, last changed then and by them.
    pub fn new(id: TaskId, state: &TaskState, version: u64, updated_at: DateTime<Utc>, updated_by: Actor) -> Self {
        Self {
            id,
            version,
            title: state.title.as_str().to_owned(),
            description: state.description.as_ref().map(|text| text.as_str().to_owned()),
            priority: state.priority,
            status: state.status,
            labels: state.labels.iter().map(|label| label.as_str().to_owned()).collect(),
            location: state.location.as_ref().map(LocationDocument::from),
            team_id: state.team,
            assignee_id: state.assignee,
            reporter_id: state.reporter,
            deadline: state.deadline,
            hold: state.hold.as_ref().map(HoldDocument::from),
            started_at: state.started_at,
            completed_at: state.completed_at,
            reopened: state.reopened,
            comments: state.comments,
            checklist: state.checklist.iter().map(ChecklistItemDocument::from).collect(),
            watcher_ids: state.watchers.iter().copied().collect(),
            rank: state.rank.as_str().to_owned(),
            parent_id: state.parent,
            blocked_by_ids: state.blocked_by.iter().copied().collect(),
            duplicate_of_id: state.duplicate_of,
            recurrence: state.recurrence.as_ref().map(RecurrenceDocument::from),
            reminders: state.reminders.leads.clone(),
            created_at: state.created_at,
            updated_at,
            updated_by,
            deleted_at: state.deleted_at,
            imported: state.imported.as_ref().map(ImportedDocument::from),
        }
    }

    pub(crate) fn of_row(id: TaskId, row: TaskRow, version: u64) -> Self {
        Self::new(id, &row.task, version, row.updated_at, row.updated_by)
    }
}

impl From<&ImportedFacts> for ImportedDocument {
    fn from(facts: &ImportedFacts) -> Self {
        let ImportedFacts { import_id, source, external_id, author, created_at, completed_at } = facts;
        Self {
            import_id: *import_id,
            source: *source,
            external_id: external_id.as_ref().map(ToString::to_string),
            author_id: *author,
            created_at: *created_at,
            completed_at: *completed_at,
        }
    }
}

impl From<&ChecklistItem> for ChecklistItemDocument {
    fn from(item: &ChecklistItem) -> Self {
        Self { id: item.id, text: item.text.as_str().to_owned(), done: item.done }
    }
}

impl From<&Hold> for HoldDocument {
    fn from(hold: &Hold) -> Self {
        Self { reason: hold.reason.as_str().to_owned(), since: hold.since }
    }
}

impl From<&Location> for LocationDocument {
    fn from(location: &Location) -> Self {
        Self {
            name: location.name.as_str().to_owned(),
            position: location.position.as_ref().map(PositionDocument::from),
        }
    }
}

impl From<&Position> for PositionDocument {
    fn from(position: &Position) -> Self {
        Self { latitude: position.latitude(), longitude: position.longitude() }
    }
}

/// The task after these events, which are a history from its first event on, or a beginning of one. `None` without
/// events. An event that cannot be read is an error: the state after it is not known.
pub fn fold_task(events: &[RecordedEvent]) -> Result<Option<TaskDocument>, Poison> {
    let Some(first) = events.first() else { return Ok(None) };
    let fold = Fold::from(0, None).through(&TaskList, events, &Opener::NoKey);
    if let Some(parked) = fold.parked {
        return Err(Poison::new(&parked.reason));
    }
    Ok(fold.row.map(|row| TaskDocument::of_row(TaskId(first.stream.id), row, fold.as_of)))
}
