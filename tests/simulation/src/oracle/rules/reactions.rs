//! What comes after a task, and what reminds of its deadline.

use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::task::Task;
use super::{Verdict, was};
use crate::oracle::attribute::{list, number, same, same_or_none, text};
use crate::oracle::log::Event;

/// What reminds of a deadline of which nobody has said anything.
static NO_LEADS: LazyLock<Value> = LazyLock::new(|| json!({ "L": [] }));

/// The rule by which another task comes after one, and its place among those.
pub(in crate::oracle) struct Recurrence<'a> {
    pub(in crate::oracle) rule: &'a Value,
    pub(in crate::oracle) series: &'a Value,
    pub(in crate::oracle) number: u64,
    pub(in crate::oracle) day: &'a Value,
}

impl<'a> Recurrence<'a> {
    pub(super) fn new(set: &Event<'a>) -> Option<Self> {
        Some(Self {
            rule: set.field("to")?,
            series: set.field("series")?,
            number: set.field("number").and_then(number)?,
            day: set.field("day")?,
        })
    }
}

/// What a rule that is set or cleared must be like: another one than before, or the same from another day on.
pub(super) fn allows(task: &Task<'_>, event: &Event<'_>) -> Verdict {
    let (to, day, before) = (event.field("to"), event.field("day"), task.recurrence.as_ref());
    was("recurrence", event.field("from"), before.map(|before| before.rule))?;
    if same_or_none(to, before.map(|before| before.rule)) && same_or_none(day, before.map(|before| before.day)) {
        return Err("recurrence does not change".to_owned());
    }
    if event.kind == "TaskRecurrenceCleared" {
        return Ok(());
    }
    if task.status == "completed" {
        return Err("TaskRecurrenceSet of a task that is completed".to_owned());
    }
    let place = event.field("number").and_then(number);
    match &task.recurrence {
        None if place == Some(1) => Ok(()),
        None => Err(format!("the first rule of a task makes it number {place:?}")),
        Some(before) if place == Some(before.number) => was("series", event.field("series"), Some(before.series)),
        Some(before) => Err(format!("another rule makes number {} number {place:?}", before.number)),
    }
}

/// What reminds of a deadline, and has.
pub(in crate::oracle) struct Reminders<'a> {
    pub(in crate::oracle) leads: &'a Value,
    pub(in crate::oracle) set_by: Option<&'a Value>,
    /// Deadlines, and how long before.
    pub(in crate::oracle) fired: Vec<(&'a Value, &'a Value)>,
}

/// How long before a deadline: days, hours and minutes.
fn before(lead: &Value) -> Option<TimeDelta> {
    let (days, clock) = text(lead)?.strip_prefix('P')?.split_once('T').unwrap_or((text(lead)?.strip_prefix('P')?, ""));
    let part = |text: &str, unit: char| -> Option<(i64, usize)> {
        match text.find(unit) {
            Some(end) => Some((text[..end].parse().ok()?, end + 1)),
            None => Some((0, 0)),
        }
    };
    let (days, _) = part(days, 'D')?;
    let (hours, end) = part(clock, 'H')?;
    let (minutes, _) = part(&clock[end..], 'M')?;
    Some(TimeDelta::minutes((days * 24 + hours) * 60 + minutes))
}

fn time(value: &Value) -> Option<DateTime<Utc>> {
    text(value)?.parse().ok()
}

impl<'a> Reminders<'a> {
    pub(super) fn none() -> Self {
        Self { leads: &NO_LEADS, set_by: None, fired: Vec::new() }
    }

    /// When the next one is due, of a task with this deadline.
    pub(in crate::oracle) fn next(&self, deadline: &Value) -> Option<DateTime<Utc>> {
        let leads = list(self.leads).unwrap_or_default().iter();
        let to_come = leads.filter(|lead| !self.has_fired(deadline, lead));
        to_come.filter_map(|lead| time(deadline)?.checked_sub_signed(before(lead)?)).min()
    }

    fn has_fired(&self, deadline: &Value, lead: &Value) -> bool {
        self.fired.iter().any(|(of, fired)| same(of, deadline) && same(fired, lead))
    }

    /// Whether these reminders may fire together.
    pub(super) fn allow(&self, events: &[Event<'a>], task: &Task<'a>) -> Verdict {
        if task.deleted_at.is_some() || task.status == "completed" {
            return Err("TaskReminderFired of a task that is deleted or completed".to_owned());
        }
        let mut leads: Vec<&Value> = Vec::new();
        for event in events {
            was("deadline", event.field("deadline"), task.deadline)?;
            let (Some(deadline), Some(lead), Some(at)) = (task.deadline, event.field("lead"), event.field("at")) else {
                return Err("TaskReminderFired of no deadline".to_owned());
            };
            if !list(self.leads).unwrap_or_default().iter().any(|known| same(known, lead)) {
                return Err("TaskReminderFired that nobody has set".to_owned());
            }
            if self.has_fired(deadline, lead) || leads.iter().any(|other| same(other, lead)) {
                return Err("TaskReminderFired twice".to_owned());
            }
            leads.push(lead);
            let due =
                time(deadline).zip(before(lead)).and_then(|(deadline, before)| deadline.checked_sub_signed(before));
            if due.is_none_or(|due| time(at).is_none_or(|at| at < due)) {
                return Err("TaskReminderFired too early".to_owned());
            }
            let told = event.field("recipients").and_then(list).unwrap_or_default();
            let wanted = [task.assignee, self.set_by];
            let all = wanted.iter().flatten().all(|person| told.iter().any(|one| same(one, person)));
            let only = told.iter().all(|one| wanted.iter().any(|person| same_or_none(Some(one), *person)));
            if !all || !only {
                return Err(
                    "TaskReminderFired for others than whoever is to do the task and whoever has set it".to_owned()
                );
            }
        }
        Ok(())
    }

    pub(super) fn evolve(&mut self, event: &Event<'a>) {
        if event.kind == "TaskRemindersSet" {
            self.leads = event.field("to").unwrap_or(&NO_LEADS);
            self.set_by = event.field("by");
        } else if let Some(fired) = event.field("deadline").zip(event.field("lead")) {
            self.fired.push(fired);
            let key = |(deadline, lead): &(&Value, &Value)| (time(deadline), before(lead));
            self.fired.sort_by_key(key);
        }
    }
}
