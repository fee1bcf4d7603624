//! What reminds of a task's deadline: how long before it, for whom, and of which deadline it has done so already.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};

use super::event::{TaskEvent, TaskReminderFired, TaskRemindersSet};
use super::state::{Status, TaskState};
use crate::ids::UserId;
use crate::values::{Change, Invalid, openapi};

/// How long before a deadline, in whole minutes: an ISO 8601 duration of days, hours and minutes, such as `PT1H` or `P1DT30M`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Lead(u32);

const DAY: u32 = 24 * 60;
/// What is said of text that is no such duration.
const FORM: Invalid =
    Invalid::Form("must be a duration of days, hours and minutes between PT1M and P366D, such as PT1H or P1D");
/// The same as a regular expression.
const PATTERN: &str = "^P(?=[0-9T])([0-9]{1,3}D)?(T(?=[0-9])([0-9]{1,4}H)?([0-9]{1,6}M)?)?$";
/// What it is, for the schemas.
const MEANING: &str = "How long before a deadline: an ISO 8601 duration of days, hours and minutes.";

impl Lead {
    /// The longest one, in minutes.
    const MAX: u32 = 366 * DAY;

    /// As a difference between two times.
    pub fn before(self) -> TimeDelta {
        TimeDelta::minutes(self.0.into())
    }
}

impl FromStr for Lead {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let rest = text.strip_prefix('P').ok_or(FORM)?;
        let (days, clock) = match rest.split_once('T') {
            Some((days, clock)) if !clock.is_empty() => (days, clock),
            Some(_) => return Err(FORM),
            None if rest.is_empty() => return Err(FORM),
            None => (rest, ""),
        };
        let (days, rest) = part(days, 'D')?;
        let (hours, clock) = part(clock, 'H')?;
        let (minutes, end) = part(clock, 'M')?;
        if !rest.is_empty() || !end.is_empty() {
            return Err(FORM);
        }
        let minutes = u64::from(days) * u64::from(DAY) + u64::from(hours) * 60 + u64::from(minutes);
        let minutes = u32::try_from(minutes).map_err(|_| FORM)?;
        if (1..=Self::MAX).contains(&minutes) { Ok(Self(minutes)) } else { Err(FORM) }
    }
}

/// The number before this letter, and what comes after it; nothing when the letter is not there.
fn part(text: &str, unit: char) -> Result<(u32, &str), Invalid> {
    let Some((number, rest)) = text.split_once(unit) else { return Ok((0, text)) };
    // `parse` alone would take a sign, too.
    let digits = (1..=6).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| number.parse().ok()).flatten();
    number.map(|number| (number, rest)).ok_or(FORM)
}

impl TryFrom<String> for Lead {
    type Error = Invalid;
    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<Lead> for String {
    fn from(lead: Lead) -> Self {
        lead.to_string()
    }
}

/// In the shortest form.
impl fmt::Display for Lead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, hours, minutes) = (self.0 / DAY, self.0 % DAY / 60, self.0 % 60);
        let shown = |number: u32, unit: char| if number == 0 { String::new() } else { format!("{number}{unit}") };
        let clock = format!("{}{}", shown(hours, 'H'), shown(minutes, 'M'));
        write!(f, "P{}{}{clock}", shown(days, 'D'), if clock.is_empty() { "" } else { "T" })
    }
}

openapi!(
    Lead,
    ObjectBuilder::new().schema_type(Type::String).description(Some(MEANING)).pattern(Some(PATTERN)).examples(["PT1H"])
);

impl JsonSchema for Lead {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Lead".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "description": MEANING })
    }
}

/// Some of them: a bounded set, the shortest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Lead>", into = "Vec<Lead>")]
pub struct Leads(BTreeSet<Lead>);

impl Leads {
    /// The most that a task may have.
    pub const MAX: usize = 10;

    /// Each of them, the shortest first.
    pub fn iter(&self) -> impl Iterator<Item = Lead> {
        self.0.iter().copied()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<Vec<Lead>> for Leads {
    type Error = Invalid;

    fn try_from(leads: Vec<Lead>) -> Result<Self, Invalid> {
        let leads: BTreeSet<_> = leads.into_iter().collect();
        if leads.len() > Self::MAX {
            return Err(Invalid::TooMany { max: Self::MAX, actual: leads.len() });
        }
        Ok(Self(leads))
    }
}

impl From<Leads> for Vec<Lead> {
    fn from(leads: Leads) -> Self {
        leads.0.into_iter().collect()
    }
}

openapi!(
    Leads,
    ArrayBuilder::new().items(<Lead as utoipa::PartialSchema>::schema()).max_items(Some(Leads::MAX)).unique_items(true)
);

impl JsonSchema for Leads {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Leads".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let lead = generator.subschema_for::<Lead>();
        schemars::json_schema!({ "type": "array", "items": lead, "maxItems": Leads::MAX, "uniqueItems": true })
    }
}

/// What reminds of a task's deadline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reminders {
    /// How long before it.
    pub leads: Leads,
    /// Whoever set that; nobody when a task has it from the one before in its series, or none.
    pub set_by: Option<UserId>,
    /// The deadlines, and how long before, that it has reminded of. So many are remembered, far more than a task has leads; what it has reminded
    /// of its present deadline is forgotten last.
    pub fired: BTreeSet<(DateTime<Utc>, Lead)>,
}

