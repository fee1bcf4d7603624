//! Rules by which others come after a task, and reminders of its deadline.

use chrono::TimeDelta;
use muster_domain::task::{
    BegunChecklistItem, Frequency, Lead, Leads, Occurrence, Recurrence, Status, Task, TaskChecklistBegun,
    TaskChecklistItemAdded, TaskChecklistItemTicked, TaskCommand, TaskCreated, TaskDeadlineSet, TaskError, TaskEvent,
    TaskRecurrenceCleared, TaskRecurrenceSet, TaskReminderFired, TaskRemindersSet, Weekday,
};
use muster_domain::{ChecklistItemId, SeriesId, TaskId};
use uuid::Uuid;

use crate::fixtures::{ADA, BEN, at, created, created_in_full, deleted, held, moved, task_that_is, text, then_also};
use crate::scenario::{fold, given};

const ITEM: ChecklistItemId = ChecklistItemId(Uuid::from_u128(0x17));
const SERIES: SeriesId = SeriesId(Uuid::from_u128(0x5e));

fn rule(frequency: Frequency) -> Recurrence {
    Recurrence {
        frequency,
        interval: 1,
        weekdays: [].into(),
        day: None,
        month: None,
        time: text("18:00"),
        time_zone: text("UTC"),
        until: None,
        count: None,
    }
}

fn set(rule: Recurrence) -> TaskCommand {
    TaskCommand::SetRecurrence { rule, series: SERIES, at: at(12) }
}

fn is_set(from: Option<Recurrence>, to: Recurrence) -> TaskEvent {
    TaskRecurrenceSet { from, to, series: SERIES, number: 1, day: at(8).date_naive() }.into()
}

fn leads(texts: &[&str]) -> Leads {
    Leads::try_from(texts.iter().map(|lead| text::<Lead>(lead)).collect::<Vec<_>>()).unwrap()
}

#[test]
fn what_a_rule_leaves_open_is_taken_from_the_day_of_the_deadline_or_from_today() {
    // The second of March 2026 is a Monday.
    let on_mondays = Recurrence { weekdays: [Weekday::Monday].into(), ..rule(Frequency::Weekly) };
    given::<Task>([created().into()]).when(set(rule(Frequency::Weekly))).then([is_set(None, on_mondays)]);
    let yearly = Recurrence { day: Some(2), month: Some(3), ..rule(Frequency::Yearly) };
    given::<Task>([created_in_full().into()]).when(set(rule(Frequency::Yearly))).then([is_set(None, yearly)]);
    // Where it is the third by then.
    let far_east = Recurrence { time_zone: text("Pacific/Auckland"), ..rule(Frequency::Monthly) };
    let third = TaskRecurrenceSet {
        from: None,
        to: Recurrence { day: Some(3), ..far_east.clone() },
        series: SERIES,
        number: 1,
        day: at(8).date_naive().succ_opt().unwrap(),
    };
    given::<Task>([created_in_full().into()]).when(set(far_east)).then([third.into()]);
}

#[test]
fn another_rule_takes_the_place_of_the_first_and_the_same_changes_nothing() {
    let (daily, monthly) = (rule(Frequency::Daily), Recurrence { day: Some(2), ..rule(Frequency::Monthly) });
    let before = [created().into(), is_set(None, daily.clone())];
    given::<Task>(before.clone()).when(set(daily.clone())).then([]);
    given::<Task>(before.clone()).when(set(rule(Frequency::Monthly))).then([is_set(Some(daily.clone()), monthly)]);
    let cleared: TaskEvent = TaskRecurrenceCleared { from: daily }.into();
    given::<Task>(before).when(TaskCommand::ClearRecurrence).then([cleared]);
    given::<Task>([created().into()]).when(TaskCommand::ClearRecurrence).then([]);
}

#[test]
fn the_same_rule_from_another_day_on_is_another_one() {
    let monthly = || Recurrence { day: Some(31), ..rule(Frequency::Monthly) };
    let before = [created_in_full().into(), is_set(None, monthly())];
    given::<Task>(before.clone()).when(set(monthly())).then([]);
    let later = TaskDeadlineSet { from: Some(at(18)), to: at(18) + TimeDelta::days(40) };
    let day = at(8).date_naive() + TimeDelta::days(40);
    let again = TaskRecurrenceSet { from: Some(monthly()), to: monthly(), series: SERIES, number: 1, day };
    given::<Task>(then_also(before.to_vec(), later)).when(set(monthly())).then([again.into()]);
}

