//! The rules of the aggregates, written a second time: which commits are allowed in which state, and what becomes of it.

mod reactions;
mod task;
mod team;
mod user;

use serde_json::Value;

use super::attribute::{same, same_or_none, show};
use super::log::{Commit, Event};
use super::personal;

pub(super) use task::Task;
pub(super) use team::Team;
pub(super) use user::{User, reservation};

/// What is known of an aggregate.
pub(super) enum State<'a> {
    Task(Box<Task<'a>>),
    User(User<'a>),
    Team(Team<'a>),
}

/// Why a commit is not allowed.
type Verdict = Result<(), String>;

impl<'a> State<'a> {
    /// Whether a commit may stand where the aggregate is in this state: `None` before its first event.
    pub(super) fn allows(state: Option<&Self>, commit: &Commit<'a>) -> Verdict {
        for event in &commit.events {
            shape(event)?;
        }
        let kinds: Vec<&str> = commit.events.iter().map(|event| event.kind).collect();
        let (aggregate, _) = commit.aggregate_and_id();
        match (state, aggregate, &kinds[..]) {
            (None, "task", ["TaskImported", ..]) => task::brought_in(&commit.events),
            (None, "task", ["TaskCreated", rest @ ..]) if begins(rest) => Ok(()),
            (None, "user", ["UserRegistered"]) | (None, "team", ["TeamCreated"]) => Ok(()),
            (None, ..) => Err(format!("{kinds:?} cannot begin the history of a {aggregate}")),
            (Some(Self::Task(task)), ..) => task.allows(&commit.events),
            (Some(Self::User(user)), ..) => user.allows(&commit.events),
            (Some(Self::Team(team)), ..) => team.allows(&commit.events),
        }
    }

    /// The state after an event. What is not allowed there is passed over.
    pub(super) fn evolve(state: &mut Option<Self>, event: &Event<'a>) {
        match (&mut *state, event.kind) {
            (None, "TaskImported") => *state = Task::imported(event).map(|task| Self::Task(Box::new(task))),
            (None, "TaskCreated") => *state = Task::new(event).map(|task| Self::Task(Box::new(task))),
            (None, "UserRegistered") => *state = User::new(event).map(Self::User),
            (None, "TeamCreated") => *state = Team::new(event).map(Self::Team),
            (None, _) => {}
            (Some(Self::Task(task)), _) => task.evolve(event),
            (Some(Self::User(user)), _) => user.evolve(event),
            (Some(Self::Team(team)), _) => team.evolve(event),
        }
    }
}

/// Whether a task may begin with these events after its creation: none, or its place in a series and what it has of the one before.
fn begins(rest: &[&str]) -> bool {
    let mut may = ["TaskRecurrenceSet", "TaskChecklistBegun", "TaskRemindersSet"].into_iter();
    rest.first().is_none_or(|first| *first == "TaskRecurrenceSet")
        && rest.iter().all(|kind| may.any(|one| one == *kind))
}

/// An event has the fields of its type, all that it must have and no others.
fn shape(event: &Event<'_>) -> Verdict {
    let (must, may): (&[&str], &[&str]) = match event.kind {
        "TaskCreated" => (
            &["title", "priority", "at"],
            &["description", "labels", "location", "team", "assignee", "reporter", "deadline", "mentions"],
        ),
        "TaskImported" => (
            &["title", "status", "priority", "imported", "at"],
            &["description", "labels", "location", "team", "assignee", "reporter", "deadline"],
        ),
        "TaskEdited" => (&[], &["title", "description", "labels", "location", "mentions"]),
        "TaskAssigned"
        | "TaskDeadlineSet"
        | "UserEmailChanged"
        | "UserRoleChanged"
        | "UserNotificationPreferencesChanged"
        | "TaskPriorityChanged"
        | "TaskTeamChanged"
        | "TaskRanked" => (&["from", "to"], &[]),
        "TaskUnassigned" | "TaskDeadlineCleared" | "TaskRecurrenceCleared" => (&["from"], &[]),
        "TaskStatusChanged" => (&["from", "to", "at"], &[]),
        "TaskHeld" => (&["reason", "at"], &[]),
        "TaskResumed" => (&["reason", "held_since", "at"], &[]),
        "TaskCommented" => (&["comment_id", "text"], &["mentions", "imported"]),
        "TaskChecklistItemAdded" => (&["item_id", "text", "place"], &[]),
        "TaskChecklistItemReworded" => (&["item_id", "from", "to"], &[]),
        "TaskChecklistItemTicked" | "TaskChecklistItemUnticked" => (&["item_id", "text"], &[]),
        "TaskChecklistItemMoved" => (&["item_id", "text", "from", "to"], &[]),
        "TaskChecklistItemRemoved" => (&["item_id", "text", "done"], &[]),
        "TaskWatched" | "TaskUnwatched" => (&["user_id"], &[]),
        "TaskRelated" | "TaskUnrelated" => (&["relation", "to"], &[]),
        "TaskDeleted" | "UserErased" => (&["at"], &[]),
        "TaskRestored" => (&["deleted_at"], &[]),
        "TaskRecurrenceSet" => (&["to", "series", "number", "day"], &["from"]),
        "TaskChecklistBegun" => (&["items"], &[]),
        "TaskRemindersSet" => (&["from", "to"], &["by"]),
        "TaskReminderFired" => (&["lead", "deadline", "recipients", "at"], &[]),
        "UserRegistered" => (&["name", "email", "role", "time_zone", "at"], &["locale", "phone"]),
        "UserProfileChanged" => (&[], &["name", "time_zone", "locale", "phone"]),
        "UserJoinedTeam" | "UserLeftTeam" => (&["team_id"], &[]),
        "UserDeactivated" | "UserReactivated" => (&["email"], &[]),
        "TeamCreated" => (&["name", "at"], &["description"]),
        "TeamEdited" => (&[], &["name", "description"]),
        kind => return Err(format!("{kind:?} is no type of event")),
    };
    let kind = event.kind;
    // Since schema 2 what is personal is sealed, and is opened here; and texts say whom they speak to.
    let spoken = ["TaskCreated", "TaskEdited", "TaskCommented"].contains(&kind);
    let newest = if personal::fields(kind).is_empty() && !spoken { 1 } else { 2 };
    if !(1..=newest).contains(&event.schema) {
        return Err(format!("{kind} has schema {}, and {newest} is the newest", event.schema));
    }
    if let Some(missing) = must.iter().find(|name| !event.data.contains_key(**name)) {
        return Err(format!("{kind} has no {missing}"));
    }
    if let Some(foreign) =
        event.data.keys().find(|name| !must.contains(&name.as_str()) && !may.contains(&name.as_str()))
    {
        return Err(format!("{kind} has a field {foreign}"));
    }
    Ok(())
}

/// What the event says was there before is there.
fn was(what: &str, said: Option<&Value>, is: Option<&Value>) -> Verdict {
    if same_or_none(said, is) {
        return Ok(());
    }
    let show = |value: Option<&Value>| value.map_or_else(|| "null".to_owned(), show);
    Err(format!("{what} was {}, and the event says {}", show(is), show(said)))
}

/// What was there before is there, and what comes is something else.
fn changes(what: &str, from: Option<&Value>, to: Option<&Value>, is: Option<&Value>) -> Verdict {
    was(what, from, is)?;
    if same_or_none(from, to) { Err(format!("{what} does not change")) } else { Ok(()) }
}

/// Each of these fields, where the event has it, changes from what is there to something else. At least one does.
fn edits(event: &Event<'_>, fields: &[(&str, Option<&Value>)]) -> Verdict {
    if event.data.is_empty() {
        return Err(format!("{} changes nothing", event.kind));
    }
    for (name, is) in fields.iter().filter(|(name, _)| event.data.contains_key(*name)) {
        let (from, to) = event.change(name).ok_or_else(|| format!("{name} is no change"))?;
        changes(name, from, to, *is)?;
    }
    Ok(())
}

/// The events of an update come in this order, each at most once.
fn in_order(events: &[Event<'_>], rank: impl Fn(&str) -> Option<u8>) -> Verdict {
    let mut before = None;
    for event in events {
        let rank = rank(event.kind).ok_or_else(|| format!("{} does not come with other events", event.kind))?;
        if before.is_some_and(|before| before >= rank) {
            return Err(format!("{} is not in its place among the events of its commit", event.kind));
        }
        before = Some(rank);
    }
    Ok(())
}

/// Whether a value is among these.
fn among(values: &[&Value], value: &Value) -> bool {
    values.iter().any(|one| same(one, value))
}
