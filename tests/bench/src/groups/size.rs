//! How large the program is; the Lambdas are in [`super::lambda`].
//!
//! | measure | what | unit |
//! |---|---|---|
//! | `binary.size.muster` | the release build of `muster`, without symbols, as built | MiB |

use muster_cli::report::{Failure, failed};

use crate::bench::Bench;
use crate::measure::Measure;
use crate::stats::number;

/// How the names of this group begin.
pub(crate) const NAMES: &[&str] = &["binary"];

pub(crate) fn run(bench: &Bench) -> Result<(), Failure> {
    let bytes = std::fs::metadata(&bench.muster).map_err(failed("looking at a program"))?.len();
    bench.tell(&Measure::exact("binary.size.muster", "MiB", number(bytes) / (1024.0 * 1024.0)))
}
