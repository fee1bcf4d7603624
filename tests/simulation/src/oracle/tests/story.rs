//! A small run that keeps every promise, told by hand: what is stored, who asked for it, and what they were told.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use uuid::{Uuid, uuid};

use crate::observed::{Call, EventWrite, Observed, Outcome, RowWrite};

pub(super) const TASK: &str = "task#00000000-0000-0000-0000-000000000001";
pub(super) const GONE: &str = "task#00000000-0000-0000-0000-000000000002";
pub(super) const USER: &str = "user#00000000-0000-0000-0000-00000000000a";
pub(super) const TEAM: &str = "team#00000000-0000-0000-0000-00000000000b";
/// The user's id.
pub(super) const ADA: &str = "00000000-0000-0000-0000-00000000000a";
/// The team's id.
pub(super) const NORTH: &str = "00000000-0000-0000-0000-00000000000b";

/// Where the two tasks stand, which were never moved.
const RANK_OF_TASK: &str = "0VCh8uPQV";
const RANK_OF_GONE: &str = "0VCh8ufYV";

/// A second of the run.
pub(super) fn second(second: u64) -> Duration {
    Duration::from_secs(second)
}

/// JSON as DynamoDB has it.
pub(super) fn attribute(json: &Value) -> Value {
    match json {
        Value::Null => json!({ "NULL": true }),
        Value::Bool(value) => json!({ "BOOL": value }),
        Value::Number(number) => json!({ "N": number.to_string() }),
        Value::String(text) => json!({ "S": text }),
        Value::Array(list) => json!({ "L": list.iter().map(attribute).collect::<Vec<_>>() }),
        Value::Object(fields) => json!({ "M": item(fields) }),
    }
}

/// The fields of an object as an item.
pub(super) fn item(fields: &Map<String, Value>) -> Map<String, Value> {
    fields.iter().map(|(name, value)| (name.clone(), attribute(value))).collect()
}

/// One commit, before it is sealed: stream, second, command, events.
#[derive(Clone)]
pub(super) struct Told {
    pub(super) stream: &'static str,
    pub(super) at: u64,
    pub(super) command: u64,
    pub(super) events: Vec<Value>,
}

/// Ids of commands.
pub(super) fn command(number: u64) -> String {
    format!("00000000-0000-0000-0000-0000000c{number:04}")
}

fn told(stream: &'static str, at: u64, command: u64, events: &[Value]) -> Told {
    Told { stream, at, command, events: events.to_vec() }
}

/// An event with a payload.
pub(super) fn event(kind: &str, data: &Value) -> Value {
    json!({ "type": kind, "schema": 1, "data": data })
}

/// The second of the run as a time.
pub(super) fn time(second: u64) -> String {
    format!("2026-03-02T08:00:{second:02}Z")
}

/// What happens in the small run.
pub(super) fn commits() -> Vec<Told> {
    vec![
        told(
            USER,
            1,
            1,
            &[event(
                "UserRegistered",
                &json!({ "name": "Ada Öz", "email": "Ada@Example.com", "role": "manager", "time_zone": "UTC", "at": time(1) }),
            )],
        ),
        told(TEAM, 2, 2, &[event("TeamCreated", &json!({ "name": "North", "description": "Lifts", "at": time(2) }))]),
        told(
            TASK,
            3,
            3,
            &[event(
                "TaskCreated",
                &json!({
                    "title": "Fix the lift", "priority": "high", "labels": ["lift"], "team": NORTH, "reporter": ADA, "at": time(3),
                    "location": { "name": "Hall", "position": { "latitude": 52.520_006_6, "longitude": 13.0 } },
                }),
            )],
        ),
        told(
            GONE,
            4,
            4,
            &[event("TaskCreated", &json!({ "title": "A mistake", "priority": "low", "labels": [], "at": time(4) }))],
        ),
        told(
            TASK,
            5,
            5,
            &[
                event("TaskAssigned", &json!({ "from": null, "to": ADA })),
                event("TaskDeadlineSet", &json!({ "from": null, "to": "2026-03-05T18:00:00Z" })),
                event("TaskStatusChanged", &json!({ "from": "todo", "to": "in_progress", "at": time(5) })),
            ],
        ),
        told(GONE, 6, 6, &[event("TaskDeleted", &json!({ "at": time(6) }))]),
        told(USER, 7, 7, &[event("UserJoinedTeam", &json!({ "team_id": NORTH }))]),
        told(TASK, 8, 8, &[event("TaskHeld", &json!({ "reason": "Parts", "at": time(8) }))]),
    ]
}

