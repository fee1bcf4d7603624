use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::task::*;
use muster_domain::values::Labels;
use muster_domain::{TaskId, TeamId, UserId};
use uuid::Uuid;

use super::{PastTask, TaskPast};
use crate::projection::Projection;
use crate::spec::{History, ProjectionSpec};
use crate::task_list::TaskRow;

const TASK: TaskId = TaskId(Uuid::from_u128(0xa));
const NORTH: TeamId = TeamId(Uuid::from_u128(0x71));
const ADA: UserId = UserId(Uuid::from_u128(0x1));
const BEN: UserId = UserId(Uuid::from_u128(0x2));

fn minute(number: i64) -> DateTime<Utc> {
    let start: DateTime<Utc> = "2026-03-02T08:00:00Z".parse().unwrap();
    start + TimeDelta::minutes(number)
}

fn begun() -> History {
    let labels = Labels::try_from(vec!["lift".parse().unwrap(), "door".parse().unwrap()]).unwrap();
    let task = CreateTask {
        team: Some(NORTH),
        reporter: Some(ADA),
        labels,
        ..CreateTask::new("Fix it".parse().unwrap(), minute(0))
    };
    History::of(TASK).by(ADA).at(minute(0)).then(TaskEvent::from(TaskCreated::from(task)))
}

/// The state after these events.
fn row(history: &History) -> TaskRow {
    let fold = |row, event: &muster_domain::RecordedEvent| TaskPast.evolve(row, event, &event.decode().unwrap()).ok();
    history.events().iter().fold(None, fold).unwrap()
}

#[test]
fn a_state_is_found_by_whose_it_is_and_filtered_by_the_rest() {
    ProjectionSpec::given(TaskPast, begun()).then_row(row(&begun())).then_keys(&[
        ("gsi_all", "all".into()),
        ("gsi_team", NORTH.to_string().into()),
        ("since", "2026-03-02T08:00:00.000Z".into()),
        ("status", "todo".into()),
        ("priority", "medium".into()),
        ("labels", "\ndoor\nlift\n".into()),
        ("team", NORTH.to_string().into()),
        ("title", "fix it".into()),
        ("gsi_reporter", ADA.to_string().into()),
        ("reporter", ADA.to_string().into()),
        ("due", format!("~#{TASK}").into()),
        ("until", "~".into()),
    ]);
}

#[test]
fn a_state_that_is_left_stays_as_it_was_but_for_no_time_and_for_a_deleted_task() {
    let unassigned = begun()
        .at(minute(1))
        .then(TaskEvent::from(TaskAssigned { from: None, to: BEN }))
        // Of the same commit.
        .at(minute(1))
        .then(TaskEvent::from(TaskUnassigned { from: BEN }));
    let last = row(&unassigned);
    let history = unassigned
        .at(minute(2))
        .then(TaskEvent::from(TaskDeleted { at: minute(2) }))
        .at(minute(9))
        .then(TaskEvent::from(TaskRestored { deleted_at: minute(2) }));
    ProjectionSpec::given(TaskPast, history)
        .then_entries(&[PastTask { row: row(&begun()), version: 1 }, PastTask { row: last, version: 3 }]);
}

#[test]
fn what_is_left_is_kept_under_the_stretch_that_it_lasted_in() {
    let history = begun().at(minute(9)).then(TaskEvent::from(TaskAssigned { from: None, to: BEN }));
    let [created, assigned] = history.events() else { panic!("two events") };
    let before = TaskPast.evolve(None, created, &created.decode().unwrap()).unwrap();
    let entries = TaskPast.entries(Some(&before), assigned, &assigned.decode().unwrap());
    let kept: Vec<_> = entries.iter().map(|entry| (entry.sort_key.as_str(), entry.keys[0].clone())).collect();
    // Nine minutes are longer than four, and within one stretch of sixteen.
    assert_eq!(kept, [("v#00000000000000000001#000", ("gsi_all", "all@2.1846290".into()))]);
    let keys = &entries[0].keys;
    assert!(keys.contains(&("gsi_team", format!("{NORTH}@2.1846290").into())));
    assert!(keys.contains(&("until", "2026-03-02T08:09:00.000Z".into())));
    assert!(keys.contains(&("due", format!("~#{TASK}#00000000000000000001").into())));
}
