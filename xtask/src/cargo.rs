//! Running cargo, and what it knows of the workspace.

use std::env;
use std::io::BufReader;
use std::process::{Command, Stdio};

use cargo_metadata::camino::Utf8PathBuf;
use cargo_metadata::{Message, Metadata, MetadataCommand};

use crate::failure::Failure;

/// The cargo that runs this program, without what it says of this very program: build scripts down there would take that for
/// a change, and build everything again.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os().filter(|(name, _)| is_about_this_package(&name.to_string_lossy())) {
        cargo.env_remove(name);
    }
    cargo
}

/// Whether cargo has set this variable to describe the program that it runs.
fn is_about_this_package(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| variable.starts_with(prefix))
}

/// The workspace without its dependencies: what is in the manifests.
pub(crate) fn workspace() -> Result<Metadata, Failure> {
    Ok(MetadataCommand::new().no_deps().exec()?)
}

/// Runs a command to its end, with this program's terminal.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let what = shown(command);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::Program { what, code: status.code() }),
        Err(source) => Err(Failure::NotRun { what, source }),
    }
}

/// Runs a command to its end, and gives what it wrote, which is shown as well.
pub(crate) fn output(command: &mut Command) -> Result<String, Failure> {
    captured(command, true)
}

/// Runs a command to its end, and gives what it wrote.
pub(crate) fn quiet_output(command: &mut Command) -> Result<String, Failure> {
    captured(command, false)
}

fn captured(command: &mut Command, show: bool) -> Result<String, Failure> {
    let what = shown(command);
    match command.stderr(Stdio::inherit()).output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            if show {
                eprint!("{text}");
            }
            if output.status.success() { Ok(text) } else { Err(Failure::Program { what, code: output.status.code() }) }
        }
        Err(source) => Err(Failure::NotRun { what, source }),
    }
}

/// Runs a build, and says where the programs are that it made.
pub(crate) fn programs(build: &mut Command) -> Result<Vec<Utf8PathBuf>, Failure> {
    let what = shown(build);
    let not_run = |source| Failure::NotRun { what: what.clone(), source };

    build.arg("--message-format=json-render-diagnostics").stdout(Stdio::piped());
    let mut child = build.spawn().map_err(not_run)?;
    let mut programs = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        for message in Message::parse_stream(BufReader::new(stdout)) {
            if let Message::CompilerArtifact(artifact) = message.map_err(not_run)? {
                programs.extend(artifact.executable);
            }
        }
    }
    let status = child.wait().map_err(not_run)?;
    if status.success() { Ok(programs) } else { Err(Failure::Program { what, code: status.code() }) }
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
