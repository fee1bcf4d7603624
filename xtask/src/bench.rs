//! `cargo xtask bench`: builds the programs for release as they are shipped, then measures them.
//!
//! What is measured, and how, is in `tests/bench`.

use std::ffi::OsString;

use crate::aws::{Profile, Stage, Tools};
use crate::cargo;
use crate::failure::Failure;

const PROGRAM: &str = "muster";
/// How the names of the measures of the Lambdas begin.
const LAMBDAS: &str = "lambda";

pub(crate) fn run(args: &[OsString]) -> Result<(), Failure> {
    let workspace = cargo::workspace()?;
    let mut build = cargo::cargo();
    build.args(["build", "--release", "--package", "muster-cli", "--bins"]);
    let programs = cargo::programs(build.current_dir(&workspace.workspace_root))?;
    let muster = programs.iter().find(|program| program.file_stem() == Some(PROGRAM));
    let muster = muster.ok_or(Failure::NoProgram(PROGRAM))?;
    let deploy = || Stage::deploy(&workspace, &Tools::set_up(&workspace)?, Profile::Shipped);
    let stage = wants_lambdas(args).then(deploy).transpose()?;

    let mut bench = cargo::cargo();
    // A build of its own, after that of the programs: it uses more of some libraries, and they are to be as shipped.
    bench.args(["run", "--quiet", "--release", "--package", "muster-bench", "--features", "dynamo-es", "--"]);
    bench.arg("--muster").arg(muster);
    if let Some(stage) = &stage {
        bench.args(["--emulator", stage.address(), "--outputs", stage.outputs.as_str()]);
        bench.args(["--lambdas", stage.lambdas.as_str()]);
    }
    // Beside what is built, which is on the disk where a data directory would be, and in no commit.
    bench.arg("--dir").arg(workspace.target_directory.join("bench")).args(args);
    cargo::run(bench.current_dir(&workspace.workspace_root))
}

/// Whether the Lambdas are among what is asked for: building and deploying them takes a while.
fn wants_lambdas(args: &[OsString]) -> bool {
    let args: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
    let after = args.windows(2).filter(|pair| pair[0] == "--only").map(|pair| &*pair[1]);
    let mut only = args.iter().filter_map(|arg| arg.strip_prefix("--only=")).chain(after).peekable();
    only.peek().is_none() || only.any(|prefix| prefix.starts_with(LAMBDAS) || LAMBDAS.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::wants_lambdas;

    fn wants(args: &[&str]) -> bool {
        wants_lambdas(&args.iter().map(Into::into).collect::<Vec<_>>())
    }

    #[test]
    fn the_lambdas_are_measured_when_nothing_else_is_named() {
        assert!(wants(&[]));
        assert!(wants(&["--json", "--runs", "3"]));
        assert!(wants(&["--only", "lambda.size"]));
        assert!(wants(&["--only=api", "--only=lam"]));
        assert!(!wants(&["--only", "api"]));
        assert!(!wants(&["--only=api", "--json"]));
    }
}
