//! `cargo xtask e2e`: the real stacks with the real Lambdas, deployed into an emulator of AWS on this machine, and used.
//!
//! What the emulator gets wrong, and what is no proof of AWS, `tests/aws/emulator/README.md` says.

mod emulator;
mod lambdas;
mod tools;

use std::process::Command;

use cargo_metadata::Metadata;
use cargo_metadata::camino::Utf8PathBuf;

use crate::cargo;
use crate::failure::Failure;
use crate::suite::Suite;
use emulator::Emulator;
pub(crate) use lambdas::Profile;
pub(crate) use tools::Tools;

/// The stage that is deployed.
const STAGE: &str = "e2e";
/// What the end-to-end tests read: the deployment's outputs.
const OUTPUTS: &str = "MUSTER_E2E_OUTPUTS";

pub(crate) fn run() -> Result<(), Failure> {
    let workspace = cargo::workspace()?;
    let tools = Tools::set_up(&workspace)?;
    run_with(&workspace, &tools)
}

/// Builds, deploys and tests.
pub(crate) fn run_with(workspace: &Metadata, tools: &Tools) -> Result<(), Failure> {
    let stage = Stage::deploy(workspace, tools, Profile::Proof)?;
    test(workspace, &stage).inspect_err(|_| stage.emulator.show_log())
}

/// The stacks in an emulator, as long as this is kept.
pub(crate) struct Stage {
    emulator: Emulator,
    /// What the stacks say of themselves.
    pub(crate) outputs: Utf8PathBuf,
    /// The directory that has `<name>/bootstrap` for each Lambda.
    pub(crate) lambdas: Utf8PathBuf,
}

impl Stage {
    /// Builds the Lambdas, and deploys everything.
    pub(crate) fn deploy(workspace: &Metadata, tools: &Tools, profile: Profile) -> Result<Self, Failure> {
        let lambdas = lambdas::build(workspace, tools, profile)?;
        let stage =
            Self { emulator: Emulator::start(workspace, tools)?, outputs: tools.dir.join("outputs.json"), lambdas };
        deploy(workspace, &stage).inspect_err(|_| stage.emulator.show_log())?;
        Ok(stage)
    }

    /// Where the emulator is, like `127.0.0.1:40123`.
    pub(crate) fn address(&self) -> &str {
        self.emulator.endpoint().trim_start_matches("http://")
    }
}

/// The CDK app's own tests, and a look at its template by cfn-lint, for the stage that people depend on.
pub(crate) fn check_stacks(workspace: &Metadata, tools: &Tools) -> Result<(), Failure> {
    let app = app(workspace);
    let npm = |args: &[&str]| {
        let mut npm = Command::new("npm");
        npm.args(args).current_dir(&app);
        cargo::run(&mut npm)
    };
    npm(&["test"])?;
    // Its Lambdas need not be there: an empty file is as good in a template.
    let lambdas = tools.dir.join("no-lambdas");
    lambdas::make_empty(workspace, &lambdas)?;
    npm(&["run", "synth", "--", "-c", "stage=prod", "-c", &format!("lambdaDir={lambdas}")])?;
    // What it looks at, and what it does not complain of, is in .cfnlintrc.yaml.
    cargo::run(Command::new(tools.python_program("cfn-lint")).current_dir(&app))
}

/// The tests of the emulator's launcher.
pub(crate) fn check_emulator(workspace: &Metadata, tools: &Tools) -> Result<(), Failure> {
    let mut test = Command::new(tools.python_program("python"));
    test.args(["-m", "unittest", "discover"]).current_dir(workspace.workspace_root.join("tests/aws/emulator"));
    test.env("PYTHONDONTWRITEBYTECODE", "1");
    cargo::run(&mut test)
}

fn deploy(workspace: &Metadata, Stage { emulator, outputs, lambdas }: &Stage) -> Result<(), Failure> {
    let cdk = |args: &[&str]| {
        let mut cdk = Command::new("npx");
        cdk.arg("cdk").args(args).args(["--no-notices", "--progress", "events"]).current_dir(app(workspace));
        emulator.reach(&mut cdk);
        cargo::run(&mut cdk)
    };
    let stage = format!("stage={STAGE}");
    let lambda_dir = format!("lambdaDir={lambdas}");
    let context = ["-c", &stage, "-c", &lambda_dir];
    cdk(&[&["bootstrap", "aws://000000000000/us-east-1"], &context[..]].concat())?;
    let all = ["deploy", "--all", "--require-approval", "never", "--outputs-file", outputs.as_str()];
    cdk(&[&all[..], &context[..]].concat())
}

/// Runs the tests that need the deployment, which a plain `cargo test` lists as ignored.
fn test(workspace: &Metadata, Stage { emulator, outputs, .. }: &Stage) -> Result<(), Failure> {
    let mut suite = Suite::new(workspace, "aws", "");
    // One after the other: one of them takes a right away for a moment.
    let test = suite.command().args(["--nocapture", "--test-threads=1"]).env(OUTPUTS, outputs);
    emulator.reach(test);
    suite.run()
}

fn app(workspace: &Metadata) -> Utf8PathBuf {
    workspace.workspace_root.join("infra/cdk")
}
