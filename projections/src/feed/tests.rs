use chrono::{DateTime, Utc};
use muster_domain::AggregateType;
use muster_domain::TaskId;
use muster_domain::task::{CreateTask, Status, TaskCreated, TaskEvent, TaskStatusChanged};
use uuid::Uuid;

use super::{Feed, FeedRow};
use crate::projection::Projection as _;
use crate::spec::{History, ProjectionSpec};

#[test]
fn the_row_says_how_far_an_aggregate_has_come() {
    let at: DateTime<Utc> = "2026-03-02T08:00:00Z".parse().unwrap();
    let created: TaskCreated = CreateTask::new("Fix the lift".parse().unwrap(), at).into();
    let history = History::of(TaskId(Uuid::from_u128(1))).then(TaskEvent::from(created));
    let history = history.then(TaskEvent::from(TaskStatusChanged { from: Status::Todo, to: Status::InProgress, at }));
    let last = history.events().last().cloned().unwrap();

    let row = FeedRow { last_at: last.recorded_at, last_event_id: last.event_id };
    ProjectionSpec::given(Feed, history).then_row(row);
}

#[test]
fn every_kind_of_aggregate_is_in_the_feed() {
    assert!(AggregateType::ALL.into_iter().all(|kind| Feed.wants(kind)));
}
