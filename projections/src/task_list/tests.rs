use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeSet;

use muster_domain::task::*;
use muster_domain::values::{Change, Labels, Location, Position, Rank};
use muster_domain::{Actor, CommentId, EventData, ImportId, SeriesId, StreamId, TaskId, TeamId, UserId};
use serde_json::json;
use uuid::Uuid;

use super::{TaskDocument, TaskList, TaskRow, due_key, fold_task, sortable};
use crate::projection::Projection;
use crate::spec::{History, ProjectionSpec};

const TASK: TaskId = TaskId(Uuid::from_u128(0xa));
const NORTH: TeamId = TeamId(Uuid::from_u128(0x71));
const ADA: UserId = UserId(Uuid::from_u128(0x1));
const BEN: UserId = UserId(Uuid::from_u128(0x2));

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// When the first event of every history here happens.
fn start() -> DateTime<Utc> {
    time("2026-03-02T08:00:00Z")
}

fn minute(number: i64) -> DateTime<Utc> {
    start() + TimeDelta::minutes(number)
}

fn created() -> TaskCreated {
    CreateTask { team: Some(NORTH), reporter: Some(ADA), ..CreateTask::new("Fix the lift".parse().unwrap(), start()) }
        .into()
}

fn state() -> TaskState {
    TaskState {
        title: "Fix the lift".parse().unwrap(),
        description: None,
        priority: Priority::Medium,
        status: Status::Todo,
        labels: Labels::default(),
        location: None,
        team: Some(NORTH),
        assignee: None,
        reporter: Some(ADA),
        deadline: None,
        hold: None,
        started_at: None,
        completed_at: None,
        reopened: 0,
        comments: 0,
        checklist: vec![],
        watchers: BTreeSet::new(),
        rank: Rank::of_time(start()),
        parent: None,
        blocked_by: BTreeSet::new(),
        duplicate_of: None,
        created_at: start(),
        deleted_at: None,
        recurrence: None,
        reminders: Reminders::default(),
        imported: None,
    }
}

fn history(events: impl IntoIterator<Item = TaskEvent>) -> History {
    events.into_iter().fold(History::of(TASK).by(ADA).then(TaskEvent::from(created())).by(BEN), History::then)
}

/// After the creation and these events the row is the created one, changed like this.
#[track_caller]
fn then(events: impl IntoIterator<Item = TaskEvent>, change: impl FnOnce(&mut TaskState)) {
    let history = history(events);
    let updated_at = history.events().last().unwrap().recorded_at;
    let mut task = state();
    change(&mut task);
    ProjectionSpec::given(TaskList, history).then_row(TaskRow { task, updated_at, updated_by: BEN.into() });
}

#[test]
fn a_task_that_was_brought_in_is_a_row_like_any_other_and_says_where_it_comes_from() {
    let facts = ImportedFacts {
        import_id: ImportId(Uuid::from_u128(7)),
        source: ImportSource::Csv,
        external_id: Some("OPS-7".parse().unwrap()),
        author: Some(ADA),
        created_at: Some(time("2020-01-01T00:00:00Z")),
        completed_at: None,
    };
    let imported = TaskImported {
        title: "Fix the lift".parse().unwrap(),
        description: None,
        status: Status::InProgress,
        priority: Priority::Medium,
        labels: Labels::default(),
        location: None,
        team: Some(NORTH),
        assignee: None,
        reporter: Some(ADA),
        deadline: None,
        imported: facts.clone(),
        at: start(),
    };
    let history = History::of(TASK).by(ADA).then(TaskEvent::from(imported));
    let task =
        TaskState { status: Status::InProgress, started_at: Some(start()), imported: Some(facts.clone()), ..state() };
    let events: Vec<_> = history.events().to_vec();
    ProjectionSpec::given(TaskList, history).then_row(TaskRow { task, updated_at: start(), updated_by: ADA.into() });
    let document = fold_task(&events).unwrap().unwrap();
    let shown = document.imported.unwrap();
    assert_eq!((shown.source, shown.external_id.as_deref()), (ImportSource::Csv, Some("OPS-7")));
    assert_eq!((shown.author_id, shown.created_at, shown.completed_at), (Some(ADA), facts.created_at, None));
}

