//! `audit-log`: one entry for each event, found by who did it, what it was and on which day.

use serde_json::Value;
use uuid::{Uuid, uuid};

use super::{History, Item};
use crate::oracle::attribute::{list, map, same_or_none, text};
use crate::oracle::expected::Expected;
use crate::oracle::log::{Commit, Event};
use crate::oracle::personal;
use crate::oracle::time::sortable;

/// The ids of events are derived from stream and version in this namespace.
const EVENT_IDS: Uuid = uuid!("6d757374-6572-5000-8000-6576656e7400");

pub(super) fn event_id(stream: &str, version: u64) -> String {
    Uuid::new_v5(&EVENT_IDS, format!("{stream}@{version}").as_bytes()).to_string()
}

pub(super) fn row<'a>(history: &History<'_, 'a>) -> Item<'a> {
    let first_at = history.commits.first().map(|first| first.recorded_at_stored).into();
    let last_event_id = event_id(history.stream, history.folded.head).into();
    let row = vec![("first_at", first_at), ("last_at", history.updated_at()), ("last_event_id", last_event_id)];
    (Expected::Map(row), Vec::new())
}

pub(super) fn entries<'a>(history: &History<'_, 'a>) -> Vec<(String, Item<'a>)> {
    let events = history.commits.iter().flat_map(|commit| commit.events.iter().map(move |event| (commit, event)));
    events.map(|(commit, event)| (format!("v#{:020}", event.version), entry(commit, event))).collect()
}

fn entry<'a>(commit: &Commit<'a>, event: &Event<'a>) -> Item<'a> {
    let Commit { stream, .. } = *commit;
    let (aggregate, id) = commit.aggregate_and_id();
    let note = match event.kind {
        "TaskHeld" | "TaskResumed" => event.field("reason"),
        "TaskCommented" | "TaskChecklistItemTicked" | "TaskChecklistItemUnticked" | "TaskChecklistItemMoved" => {
            event.field("text")
        }
        _ => None,
    };
    let note = note.map_or(Expected::Null, Expected::Stored);
    let note = if event.kind == "TaskReminderFired" { reminded(event) } else { note };
    let sealed = personal::fields(event.kind).iter().any(|name| event.data.get(*name).is_some_and(personal::is_sealed));
    let mut body = vec![
        ("event_id", event_id(stream, event.version).into()),
        ("stream", Expected::Map(vec![("type", aggregate.into()), ("id", id.into())])),
        ("version", Expected::Number(event.version)),
        ("type", event.kind_stored.into()),
        ("at", commit.recorded_at_stored.into()),
        ("actor", commit.actor.into()),
        ("command_id", commit.command_id_stored.into()),
        ("correlation_id", commit.correlation_id_stored.into()),
        ("changes", Expected::List(if sealed { Vec::new() } else { changes(event) })),
        ("note", note),
        ("comment_id", event.field("comment_id").into()),
    ];
    // What is sealed stays so: the changes are made of it for whoever reads them.
    if sealed {
        let payload = vec![("schema", Expected::Number(event.schema)), ("data", event.stored.into())];
        body.push(("sealed", Expected::Map(payload)));
    }
    let at = sortable(commit.recorded_at);
    let keys = vec![
        ("gsi_actor", actor(commit).into()),
        ("gsi_type", event.kind_stored.into()),
        ("gsi_day", at.chars().take(10).collect::<String>().into()),
        ("at", format!("{at}#{stream}#v#{:020}", event.version).into()),
    ];
    (Expected::Map(body), keys)
}

/// How long before which deadline, in words.
fn reminded<'a>(event: &Event<'a>) -> Expected<'a> {
    let of = |name: &str| event.field(name).and_then(text).unwrap_or_default();
    format!("{} before {}", of("lead"), of("deadline").replace('Z', "+00:00")).into()
}

/// `user:` and an id, or `system:` and a name.
fn actor(commit: &Commit<'_>) -> String {
    let field = |name: &str| map(commit.actor).and_then(|actor| text(actor.get(name)?)).unwrap_or_default();
    let kind = field("type");
    format!("{kind}:{}", field(if kind == "user" { "id" } else { "name" }))
}

