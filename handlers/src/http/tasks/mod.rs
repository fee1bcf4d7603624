//! Tasks: what changes them and what asks about them.

pub(crate) mod body;
pub(crate) mod change;
pub(crate) mod history;
pub(crate) mod read;
pub(crate) mod reassign;