#[test]
fn a_created_task_is_found_by_its_properties() {
    let created = TaskCreated { assignee: Some(BEN), deadline: Some(time("2026-03-09T12:00:00Z")), ..created() };
    let task = TaskState { assignee: Some(BEN), deadline: created.deadline, ..state() };
    ProjectionSpec::given(TaskList, History::of(TASK).by(ADA).then(TaskEvent::from(created)))
        .then_row(TaskRow { task, updated_at: start(), updated_by: ADA.into() })
        .then_places(&[
            ("in#all", "all#todo"),
            ("in#team", &format!("team#{NORTH}#todo")),
            ("in#assignee", &format!("assignee#{BEN}#todo")),
            ("in#reporter", &format!("reporter#{ADA}#todo")),
        ]);
}

#[test]
fn a_task_has_a_place_in_each_list_and_the_same_sort_keys_in_all() {
    let labels = Labels::try_from(vec!["lift".parse().unwrap()]).unwrap();
    let created = TaskCreated { labels, deadline: Some(time("2026-03-09T12:00:00Z")), ..created() };
    let rows = ProjectionSpec::given(
        TaskList,
        History::of(TASK).by(ADA).then(TaskEvent::from(created)).then(TaskEvent::from(TaskWatched { user_id: BEN })),
    );
    rows.then_places(&[
        ("in#all", "all#todo"),
        ("in#team", &format!("team#{NORTH}#todo")),
        ("in#reporter", &format!("reporter#{ADA}#todo")),
        ("in#label#lift", "label#lift#todo"),
        (&format!("in#watcher#{BEN}"), &format!("watcher#{BEN}#todo")),
    ]);
    for place in rows.places() {
        assert_eq!(
            place.keys[1..],
            [
                ("due", format!("2026-03-09T12:00:00.000Z#{TASK}").into()),
                ("created", format!("2026-03-02T08:00:00.000Z#{TASK}").into()),
                ("updated", format!("2026-03-02T08:01:00.000Z#{TASK}").into()),
                ("urgency", format!("2#2026-03-09T12:00:00.000Z#{TASK}").into()),
                ("rank", format!("{}!{TASK}", Rank::of_time(start())).into()),
            ]
        );
        assert_eq!(
            place.facts,
            json!({ "title": "fix the lift", "status": "todo", "priority": "medium", "team": NORTH, "assignee": null,
                "reporter": ADA, "labels": ["lift"], "watchers": [BEN] })
        );
    }
}

#[test]
fn a_task_is_found_by_those_to_which_it_stands_in_some_way() {
    let other = |n| TaskId(Uuid::from_u128(n));
    let related = |relation, n| TaskEvent::from(TaskRelated { relation, to: other(n) });
    let events = [related(Relation::BlockedBy, 8), related(Relation::BlockedBy, 9), related(Relation::ChildOf, 9)];
    ProjectionSpec::given(TaskList, history(events.clone())).then_places(&[
        ("in#all", "all#todo"),
        ("in#team", &format!("team#{NORTH}#todo")),
        ("in#reporter", &format!("reporter#{ADA}#todo")),
        (&format!("in#blocked_by#{}", other(8)), &format!("blocked_by#{}#todo", other(8))),
        (&format!("in#blocked_by#{}", other(9)), &format!("blocked_by#{}#todo", other(9))),
        (&format!("in#child_of#{}", other(9)), &format!("child_of#{}#todo", other(9))),
    ]);
    let unrelated = TaskUnrelated { relation: Relation::BlockedBy, to: other(8) }.into();
    then(events.into_iter().chain([unrelated]).collect::<Vec<_>>(), |task| {
        task.blocked_by.insert(other(9));
        task.parent = Some(other(9));
    });
}

#[test]
fn a_task_that_is_moved_by_hand_has_another_rank() {
    let rank: Rank = "k".parse().unwrap();
    then([TaskRanked { from: Rank::of_time(start()), to: rank.clone() }.into()], |task| task.rank = rank);
}

#[test]
fn an_edit_changes_the_words() {
    let location = Location { name: "Gate 4".parse().unwrap(), position: Position::new(52.5, 13.0).ok() };
    let labels = Labels::try_from(vec!["lift".parse().unwrap(), "b".parse().unwrap()]).unwrap();
    let edited = TaskEdited {
        title: Some(Change { from: created().title, to: "Mend the lift".parse().unwrap() }),
        description: Some(Change { from: None, to: Some("It *squeaks*.".parse().unwrap()) }),
        labels: Some(Change { from: Labels::default(), to: labels.clone() }),
        location: Some(Change { from: None, to: Some(location.clone()) }),
        mentions: vec![],
    };
    then([edited.into()], |task| {
        task.title = "Mend the lift".parse().unwrap();
        task.description = Some("It *squeaks*.".parse().unwrap());
        task.labels = labels;
        task.location = Some(location);
    });
}

