//! The two Lambdas behind the HTTP API, with the JSON that API Gateway sends them.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

#[path = "../support/mod.rs"]
mod support;

mod lambdas;

mod requests;
mod roles;
mod sides;
mod sign_ins;
