//! What holds for every sequence of commands, every event and every history, not only for those that somebody thought of.
#![allow(clippy::unwrap_used, reason = "what cannot be unwrapped here is a finding, and the case is printed")]

mod chain;
mod proof;
mod recurrence;
mod reminders;
mod sequences;
mod strategies;
