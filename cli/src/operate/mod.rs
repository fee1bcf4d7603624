//! The operator's commands.

pub mod digest;
pub mod export;
pub(crate) mod export_file;
pub(crate) mod heads;
pub mod history;
pub mod import;
pub mod keys;
mod missing_digests;
pub mod parked;
pub(crate) mod passphrase;
pub mod prove;
pub mod rebuild;
pub mod reconcile;
pub mod redrive;
pub mod status;
pub(crate) mod streams;
pub mod user;
pub mod verify;
pub mod verify_export;

use crate::report::{Failure, failed, line};

/// Prints the OpenAPI document.
pub fn openapi() -> Result<(), Failure> {
    let document = muster_handlers::http::openapi().to_pretty_json();
    line(document.map_err(failed("writing the OpenAPI document"))?)
}

/// Prints one JSON value on one line.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<(), Failure> {
    line(serde_json::to_string(value).map_err(failed("writing JSON"))?)
}
