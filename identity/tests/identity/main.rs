//! Identity over a store: tokens, sessions and the way in.
#![allow(clippy::expect_used, reason = "clippy.toml excuses tests, but not the helpers beside them")]

mod api_tokens;
mod invitations;
mod login;
mod one_time;
mod password_resets;
mod sessions;
mod support;
mod tokens;
