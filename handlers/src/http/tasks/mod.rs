//! Tasks: what changes them and what asks about them.

pub(crate) mod board;
pub(crate) mod body;
pub(crate) mod bulk;
pub(crate) mod change;
pub(crate) mod checklist;
pub(crate) mod history;
pub(crate) mod read;
pub(crate) mod reassign;
pub(crate) mod relations;
pub(crate) mod watchers;
