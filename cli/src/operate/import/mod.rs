//! `muster import`: takes in what comes from elsewhere.

mod begun;
mod tasks;
mod whole;

pub(crate) use begun::refuse_unfinished;
pub use begun::{Unfinished, unfinished};
pub use tasks::{Done, import as import_tasks};
pub use whole::{Imported, from_export};

use crate::args::{ImportArgs, ImportCommand};
use crate::report::Failure;

/// Imports, and says what it did.
pub async fn run(args: ImportArgs) -> Result<(), Failure> {
    match args.tasks {
        Some(ImportCommand::Tasks(tasks)) => Box::pin(tasks::run(*tasks)).await,
        None => whole::run(args).await,
    }
}