#[test]
fn a_rule_by_which_none_comes_after_the_task_is_refused() {
    let with = |count, until: Option<&str>| {
        let until = until.map(|day| day.parse().unwrap());
        set(Recurrence { count, until, ..rule(Frequency::Daily) })
    };
    let due = || given::<Task>([created_in_full().into()]);
    due().when(with(Some(1), None)).then_refused(TaskError::OverByCount { number: 1 });
    // It is due on the second of March, and the next one would be on the third.
    for until in ["2020-01-01", "2026-03-02"] {
        due().when(with(None, Some(until))).then_refused(TaskError::OverByDay);
    }
    let until = "2026-03-03".parse().ok();
    due().when(with(None, Some("2026-03-03"))).then([is_set(None, Recurrence { until, ..rule(Frequency::Daily) })]);
    let twice = Recurrence { count: Some(2), ..rule(Frequency::Daily) };
    let last = TaskRecurrenceSet { from: None, to: twice, series: SERIES, number: 2, day: at(8).date_naive() };
    let last = || -> [TaskEvent; 2] { [created().into(), last.clone().into()] };
    given::<Task>(last()).when(with(Some(2), None)).then([]);
    given::<Task>(last()).when(with(Some(1), None)).then_refused(TaskError::OverByCount { number: 2 });
}

#[test]
fn a_task_that_is_done_or_deleted_gets_no_rule() {
    let daily = || set(rule(Frequency::Daily));
    given::<Task>(task_that_is(Status::Completed)).when(daily()).then_refused(TaskError::Completed);
    let gone = then_also(task_that_is(Status::Todo), deleted(9));
    given::<Task>(gone).when(daily()).then_refused(TaskError::Deleted);
    given::<Task>([]).when(daily()).then_refused(TaskError::NotFound);
}

/// A task with everything that comes again daily, was reminded of and done at 10.
fn done() -> Vec<TaskEvent> {
    vec![
        created_in_full().into(),
        is_set(None, Recurrence { count: Some(3), ..rule(Frequency::Daily) }),
        TaskRemindersSet { from: Leads::default(), to: leads(&["PT1H"]), by: Some(BEN) }.into(),
        TaskChecklistItemAdded { item_id: ITEM, text: text("Switch the current off"), place: 1 }.into(),
        TaskChecklistItemTicked { item_id: ITEM, text: text("Switch the current off") }.into(),
        moved(Status::Todo, Status::InProgress, 9),
        moved(Status::InProgress, Status::Completed, 10),
    ]
}

#[test]
fn what_comes_after_a_task_is_the_same_to_do_a_day_later() {
    let task = fold::<Task>(&done()).state.unwrap();
    let next = task.successor(at(11)).unwrap();
    let day = at(8).date_naive().succ_opt().unwrap();
    let rule = Recurrence { count: Some(3), ..rule(Frequency::Daily) };
    let expected = [
        TaskCreated { deadline: Some(at(18) + TimeDelta::days(1)), at: at(11), ..created_in_full() }.into(),
        TaskRecurrenceSet { from: None, to: rule.clone(), series: SERIES, number: 2, day }.into(),
        TaskChecklistBegun { items: vec![BegunChecklistItem { item_id: ITEM, text: text("Switch the current off") }] }
            .into(),
        TaskRemindersSet { from: Leads::default(), to: leads(&["PT1H"]), by: Some(BEN) }.into(),
    ];
    let command = TaskCommand::Recur(Box::new(next));
    let made = given::<Task>([]).when(command.clone()).then(expected);
    let made = made.state.unwrap();
    assert_eq!(made.checklist.iter().map(|item| (item.id, item.done)).collect::<Vec<_>>(), [(ITEM, false)]);
    assert_eq!(made.recurrence, Some(Occurrence { rule, series: SERIES, number: 2, day }));
    given::<Task>([created().into()]).when(command).then_refused(TaskError::AlreadyExists);
}

