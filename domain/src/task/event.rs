//! What can happen to a task. A type never changes its meaning; a new shape is a new schema number.

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command::CreateTask;
use super::import::{ImportedCommentFacts, ImportedFacts};
use super::recurrence::Recurrence;
use super::relation::Relation;
use super::reminders::{Lead, Leads};
use super::state::{Priority, Status};
use crate::ids::{ChecklistItemId, CommentId, SeriesId, TaskId, TeamId, UserId};
use crate::macros::events;
use crate::values::{Change, ChecklistText, CommentText, Description, Labels, Location, Rank, Reason, Title, mentions};

events!(
    /// Something that happened to a task.
    TaskEvent {
        /// It was reported.
        TaskCreated = 2,
        /// It was brought in from elsewhere.
        TaskImported = 1,
        /// What is to be done was put in other words.
        TaskEdited = 2,
        /// It was given to somebody.
        TaskAssigned = 1,
        /// It was taken from somebody and given to nobody.
        TaskUnassigned = 1,
        /// It went to another team, or to none.
        TaskTeamChanged = 1,
        /// Its hurry changed.
        TaskPriorityChanged = 1,
        /// It went on, or back.
        TaskStatusChanged = 1,
        /// It got a deadline, or another one.
        TaskDeadlineSet = 1,
        /// It has no deadline any more.
        TaskDeadlineCleared = 1,
        /// It waits for something outside.
        TaskHeld = 1,
        /// It waits no longer.
        TaskResumed = 1,
        /// Somebody said something on it.
        TaskCommented = 2,
        /// Something was put on its checklist.
        TaskChecklistItemAdded = 1,
        /// An item of its checklist was put in other words.
        TaskChecklistItemReworded = 1,
        /// An item of its checklist was ticked: it is done.
        TaskChecklistItemTicked = 1,
        /// An item of its checklist is not done after all.
        TaskChecklistItemUnticked = 1,
        /// An item of its checklist went to another place.
        TaskChecklistItemMoved = 1,
        /// An item was taken off its checklist.
        TaskChecklistItemRemoved = 1,
        /// Somebody is told of what happens to it from now on.
        TaskWatched = 1,
        /// Somebody is told of it no longer.
        TaskUnwatched = 1,
        /// It was put at another place of the order that people make by hand.
        TaskRanked = 1,
        /// It stands to another task in some way.
        TaskRelated = 1,
        /// It does not stand so to another task any more.
        TaskUnrelated = 1,
        /// It was deleted; it can be restored.
        TaskDeleted = 1,
        /// It was restored.
        TaskRestored = 1,
        /// Another one comes after it is done, by a rule.
        TaskRecurrenceSet = 1,
        /// None comes after it.
        TaskRecurrenceCleared = 1,
        /// It began with a checklist, of which nothing is ticked.
        TaskChecklistBegun = 1,
        /// It is to be reminded of its deadline at other times than before.
        TaskRemindersSet = 1,
        /// It was time to remind of its deadline.
        TaskReminderFired = 1,
    }
);

/// A task was reported. It begins as `todo`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskCreated {
    /// What is to be done, in a line.
    pub title: Title,
    /// What is to be done, in Markdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    /// How much hurry there is.
    pub priority: Priority,
    /// What it is grouped by.
    #[serde(default)]
    pub labels: Labels,
    /// Where it is to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// The team that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamId>,
    /// Who is to do it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<UserId>,
    /// Who reported it; nobody when Muster made it itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reporter: Option<UserId>,
    /// When it is to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<DateTime<Utc>>,
    /// Whom the description speaks to; since schema 2.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<UserId>,
    /// When it was created.
    pub at: DateTime<Utc>,
}

impl From<CreateTask> for TaskCreated {
    fn from(task: CreateTask) -> Self {
        let CreateTask { title, description, priority, labels, location, team, assignee, reporter, deadline, at } =
            task;
        let mentions = description.as_ref().map(|text| mentions(text.as_str())).unwrap_or_default();
        Self { title, description, priority, labels, location, team, assignee, reporter, deadline, mentions, at }
    }
}

/// A task was brought in from a file of another program. Its history here begins with this.
///
/// What was known of it there are facts that somebody else recorded: they begin no clock and count in no figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskImported {
    /// What is to be done, in a line.
    pub title: Title,
    /// What is to be done, in Markdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    /// How far it had come.
    pub status: Status,
    /// How much hurry there is.
    pub priority: Priority,
    /// What it is grouped by.
    #[serde(default)]
    pub labels: Labels,
    /// Where it is to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// The team that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamId>,
    /// Who is to do it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<UserId>,
    /// Who brought it in; nobody when an operator did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reporter: Option<UserId>,
    /// When it is to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<DateTime<Utc>>,
    /// What was known of it where it comes from.
    pub imported: ImportedFacts,
    /// When it was brought in.
    pub at: DateTime<Utc>,
}

impl TaskImported {
    /// The task, as if it were a new one.
    pub(super) fn task(&self) -> CreateTask {
        CreateTask {
            title: self.title.clone(),
            description: self.description.clone(),
            priority: self.priority,
            labels: self.labels.clone(),
            location: self.location.clone(),
            team: self.team,
            assignee: self.assignee,
            reporter: self.reporter,
            deadline: self.deadline,
            at: self.at,
        }
    }
}

/// A task was put in other words. Each field that is there changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskEdited {
    /// The title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Change<Title>>,
    /// The description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Change<Option<Description>>>,
    /// The labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Change<Labels>>,
    /// The location.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Change<Option<Location>>>,
    /// Whom the description speaks to and did not before; since schema 2.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<UserId>,
}

/// A task was given to somebody.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskAssigned {
    /// Who had it before.
    pub from: Option<UserId>,
    /// Who has it now.
    pub to: UserId,
}

