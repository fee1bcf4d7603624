//! What is ticked off on the way to a task's end.

use muster_domain::ChecklistItemId;
use muster_domain::task::{
    MAX_CHECKLIST_ITEMS, Status, Task, TaskChecklistItemAdded, TaskChecklistItemMoved, TaskChecklistItemRemoved,
    TaskChecklistItemReworded, TaskChecklistItemTicked, TaskChecklistItemUnticked, TaskCommand, TaskError, TaskEvent,
    UpdateChecklistItem,
};
use uuid::Uuid;

use crate::fixtures::{deleted, task_that_is, text, then_also};
use crate::scenario::given;

fn item(n: u128) -> ChecklistItemId {
    ChecklistItemId(Uuid::from_u128(n))
}

fn words(n: u128) -> String {
    format!("step {n}")
}

fn added(n: u128, place: u32) -> TaskEvent {
    TaskChecklistItemAdded { item_id: item(n), text: text(&words(n)), place }.into()
}

fn add(n: u128, before: Option<u128>) -> TaskCommand {
    TaskCommand::AddChecklistItem { item_id: item(n), text: text(&words(n)), before: before.map(item) }
}

fn moved(n: u128, from: u32, to: u32) -> TaskEvent {
    TaskChecklistItemMoved { item_id: item(n), text: text(&words(n)), from, to }.into()
}

fn to(n: u128, before: Option<u128>) -> TaskCommand {
    TaskCommand::UpdateChecklistItem(UpdateChecklistItem { before: Some(before.map(item)), ..as_it_is(n) })
}

fn as_it_is(n: u128) -> UpdateChecklistItem {
    UpdateChecklistItem { item_id: item(n), text: None, done: None, before: None }
}

/// A task with the items 1 to `n`.
fn with(n: u128) -> Vec<TaskEvent> {
    (1..=n).fold(task_that_is(Status::Todo), |history, n| then_also(history, added(n, u32::try_from(n).unwrap())))
}

fn order(task: &Task) -> Vec<u128> {
    task.state.as_ref().unwrap().checklist.iter().map(|item| item.id.0.as_u128()).collect()
}

#[test]
fn an_item_is_added_at_the_end_or_before_another() {
    assert_eq!(order(&given::<Task>(with(2)).when(add(3, None)).then([added(3, 3)])), [1, 2, 3]);
    assert_eq!(order(&given::<Task>(with(2)).when(add(3, Some(1))).then([added(3, 1)])), [3, 1, 2]);
    given::<Task>(with(2)).when(add(3, Some(7))).then_refused(TaskError::NoSuchNeighbour);
    given::<Task>(with(2)).when(to(1, Some(7))).then_refused(TaskError::NoSuchNeighbour);
    given::<Task>(with(2)).when(to(7, Some(1))).then_refused(TaskError::NoSuchItem);
    given::<Task>(with(2)).when(add(2, None)).then_refused(TaskError::ItemExists);
}

#[test]
fn a_checklist_is_bounded() {
    let most = MAX_CHECKLIST_ITEMS as u128;
    given::<Task>(with(most - 1)).when(add(most, None)).then([added(most, u32::try_from(most).unwrap())]);
    given::<Task>(with(most)).when(add(most + 1, None)).then_refused(TaskError::ChecklistFull);
}

#[test]
fn an_item_goes_to_another_place() {
    for (command, event, after) in [
        (to(1, None), moved(1, 1, 3), [2, 3, 1]),
        (to(1, Some(3)), moved(1, 1, 2), [2, 1, 3]),
        (to(3, Some(1)), moved(3, 3, 1), [3, 1, 2]),
        (to(3, Some(2)), moved(3, 3, 2), [1, 3, 2]),
    ] {
        assert_eq!(order(&given::<Task>(with(3)).when(command).then([event])), after);
    }
    for command in [to(3, None), to(2, Some(3)), to(2, Some(2))] {
        given::<Task>(with(3)).when(command).then_nothing();
    }
}

#[test]
fn one_change_of_an_item_is_one_event_for_each_thing_that_changes() {
    let everything = UpdateChecklistItem {
        text: Some(text("last step")),
        done: Some(true),
        before: Some(Some(item(1))),
        ..as_it_is(2)
    };
    let last = || text("last step");
    let task = given::<Task>(with(2)).when(TaskCommand::UpdateChecklistItem(everything.clone())).then([
        TaskChecklistItemReworded { item_id: item(2), from: text("step 2"), to: last() }.into(),
        TaskChecklistItemTicked { item_id: item(2), text: last() }.into(),
        TaskChecklistItemMoved { item_id: item(2), text: last(), from: 2, to: 1 }.into(),
    ]);
    let first = &task.state.as_ref().unwrap().checklist[0];
    assert_eq!((first.id, first.text.as_str(), first.done), (item(2), "last step", true));
    given::<Task>(with(2)).when(TaskCommand::UpdateChecklistItem(as_it_is(1))).then_nothing();
    given::<Task>(with(2)).when(TaskCommand::UpdateChecklistItem(as_it_is(3))).then_refused(TaskError::NoSuchItem);
}

#[test]
fn a_tick_is_made_and_taken_away_once() {
    let tick = |done| TaskCommand::UpdateChecklistItem(UpdateChecklistItem { done: Some(done), ..as_it_is(1) });
    let ticked = TaskChecklistItemTicked { item_id: item(1), text: text("step 1") };
    let unticked = TaskChecklistItemUnticked { item_id: item(1), text: text("step 1") };
    given::<Task>(with(1)).when(tick(false)).then_nothing();
    given::<Task>(with(1)).when(tick(true)).then([ticked.clone().into()]);
    given::<Task>(then_also(with(1), ticked.clone())).when(tick(true)).then_nothing();
    given::<Task>(then_also(with(1), ticked)).when(tick(false)).then([unticked.into()]);
}

#[test]
fn an_item_is_taken_off() {
    let remove = |n| TaskCommand::RemoveChecklistItem { item_id: item(n) };
    let removed = TaskChecklistItemRemoved { item_id: item(1), text: text("step 1"), done: false };
    assert_eq!(order(&given::<Task>(with(2)).when(remove(1)).then([removed.into()])), [2]);
    given::<Task>(with(2)).when(remove(3)).then_refused(TaskError::NoSuchItem);
}

#[test]
fn the_checklist_of_a_deleted_task_stays_as_it_is() {
    given::<Task>(then_also(with(1), deleted(12))).when(add(2, None)).then_refused(TaskError::Deleted);
}