/// The run in which this is told, without read models and reservations.
pub(super) fn log(commits: &[Told]) -> Observed {
    let mut observed = Observed { rest: Some(second(1)), ..Observed::default() };
    let mut heads: BTreeMap<&str, (u64, [u8; 32])> = BTreeMap::new();
    for Told { stream, at, command: number, events } in commits {
        let (head, hash) = heads.entry(*stream).or_default();
        let version = *head + 1;
        let (kind, id) = stream.split_once('#').unwrap();
        let content = json!({
            "stream": { "type": kind, "id": id }, "version": version, "events": events, "command_id": command(*number),
            "fingerprint": "00ff", "actor": { "type": "user", "id": ADA }, "recorded_at": time(*at),
            "correlation_id": format!("request {number}"),
        });
        let canonical = serde_json_canonicalizer::to_vec(&content).unwrap();
        let next: [u8; 32] = Sha256::new().chain_update(*hash).chain_update(canonical).finalize().into();
        let mut fields = content.as_object().unwrap().clone();
        fields.remove("stream");
        fields.remove("version");
        fields.insert("pk".to_owned(), json!(stream));
        fields.insert("sk".to_owned(), json!(version));
        fields.insert("prev_hash".to_owned(), json!(hex(hash)));
        fields.insert("hash".to_owned(), json!(hex(&next)));
        observed.events.push(Value::Object(item(&fields)));
        let effect = (version..).zip(events);
        let events: Vec<_> = effect
            .map(|(version, event)| (version, event["type"].as_str().unwrap().to_owned(), event["data"].clone()))
            .collect();
        observed.event_writes.push(EventWrite {
            at: second(*at),
            stream: (*stream).to_owned(),
            version,
            replaced: false,
        });
        *head += events.len() as u64;
        *hash = next;
        observed.calls.push(Call {
            sent: Duration::from_millis(at * 1000 - 100),
            answered: Some(second(*at) + Duration::from_millis(100)),
            stream: (*stream).to_owned(),
            command_id: command(*number),
            content: format!("command {number}"),
            expected: None,
            outcome: Outcome::Committed { version: *head, events, replayed: false },
        });
    }
    observed
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from_digit(digit.into(), 16).unwrap())
        .collect()
}

/// The whole small run.
pub(super) fn story() -> Observed {
    let mut observed = log(&commits());
    observed.reservations = vec![json!({ "pk": { "S": "email#ada@example.com" }, "owner": { "S": ADA } })];
    place(&mut observed);
    let models = [
        ("task-list", task_list().into_iter().chain(places()).collect()),
        ("task-past", task_past()),
        ("directory", directory()),
        ("audit-log", audit_log()),
        ("feed", feed()),
    ];
    for (projection, rows) in models {
        for row in rows.iter().filter(|row| row["sk"] == "row") {
            observed.row_writes.push(RowWrite {
                at: second(9),
                projection: projection.to_owned(),
                generation: 1,
                stream: row["pk"].as_str().unwrap().to_owned(),
                as_of: row["as_of"].as_u64().unwrap(),
                projection_version: 1,
            });
        }
        let items = rows.iter().map(|row| Value::Object(item(row.as_object().unwrap()))).collect();
        observed.tables.insert((projection.to_owned(), 1), items);
        observed.active.insert(projection.to_owned(), 1);
    }
    observed
}