#[test]
fn an_assignment_and_its_end_change_who_does_it() {
    let assigned = TaskEvent::from(TaskAssigned { from: None, to: BEN });
    then([assigned.clone()], |task| task.assignee = Some(BEN));
    then([assigned, TaskUnassigned { from: BEN }.into()], |_| {});
}

#[test]
fn a_task_goes_to_another_team() {
    then([TaskTeamChanged { from: Some(NORTH), to: None }.into()], |task| task.team = None);
}

#[test]
fn a_priority_changes() {
    let changed = TaskPriorityChanged { from: Priority::Medium, to: Priority::Critical };
    then([changed.into()], |task| task.priority = Priority::Critical);
}

fn moved(from: Status, to: Status, at: DateTime<Utc>) -> TaskEvent {
    TaskStatusChanged { from, to, at }.into()
}

#[test]
fn a_status_changes_and_keeps_when_work_began_and_ended() {
    let begun = moved(Status::Todo, Status::InProgress, minute(1));
    let done = moved(Status::InProgress, Status::Completed, minute(2));
    let again = moved(Status::Completed, Status::InProgress, minute(3));
    then([begun.clone()], |task| {
        task.status = Status::InProgress;
        task.started_at = Some(minute(1));
    });
    then([begun.clone(), done.clone()], |task| {
        task.status = Status::Completed;
        task.started_at = Some(minute(1));
        task.completed_at = Some(minute(2));
    });
    then([begun, done, again], |task| {
        task.status = Status::InProgress;
        task.started_at = Some(minute(3));
        task.reopened = 1;
    });
}

#[test]
fn a_deadline_is_set_and_cleared() {
    let due = time("2026-03-09T12:00:00Z");
    let set = TaskEvent::from(TaskDeadlineSet { from: None, to: due });
    then([set.clone()], |task| task.deadline = Some(due));
    then([set, TaskDeadlineCleared { from: due }.into()], |_| {});
}

#[test]
fn a_task_is_held_and_resumed() {
    let reason: muster_domain::values::Reason = "waiting for parts".parse().unwrap();
    let held = TaskEvent::from(TaskHeld { reason: reason.clone(), at: minute(1) });
    let resumed = TaskResumed { reason: "they came".parse().unwrap(), held_since: minute(1), at: minute(2) };
    then([held.clone()], |task| task.hold = Some(Hold { reason, since: minute(1) }));
    then([held, resumed.into()], |_| {});
}

#[test]
fn comments_are_counted() {
    let comment = |id| TaskCommented {
        comment_id: CommentId(Uuid::from_u128(id)),
        text: "On it.".parse().unwrap(),
        mentions: Vec::new(),
        imported: None,
    };
    then([comment(1).into(), comment(2).into()], |task| task.comments = 2);
}

#[test]
fn a_deleted_task_is_in_no_index_and_a_restored_one_is_again() {
    let deleted = TaskEvent::from(TaskDeleted { at: minute(1) });
    then([deleted.clone()], |task| task.deleted_at = Some(minute(1)));
    ProjectionSpec::given(TaskList, history([deleted.clone()])).then_places(&[]);
    then([deleted, TaskRestored { deleted_at: minute(1) }.into()], |_| {});
}

fn daily() -> Recurrence {
    let rule = json!({ "frequency": "daily", "interval": 1, "time": "09:30", "time_zone": "UTC" });
    serde_json::from_value(rule).unwrap()
}

#[test]
fn a_rule_is_kept_with_the_place_in_its_series_until_it_is_cleared() {
    let (series, day) = (SeriesId(TASK.0), start().date_naive());
    let set = TaskEvent::from(TaskRecurrenceSet { from: None, to: daily(), series, number: 1, day });
    then([set.clone()], |task| task.recurrence = Some(Occurrence { rule: daily(), series, number: 1, day }));
    then([set, TaskRecurrenceCleared { from: daily() }.into()], |_| {});
}

