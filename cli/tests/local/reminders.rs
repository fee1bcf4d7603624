//! Reminders of deadlines, with a clock of the test's own.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use muster_commands::CommandHandler;
use muster_domain::task::{Leads, Status, TaskCommand, UpdateTask};
use muster_domain::{Clock, EventReader as _, TaskId, UserId};
use muster_handlers::reminders::ReminderClock;
use muster_projections::{ReadModels, TaskQueries};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{TestStore, at};

const ADA: UserId = UserId(Uuid::from_u128(0xada));
const BEN: UserId = UserId(Uuid::from_u128(0xbe));

/// A clock that stands until it is set.
#[derive(Default)]
struct Hand(Mutex<DateTime<Utc>>);

impl Clock for Hand {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

/// A store whose read models are brought up after every change, and its clock.
struct Reminded {
    store: TestStore,
    pipeline: muster_cli::pipeline::Pipeline,
    hand: Arc<Hand>,
    clock: ReminderClock,
}

impl Reminded {
    async fn new() -> Self {
        let store = TestStore::new().await;
        let pipeline = store.pipeline().await;
        let hand = Arc::new(Hand::default());
        let models = ReadModels::new(store.system.client.clone(), "muster-");
        let handler = CommandHandler::new(store.system.events.clone());
        let clock = ReminderClock::new(TaskQueries::new(models), handler, hand.clone());
        Self { store, pipeline, hand, clock }
    }

    /// A task of Ben's that is due in so many minutes, of which Ada wants to be reminded.
    async fn task(&self, due_in: i64, leads: &[&str]) -> TaskId {
        let task = self.store.task("Check the lift").await;
        let deadline = Some(Some(minutes(due_in)));
        self.change(task, UpdateTask { assignee: Some(Some(BEN)), deadline, ..UpdateTask::at(at()) }).await;
        let leads = Leads::try_from(leads.iter().map(|lead| lead.parse().unwrap()).collect::<Vec<_>>()).unwrap();
        self.store.command(task, TaskCommand::SetReminders { leads, by: Some(ADA) }).await;
        task
    }

    async fn change(&self, task: TaskId, update: UpdateTask) {
        self.store.command(task, TaskCommand::Update(update)).await;
    }

    /// How many fire when it is so many minutes later.
    async fn fired_at(&self, minute: i64) -> usize {
        self.pipeline.caught_up().await.unwrap();
        *self.hand.0.lock().unwrap() = minutes(minute);
        self.clock.fire_due().await.unwrap()
    }

    /// Which have fired: how long before which deadline, when, and for whom.
    async fn fired(&self, task: TaskId) -> Vec<Value> {
        let events = self.store.system.events.events(&task.into(), 0, None).await.unwrap();
        let fired = events.into_iter().filter(|event| event.event_type == "TaskReminderFired");
        fired.map(|event| event.data).collect()
    }
}

fn minutes(minutes: i64) -> DateTime<Utc> {
    at() + TimeDelta::minutes(minutes)
}

#[tokio::test]
async fn each_fires_once_when_it_is_time_for_whoever_is_to_do_it_and_whoever_set_it() {
    let reminded = Reminded::new().await;
    let task = reminded.task(120, &["PT1H", "PT30M"]).await;
    assert_eq!(reminded.fired_at(59).await, 0);
    assert_eq!(reminded.fired_at(60).await, 1);
    // Whether the list of what is due knows it yet or not.
    assert_eq!(reminded.clock.fire_due().await.unwrap(), 0);
    assert_eq!(reminded.fired_at(61).await, 0);
    assert_eq!(reminded.fired_at(95).await, 1);
    assert_eq!(reminded.fired_at(600).await, 0);
    let fired = |lead: &str, at: i64| json!({ "lead": lead, "deadline": minutes(120), "recipients": [BEN, ADA], "at": minutes(at) });
    assert_eq!(reminded.fired(task).await, [fired("PT1H", 60), fired("PT30M", 95)]);
}

#[tokio::test]
async fn two_rounds_at_the_same_time_are_one() {
    let reminded = Reminded::new().await;
    let tasks = [reminded.task(30, &["PT1H"]).await, reminded.task(30, &["PT1H"]).await];
    reminded.pipeline.caught_up().await.unwrap();
    *reminded.hand.0.lock().unwrap() = minutes(5);
    let again = ReminderClock::clone(&reminded.clock);
    let (one, other) = tokio::join!(reminded.clock.fire_due(), again.fire_due());
    assert_eq!(one.unwrap() + other.unwrap(), 2, "one whose time is over already fires at once");
    for task in tasks {
        assert_eq!(reminded.fired(task).await.len(), 1);
    }
}

#[tokio::test]
async fn they_follow_the_deadline_and_fire_once_for_each() {
    let reminded = Reminded::new().await;
    let task = reminded.task(120, &["PT1H"]).await;
    let to = |minute| UpdateTask { deadline: Some(Some(minutes(minute))), ..UpdateTask::at(at()) };
    reminded.change(task, to(300)).await;
    assert_eq!(reminded.fired_at(200).await, 0);
    assert_eq!(reminded.fired_at(240).await, 1);
    reminded.change(task, to(400)).await;
    assert_eq!(reminded.fired_at(250).await, 0);
    // Back to a deadline that was reminded of.
    reminded.change(task, to(300)).await;
    assert_eq!(reminded.fired_at(299).await, 0);
    reminded.change(task, UpdateTask { deadline: Some(None), ..UpdateTask::at(at()) }).await;
    assert_eq!(reminded.fired_at(900).await, 0);
}

#[tokio::test]
async fn a_task_that_is_done_or_deleted_reminds_of_nothing_and_one_on_hold_does() {
    let reminded = Reminded::new().await;
    let (done, deleted, held) =
        (reminded.task(60, &["PT1H"]).await, reminded.task(60, &["PT1H"]).await, reminded.task(60, &["PT1H"]).await);
    for status in [Status::InProgress, Status::Completed] {
        reminded.change(done, UpdateTask { status: Some(status), ..UpdateTask::at(at()) }).await;
    }
    reminded.store.command(deleted, TaskCommand::Delete { at: at() }).await;
    reminded.store.command(held, TaskCommand::Hold { reason: "no parts".parse().unwrap(), at: at() }).await;
    assert_eq!(reminded.fired_at(10).await, 1);
    assert_eq!(reminded.fired(held).await.len(), 1);
    // Once it is there again, it is time.
    reminded.store.command(deleted, TaskCommand::Restore).await;
    assert_eq!(reminded.fired_at(11).await, 1);
}
