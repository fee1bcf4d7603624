//! The task: a piece of work from its report to its completion, and back when it has to be done again.

mod checklist;
mod command;
mod decide;
mod event;
mod evolve;
mod import;
mod recurrence;
mod relation;
mod reminders;
mod scope;
mod state;
mod successor;

pub use checklist::{ChecklistItem, MAX_CHECKLIST_ITEMS};
pub use command::*;
pub use decide::TaskError;
pub use event::*;
pub use import::*;
pub use recurrence::{Frequency, Occurrence, Recurrence, Weekday};
pub use relation::{MAX_BLOCKERS, Relation};
pub use reminders::{Lead, Leads, Reminders};
pub use scope::*;
pub use state::*;
pub use successor::Successor;
