//! The emulator's process: it lives as long as the value does.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use cargo_metadata::Metadata;
use cargo_metadata::camino::Utf8PathBuf;

use super::tools::Tools;
use crate::cargo;
use crate::failure::Failure;

/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_mins(1);
/// How many lines of its log are shown when something fails.
const LINES: usize = 60;

/// A running emulator. It ends when this is dropped, with every Lambda that it started.
pub(super) struct Emulator {
    child: Child,
    endpoint: String,
    log: Utf8PathBuf,
}

impl Emulator {
    /// Starts one on a free port.
    pub(super) fn start(workspace: &Metadata, tools: &Tools) -> Result<Self, Failure> {
        let (ready, log) = (tools.dir.join("emulator.json"), tools.dir.join("emulator.log"));
        let file = |source| Failure::File { path: log.clone(), source };
        let output = File::create(&log).map_err(file)?;
        let mut launch = Command::new(tools.python_program("python"));
        launch.arg(workspace.workspace_root.join("tests/aws/emulator/launch.py"));
        launch.args(["--port", "0", "--ready-file", ready.as_str()]);
        launch.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(output);
        // A file that another one left is not its answer.
        let _ = fs::remove_file(&ready);
        let what = cargo::shown(&launch);
        let child = launch.spawn().map_err(|source| Failure::NotRun { what, source })?;
        let mut emulator = Self { child, endpoint: String::new(), log };
        emulator.endpoint = emulator.wait(&ready)?;
        eprintln!("the emulator answers at {}; its log is {}", emulator.endpoint, emulator.log);
        Ok(emulator)
    }

    fn wait(&mut self, ready: &Utf8PathBuf) -> Result<String, Failure> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE && matches!(self.child.try_wait(), Ok(None)) {
            let endpoint = fs::read_to_string(ready).ok().and_then(|text| endpoint_in(&text));
            if let Some(endpoint) = endpoint {
                return Ok(endpoint);
            }
            sleep(Duration::from_millis(50));
        }
        self.show_log();
        Err(Failure::Tool { what: "the emulator of AWS", reason: "it does not answer".to_owned() })
    }

    /// Lets a command reach it, and nothing else that may be in this environment.
    pub(super) fn reach(&self, command: &mut Command) {
        command.env("AWS_ENDPOINT_URL", &self.endpoint);
        command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
        command.env("AWS_REGION", "us-east-1").env("CDK_DEFAULT_ACCOUNT", "000000000000");
        command.env_remove("AWS_PROFILE").env_remove("AWS_SESSION_TOKEN");
    }

    /// Where it is, like `http://127.0.0.1:40123`.
    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Shows the end of its log.
    pub(super) fn show_log(&self) {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        eprintln!("the end of {}:\n{}", self.log, lines[lines.len().saturating_sub(LINES)..].join("\n"));
    }
}

/// The endpoint in `{"endpoint": "http://127.0.0.1:40123", …}`, which the emulator writes when it answers.
fn endpoint_in(ready: &str) -> Option<String> {
    let (_, rest) = ready.split_once("\"endpoint\": \"")?;
    rest.split_once('"').map(|(endpoint, _)| endpoint.to_owned())
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // It ends when its standard input does.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