#[test]
fn a_task_is_found_by_when_to_remind_of_its_deadline_as_long_as_it_has_not() {
    let due = start() + TimeDelta::days(2);
    let leads = |texts: &[&str]| {
        Leads::try_from(texts.iter().map(|text| text.parse::<Lead>().unwrap()).collect::<Vec<_>>()).unwrap()
    };
    let (day, hour) = ("P1D".parse::<Lead>().unwrap(), "PT1H".parse::<Lead>().unwrap());
    let set = TaskEvent::from(TaskDeadlineSet { from: None, to: due });
    let remind = TaskRemindersSet { from: Leads::default(), to: leads(&["PT1H", "P1D"]), by: Some(ADA) };
    let remind = TaskEvent::from(remind);
    let fired = |lead| TaskEvent::from(TaskReminderFired { lead, deadline: due, recipients: vec![ADA], at: due });
    let reminders = |fired: &[Lead]| Reminders {
        leads: leads(&["PT1H", "P1D"]),
        set_by: Some(ADA),
        fired: fired.iter().map(|lead| (due, *lead)).collect(),
    };
    then([set.clone(), remind.clone()], |task| {
        task.deadline = Some(due);
        task.reminders = reminders(&[]);
    });
    then([set.clone(), remind.clone(), fired(day), fired(hour)], |task| {
        task.deadline = Some(due);
        task.reminders = reminders(&[day, hour]);
    });
    let remind_at = |events: &[TaskEvent]| {
        let row = fold(events.iter().cloned());
        let keys = TaskList.index_keys(&TASK.into(), &row);
        keys.into_iter().find(|(name, _)| *name == "remind_at").map(|(_, value)| value)
    };
    let at = |text: &str| Some(format!("{text}#{TASK}").into());
    assert_eq!(remind_at(std::slice::from_ref(&remind)), None, "there is no deadline");
    assert_eq!(remind_at(&[set.clone(), remind.clone()]), at("2026-03-03T08:00:00.000Z"));
    assert_eq!(remind_at(&[set.clone(), remind.clone(), fired(day)]), at("2026-03-04T07:00:00.000Z"));
    assert_eq!(remind_at(&[set.clone(), remind.clone(), fired(day), fired(hour)]), None);
    let deleted = TaskDeleted { at: minute(1) };
    assert_eq!(remind_at(&[set.clone(), remind.clone(), deleted.into()]), None);
    let moves =
        [moved(Status::Todo, Status::InProgress, minute(1)), moved(Status::InProgress, Status::Completed, minute(2))];
    assert_eq!(remind_at(&[&[set, remind], &moves[..]].concat()), None);
}

/// The row after the creation and these events.
fn fold(events: impl IntoIterator<Item = TaskEvent>) -> TaskRow {
    let history = history(events);
    let row = history
        .events()
        .iter()
        .fold(None, |row, event| Some(TaskList.evolve(row, event, &event.decode().unwrap()).unwrap()));
    row.unwrap()
}

#[test]
fn a_long_history_ends_the_same_in_every_order() {
    let mut events = Vec::new();
    for n in 1..=4 {
        events.push(
            TaskCommented {
                comment_id: CommentId(Uuid::from_u128(n)),
                text: "x".parse().unwrap(),
                mentions: Vec::new(),
                imported: None,
            }
            .into(),
        );
        events.push(TaskAssigned { from: None, to: BEN }.into());
    }
    then(events, |task| {
        task.comments = 4;
        task.assignee = Some(BEN);
    });
}

#[test]
fn an_event_that_no_program_knows_parks_the_row_before_it() {
    let unknown = EventData { event_type: "TaskPainted".into(), schema: 1, data: json!({}) };
    let comment = TaskCommented {
        comment_id: CommentId(Uuid::from_u128(1)),
        text: "x".parse().unwrap(),
        mentions: Vec::new(),
        imported: None,
    };
    let history = history([]).then(unknown).then(TaskEvent::from(comment));
    ProjectionSpec::given(TaskList, history).then_parked(2, "unknown event type \"TaskPainted\"");
}

#[test]
fn a_history_that_does_not_begin_with_its_creation_is_parked_from_the_start() {
    let history = History::of(TASK).then(TaskEvent::from(TaskDeleted { at: start() }));
    ProjectionSpec::given(TaskList, history).then_parked(1, "TaskDeleted cannot be at version 1");
}

#[test]
fn events_of_users_make_no_task() {
    assert!(!TaskList.wants(muster_domain::AggregateType::User));
    let left = muster_domain::user::UserLeftTeam { team_id: NORTH };
    let history = History::of(ADA).then(muster_domain::user::UserEvent::from(left));
    ProjectionSpec::given(TaskList, history).then_no_row();
}