fn task_list() -> Vec<Value> {
    let by = json!({ "type": "user", "id": ADA });
    vec![
        json!({
            "pk": TASK, "sk": "row", "as_of": 5, "projection_version": 1,
            "places": ["in#all", "in#team", "in#assignee", "in#reporter", "in#label#lift"],
            "row": {
                "task": {
                    "title": "Fix the lift", "description": null, "priority": "high", "status": "in_progress", "labels": ["lift"],
                    "location": { "name": "Hall", "position": { "latitude": 52.520_006_6, "longitude": 13 } },
                    "team": NORTH, "assignee": ADA, "reporter": ADA, "deadline": "2026-03-05T18:00:00Z",
                    "hold": { "reason": "Parts", "since": time(8) }, "started_at": time(5), "completed_at": null,
                    "reopened": 0, "comments": 0, "checklist": [], "watchers": [], "rank": RANK_OF_TASK,
                    "parent": null, "blocked_by": [], "duplicate_of": null, "created_at": time(3), "deleted_at": null,
                    "recurrence": null, "reminders": { "leads": [], "set_by": null, "fired": [] },
                },
                "updated_at": time(8), "updated_by": by,
            },
        }),
        json!({
            "pk": GONE, "sk": "row", "as_of": 2, "projection_version": 1,
            "row": {
                "task": {
                    "title": "A mistake", "description": null, "priority": "low", "status": "todo", "labels": [],
                    "location": null, "team": null, "assignee": null, "reporter": null, "deadline": null, "hold": null,
                    "started_at": null, "completed_at": null, "reopened": 0, "comments": 0, "checklist": [],
                    "watchers": [], "rank": RANK_OF_GONE, "parent": null, "blocked_by": [], "duplicate_of": null,
                    "created_at": time(4), "deleted_at": time(6),
                    "recurrence": null, "reminders": { "leads": [], "set_by": null, "fired": [] },
                },
                "updated_at": time(6), "updated_by": by,
            },
        }),
    ]
}

/// The places of the task that is not deleted.
fn places() -> Vec<Value> {
    let due = "2026-03-05T18:00:00.000Z#00000000-0000-0000-0000-000000000001";
    let id = "00000000-0000-0000-0000-000000000001";
    let team = format!("team#{NORTH}");
    let (assignee, reporter) = (format!("assignee#{ADA}"), format!("reporter#{ADA}"));
    let lists = [
        ("all", "all"),
        ("team", &team),
        ("assignee", &assignee),
        ("reporter", &reporter),
        ("label#lift", "label#lift"),
    ];
    lists
        .map(|(kind, list)| {
            json!({
                "pk": TASK, "sk": format!("in#{kind}"), "list": format!("{list}#in_progress"), "due": due,
                "urgency": format!("1#{due}"), "created": format!("2026-03-02T08:00:03.000Z#{id}"),
                "updated": format!("2026-03-02T08:00:08.000Z#{id}"), "rank": format!("{RANK_OF_TASK}!{id}"),
                "facts": {
                    "title": "fix the lift", "status": "in_progress", "priority": "high", "team": NORTH, "assignee": ADA,
                    "reporter": ADA, "labels": ["lift"], "watchers": [],
                },
            })
        })
        .to_vec()
}

/// The minute of the run, counted from 1970: every state that was left lasted for less, and within it.
const MINUTE: &str = "0.29540640";

fn task_past() -> Vec<Value> {
    let by = json!({ "type": "user", "id": ADA });
    let during = |of: &str| format!("{of}@{MINUTE}");
    let sortable = |second: u64| format!("2026-03-02T08:00:{second:02}.000Z");
    let rows = task_list();
    let state = |row: usize, fields: &[(&str, Value)]| {
        let mut task = rows[row]["row"]["task"].clone();
        for (name, value) in fields {
            task[*name] = value.clone();
        }
        task
    };
    let row = |row: usize, keys: Value| {
        let mut item = keys;
        for name in ["pk", "sk", "as_of", "projection_version", "row"] {
            item[name] = rows[row][name].clone();
        }
        item
    };
    let null = || Value::Null;
    let begun = [
        ("assignee", null()),
        ("deadline", null()),
        ("status", json!("todo")),
        ("hold", null()),
        ("started_at", null()),
    ];
    vec![
        row(
            0,
            json!({
                "gsi_all": "all", "gsi_team": NORTH, "gsi_assignee": ADA, "gsi_reporter": ADA, "team": NORTH, "assignee": ADA,
                "reporter": ADA, "status": "in_progress", "priority": "high", "labels": "\nlift\n", "title": "fix the lift", "since": sortable(8),
                "until": "~", "due": "2026-03-05T18:00:00.000Z#00000000-0000-0000-0000-000000000001",
            }),
        ),
        json!({
            "pk": TASK, "sk": "v#00000000000000000001#000", "gsi_all": during("all"), "gsi_team": during(NORTH),
            "gsi_reporter": during(ADA), "team": NORTH, "reporter": ADA, "status": "todo", "priority": "high",
            "labels": "\nlift\n", "title": "fix the lift", "since": sortable(3), "until": sortable(5),
            "due": "~#00000000-0000-0000-0000-000000000001#00000000000000000001",
            "entry": { "task": state(0, &begun), "updated_at": time(3), "updated_by": by, "version": 1 },
        }),
        json!({
            "pk": TASK, "sk": "v#00000000000000000004#000", "gsi_all": during("all"), "gsi_team": during(NORTH),
            "gsi_assignee": during(ADA), "gsi_reporter": during(ADA), "team": NORTH, "assignee": ADA, "reporter": ADA,
            "status": "in_progress", "priority": "high", "labels": "\nlift\n", "title": "fix the lift", "since": sortable(5), "until": sortable(8),
            "due": "2026-03-05T18:00:00.000Z#00000000-0000-0000-0000-000000000001#00000000000000000004",
            "entry": { "task": state(0, &[("hold", null())]), "updated_at": time(5), "updated_by": by, "version": 4 },
        }),
        row(1, json!({})),
        json!({
            "pk": GONE, "sk": "v#00000000000000000001#000", "gsi_all": during("all"), "gsi_team": during("none"),
            "team": "none", "status": "todo", "priority": "low", "labels": "\n", "title": "a mistake", "since": sortable(4), "until": sortable(6),
            "due": "~#00000000-0000-0000-0000-000000000002#00000000000000000001",
            "entry": { "task": state(1, &[("deleted_at", null())]), "updated_at": time(4), "updated_by": by, "version": 1 },
        }),
    ]
}