/// Property, before, after.
fn change<'a>(field: &'static str, from: impl Into<Expected<'a>>, to: impl Into<Expected<'a>>) -> Expected<'a> {
    Expected::Map(vec![("field", field.into()), ("from", from.into()), ("to", to.into())])
}

/// What of how somebody is told is another than before: channels by kind, and the rest.
fn told<'a>(from: Option<&'a Value>, to: Option<&'a Value>) -> Vec<Expected<'a>> {
    let part =
        |whole: Option<&'a Value>, path: &[&str]| path.iter().try_fold(whole?, |part, name| map(part)?.get(*name));
    let parts: [(&'static str, &[&str]); 9] = [
        ("channels.assignment", &["channels", "assignment"]),
        ("channels.status_change", &["channels", "status_change"]),
        ("channels.comment", &["channels", "comment"]),
        ("channels.mention", &["channels", "mention"]),
        ("channels.deadline_near", &["channels", "deadline_near"]),
        ("channels.deadline_missed", &["channels", "deadline_missed"]),
        ("channels.hold", &["channels", "hold"]),
        ("quiet_hours", &["quiet_hours"]),
        ("digest", &["digest"]),
    ];
    let of = parts.iter().map(|(shown, path)| (*shown, part(from, path), part(to, path)));
    of.filter(|(_, from, to)| !same_or_none(*from, *to)).map(|(shown, from, to)| change(shown, from, to)).collect()
}

/// What an event changed, property by property, under the names that the API has for them.
fn changes<'a>(event: &Event<'a>) -> Vec<Expected<'a>> {
    let (from, to) = (event.field("from"), event.field("to"));
    // Of what begins, the properties that it has.
    let begun = |names: &[(&'static str, &str)]| -> Vec<Expected<'a>> {
        let has = names.iter().filter_map(|(shown, name)| Some((*shown, event.field(name)?)));
        let full = has.filter(|(_, value)| list(value).is_none_or(|list| !list.is_empty()));
        full.map(|(shown, value)| change(shown, None, value)).collect()
    };
    let edited = |names: &[&'static str]| -> Vec<Expected<'a>> {
        let changed = names.iter().filter_map(|name| Some((*name, event.change(name)?)));
        changed.map(|(name, (from, to))| change(name, from, to)).collect()
    };
    let one = |field, from: Expected<'a>, to: Expected<'a>| vec![change(field, from, to)];
    match event.kind {
        "TaskCreated" => begun(&[
            ("title", "title"),
            ("description", "description"),
            ("priority", "priority"),
            ("labels", "labels"),
            ("location", "location"),
            ("team_id", "team"),
            ("assignee_id", "assignee"),
            ("reporter_id", "reporter"),
            ("deadline", "deadline"),
        ]),
        "TaskImported" => {
            let facts = event.field("imported").and_then(map);
            let fact = |shown: &'static str, name: &str| Some(change(shown, None, facts?.get(name)?));
            let known = [
                ("imported.import_id", "import_id"),
                ("imported.source", "source"),
                ("imported.external_id", "external_id"),
                ("imported.author_id", "author"),
                ("imported.created_at", "created_at"),
                ("imported.completed_at", "completed_at"),
            ];
            let begun = begun(&[
                ("title", "title"),
                ("description", "description"),
                ("status", "status"),
                ("priority", "priority"),
                ("labels", "labels"),
                ("location", "location"),
                ("team_id", "team"),
                ("assignee_id", "assignee"),
                ("reporter_id", "reporter"),
                ("deadline", "deadline"),
            ]);
            begun.into_iter().chain(known.into_iter().filter_map(|(shown, name)| fact(shown, name))).collect()
        }
        "TaskCommented" => {
            let facts = event.field("imported").and_then(map);
            let known =
                facts.map(|facts| vec![("author_id", facts.get("author").into()), ("at", facts.get("at").into())]);
            known.into_iter().map(|known| change("imported", None, Expected::Map(known))).collect()
        }
        "TaskEdited" => edited(&["title", "description", "labels", "location"]),
        "TaskAssigned" | "TaskUnassigned" => one("assignee_id", from.into(), to.into()),
        "TaskTeamChanged" => one("team_id", from.into(), to.into()),
        "TaskPriorityChanged" => one("priority", from.into(), to.into()),
        "TaskStatusChanged" => one("status", from.into(), to.into()),
        "TaskDeadlineSet" | "TaskDeadlineCleared" => one("deadline", from.into(), to.into()),
        "TaskHeld" => {
            let hold = vec![("reason", event.field("reason").into()), ("since", event.field("at").into())];
            one("hold", Expected::Null, Expected::Map(hold))
        }
        "TaskResumed" => one("hold", Expected::Map(vec![("since", event.field("held_since").into())]), Expected::Null),
        "TaskChecklistItemAdded" => one("checklist_item", Expected::Null, event.field("text").into()),
        "TaskChecklistItemReworded" => one("checklist_item", from.into(), to.into()),
        "TaskChecklistItemTicked" => one("checklist_item_done", Expected::Bool(false), Expected::Bool(true)),
        "TaskChecklistItemUnticked" => one("checklist_item_done", Expected::Bool(true), Expected::Bool(false)),
        "TaskChecklistItemMoved" => one("checklist_item_place", from.into(), to.into()),
        "TaskChecklistItemRemoved" => one("checklist_item", event.field("text").into(), Expected::Null),
        "TaskWatched" => one("watcher_id", Expected::Null, event.field("user_id").into()),
        "TaskUnwatched" => one("watcher_id", event.field("user_id").into(), Expected::Null),
        "TaskRelated" | "TaskUnrelated" => {
            let field = match event.field("relation").and_then(text) {
                Some("blocked_by") => "blocked_by_id",
                Some("child_of") => "parent_id",
                _ => "duplicate_of_id",
            };
            let related = event.kind == "TaskRelated";
            one(
                field,
                if related { Expected::Null } else { to.into() },
                if related { to.into() } else { Expected::Null },
            )
        }
        "TaskRanked" => one("rank", from.into(), to.into()),
        "TaskDeleted" => one("deleted_at", Expected::Null, event.field("at").into()),
        "TaskRestored" => one("deleted_at", event.field("deleted_at").into(), Expected::Null),
        "TaskRecurrenceSet" | "TaskRecurrenceCleared" => one("recurrence", from.into(), to.into()),
        "TaskChecklistBegun" => {
            let items = event.field("items").and_then(list).unwrap_or_default().iter();
            let texts = items.filter_map(|item| map(item)?.get("text"));
            texts.map(|text| change("checklist_item", Expected::Null, text)).collect()
        }
        "TaskRemindersSet" => one("reminders", from.into(), to.into()),
        "UserRegistered" => begun(&[
            ("name", "name"),
            ("email", "email"),
            ("role", "role"),
            ("time_zone", "time_zone"),
            ("locale", "locale"),
            ("phone", "phone"),
        ]),
        "UserProfileChanged" => edited(&["name", "time_zone", "locale", "phone"]),
        "UserEmailChanged" => one("email", from.into(), to.into()),
        "UserRoleChanged" => one("role", from.into(), to.into()),
        "UserNotificationPreferencesChanged" => told(from, to),
        "UserJoinedTeam" => one("team", Expected::Null, event.field("team_id").into()),
        "UserLeftTeam" => one("team", event.field("team_id").into(), Expected::Null),
        "UserDeactivated" => one("active", Expected::Bool(true), Expected::Bool(false)),
        "UserReactivated" => one("active", Expected::Bool(false), Expected::Bool(true)),
        "UserErased" => one("erased_at", Expected::Null, event.field("at").into()),
        "TeamCreated" => begun(&[("name", "name"), ("description", "description")]),
        "TeamEdited" => edited(&["name", "description"]),
        // A reminder changes no property.
        _ => Vec::new(),
    }
}