#[test]
fn a_task_of_another_projection_version_is_folded_anew() {
    use crate::projector::{Message, OneTable, Projector};
    use crate::rows::{MemoryRows, NewRow, RowStore as _, StoredRow};
    use crate::spec::MemoryLog;
    use std::sync::Arc;

    let history = history([TaskAssigned { from: None, to: BEN }.into()]);
    let (log, rows) = (Arc::new(MemoryLog::default()), Arc::new(MemoryRows::default()));
    for event in history.events() {
        log.append(event);
    }
    let old =
        StoredRow { as_of: 1, projection_version: 0, row: Some(json!({ "old": true })), parked: None, places: vec![] };
    let stream = StreamId::from(TASK);
    futures::executor::block_on(rows.save(&stream, 0, NewRow::alone(old), vec![])).unwrap();
    let projector = Projector::new(TaskList, log, Arc::new(OneTable(rows.clone())));
    let message = Message { id: "m".into(), event: Ok(history.events()[1].clone()) };
    assert_eq!(futures::executor::block_on(projector.handle(vec![message])), vec![]);
    let row = rows.row(&stream).unwrap().stored;
    assert_eq!((row.as_of, row.projection_version), (2, TaskList::VERSION));
    assert_eq!(serde_json::from_value::<TaskRow>(row.row.unwrap()).unwrap().task.assignee, Some(BEN));
}

#[test]
fn deadlines_sort_soonest_first_and_none_last() {
    let stream = StreamId::from(TASK);
    let keys = [
        due_key(Some(DateTime::<Utc>::MIN_UTC), &stream),
        due_key(Some(time("1999-12-31T23:59:59.999Z")), &stream),
        due_key(Some(time("2026-03-02T08:00:00Z")), &stream),
        due_key(Some(time("2026-03-02T08:00:00.001Z")), &stream),
        due_key(Some(DateTime::<Utc>::MAX_UTC), &stream),
        due_key(None, &stream),
    ];
    assert!(keys.is_sorted(), "{keys:?}");
    assert_eq!(sortable(DateTime::<Utc>::MAX_UTC), "9999-12-31T23:59:59.000Z");
}

#[test]
fn a_document_has_every_key_and_null_where_there_is_nothing() {
    let document = fold_task(history([]).events()).unwrap().unwrap();
    assert_eq!(
        serde_json::to_value(&document).unwrap(),
        json!({
            "id": TASK, "version": 1, "title": "Fix the lift", "description": null, "priority": "medium",
            "status": "todo", "labels": [], "location": null, "team_id": NORTH, "assignee_id": null,
            "reporter_id": ADA, "deadline": null, "hold": null, "imported": null, "started_at": null, "completed_at": null,
            "reopened": 0, "comments": 0, "checklist": [], "watcher_ids": [], "rank": "0VCh8td2V", "parent_id": null, "blocked_by_ids": [],
            "duplicate_of_id": null, "recurrence": null, "reminders": [], "created_at": "2026-03-02T08:00:00Z", "updated_at": "2026-03-02T08:00:00Z",
            "updated_by": { "type": "user", "id": ADA }, "deleted_at": null,
        })
    );
    assert_eq!(document, TaskDocument::new(TASK, &state(), 1, start(), Actor::from(ADA)));
}

#[test]
fn a_task_is_folded_as_it_was_at_an_earlier_version() {
    let history = history([TaskAssigned { from: None, to: BEN }.into(), TaskDeleted { at: minute(2) }.into()]);
    let at = |version: usize| fold_task(&history.events()[..version]).unwrap();
    assert_eq!(at(0), None);
    assert_eq!(at(1).map(|task| (task.version, task.assignee_id)), Some((1, None)));
    assert_eq!(at(2).map(|task| (task.version, task.assignee_id)), Some((2, Some(BEN))));
    assert_eq!(at(3).and_then(|task| task.deleted_at), Some(minute(2)));
}

#[test]
fn a_task_is_not_folded_over_an_event_that_cannot_be_read() {
    let unknown = EventData { event_type: "TaskPainted".into(), schema: 1, data: json!({}) };
    let error = fold_task(history([]).then(unknown).events()).unwrap_err();
    assert_eq!(error.to_string(), "unknown event type \"TaskPainted\"");
}
