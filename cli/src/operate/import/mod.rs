//! `muster import`: takes in what comes from elsewhere.

mod whole;

pub use whole::{Imported, from_export};

use crate::args::ImportArgs;
use crate::report::Failure;

/// Imports, and says what it did.
pub async fn run(args: ImportArgs) -> Result<(), Failure> {
    whole::run(args).await
}
