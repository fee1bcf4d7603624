//! The rules of every aggregate, as given / when / then: given these events, when this command comes, then these events
//! follow or this refusal.
#![allow(clippy::unwrap_used, reason = "fixtures are constants; a wrong one should stop the test where it stands")]

mod fixtures;
mod scenario;

mod task_checklist;
mod task_evolve;
mod task_hold;
mod task_import;
mod task_life;
mod task_recurrence;
mod task_relations;
mod task_status;
mod task_update;
mod task_watchers;
mod team;
mod user;
mod user_evolve;
mod user_reservations;
