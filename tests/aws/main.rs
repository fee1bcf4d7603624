//! Muster on AWS, end to end: the real stacks with the real Lambdas, in an emulator. `cargo xtask e2e` deploys them and runs this.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test")]
#![allow(clippy::large_futures, reason = "a fault holds the work that it disturbs")]

mod alarms;
mod damaged;
mod deployment;
mod digests;
mod failing;
mod faults;
mod grants;
mod journey;
mod lagging;
mod operating;
mod poison;
mod rolled_back;
mod rotating;
mod signed;
mod slow;
mod throttled;
mod traces;
mod undelivered;
mod whole_table;
