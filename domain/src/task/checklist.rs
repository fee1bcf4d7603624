//! A task's checklist: what is ticked off on the way to its end.

use serde::{Deserialize, Serialize};

use super::command::UpdateChecklistItem;
use super::decide::TaskError;
use super::event::{
    TaskChecklistItemAdded, TaskChecklistItemMoved, TaskChecklistItemRemoved, TaskChecklistItemReworded,
    TaskChecklistItemTicked, TaskChecklistItemUnticked, TaskEvent,
};
use super::state::TaskState;
use crate::ids::ChecklistItemId;
use crate::values::ChecklistText;

/// The most items of a checklist.
pub const MAX_CHECKLIST_ITEMS: usize = 100;

/// One thing to tick off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChecklistItem {
    /// Its id.
    pub id: ChecklistItemId,
    /// What is to be done.
    pub text: ChecklistText,
    /// Whether it is.
    pub done: bool,
}

/// The item, and where it stands: from 0 on.
fn find(task: &TaskState, id: ChecklistItemId) -> Result<(usize, &ChecklistItem), TaskError> {
    task.checklist.iter().enumerate().find(|(_, item)| item.id == id).ok_or(TaskError::NoSuchItem)
}

/// Where the item stands that another one is to go before.
fn neighbour(task: &TaskState, id: ChecklistItemId) -> Result<usize, TaskError> {
    task.checklist.iter().position(|item| item.id == id).ok_or(TaskError::NoSuchNeighbour)
}

/// Places are told from 1 on, as people count them. A checklist is short.
fn place(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

/// A place as an index that is there, whatever a history says.
fn index(place: u32, most: usize) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX).saturating_sub(1).min(most)
}

pub(super) fn added(
    task: &TaskState,
    item_id: ChecklistItemId,
    text: ChecklistText,
    before: Option<ChecklistItemId>,
) -> Result<Vec<TaskEvent>, TaskError> {
    if find(task, item_id).is_ok() {
        return Err(TaskError::ItemExists);
    }
    if task.checklist.len() >= MAX_CHECKLIST_ITEMS {
        return Err(TaskError::ChecklistFull);
    }
    let at = before.map_or(Ok(task.checklist.len()), |before| neighbour(task, before))?;
    Ok(vec![TaskChecklistItemAdded { item_id, text, place: place(at) }.into()])
}

/// One event for each thing that changes, in a fixed order: words, tick, place.
pub(super) fn updated(task: &TaskState, update: UpdateChecklistItem) -> Result<Vec<TaskEvent>, TaskError> {
    let UpdateChecklistItem { item_id, text, done, before } = update;
    let (at, item) = find(task, item_id)?;
    let mut events: Vec<TaskEvent> = Vec::new();
    let text = text.unwrap_or_else(|| item.text.clone());
    if text != item.text {
        events.push(TaskChecklistItemReworded { item_id, from: item.text.clone(), to: text.clone() }.into());
    }
    match (item.done, done) {
        (false, Some(true)) => events.push(TaskChecklistItemTicked { item_id, text: text.clone() }.into()),
        (true, Some(false)) => events.push(TaskChecklistItemUnticked { item_id, text: text.clone() }.into()),
        (_, Some(_) | None) => {}
    }
    let to = match before {
        None => at,
        Some(None) => task.checklist.len() - 1,
        Some(Some(before)) => {
            let before = neighbour(task, before)?;
            // Those behind it move up when it is taken out.
            if before > at { before - 1 } else { before }
        }
    };
    if to != at {
        events.push(TaskChecklistItemMoved { item_id, text, from: place(at), to: place(to) }.into());
    }
    Ok(events)
}

pub(super) fn removed(task: &TaskState, item_id: ChecklistItemId) -> Result<Vec<TaskEvent>, TaskError> {
    let (_, item) = find(task, item_id)?;
    Ok(vec![TaskChecklistItemRemoved { item_id, text: item.text.clone(), done: item.done }.into()])
}

pub(super) fn insert(task: &mut TaskState, added: &TaskChecklistItemAdded) {
    let item = ChecklistItem { id: added.item_id, text: added.text.clone(), done: false };
    let at = index(added.place, task.checklist.len());
    task.checklist.insert(at, item);
}

pub(super) fn change(task: &mut TaskState, id: ChecklistItemId, change: impl FnOnce(&mut ChecklistItem)) {
    if let Some(item) = task.checklist.iter_mut().find(|item| item.id == id) {
        change(item);
    }
}

pub(super) fn shift(task: &mut TaskState, moved: &TaskChecklistItemMoved) {
    if let Some(at) = task.checklist.iter().position(|item| item.id == moved.item_id) {
        let item = task.checklist.remove(at);
        let to = index(moved.to, task.checklist.len());
        task.checklist.insert(to, item);
    }
}
