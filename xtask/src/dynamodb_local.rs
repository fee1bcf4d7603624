//! AWS's own DynamoDB for one machine, which the store conformance suite runs on too. It is written in Java, and not
//! everybody has Java: where it cannot be had, the tests over it are left out, and that is said.

use std::fs;
use std::process::{Command, Stdio};

use cargo_metadata::Metadata;
use cargo_metadata::camino::{Utf8Path, Utf8PathBuf};

use crate::cargo::shown;

/// What the tests read to find it.
pub(crate) const DIRECTORY: &str = "MUSTER_DYNAMODB_LOCAL";

/// Sets it up in the target directory, unless it is there, and starts it once. Where it is, or why it cannot be had.
pub(crate) fn set_up(workspace: &Metadata) -> Result<Utf8PathBuf, String> {
    let source = workspace.workspace_root.join("tests/dynamodb-local");
    let dir = workspace.target_directory.join("dynamodb-local");
    install(&source, &dir).and_then(|()| start(&dir)).map(|()| dir)
}

/// Has Maven fetch it, and compiles its start program.
fn install(source: &Utf8Path, dir: &Utf8Path) -> Result<(), String> {
    let (pom, program, stamp) = (source.join("pom.xml"), source.join("Local.java"), dir.join("made-from"));
    let made_from = format!("{}{}", read(&pom)?, read(&program)?);
    if fs::read_to_string(&stamp).is_ok_and(|found| found == made_from) {
        return Ok(());
    }
    eprintln!("DynamoDB Local is fetched from Maven Central, once");
    let lib = dir.join("lib");
    let mut maven = Command::new("mvn");
    // A server that says nothing for a minute counts as out of reach; the default is half an hour.
    maven.args(["--batch-mode", "--quiet", "-Dmaven.wagon.rto=60000", "--file", pom.as_str()]);
    maven.args(["dependency:copy-dependencies", "-DincludeScope=runtime", &format!("-DoutputDirectory={lib}")]);
    run(&mut maven)?;
    let mut javac = Command::new("javac");
    javac.args(["-cp", lib.join("*").as_str(), "-d", dir.as_str(), program.as_str()]);
    run(&mut javac)?;
    fs::write(&stamp, made_from).map_err(|error| format!("{stamp}: {error}"))
}

/// Starts it for a moment: it ends by itself when nobody is at its standard input.
fn start(dir: &Utf8Path) -> Result<(), String> {
    let mut java = Command::new("java");
    java.args(["-XX:TieredStopAtLevel=1", "-Dsqlite4java.library.path=lib", "-cp", ".:lib/*", "Local"])
        .current_dir(dir);
    run(&mut java)
}

fn read(path: &Utf8Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))
}

/// Runs a program to its end. If it fails, what it said last.
fn run(command: &mut Command) -> Result<(), String> {
    let what = shown(command);
    let output =
        command.stdin(Stdio::null()).output().map_err(|error| format!("`{what}` could not be run: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let first = said.lines().find(|line| line.contains("ERROR") || line.contains("Exception")).unwrap_or_default();
    Err(format!("`{what}` failed: {first}"))
}
