//! The HTTP API of the running program, route by route: what each does, and what each refuses.
//!
//! All tests call one server. Each makes the people, teams and tasks that it needs, so that they run side by side.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a helper of a test fails the test")]

mod access_log;
mod api_token_attacks;
mod api_tokens;
mod audit;
mod audit_exports;
mod bodies;
mod cookies;
mod digests;
mod erasure;
mod every_route;
mod exports;
mod feed;
mod first_steps;
mod idempotency;
mod invitations;
mod limits;
mod log_in;
mod logs;
mod matrix;
mod notification_preferences;
mod oidc;
mod page;
mod password_resets;
mod passwords;
mod profile;
mod proving;
mod reactivating;
mod reassigning;
mod rotating;
mod routes;
mod saved_filters;
mod second_factors;
mod sessions;
mod sign_up;
mod signed_in;
mod support;
mod system;
mod task_as_of;
mod task_changes;
mod task_life;
mod task_lists;
mod task_moves;
mod task_reports;
mod task_rights;
mod teams;
mod token_attacks;
mod token_scopes;
mod tokens;
mod traces;
mod user_changes;
mod users;
mod versions;
mod webhooks;
