use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::personal::{MemoryKeys, seal_event};
use muster_domain::task::*;
use muster_domain::team::{TeamCreated, TeamEdited, TeamEvent};
use muster_domain::user::*;
use muster_domain::values::{Change, Email, Labels, Location};
use muster_domain::{CommentId, ImportId, RecordedEvent, SeriesId, StreamId, TaskId, TeamId, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{AuditHead, AuditLog};
use crate::projection::Projection;
use crate::spec::{History, ProjectionSpec, Recordable};

const TASK: TaskId = TaskId(Uuid::from_u128(0xa));
const TEAM: TeamId = TeamId(Uuid::from_u128(0x71));
const ADA: UserId = UserId(Uuid::from_u128(0x1));

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn start() -> DateTime<Utc> {
    time("2026-03-02T08:00:00Z")
}

fn email(text: &str) -> Email {
    text.parse().unwrap()
}

fn created() -> TaskEvent {
    let task = CreateTask {
        priority: Priority::Low,
        reporter: Some(ADA),
        ..CreateTask::new("Fix the lift".parse().unwrap(), start())
    };
    TaskCreated::from(task).into()
}

/// The entry of the event at this version of this stream, which `spec` recorded.
fn entry(stream: StreamId, version: u64, event_type: &str, changes: &Value, note: &Value) -> Value {
    json!({
        "event_id": RecordedEvent::id_at(&stream, version),
        "stream": stream,
        "version": version,
        "type": event_type,
        "at": start() + TimeDelta::minutes(i64::try_from(version).unwrap() - 1),
        "actor": { "type": "system", "name": "spec" },
        "command_id": Uuid::from_u128(u128::from(version)),
        "correlation_id": format!("request-{version}"),
        "changes": changes,
        "note": note,
        "comment_id": null,
    })
}

fn created_entry() -> Value {
    let changes = json!([
        { "field": "title", "from": null, "to": "Fix the lift" },
        { "field": "priority", "from": null, "to": "low" },
        { "field": "reporter_id", "from": null, "to": ADA },
    ]);
    entry(TASK.into(), 1, "TaskCreated", &changes, &Value::Null)
}

/// A task's second event leaves this entry.
#[track_caller]
fn then(event: impl Into<TaskEvent>, changes: &Value, note: &Value) {
    let event = event.into();
    let second = entry(TASK.into(), 2, event.event_type(), changes, note);
    ProjectionSpec::given(AuditLog, History::of(TASK).then(created()).then(event))
        .then_entries(&[created_entry(), second]);
}

/// An event of a user or a team leaves this entry.
#[track_caller]
fn then_of(stream: impl Into<StreamId>, event: impl Recordable + Clone, changes: &Value) {
    let stream = stream.into();
    let expected = entry(stream, 1, &event.clone().recorded().event_type, changes, &Value::Null);
    ProjectionSpec::given(AuditLog, History::of(stream).then(event)).then_entries(&[expected]);
}

fn change(field: &str, from: impl Into<Value>, to: impl Into<Value>) -> Value {
    json!([{ "field": field, "from": from.into(), "to": to.into() }])
}

#[test]
fn the_head_says_how_far_the_log_goes() {
    let history = History::of(TASK).then(created()).then(TaskEvent::from(TaskDeleted { at: start() }));
    ProjectionSpec::given(AuditLog, history)
        .then_row(AuditHead {
            first_at: start(),
            last_at: start() + TimeDelta::minutes(1),
            last_event_id: RecordedEvent::id_at(&TASK.into(), 2),
        })
        .then_keys(&[]);
}

#[test]
fn an_entry_is_found_by_actor_by_type_and_by_day() {
    let history = History::of(TASK).by(ADA).then(created());
    let event = &history.events()[0];
    let [entry] = &AuditLog.entries(None, event, &event.decode().unwrap())[..] else {
        panic!("one entry for one event")
    };
    assert_eq!(entry.sort_key, "v#00000000000000000001");
    assert_eq!(
        entry.keys,
        vec![
            ("gsi_actor", format!("user:{ADA}").into()),
            ("gsi_type", "TaskCreated".into()),
            ("gsi_day", "2026-03-02".into()),
            ("at", format!("2026-03-02T08:00:00.000Z#task#{TASK}#v#00000000000000000001").into()),
        ]
    );
}

#[test]
fn what_was_brought_in_is_logged_with_where_it_comes_from() {
    let imported = TaskImported {
        title: "Fix the lift".parse().unwrap(),
        description: None,
        status: Status::Completed,
        priority: Priority::High,
        labels: Labels::default(),
        location: None,
        team: Some(TEAM),
        assignee: Some(ADA),
        reporter: None,
        deadline: None,
        imported: ImportedFacts {
            import_id: ImportId(Uuid::from_u128(7)),
            source: ImportSource::Csv,
            external_id: Some("OPS-7".parse().unwrap()),
            author: Some(ADA),
            created_at: Some(start()),
            completed_at: None,
        },
        at: start(),
    };
    let first = |field: &str, to: Value| json!({ "field": field, "from": null, "to": to });
    let changes = json!([
        first("title", json!("Fix the lift")),
        first("status", json!("completed")),
        first("priority", json!("high")),
        first("team_id", json!(TEAM)),
        first("assignee_id", json!(ADA)),
        first("imported.import_id", json!(Uuid::from_u128(7))),
        first("imported.source", json!("csv")),
        first("imported.external_id", json!("OPS-7")),
        first("imported.author_id", json!(ADA)),
        first("imported.created_at", json!(start())),
    ]);
    then(imported, &changes, &Value::Null);
}

#[test]
fn an_edit_is_logged_word_by_word() {
    let edited = TaskEdited {
        title: Some(Change { from: "Fix the lift".parse().unwrap(), to: "Mend it".parse().unwrap() }),
        description: Some(Change { from: None, to: Some("Soon.".parse().unwrap()) }),
        labels: Some(Change { from: Labels::default(), to: Labels::try_from(vec!["lift".parse().unwrap()]).unwrap() }),
        location: Some(Change { from: None, to: Some(Location { name: "Gate 4".parse().unwrap(), position: None }) }),
        mentions: Vec::new(),
    };
    let changes = json!([
        { "field": "title", "from": "Fix the lift", "to": "Mend it" },
        { "field": "description", "from": null, "to": "Soon." },
        { "field": "labels", "from": [], "to": ["lift"] },
        { "field": "location", "from": null, "to": { "name": "Gate 4" } },
    ]);
    then(edited, &changes, &Value::Null);
}

#[test]
fn a_change_is_logged_with_its_old_and_its_new_value() {
    let (ada, team, due) = (ADA.to_string(), TEAM.to_string(), time("2026-03-09T12:00:00Z"));
    let null = Value::Null;
    let iso = "2026-03-09T12:00:00Z";
    then(TaskAssigned { from: None, to: ADA }, &change("assignee_id", null.clone(), ada.clone()), &null);
    then(TaskUnassigned { from: ADA }, &change("assignee_id", ada, null.clone()), &null);
    then(TaskTeamChanged { from: None, to: Some(TEAM) }, &change("team_id", null.clone(), team), &null);
    let priority = TaskPriorityChanged { from: Priority::Low, to: Priority::High };
    then(priority, &change("priority", "low", "high"), &null);
    let status = TaskStatusChanged { from: Status::Todo, to: Status::InProgress, at: start() };
    then(status, &change("status", "todo", "in_progress"), &null);
    then(TaskDeadlineSet { from: None, to: due }, &change("deadline", null.clone(), iso), &null);
    then(TaskDeadlineCleared { from: due }, &change("deadline", iso, null.clone()), &null);
    then(TaskDeleted { at: due }, &change("deleted_at", null.clone(), iso), &null);
    then(TaskRestored { deleted_at: due }, &change("deleted_at", iso, null.clone()), &null);
}

#[test]
fn what_comes_after_a_task_and_what_reminds_of_it_is_logged() {
    let rule = json!({ "frequency": "daily", "interval": 1, "time": "09:30", "time_zone": "UTC" });
    let daily: Recurrence = serde_json::from_value(rule.clone()).unwrap();
    let (series, day) = (SeriesId(TASK.0), start().date_naive());
    let set = TaskRecurrenceSet { from: None, to: daily.clone(), series, number: 1, day };
    then(set, &change("recurrence", Value::Null, rule.clone()), &Value::Null);
    then(TaskRecurrenceCleared { from: daily }, &change("recurrence", rule, Value::Null), &Value::Null);
    let hour: Lead = "PT1H".parse().unwrap();
    let leads = Leads::try_from(vec![hour]).unwrap();
    let reminders = TaskRemindersSet { from: Leads::default(), to: leads, by: Some(ADA) };
    then(reminders, &change("reminders", json!([]), json!(["PT1H"])), &Value::Null);
    let fired = TaskReminderFired { lead: hour, deadline: start(), recipients: vec![ADA], at: start() };
    then(fired, &json!([]), &"PT1H before 2026-03-02T08:00:00+00:00".into());
}

#[test]
fn a_hold_is_logged_with_its_reason() {
    let reason: muster_domain::values::Reason = "no parts".parse().unwrap();
    let hold = json!({ "reason": "no parts", "since": "2026-03-02T08:00:00Z" });
    then(TaskHeld { reason: reason.clone(), at: start() }, &change("hold", Value::Null, hold), &"no parts".into());
    let resumed = TaskResumed { reason, held_since: start(), at: start() };
    let hold = json!({ "since": "2026-03-02T08:00:00Z" });
    then(resumed, &change("hold", hold, Value::Null), &"no parts".into());
}

#[test]
fn a_comment_is_logged_with_its_text() {
    let comment_id = CommentId(Uuid::from_u128(9));
    let event = TaskEvent::from(TaskCommented {
        comment_id,
        text: "On it.".parse().unwrap(),
        mentions: Vec::new(),
        imported: None,
    });
    let mut second = entry(TASK.into(), 2, "TaskCommented", &json!([]), &"On it.".into());
    second["comment_id"] = json!(comment_id);
    ProjectionSpec::given(AuditLog, History::of(TASK).then(created()).then(event))
        .then_entries(&[created_entry(), second]);
}

#[test]
fn a_comment_that_was_brought_in_is_logged_with_who_wrote_it_and_when() {
    let comment_id = CommentId(Uuid::from_u128(9));
    let said = |facts| TaskCommented {
        comment_id,
        text: "On it.".parse().unwrap(),
        mentions: Vec::new(),
        imported: Some(facts),
    };
    let known = ImportedCommentFacts { author: Some(ADA), at: Some(start()) };
    for (facts, logged) in [
        (known, json!({ "author_id": ADA, "at": "2026-03-02T08:00:00Z" })),
        (ImportedCommentFacts::default(), json!({ "author_id": null, "at": null })),
    ] {
        let changes = change("imported", Value::Null, logged);
        let mut second = entry(TASK.into(), 2, "TaskCommented", &changes, &"On it.".into());
        second["comment_id"] = json!(comment_id);
        ProjectionSpec::given(AuditLog, History::of(TASK).then(created()).then(TaskEvent::from(said(facts))))
            .then_entries(&[created_entry(), second]);
    }
}

#[test]
fn what_happens_to_accounts_is_logged() {
    let registered = UserRegistered {
        name: "Ada".parse().unwrap(),
        email: email("ada@example.com"),
        role: Role::Member,
        time_zone: muster_domain::values::TimeZone::default(),
        locale: None,
        phone: Some("+49 30 1".parse().unwrap()),
        at: start(),
    };
    let changes = json!([
        { "field": "name", "from": null, "to": "Ada" },
        { "field": "email", "from": null, "to": "ada@example.com" },
        { "field": "role", "from": null, "to": "member" },
        { "field": "time_zone", "from": null, "to": "UTC" },
        { "field": "phone", "from": null, "to": "+49 30 1" },
    ]);
    then_of(ADA, UserEvent::from(registered), &changes);
    let profile = UserProfileChanged {
        name: Some(Change { from: "Ada".parse().unwrap(), to: "Ada L.".parse().unwrap() }),
        phone: Some(Change { from: Some("+49 30 1".parse().unwrap()), to: None }),
        ..UserProfileChanged::default()
    };
    let changes = json!([
        { "field": "name", "from": "Ada", "to": "Ada L." },
        { "field": "phone", "from": "+49 30 1", "to": null },
    ]);
    then_of(ADA, UserEvent::from(profile), &changes);
    let moved = UserEmailChanged { from: email("ada@example.com"), to: email("a@example.com") };
    then_of(ADA, UserEvent::from(moved), &change("email", "ada@example.com", "a@example.com"));
    let role = UserRoleChanged { from: Role::Member, to: Role::Manager };
    then_of(ADA, UserEvent::from(role), &change("role", "member", "manager"));
    let team = TEAM.to_string();
    then_of(ADA, UserEvent::from(UserJoinedTeam { team_id: TEAM }), &change("team", Value::Null, team.clone()));
    then_of(ADA, UserEvent::from(UserLeftTeam { team_id: TEAM }), &change("team", team, Value::Null));
    let email = email("ada@example.com");
    then_of(ADA, UserEvent::from(UserDeactivated { email: email.clone() }), &change("active", true, false));
    then_of(ADA, UserEvent::from(UserReactivated { email }), &change("active", false, true));
}

#[test]
fn what_somebody_wants_to_be_told_is_logged_as_far_as_it_changed() {
    let from = NotificationPreferences::default();
    let mut to = from;
    to.channels.comment = NotificationChannels::of(&[NotificationChannel::Email]);
    to.channels.hold = NotificationChannels::default();
    let event = UserEvent::from(UserNotificationPreferencesChanged { from, to });
    let channels = json!([
        { "field": "channels.comment", "from": ["inbox"], "to": ["email"] },
        { "field": "channels.hold", "from": ["inbox"], "to": [] },
    ]);
    then_of(ADA, event, &channels);

    let (from, mut to) = (to, to);
    let (begin, end) = ("22:00".parse().unwrap(), "06:30".parse().unwrap());
    to.quiet_hours = Some(QuietHours::new(begin, end, true).unwrap());
    to.digest.frequency = DigestFrequency::Daily;
    let event = UserEvent::from(UserNotificationPreferencesChanged { from, to });
    let hours = json!({ "from": "22:00", "to": "06:30", "except_critical": true });
    let digest = |frequency: &str| json!({ "frequency": frequency, "at": "08:00" });
    let others = json!([
        { "field": "quiet_hours", "from": null, "to": hours },
        { "field": "digest", "from": digest("off"), "to": digest("daily") },
    ]);
    then_of(ADA, event, &others);
}

#[test]
fn what_is_sealed_stays_sealed_in_the_log() {
    let mut event = UserEvent::from(UserDeactivated { email: email("ada@example.com") }).recorded();
    seal_event(&MemoryKeys::of(ADA), &ADA.into(), 1, &event.event_type, &mut event.data).unwrap();
    let mut expected = entry(ADA.into(), 1, &event.event_type, &json!([]), &Value::Null);
    expected["sealed"] = json!({ "schema": 2, "data": event.data });
    ProjectionSpec::given(AuditLog, History::of(ADA).then(event)).then_entries(&[expected]);
}

#[test]
fn what_happens_to_teams_is_logged() {
    let created = TeamCreated { name: "North".parse().unwrap(), description: None, at: start() };
    then_of(TEAM, TeamEvent::from(created), &change("name", Value::Null, "North"));
    let edited =
        TeamEdited { name: None, description: Some(Change { from: None, to: Some("Lifts.".parse().unwrap()) }) };
    then_of(TEAM, TeamEvent::from(edited), &change("description", Value::Null, "Lifts."));
}
