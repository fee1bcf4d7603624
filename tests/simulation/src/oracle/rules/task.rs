//! The rules of a task.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::reactions::{self, Recurrence, Reminders};
use super::{Verdict, changes, edits, in_order, was};
use crate::oracle::attribute::{list, map, number, same, same_or_none, text};
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
    /// What is to be ticked off: id, words, whether it is done.
    pub(in crate::oracle) checklist: Vec<(&'a Value, &'a Value, bool)>,
    pub(in crate::oracle) watchers: BTreeSet<&'a str>,
    pub(in crate::oracle) rank: String,
    /// To which tasks it stands in which way.
    pub(in crate::oracle) relations: BTreeSet<(&'a str, &'a str)>,
    pub(in crate::oracle) created_at: &'a Value,
    pub(in crate::oracle) deleted_at: Option<&'a Value>,
    pub(in crate::oracle) recurrence: Option<Recurrence<'a>>,
    pub(in crate::oracle) reminders: Reminders<'a>,
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
        "TaskChecklistItemReworded" => 10,
        "TaskUnrelated" => 20,
        "TaskRelated" => 21,
        "TaskChecklistItemTicked" | "TaskChecklistItemUnticked" => 11,
        "TaskChecklistItemMoved" => 12,
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
            checklist: Vec::new(),
            watchers: BTreeSet::new(),
            relations: BTreeSet::new(),
            rank: created.field("at").and_then(text).map(rank_of_time)?,
            created_at: created.field("at")?,
            deleted_at: None,
            recurrence: None,
            reminders: Reminders::none(),
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

    /// When the next reminder is due, if one is to come.
    pub(in crate::oracle) fn next_reminder(&self) -> Option<DateTime<Utc>> {
        let reminds = self.deleted_at.is_none() && self.status != "completed";
        self.deadline.filter(|_| reminds).and_then(|deadline| self.reminders.next(deadline))
    }

    /// Whether one command can have made these events.
    pub(super) fn allows(&self, events: &[Event<'a>]) -> Verdict {
        if events.iter().all(|event| event.kind == "TaskReminderFired") {
            return self.reminders.allow(events, self);
        }
        if events.len() > 1 {
            in_order(events, rank)?;
            let about = |event: &Event<'_>| rank(event.kind).map(|rank| rank / 10);
            if events.iter().any(|event| about(event) != about(&events[0])) {
                return Err("a change of one thing comes with a change of another".to_owned());
            }
            let relation = |event: &Event<'_>| event.field("relation").and_then(text).map(str::to_owned);
            if about(&events[0]) == Some(2) && relation(&events[0]) != relation(&events[1]) {
                return Err("one relation takes the place of another".to_owned());
            }
        }
        let moves = events.iter().any(|event| event.kind == "TaskStatusChanged");
        let replaces = events.len() > 1;
        events.iter().try_for_each(|event| self.allows_one(event, moves, replaces))
    }

    fn allows_one(&self, event: &Event<'a>, moves: bool, replaces: bool) -> Verdict {
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
            "TaskEdited" => {
                edits(
                    event,
                    &[
                        ("title", self.title),
                        ("description", self.description),
                        ("labels", self.labels),
                        ("location", self.location),
                    ],
                )?;
                let description = event.change("description").and_then(|(_, to)| to);
                speaks_to(event, &named(description), &named(self.description))
            }
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
            "TaskRelated" | "TaskUnrelated" => {
                let (Some(relation), Some(to)) = (event.field("relation").and_then(text), to.and_then(text)) else {
                    return Err(format!("{kind} does not say how and to which"));
                };
                if !["blocked_by", "child_of", "duplicate_of"].contains(&relation) {
                    return Err(format!("{relation} is no relation"));
                }
                let stand = self.relations.iter().filter(|(known, _)| *known == relation).count();
                let stands = self.relations.contains(&(relation, to));
                let room = if relation == "blocked_by" { stand < 40 } else { (stand == 1) == replaces };
                match (kind, stands) {
                    ("TaskRelated", false) if room => Ok(()),
                    ("TaskUnrelated", true) if relation != "blocked_by" || !replaces => Ok(()),
                    _ => Err(format!("{kind} {relation} {to}, where it stands: {stands}, among {stand}")),
                }
            }
            "TaskRanked" => {
                let (from, to) = (from.and_then(text), to.and_then(text));
                let is_rank = |rank: &str| {
                    (1..=200).contains(&rank.len())
                        && rank.chars().all(|digit| digit.is_ascii_alphanumeric())
                        && !rank.ends_with('0')
                };
                if from == Some(&self.rank) && to != from && to.is_some_and(is_rank) {
                    return Ok(());
                }
                Err(format!("the rank was {:?}, and the event says {from:?} and {to:?}", self.rank))
            }
            "TaskCommented" if event.field("imported").is_some() => {
                Err("a comment was brought in without its task".to_owned())
            }
            "TaskCommented" => speaks_to(event, &named(event.field("text")), &BTreeSet::new()),
            "TaskWatched" | "TaskUnwatched" => {
                let watches = event.field("user_id").and_then(text).is_some_and(|user| self.watchers.contains(user));
                if watches == (kind == "TaskWatched") {
                    return Err(format!("{kind} of somebody who watches: {watches}"));
                }
                let full = kind == "TaskWatched" && self.watchers.len() >= 25;
                if full { Err("more people watch than may".to_owned()) } else { Ok(()) }
            }
            "TaskChecklistItemAdded" => {
                let place = event.field("place").and_then(number);
                if self.item(event).is_some() || self.checklist.len() >= 100 {
                    return Err("an item that is there, or one too many".to_owned());
                }
                let fits = place.is_some_and(|place| (1..=self.checklist.len() as u64 + 1).contains(&place));
                if fits { Ok(()) } else { Err(format!("an item cannot be added at {place:?}")) }
            }
            kind if kind.starts_with("TaskChecklistItem") => self.allows_item(event),
            "TaskHeld" | "TaskDeleted" => Ok(()),
            "TaskRecurrenceSet" | "TaskRecurrenceCleared" => reactions::allows(self, event),
            "TaskRemindersSet" => changes("reminders", from, to, Some(self.reminders.leads)),
            _ => Err(format!("{kind} in the history of a task")),
        }
    }

    /// The item that the event is about, and where it stands: from 1 on.
    fn item(&self, event: &Event<'_>) -> Option<(u64, &(&'a Value, &'a Value, bool))> {
        let id = event.field("item_id")?;
        (1..).zip(&self.checklist).find(|(_, (known, ..))| same(known, id))
    }

    /// Whether the event can happen to an item that is there. The events of one commit come after each other, and what one says
    /// of the item's words is as the one before left them.
    fn allows_item(&self, event: &Event<'a>) -> Verdict {
        let kind = event.kind;
        let Some((place, (_, words, done))) = self.item(event) else {
            return Err(format!("{kind} of an item that is not there"));
        };
        let (from, to) = (event.field("from"), event.field("to"));
        match kind {
            "TaskChecklistItemReworded" => changes("text", from, to, Some(words)),
            "TaskChecklistItemTicked" if *done => Err("an item that is done is ticked".to_owned()),
            "TaskChecklistItemUnticked" if !*done => Err("an item that is not done is unticked".to_owned()),
            "TaskChecklistItemMoved" => {
                let (from, to) = (from.and_then(number), to.and_then(number));
                let places = 1..=self.checklist.len() as u64;
                let moves = from == Some(place) && to != from && to.is_some_and(|to| places.contains(&to));
                if moves { Ok(()) } else { Err(format!("an item at {place} goes from {from:?} to {to:?}")) }
            }
            "TaskChecklistItemRemoved" => {
                let said = event.field("done");
                was("text", event.field("text"), Some(words))?;
                was("done", said, Some(&json!({ "BOOL": done })))
            }
            _ => Ok(()),
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
            "TaskWatched" => self.watchers.extend(event.field("user_id").and_then(text)),
            "TaskUnwatched" => {
                event.field("user_id").and_then(text).map(|user| self.watchers.remove(user));
            }
            kind if kind.starts_with("TaskChecklistItem") => self.evolve_item(event),
            "TaskRanked" => to.and_then(text).unwrap_or_default().clone_into(&mut self.rank),
            "TaskRelated" | "TaskUnrelated" => {
                if let Some(relation) = event.field("relation").and_then(text).zip(to.and_then(text)) {
                    if event.kind == "TaskRelated" {
                        self.relations.insert(relation);
                    } else {
                        self.relations.remove(&relation);
                    }
                }
            }
            "TaskDeleted" => self.deleted_at = at,
            "TaskRestored" => self.deleted_at = None,
            "TaskRecurrenceSet" => self.recurrence = Recurrence::new(event),
            "TaskRecurrenceCleared" => self.recurrence = None,
            "TaskChecklistBegun" => {
                let items = event.field("items").and_then(list).unwrap_or_default().iter().filter_map(map);
                let item =
                    |item: &'a serde_json::Map<String, Value>| Some((item.get("item_id")?, item.get("text")?, false));
                self.checklist = items.filter_map(item).collect();
            }
            "TaskRemindersSet" | "TaskReminderFired" => self.reminders.evolve(event),
            _ => {}
        }
    }

    fn evolve_item(&mut self, event: &Event<'a>) {
        let place = |name: &str| event.field(name).and_then(number).and_then(|place| usize::try_from(place).ok());
        let at = self.item(event).and_then(|(place, _)| usize::try_from(place).ok());
        match (event.kind, at, event.field("item_id").zip(event.field("text"))) {
            ("TaskChecklistItemAdded", None, Some((id, words))) => {
                let at = place("place").unwrap_or(1).clamp(1, self.checklist.len() + 1);
                self.checklist.insert(at - 1, (id, words, false));
            }
            ("TaskChecklistItemReworded", Some(at), _) => {
                if let Some(to) = event.field("to") {
                    self.checklist[at - 1].1 = to;
                }
            }
            ("TaskChecklistItemTicked" | "TaskChecklistItemUnticked", Some(at), _) => {
                self.checklist[at - 1].2 = event.kind == "TaskChecklistItemTicked";
            }
            ("TaskChecklistItemMoved", Some(at), _) => {
                let item = self.checklist.remove(at - 1);
                let to = place("to").unwrap_or(1).clamp(1, self.checklist.len() + 1);
                self.checklist.insert(to - 1, item);
            }
            ("TaskChecklistItemRemoved", Some(at), _) => {
                self.checklist.remove(at - 1);
            }
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

/// Whether a task may be brought in by these events: itself, what it is a part of, its checklist, what of it is done, what was said.
pub(super) fn brought_in(events: &[Event<'_>]) -> Verdict {
    let place = |kind: &str| match kind {
        "TaskImported" => Some(0),
        "TaskRelated" => Some(1),
        "TaskChecklistBegun" => Some(2),
        "TaskChecklistItemTicked" => Some(3),
        "TaskCommented" => Some(4),
        _ => None,
    };
    let mut before = None;
    for Event { kind, .. } in events {
        let place = place(kind).ok_or_else(|| format!("{kind} does not come with what is brought in"))?;
        if before.is_some_and(|before| before > place || (before == place && place < 3)) {
            return Err(format!("{kind} is not in its place in what is brought in"));
        }
        before = Some(place);
    }
    let begun =
        events.iter().filter(|event| event.kind == "TaskChecklistBegun").filter_map(|event| event.field("items"));
    // Each is ticked once at most.
    let mut items: Vec<_> = begun.filter_map(list).flatten().filter_map(map).collect();
    if items.len() > 100 {
        return Err("a checklist with too many items was brought in".to_owned());
    }
    for event in events {
        let (id, words) = (event.field("item_id"), event.field("text"));
        match event.kind {
            "TaskRelated" if event.field("relation").and_then(text) != Some("child_of") => {
                return Err("what is brought in is a part of another, or stands to none".to_owned());
            }
            "TaskChecklistItemTicked" => {
                let is = |item: &&Map<String, Value>| {
                    same_or_none(item.get("item_id"), id) && same_or_none(item.get("text"), words)
                };
                let at = items.iter().position(is).ok_or("an item that is not there, or is done, is ticked")?;
                items.remove(at);
            }
            "TaskCommented" if event.field("imported").is_none() => {
                return Err("a comment that was brought in does not say so".to_owned());
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whom a text speaks to: what stands between `@[` and `]` and is a UUID as one is written.
fn named(words: Option<&Value>) -> BTreeSet<String> {
    let Some(words) = words.and_then(text) else { return BTreeSet::new() };
    let after = words.split("@[").skip(1).filter_map(|rest| rest.split_once(']'));
    let is_id = |id: &str| {
        let groups: Vec<usize> = id.split('-').map(str::len).collect();
        groups == [8, 4, 4, 4, 12] && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
    };
    after.filter(|(id, _)| is_id(id)).map(|(id, _)| id.to_lowercase()).collect()
}

/// The event says whom its text speaks to that the one before did not: each once, sorted; nothing when it is nobody.
fn speaks_to(event: &Event<'_>, to: &BTreeSet<String>, before: &BTreeSet<String>) -> Verdict {
    let Some(said) = event.field("mentions") else {
        // Before schema 2 nobody was spoken to.
        let silent = event.schema == 1 || to.is_subset(before);
        return if silent { Ok(()) } else { Err(format!("{} does not say whom it speaks to", event.kind)) };
    };
    let said: Vec<&str> = list(said).unwrap_or_default().iter().filter_map(text).collect();
    let new: Vec<&str> = to.difference(before).map(String::as_str).collect();
    if !said.is_empty() && said == new {
        Ok(())
    } else {
        Err(format!("{} speaks to {new:?}, and says {said:?}", event.kind))
    }
}

/// Where a task stands that was never moved: the milliseconds of its creation in eight digits to the base of 62, and the middle one.
fn rank_of_time(at: &str) -> String {
    let millis = DateTime::parse_from_rfc3339(at).map_or(0, |at| at.timestamp_millis());
    let digit = |place: u32| {
        let digit = u8::try_from(millis.max(0) / 62_i64.pow(place) % 62).unwrap_or(0);
        char::from(match digit {
            0..=9 => b'0' + digit,
            10..=35 => b'A' + digit - 10,
            _ => b'a' + digit - 36,
        })
    };
    (0..8).rev().map(digit).chain(['V']).collect()
}