/// A task was taken from somebody.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskUnassigned {
    /// Who had it before.
    pub from: UserId,
}

/// A task went to another team.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskTeamChanged {
    /// Whose it was before.
    pub from: Option<TeamId>,
    /// Whose it is now.
    pub to: Option<TeamId>,
}

/// A task's hurry changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskPriorityChanged {
    /// Before.
    pub from: Priority,
    /// After.
    pub to: Priority,
}

/// A task went on, or back. From `completed` to anything else it was reopened, and a new cycle began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskStatusChanged {
    /// Before.
    pub from: Status,
    /// After.
    pub to: Status,
    /// When.
    pub at: DateTime<Utc>,
}

/// A task got a deadline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskDeadlineSet {
    /// The deadline before.
    pub from: Option<DateTime<Utc>>,
    /// The deadline now.
    pub to: DateTime<Utc>,
}

/// A task lost its deadline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskDeadlineCleared {
    /// The deadline before.
    pub from: DateTime<Utc>,
}

/// A task waits for something outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskHeld {
    /// What it waits for.
    pub reason: Reason,
    /// Since when.
    pub at: DateTime<Utc>,
}

/// A task waits no longer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskResumed {
    /// Why it goes on.
    pub reason: Reason,
    /// Since when it had waited.
    pub held_since: DateTime<Utc>,
    /// When.
    pub at: DateTime<Utc>,
}

/// Somebody said something on a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskCommented {
    /// The comment's id.
    pub comment_id: CommentId,
    /// What was said, in Markdown.
    pub text: CommentText,
    /// Whom it speaks to; since schema 2.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<UserId>,
    /// What was known of it where it comes from, if it came with an imported task; since schema 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<ImportedCommentFacts>,
}

/// Something was put on a task's checklist. It is not done yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskChecklistItemAdded {
    /// The item's id.
    pub item_id: ChecklistItemId,
    /// What is to be done.
    pub text: ChecklistText,
    /// Where it stands, from 1 on.
    pub place: u32,
}

/// An item of a task's checklist was put in other words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskChecklistItemReworded {
    /// The item's id.
    pub item_id: ChecklistItemId,
    /// Before.
    pub from: ChecklistText,
    /// After.
    pub to: ChecklistText,
}

/// An item of a task's checklist was ticked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskChecklistItemTicked {
    /// The item's id.
    pub item_id: ChecklistItemId,
    /// What is done.
    pub text: ChecklistText,
}

/// An item of a task's checklist is not done after all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskChecklistItemUnticked {
    /// The item's id.
    pub item_id: ChecklistItemId,
    /// What is not done.
    pub text: ChecklistText,
}

/// An item of a task's checklist went to another place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskChecklistItemMoved {
    /// The item's id.
    pub item_id: ChecklistItemId,
    /// What it says.
    pub text: ChecklistText,
    /// Where it stood, from 1 on.
    pub from: u32,
    /// Where it stands.
    pub to: u32,
}

/// An item was taken off a task's checklist.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskChecklistItemRemoved {
    /// The item's id.
    pub item_id: ChecklistItemId,
    /// What it said.
    pub text: ChecklistText,
    /// Whether it was done.
    pub done: bool,
}

/// Somebody watches a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskWatched {
    /// Who.
    pub user_id: UserId,
}

/// Somebody watches a task no longer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskUnwatched {
    /// Who.
    pub user_id: UserId,
}

/// A task was put at another place. The places of tasks are one order, of which each list and board shows a part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskRanked {
    /// Its place before.
    pub from: Rank,
    /// Its place now.
    pub to: Rank,
}

/// A task stands to another one in some way. What the other one is to it follows from this.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskRelated {
    /// How.
    pub relation: Relation,
    /// To which.
    pub to: TaskId,
}

/// A task does not stand so to another one any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskUnrelated {
    /// How it stood.
    pub relation: Relation,
    /// To which.
    pub to: TaskId,
}

/// A task was deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskDeleted {
    /// When.
    pub at: DateTime<Utc>,
}

/// A task was restored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskRestored {
    /// When it had been deleted.
    pub deleted_at: DateTime<Utc>,
}

/// A task got a rule by which others come after it, or another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskRecurrenceSet {
    /// The rule before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Recurrence>,
    /// The rule now.
    pub to: Recurrence,
    /// The series that the task is in.
    pub series: SeriesId,
    /// Which one of the series it is; the first has 1.
    pub number: u32,
    /// The task's day by the rule.
    pub day: NaiveDate,
}

/// A task lost the rule by which others come after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskRecurrenceCleared {
    /// The rule before.
    pub from: Recurrence,
}

/// A task is to be reminded of its deadline at other times than before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskRemindersSet {
    /// How long before the deadline, until now.
    pub from: Leads,
    /// How long before the deadline, from now on.
    pub to: Leads,
    /// Who is reminded beside whoever is to do the task: the person that has set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserId>,
}

/// It was time to remind of a task's deadline. It happens once for each deadline and each time before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskReminderFired {
    /// How long before the deadline it was to be.
    pub lead: Lead,
    /// The deadline.
    pub deadline: DateTime<Utc>,
    /// Who is to be reminded.
    pub recipients: Vec<UserId>,
    /// When it was.
    pub at: DateTime<Utc>,
}

/// A task began with a checklist: that of the one before it in its series, or the one that it had where it was brought in from. Nothing
/// of it is ticked yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskChecklistBegun {
    /// The items, in order.
    pub items: Vec<BegunChecklistItem>,
}

/// An item that a checklist began with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BegunChecklistItem {
    /// The item's id.
    pub item_id: ChecklistItemId,
    /// What is to be done.
    pub text: ChecklistText,
}
