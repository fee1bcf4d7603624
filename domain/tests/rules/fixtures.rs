//! People, teams, times and events that the cases share.

use std::fmt::Debug;
use std::str::FromStr;

use chrono::{DateTime, TimeZone as _, Utc};
use muster_domain::task::{
    CreateTask, Priority, Status, TaskCreated, TaskDeleted, TaskEvent, TaskHeld, TaskStatusChanged, UpdateTask,
};
use muster_domain::team::TeamCreated;
use muster_domain::user::{
    ByKind, NotificationChannels, NotificationDigest, NotificationPreferences, Role, UserDeactivated, UserEvent,
    UserRegistered,
};
use muster_domain::values::{Labels, Location, Position, TimeZone};
use muster_domain::{TeamId, UserId};
use uuid::Uuid;

pub(crate) const ADA: UserId = UserId(Uuid::from_u128(0xada));
pub(crate) const BEN: UserId = UserId(Uuid::from_u128(0xbe));
pub(crate) const NORTH: TeamId = TeamId(Uuid::from_u128(0x10));
pub(crate) const SOUTH: TeamId = TeamId(Uuid::from_u128(0x20));

/// A full hour of the day on which everything happens.
pub(crate) fn at(hour: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 2, hour, 0, 0).unwrap()
}

/// A value from its text.
pub(crate) fn text<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

pub(crate) fn labels<const N: usize>(words: [&str; N]) -> Labels {
    Labels::try_from(words.map(text).to_vec()).unwrap()
}

pub(crate) fn workshop() -> Location {
    Location { name: text("Workshop 3"), position: Some(Position::new(52.52, 13.405).unwrap()) }
}

/// A task with nothing but what it must have, created at 8.
pub(crate) fn created() -> TaskCreated {
    CreateTask::new(text("Fix the lift"), at(8)).into()
}

/// A task with everything that it can have, created at 8.
pub(crate) fn created_in_full() -> TaskCreated {
    TaskCreated {
        description: Some(text("It stops between *two* floors.")),
        priority: Priority::High,
        labels: labels(["lift", "safety"]),
        location: Some(workshop()),
        team: Some(NORTH),
        assignee: Some(ADA),
        reporter: Some(BEN),
        deadline: Some(at(18)),
        ..created()
    }
}

/// The request that gives [`created_in_full`].
pub(crate) fn create_in_full() -> CreateTask {
    let TaskCreated {
        title,
        description,
        priority,
        labels,
        location,
        team,
        assignee,
        reporter,
        deadline,
        mentions: _,
        at,
    } = created_in_full();
    CreateTask { title, description, priority, labels, location, team, assignee, reporter, deadline, at }
}

/// The histories of a task that is `todo`, `in_progress` and `completed`: created at 8, begun at 9, completed at 10.
pub(crate) fn task_that_is(status: Status) -> Vec<TaskEvent> {
    let begun = moved(Status::Todo, Status::InProgress, 9);
    match status {
        Status::Todo => vec![created().into()],
        Status::InProgress => vec![created().into(), begun],
        Status::Completed => vec![created().into(), begun, moved(Status::InProgress, Status::Completed, 10)],
    }
}

/// This history and one event more.
pub(crate) fn then_also<E>(mut history: Vec<E>, event: impl Into<E>) -> Vec<E> {
    history.push(event.into());
    history
}

pub(crate) fn moved(from: Status, to: Status, hour: u32) -> TaskEvent {
    TaskStatusChanged { from, to, at: at(hour) }.into()
}

pub(crate) fn held(hour: u32) -> TaskHeld {
    TaskHeld { reason: text("waiting for parts"), at: at(hour) }
}

pub(crate) fn deleted(hour: u32) -> TaskDeleted {
    TaskDeleted { at: at(hour) }
}

/// An update at 12 that changes nothing yet.
pub(crate) fn update() -> UpdateTask {
    UpdateTask::at(at(12))
}

/// Ada's account, with nothing but what it must have.
pub(crate) fn registered() -> UserRegistered {
    UserRegistered {
        name: text("Ada"),
        email: text("Ada@example.com"),
        role: Role::Member,
        time_zone: TimeZone::default(),
        locale: None,
        phone: None,
        at: at(8),
    }
}

pub(crate) fn closed() -> Vec<UserEvent> {
    vec![registered().into(), UserDeactivated { email: registered().email }.into()]
}

/// Of nothing, by no channel.
pub(crate) fn silent() -> NotificationPreferences {
    NotificationPreferences {
        channels: ByKind::each(|_| NotificationChannels::default()),
        quiet_hours: None,
        digest: NotificationDigest::default(),
    }
}

pub(crate) fn founded() -> TeamCreated {
    TeamCreated { name: text("North"), description: None, at: at(8) }
}
