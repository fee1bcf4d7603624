//! How large the programs are.
//!
//! | measure | what | unit |
//! |---|---|---|
//! | `binary.size.<program>` | the release build of `muster` and of each Lambda, without symbols, as built | MiB |

use std::path::Path;

use muster_cli::report::{Failure, failed};

use crate::bench::Bench;
use crate::measure::Measure;
use crate::stats::number;

/// How the names of this group begin.
pub(crate) const NAMES: &[&str] = &["binary"];

pub(crate) fn run(bench: &Bench) -> Result<(), Failure> {
    for program in std::iter::once(&bench.muster).chain(&bench.lambdas) {
        let bytes = std::fs::metadata(program).map_err(failed("looking at a program"))?.len();
        let name = program.file_stem().map_or(program.as_path(), Path::new).display();
        bench.tell(&Measure::exact(format!("binary.size.{name}"), "MiB", number(bytes) / (1024.0 * 1024.0)))?;
    }
    Ok(())
}