fn directory() -> Vec<Value> {
    let user = json!({
        "name": "Ada Öz", "email": "Ada@Example.com", "role": "manager", "time_zone": "UTC", "locale": null, "phone": null,
        "teams": [NORTH], "active": true, "created_at": time(1),
    });
    let team = json!({ "name": "North", "description": "Lifts", "created_at": time(2) });
    vec![
        json!({
            "pk": USER, "sk": "row", "as_of": 2, "projection_version": 1, "gsi_users": "all", "name": format!("ada öz#{ADA}"),
            "row": { "party": { "user": user }, "updated_at": time(7) },
        }),
        json!({
            "pk": TEAM, "sk": "row", "as_of": 1, "projection_version": 1, "gsi_teams": "all", "name": format!("north#{NORTH}"),
            "row": { "party": { "team": team }, "updated_at": time(2) },
        }),
    ]
}

fn event_id(stream: &str, version: u64) -> String {
    let id = Uuid::new_v5(&uuid!("6d757374-6572-5000-8000-6576656e7400"), format!("{stream}@{version}").as_bytes());
    id.to_string()
}

fn audit_log() -> Vec<Value> {
    let change = |field: &str, from: Value, to: Value| json!({ "field": field, "from": from, "to": to });
    let location = json!({ "name": "Hall", "position": { "latitude": 52.520_006_6, "longitude": 13 } });
    let entries = [
        (
            USER,
            1,
            1,
            1,
            "UserRegistered",
            Value::Null,
            vec![
                change("name", Value::Null, json!("Ada Öz")),
                change("email", Value::Null, json!("Ada@Example.com")),
                change("role", Value::Null, json!("manager")),
                change("time_zone", Value::Null, json!("UTC")),
            ],
        ),
        (USER, 2, 7, 7, "UserJoinedTeam", Value::Null, vec![change("team", Value::Null, json!(NORTH))]),
        (
            TEAM,
            1,
            2,
            2,
            "TeamCreated",
            Value::Null,
            vec![change("name", Value::Null, json!("North")), change("description", Value::Null, json!("Lifts"))],
        ),
        (
            TASK,
            1,
            3,
            3,
            "TaskCreated",
            Value::Null,
            vec![
                change("title", Value::Null, json!("Fix the lift")),
                change("priority", Value::Null, json!("high")),
                change("labels", Value::Null, json!(["lift"])),
                change("location", Value::Null, location),
                change("team_id", Value::Null, json!(NORTH)),
                change("reporter_id", Value::Null, json!(ADA)),
            ],
        ),
        (TASK, 2, 5, 5, "TaskAssigned", Value::Null, vec![change("assignee_id", Value::Null, json!(ADA))]),
        (
            TASK,
            3,
            5,
            5,
            "TaskDeadlineSet",
            Value::Null,
            vec![change("deadline", Value::Null, json!("2026-03-05T18:00:00Z"))],
        ),
        (TASK, 4, 5, 5, "TaskStatusChanged", Value::Null, vec![change("status", json!("todo"), json!("in_progress"))]),
        (
            TASK,
            5,
            8,
            8,
            "TaskHeld",
            json!("Parts"),
            vec![change("hold", Value::Null, json!({ "reason": "Parts", "since": time(8) }))],
        ),
        (
            GONE,
            1,
            4,
            4,
            "TaskCreated",
            Value::Null,
            vec![change("title", Value::Null, json!("A mistake")), change("priority", Value::Null, json!("low"))],
        ),
        (GONE, 2, 6, 6, "TaskDeleted", Value::Null, vec![change("deleted_at", Value::Null, json!(time(6)))]),
    ];
    let heads =
        [(USER, 2, 1, 7), (TEAM, 1, 2, 2), (TASK, 5, 3, 8), (GONE, 2, 4, 6)].map(|(stream, head, first, last)| {
            json!({
                "pk": stream, "sk": "row", "as_of": head, "projection_version": 1,
                "row": { "first_at": time(first), "last_at": time(last), "last_event_id": event_id(stream, head) },
            })
        });
    let entries = entries.into_iter().map(|(stream, version, at, number, kind, note, changes)| {
        let (aggregate, id) = stream.split_once('#').unwrap();
        let sort_key = format!("v#0000000000000000000{version}");
        json!({
            "pk": stream, "sk": sort_key, "gsi_actor": format!("user:{ADA}"), "gsi_type": kind, "gsi_day": "2026-03-02",
            "at": format!("2026-03-02T08:00:0{at}.000Z#{stream}#{sort_key}"),
            "entry": {
                "event_id": event_id(stream, version), "stream": { "type": aggregate, "id": id }, "version": version,
                "type": kind, "at": time(at), "actor": { "type": "user", "id": ADA }, "command_id": command(number),
                "correlation_id": format!("request {number}"), "changes": changes, "note": note, "comment_id": null,
            },
        })
    });
    entries.chain(heads).collect()
}