#[test]
fn nothing_comes_after_a_task_that_is_open_has_no_rule_or_is_the_last_one() {
    let task = |events: &[TaskEvent]| fold::<Task>(events).state.unwrap();
    assert_eq!(task(&done()[..6]).successor(at(11)), None, "it is open");
    assert_eq!(task(&task_that_is(Status::Completed)).successor(at(11)), None, "it has no rule");
    let cleared = TaskRecurrenceCleared { from: Recurrence { count: Some(3), ..rule(Frequency::Daily) } };
    assert_eq!(task(&then_also(done(), cleared)).successor(at(11)), None, "it has none any more");
    let mut last = task(&done());
    last.recurrence.as_mut().unwrap().number = 3;
    assert_eq!(last.successor(at(11)), None, "it is the last one");
}

#[test]
fn the_id_of_a_successor_follows_from_that_of_the_task() {
    let task = TaskId(Uuid::from_u128(7));
    assert_eq!(task.successor(), task.successor());
    assert_ne!(task.successor(), TaskId(Uuid::from_u128(8)).successor());
    assert_ne!(task.successor(), task.successor().successor());
}

fn reminders(before: &[&str], after: &[&str]) -> TaskEvent {
    TaskRemindersSet { from: leads(before), to: leads(after), by: Some(BEN) }.into()
}

fn remind(before: &[&str]) -> TaskCommand {
    TaskCommand::SetReminders { leads: leads(before), by: Some(BEN) }
}

fn fired(lead: &str, hour: u32) -> TaskEvent {
    TaskReminderFired { lead: text(lead), deadline: at(18), recipients: vec![BEN, ADA], at: at(hour) }.into()
}

fn fire(hour: u32) -> TaskCommand {
    TaskCommand::FireReminders { at: at(hour) }
}

#[test]
fn reminders_are_set_as_a_whole_and_the_same_change_nothing() {
    given::<Task>([created().into()]).when(remind(&["PT1H", "P1D"])).then([reminders(&[], &["PT1H", "P1D"])]);
    let before = [created().into(), reminders(&[], &["PT1H"])];
    given::<Task>(before.clone()).when(remind(&["PT60M"])).then([]);
    given::<Task>(before).when(remind(&[])).then([reminders(&["PT1H"], &[])]);
}

#[test]
fn each_reminder_fires_once_for_a_deadline_and_not_before_its_time() {
    let before = vec![created_in_full().into(), reminders(&[], &["PT1H", "PT4H"])];
    given::<Task>(before.clone()).when(fire(13)).then([]);
    given::<Task>(before.clone()).when(fire(14)).then([fired("PT4H", 14)]);
    given::<Task>(before.clone()).when(fire(17)).then([fired("PT1H", 17), fired("PT4H", 17)]);
    let once = then_also(before, fired("PT4H", 14));
    given::<Task>(once.clone()).when(fire(16)).then([]);
    given::<Task>(once.clone()).when(fire(20)).then([fired("PT1H", 20)]);
    // Another deadline is another one to be reminded of; one that was reminded of before is not.
    let later = TaskDeadlineSet { from: Some(at(18)), to: at(20) };
    let moved = then_also(once, later);
    let again: TaskEvent =
        TaskReminderFired { lead: text("PT4H"), deadline: at(20), recipients: vec![BEN, ADA], at: at(16) }.into();
    given::<Task>(moved.clone()).when(fire(16)).then([again]);
    let back = then_also(moved, TaskDeadlineSet { from: Some(at(20)), to: at(18) });
    given::<Task>(back).when(fire(16)).then([]);
}

#[test]
fn a_task_without_a_deadline_one_that_is_done_and_one_that_is_deleted_remind_of_nothing() {
    given::<Task>([created().into(), reminders(&[], &["PT1H"])]).when(fire(20)).then([]);
    given::<Task>(done()).when(fire(20)).then([]);
    let gone = [created_in_full().into(), reminders(&[], &["PT1H"]), deleted(9).into()];
    given::<Task>(gone).when(fire(20)).then_refused(TaskError::Deleted);
    let waits = [created_in_full().into(), reminders(&[], &["PT1H"]), held(9).into()];
    given::<Task>(waits).when(fire(17)).then([fired("PT1H", 17)]);
}