impl TaskState {
    /// When the next reminder is due; `None` while there is none to come.
    pub fn next_reminder(&self) -> Option<DateTime<Utc>> {
        self.reminders_to_come().map(|(_, at)| at).min()
    }

    /// What is still to be reminded of the present deadline, and when. A task that is done or deleted reminds of nothing; one that
    /// is on hold does, as its deadline does not wait with it.
    fn reminders_to_come(&self) -> impl Iterator<Item = (Lead, DateTime<Utc>)> {
        let reminds = self.status != Status::Completed && self.deleted_at.is_none();
        let deadline = self.deadline.filter(|_| reminds);
        self.reminders.leads.iter().filter_map(move |lead| {
            let deadline = deadline?;
            let at = deadline.checked_sub_signed(lead.before())?;
            (!self.reminders.fired.contains(&(deadline, lead))).then_some((lead, at))
        })
    }
}

/// Other reminders than before. Setting the same again changes nothing, whoever does it.
pub(super) fn set(task: &TaskState, leads: &Leads, by: Option<UserId>) -> Vec<TaskEvent> {
    let changed = Change::between(&task.reminders.leads, leads);
    changed.map(|Change { from, to }| TaskRemindersSet { from, to, by }.into()).into_iter().collect()
}

/// Reminds of what it is time for; of what it has reminded already it does not again.
pub(super) fn fire(task: &TaskState, at: DateTime<Utc>) -> Vec<TaskEvent> {
    let Some(deadline) = task.deadline else { return Vec::new() };
    let recipients: BTreeSet<UserId> = task.assignee.into_iter().chain(task.reminders.set_by).collect();
    let due = task.reminders_to_come().filter(|(_, moment)| *moment <= at);
    let fired = |(lead, _)| {
        let recipients = recipients.iter().copied().collect();
        TaskReminderFired { lead, deadline, recipients, at }.into()
    };
    due.map(fired).collect()
}

/// The reminders after they were set.
pub(super) fn evolve_set(task: &mut TaskState, set: &TaskRemindersSet) {
    task.reminders.leads = set.to.clone();
    task.reminders.set_by = set.by;
}

/// The reminders after one has fired.
pub(super) fn evolve_fired(task: &mut TaskState, fired: &TaskReminderFired) {
    let Reminders { leads, fired: remembered, .. } = &mut task.reminders;
    remembered.insert((fired.deadline, fired.lead));
    // A deadline may be moved to and fro for ever, and leads be changed under it. What is forgotten may fire again: so not what has
    // just fired, wherever the other deadlines lie, nor another lead that the task has.
    while remembered.len() > MAX_FIRED {
        let of_another = remembered.iter().find(|(deadline, _)| *deadline != fired.deadline);
        let not_set = || remembered.iter().find(|(_, lead)| *lead != fired.lead && !leads.0.contains(lead));
        let Some(forgotten) = of_another.or_else(not_set).copied() else { break };
        remembered.remove(&forgotten);
    }
}

/// How many are remembered at most.
const MAX_FIRED: usize = 20 * Leads::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lead_is_read_in_any_form_and_written_in_the_shortest() {
        for (text, shown) in [
            ("PT1H", "PT1H"),
            ("P1D", "P1D"),
            ("PT90M", "PT1H30M"),
            ("PT24H", "P1D"),
            ("P0DT1M", "PT1M"),
            ("P1DT2H3M", "P1DT2H3M"),
            ("P366D", "P366D"),
        ] {
            assert_eq!(text.parse::<Lead>().map(String::from), Ok(shown.to_owned()), "{text}");
        }
        for text in [
            "",
            "P",
            "PT",
            "P1DT",
            "1H",
            "PT0M",
            "P367D",
            "PT-1H",
            "PT+1H",
            "PT1.5H",
            "P1W",
            "P1M",
            "PT1S",
            "PT1M1H",
            "pt1h",
            "PT1H ",
            "PT9999999M",
        ] {
            assert_eq!(text.parse::<Lead>(), Err(FORM), "{text:?}");
        }
    }

    #[test]
    fn leads_are_a_bounded_set() {
        let lead = |minutes: usize| format!("PT{minutes}M").parse::<Lead>().unwrap();
        let twice = Leads::try_from(vec![lead(2), lead(1), lead(2)]).unwrap();
        assert_eq!(Vec::from(twice), vec![lead(1), lead(2)]);
        let many = Leads::try_from((1..=11).map(lead).collect::<Vec<_>>());
        assert_eq!(many, Err(Invalid::TooMany { max: 10, actual: 11 }));
    }
}
