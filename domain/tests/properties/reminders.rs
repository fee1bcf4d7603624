//! What holds of reminders however often a deadline is moved and the reminders are changed.

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::Decider as _;
use muster_domain::task::{CreateTask, Lead, Leads, Task, TaskCommand, TaskEvent, TaskState, UpdateTask};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::subsequence;

fn begin() -> DateTime<Utc> {
    "2026-03-02T08:00:00Z".parse().unwrap()
}

/// When all reminders are due of any deadline here.
fn after_all() -> DateTime<Utc> {
    begin() + TimeDelta::days(10_000)
}

fn lead(minutes: u32) -> Lead {
    format!("PT{minutes}M").parse().unwrap()
}

fn obey(task: &mut Task, command: TaskCommand) -> Vec<TaskEvent> {
    let events = task.decide(command).unwrap();
    for event in &events {
        task.evolve(event);
    }
    events
}

/// A task with this deadline and these leads.
fn changed(task: &mut Task, days: i64, leads: &[u32]) {
    let deadline = begin() + TimeDelta::days(days);
    obey(task, TaskCommand::Update(UpdateTask { deadline: Some(Some(deadline)), ..UpdateTask::at(begin()) }));
    let leads = Leads::try_from(leads.iter().copied().map(lead).collect::<Vec<_>>()).unwrap();
    obey(task, TaskCommand::SetReminders { leads, by: None });
}

fn fire(task: &mut Task) -> Vec<TaskEvent> {
    obey(task, TaskCommand::FireReminders { at: after_all() })
}

fn new() -> Task {
    let mut task = Task::default();
    obey(&mut task, TaskCommand::Create(CreateTask::new("Fix the lift".parse().unwrap(), begin())));
    task
}

fn state(task: &Task) -> &TaskState {
    task.state.as_ref().unwrap()
}

proptest! {
    /// Deadlines that come ever nearer are the ones of which an early one would be forgotten first.
    #[test]
    fn what_has_fired_for_the_present_deadline_does_not_fire_again(
        back in any::<bool>(),
        steps in vec((0..400_i64, subsequence((1..=30_u32).collect::<Vec<_>>(), 1..=10)), 1..70),
    ) {
        let mut task = new();
        for (number, (days, leads)) in (0..).zip(steps) {
            let days = if back { 1_000 - number } else { days };
            changed(&mut task, days, &leads);
            fire(&mut task);
            prop_assert_eq!(fire(&mut task), vec![]);
            prop_assert_eq!(state(&task).next_reminder(), None);
            prop_assert!(state(&task).reminders.fired.len() <= 200);
        }
    }

    /// Of one deadline there may have been more leads than are remembered.
    #[test]
    fn leads_that_are_changed_for_ever_under_one_deadline_do_not_fire_twice_in_a_row(
        sets in vec(subsequence((1..=600_u32).collect::<Vec<_>>(), 10), 1..60),
    ) {
        let mut task = new();
        for leads in sets {
            changed(&mut task, 30, &leads);
            fire(&mut task);
            prop_assert_eq!(fire(&mut task), vec![]);
            prop_assert!(state(&task).reminders.fired.len() <= 200);
        }
    }
}

#[test]
fn a_deadline_before_all_that_are_remembered_reminds_once() {
    let mut task = new();
    let leads: Vec<u32> = (1..=10).collect();
    for days in (0..21).rev() {
        changed(&mut task, days, &leads);
        assert_eq!(fire(&mut task).len(), 10, "each of its leads fires");
        assert_eq!(fire(&mut task), vec![]);
        assert_eq!(state(&task).next_reminder(), None);
    }
    assert_eq!(state(&task).reminders.fired.len(), 200);
}
