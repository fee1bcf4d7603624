//! What every group of measures needs: what was asked for, where stores go, and where figures go.

use std::path::{Path, PathBuf};
use std::time::Duration;

use muster_cli::report::{Failure, failed};
use tempfile::TempDir;

use crate::Args;
use crate::groups::Stage;
use crate::measure::Measure;
use crate::report::Report;

/// What was asked for.
pub(crate) struct Bench {
    /// How many runs a figure is the median of.
    pub(crate) runs: u32,
    /// Whether runs are short, and the largest stores left out.
    pub(crate) quick: bool,
    /// The release build of `muster`.
    pub(crate) muster: PathBuf,
    /// Where the Lambdas are deployed, if they are.
    pub(crate) stage: Option<Stage>,
    only: Vec<String>,
    dir: PathBuf,
    scratch: PathBuf,
    report: Report,
}

impl Bench {
    pub(crate) fn new(args: Args) -> Result<Self, Failure> {
        std::fs::create_dir_all(&args.dir).map_err(failed("making the directory for stores"))?;
        Ok(Self {
            runs: args.runs,
            quick: args.quick,
            stage: args.stage(),
            muster: args.muster,
            only: args.only,
            scratch: args.scratch.unwrap_or_else(|| args.dir.clone()),
            dir: args.dir,
            report: Report::new(args.json),
        })
    }

    /// Whether the measure of this name is asked for.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|prefix| name.starts_with(prefix.as_str()))
    }

    /// Whether any measure whose name begins like this is asked for.
    pub(crate) fn wants_any(&self, prefixes: &[&str]) -> bool {
        let may_begin = |wanted: &str, prefix: &str| wanted.starts_with(prefix) || prefix.starts_with(wanted);
        self.only.is_empty() || prefixes.iter().any(|prefix| self.only.iter().any(|wanted| may_begin(wanted, prefix)))
    }

    /// Says a figure, if it is asked for.
    pub(crate) fn tell(&self, measure: &Measure) -> Result<(), Failure> {
        if self.wants(&measure.name) { self.report.tell(measure) } else { Ok(()) }
    }

    /// Says what is being done, as long as it is done.
    pub(crate) fn doing(&self, what: &str) {
        self.report.doing(what);
    }

    /// Everything is told.
    pub(crate) fn finish(&self) {
        self.report.finish();
    }

    /// How long one run of a load lasts.
    pub(crate) fn run_time(&self) -> Duration {
        if self.quick { Duration::from_secs(1) } else { Duration::from_secs(3) }
    }

    /// A directory for a store, removed when it is dropped.
    pub(crate) fn store(&self) -> Result<TempDir, Failure> {
        directory(&self.dir)
    }

    /// A directory for a store that is filled there and copied before anything is measured. Where a sync of the disk costs
    /// nothing, filling takes a fraction of the time.
    pub(crate) fn scratch(&self) -> Result<TempDir, Failure> {
        directory(&self.scratch)
    }
}

fn directory(parent: &Path) -> Result<TempDir, Failure> {
    let made = tempfile::Builder::new().prefix("muster-bench-").tempdir_in(parent);
    made.map_err(failed("making a directory for a store"))
}

/// Copies the files of a store that nobody has open.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    const DOING: &str = "copying a store";
    std::fs::create_dir_all(to).map_err(failed(DOING))?;
    for entry in std::fs::read_dir(from).map_err(failed(DOING))? {
        let entry = entry.map_err(failed(DOING))?;
        if entry.file_type().map_err(failed(DOING))?.is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).map_err(failed(DOING))?;
        }
    }
    Ok(())
}
