//! Suites of `tests/` that need something set up first: a plain `cargo test` compiles them, and lists their tests as ignored.

use std::process::Command;

use cargo_metadata::Metadata;

use crate::cargo;
use crate::failure::Failure;

/// The tests of one target, which are to run although they are ignored.
pub(crate) struct Suite {
    target: &'static str,
    test: Command,
}

impl Suite {
    /// Those whose name contains `filter`; all of them if it is empty.
    ///
    /// Of the whole workspace: for one package alone cargo would choose fewer features of the dependencies than `cargo test
    /// --workspace` has, and build all of them once more.
    pub(crate) fn new(workspace: &Metadata, target: &'static str, filter: &str) -> Self {
        let mut test = cargo::cargo();
        test.args(["test", "--workspace", "--test", target]).current_dir(&workspace.workspace_root);
        test.args((!filter.is_empty()).then_some(filter)).args(["--", "--ignored"]);
        Self { target, test }
    }

    /// The command, to be given what the tests read in their environment, and further options of the tests' runner.
    pub(crate) fn command(&mut self) -> &mut Command {
        &mut self.test
    }

    /// Runs them. That there are none is a failure.
    pub(crate) fn run(mut self) -> Result<(), Failure> {
        let output = cargo::output(&mut self.test)?;
        // No test at all passes, too.
        if output.contains("ok. 0 passed") { Err(Failure::NoTestOf(self.target)) } else { Ok(()) }
    }
}
