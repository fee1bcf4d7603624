//! What `schemas/openapi.json` promises, asked of the running program. `cargo xtask contract` sets up the tools and runs this.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a helper of a test fails the test")]

mod fixture;
mod newman;
mod schemathesis;
