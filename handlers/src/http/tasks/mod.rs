//! Tasks: what changes them and what asks about them.

pub(crate) mod board;
pub(crate) mod body;
pub(crate) mod bulk;
pub(crate) mod change;
pub(crate) mod checklist;
mod command;
pub(crate) mod history;
pub(crate) mod people;
pub(crate) mod read;
pub(crate) mod reassign;
pub(crate) mod recurrence;
pub(crate) mod relations;
mod warning;
pub(crate) mod watchers;