fn feed() -> Vec<Value> {
    let heads = [(USER, 2, 7), (TEAM, 1, 2), (TASK, 5, 8), (GONE, 2, 6)];
    let row = |(stream, head, last)| {
        json!({
            "pk": stream, "sk": "row", "as_of": head, "projection_version": 1,
            "row": { "last_at": time(last), "last_event_id": event_id(stream, head) },
        })
    };
    heads.map(row).into()
}

/// Gives every event that is stored its place in the feed, and has somebody read all of them.
pub(super) fn place(observed: &mut Observed) {
    let mut commits: Vec<(String, u64, u64)> = observed
        .events
        .iter()
        .map(|item| {
            let first = item["sk"]["N"].as_str().unwrap().parse().unwrap();
            (item["pk"]["S"].as_str().unwrap().to_owned(), first, item["events"]["L"].as_array().unwrap().len() as u64)
        })
        .collect();
    commits.sort();
    let mut put = |pk: &str, sk: usize, stream: &str, version: u64| {
        let fields = json!({ "pk": pk, "sk": sk, "stream": stream, "version": version });
        observed.feed_order.push(Value::Object(item(fields.as_object().unwrap())));
    };
    let mut heads = BTreeMap::new();
    let mut read: Vec<(String, u64)> = Vec::new();
    for (stream, first, events) in &commits {
        for version in *first..first + events {
            read.push((stream.clone(), version));
            put("shard#5", read.len(), stream, version);
            heads.insert(stream, version);
        }
    }
    for (stream, head) in heads {
        put(stream, 0, stream, head);
    }
    observed.feed_read = read;
}

/// The call that sent this command.
pub(super) fn call(observed: &mut Observed, number: u64) -> &mut Call {
    observed.calls.iter_mut().find(|call| call.command_id == command(number)).unwrap()
}

/// The item of the event table that begins at this version.
pub(super) fn stored<'a>(observed: &'a mut Observed, stream: &str, version: u64) -> &'a mut Value {
    let version = version.to_string();
    let of = |item: &Value| item["pk"]["S"] == stream && item["sk"]["N"] == version.as_str();
    observed.events.iter_mut().find(|item| of(item)).unwrap()
}

/// An item of the active table of a projection.
pub(super) fn row<'a>(observed: &'a mut Observed, projection: &str, stream: &str, sort_key: &str) -> &'a mut Value {
    let table = observed.tables.get_mut(&(projection.to_owned(), 1)).unwrap();
    table.iter_mut().find(|item| item["pk"]["S"] == stream && item["sk"]["S"] == sort_key).unwrap()
}
