//! The rules of a task.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{Verdict, changes, edits, in_order, was};
use crate::oracle::attribute::text;
use crate::oracle::log::Event;

/// What a task has that was created without a word on labels.
static NO_LABELS: LazyLock<Value> = LazyLock::new(|| json!({ "L": [] }));

/// What is known of a task.
pub(in crate::oracle) struct Task<'a> {
    pub(in crate::oracle) title: Option<&'a Value>,
    pub(in crate::oracle) description: Option<&'a Value>,
    pub(in crate::oracle) priority: Option<&'a Value>,
    pub(in crate::oracle) status: &'a str,
    pub(in crate::oracle) labels: Option<&'a Value>,
    pub(in crate::oracle) location: Option<&'a Value>,
    pub(in crate::oracle) team: Option<&'a Value>,
    pub(in crate::oracle) assignee: Option<&'a Value>,
    pub(in crate::oracle) reporter: Option<&'a Value>,
    pub(in crate::oracle) deadline: Option<&'a Value>,
    /// Why it waits, and since when.
    pub(in crate::oracle) hold: Option<(&'a Value, &'a Value)>,
    pub(in crate::oracle) started_at: Option<&'a Value>,
    pub(in crate::oracle) completed_at: Option<&'a Value>,
    pub(in crate::oracle) reopened: u64,
    pub(in crate::oracle) comments: u64,
    pub(in crate::oracle) created_at: &'a Value,
    pub(in crate::oracle) deleted_at: Option<&'a Value>,
    /// What was known of it where it comes from.
    pub(in crate::oracle) imported: Option<&'a Value>,
}

/// Where an event of an update stands among the others.
fn rank(kind: &str) -> Option<u8> {
    Some(match kind {
        "TaskEdited" => 0,
        "TaskTeamChanged" => 1,
        "TaskAssigned" | "TaskUnassigned" => 2,
        "TaskPriorityChanged" => 3,
        "TaskDeadlineSet" | "TaskDeadlineCleared" => 4,
        "TaskStatusChanged" => 5,
        _ => return None,
    })
}

impl<'a> Task<'a> {
    pub(super) fn new(created: &Event<'a>) -> Option<Self> {
        Some(Self {
            title: created.field("title"),
            description: created.field("description"),
            priority: created.field("priority"),
            status: "todo",
            labels: created.field("labels").or(Some(&NO_LABELS)),
            location: created.field("location"),
            team: created.field("team"),
            assignee: created.field("assignee"),
            reporter: created.field("reporter"),
            deadline: created.field("deadline"),
            hold: None,
            started_at: None,
            completed_at: None,
            reopened: 0,
            comments: 0,
            created_at: created.field("at")?,
            deleted_at: None,
            imported: None,
        })
    }

    /// One that was brought in: as far as it had come, which counts from then.
    pub(super) fn imported(imported: &Event<'a>) -> Option<Self> {
        let (status, at) = (imported.field("status").and_then(text)?, imported.field("at"));
        Some(Self {
            status,
            started_at: at.filter(|_| status == "in_progress"),
            completed_at: at.filter(|_| status == "completed"),
            imported: imported.field("imported"),
            ..Self::new(imported)?
        })
    }

    /// Whether one command can have made these events.
    pub(super) fn allows(&self, events: &[Event<'a>]) -> Verdict {
        if events.len() > 1 {
            in_order(events, rank)?;
        }
        let moves = events.iter().any(|event| event.kind == "TaskStatusChanged");
        events.iter().try_for_each(|event| self.allows_one(event, moves))
    }

    fn allows_one(&self, event: &Event<'a>, moves: bool) -> Verdict {
        let (from, to) = (event.field("from"), event.field("to"));
        let kind = event.kind;
        if self.deleted_at.is_some() != (kind == "TaskRestored") {
            let is = if self.deleted_at.is_some() { "deleted" } else { "not deleted" };
            return Err(format!("{kind} of a task that is {is}"));
        }
        let settled = self.status == "completed" && !moves;
        if settled && matches!(rank(kind), Some(2..=4)) {
            return Err(format!("{kind} of a task that is completed and not reopened"));
        }
        match kind {
            "TaskEdited" => edits(
                event,
                &[
                    ("title", self.title),
                    ("description", self.description),
                    ("labels", self.labels),
                    ("location", self.location),
                ],
            ),
            "TaskTeamChanged" => changes("team", from, to, self.team),
            "TaskAssigned" | "TaskUnassigned" => changes("assignee", from, to, self.assignee),
            "TaskPriorityChanged" => changes("priority", from, to, self.priority),
            "TaskDeadlineSet" | "TaskDeadlineCleared" => changes("deadline", from, to, self.deadline),
            "TaskStatusChanged" => self.allows_move(from.and_then(text), to.and_then(text)),
            "TaskHeld" if self.status == "completed" => Err("TaskHeld of a completed task".to_owned()),
            "TaskHeld" if self.hold.is_some() => Err("TaskHeld of a task that is on hold".to_owned()),
            "TaskResumed" => match self.hold {
                None => Err("TaskResumed of a task that is not on hold".to_owned()),
                Some((_, since)) => was("held_since", event.field("held_since"), Some(since)),
            },
            "TaskRestored" => was("deleted_at", event.field("deleted_at"), self.deleted_at),
            "TaskHeld" | "TaskCommented" | "TaskDeleted" => Ok(()),
            _ => Err(format!("{kind} in the history of a task")),
        }
    }

    fn allows_move(&self, from: Option<&str>, to: Option<&str>) -> Verdict {
        if from != Some(self.status) {
            return Err(format!("status was {:?}, and the event says {from:?}", self.status));
        }
        if self.hold.is_some() {
            return Err("TaskStatusChanged of a task that is on hold".to_owned());
        }
        match (self.status, to) {
            ("todo" | "completed", Some("in_progress"))
            | ("in_progress", Some("todo" | "completed"))
            | ("completed", Some("todo")) => Ok(()),
            _ => Err(format!("a task goes from {:?} to {to:?}", self.status)),
        }
    }

    pub(super) fn evolve(&mut self, event: &Event<'a>) {
        let (at, to) = (event.field("at"), event.field("to"));
        match event.kind {
            "TaskEdited" => {
                for (name, property) in [
                    ("title", &mut self.title),
                    ("description", &mut self.description),
                    ("labels", &mut self.labels),
                    ("location", &mut self.location),
                ] {
                    if let Some((_, to)) = event.change(name) {
                        *property = to;
                    }
                }
            }
            "TaskTeamChanged" => self.team = to,
            "TaskAssigned" | "TaskUnassigned" => self.assignee = to,
            "TaskPriorityChanged" => self.priority = to,
            "TaskDeadlineSet" | "TaskDeadlineCleared" => self.deadline = to,
            "TaskStatusChanged" => self.goes(to.and_then(text).unwrap_or_default(), at),
            "TaskHeld" => self.hold = event.field("reason").zip(at),
            "TaskResumed" => self.hold = None,
            "TaskCommented" => self.comments += 1,
            "TaskDeleted" => self.deleted_at = at,
            "TaskRestored" => self.deleted_at = None,
            _ => {}
        }
    }

    /// Reopening begins a new cycle, whose start and end are not known yet.
    fn goes(&mut self, to: &'a str, at: Option<&'a Value>) {
        if self.status == "completed" {
            self.reopened += 1;
            self.started_at = None;
            self.completed_at = None;
        }
        match to {
            "todo" => self.started_at = None,
            "in_progress" => self.started_at = at,
            _ => self.completed_at = at,
        }
        self.status = to;
    }
}
