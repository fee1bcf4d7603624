//! The real program, as its users start it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a helper of a test fails the test")]

use std::env;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tokio::time::sleep;

/// How long something that is sure to happen may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long between two looks.
const PAUSE: Duration = Duration::from_millis(20);
/// How long a server that is not needed any more may take to end.
const END_WITHIN: Duration = Duration::from_secs(10);
/// Tests that measure no limit must not meet one: all of them call from one address.
const NO_LIMITS: [(&str, &str); 5] = [
    ("MUSTER_RATE_LIMIT_CALLER", "0"),
    ("MUSTER_RATE_LIMIT_ADDRESS", "0"),
    ("MUSTER_RATE_LIMIT_ATTEMPTS", "0"),
    ("MUSTER_RATE_LIMIT_ATTEMPTS_FROM_ADDRESS", "0"),
    ("MUSTER_RATE_LIMIT_ATTEMPTS_AT_ACCOUNT", "0"),
];
/// The first administrator's password, where none is to be made up: one that was would have to be changed at the first sign-in.
const GIVEN: &str = "the first passphrase of all";
/// What ends a process (`$1`) and removes its directory (`$2`) when the standard input ends.
const END: &str = r#"
    read -r _
    kill "$1"
    for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$1" && sleep 1; done
    kill -9 "$1"
    rm -rf -- "$2"
"#;

/// The program, built if it has to be.
///
/// With a test of its package, as a part of the whole workspace: so cargo chooses the features of dependencies that it has chosen for
/// `cargo test --workspace`. For the program alone they would be others, and everything would be built once more.
pub fn muster() -> &'static Path {
    static MUSTER: OnceLock<PathBuf> = OnceLock::new();
    MUSTER.get_or_init(|| {
        let build = escargot::CargoBuild::new().arg("--workspace").bin("muster").test("local").current_release();
        build.run().expect("the program to be built").path().to_owned()
    })
}

/// The program with these arguments, and nothing of it in the environment.
pub fn command<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Command {
    let mut command = Command::new(muster());
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("MUSTER_")) {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs a command of the program on a data directory, to its end.
pub fn run(data: &Path, arguments: &[&str]) -> Output {
    command(arguments).arg("--data").arg(data).output().expect("the program to run")
}

/// The standard output of a command that ends well.
#[track_caller]
pub fn output(data: &Path, arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = run(data, arguments);
    let text = String::from_utf8(stdout).unwrap();
    assert!(status.success(), "muster {arguments:?}: {status}: {text}{}", String::from_utf8_lossy(&stderr));
    text
}

/// A `muster serve` on a data directory of its own, at a free port. It is killed when this is dropped, or when the test
/// program ends without dropping it.
#[derive(Debug)]
pub struct Server {
    /// Where it is, like `http://127.0.0.1:49152`.
    pub base_url: String,
    /// The first administrator's address.
    pub admin_email: String,
    /// Their password.
    pub admin_password: String,
    environment: Vec<(&'static str, String)>,
    makes_up_password: bool,
    running: Option<Running>,
    dir: TempDir,
}

#[derive(Debug)]
struct Running {
    child: Child,
    guard: Child,
    output: Arc<Mutex<String>>,
    collector: JoinHandle<()>,
}

impl Server {
    /// A new store, ready to answer.
    pub async fn start() -> Self {
        Self::start_with(Vec::new()).await
    }

    /// The same, with these variables in its environment.
    pub async fn start_with(environment: Vec<(&'static str, String)>) -> Self {
        Self::to_start().started(environment).await
    }

    /// The same, where people sign in with these outside issuers, too.
    pub async fn start_with_issuers(issuers: &Value, mut environment: Vec<(&'static str, String)>) -> Self {
        let server = Self::to_start();
        let file = server.dir.path().join("issuers.json");
        fs::write(&file, issuers.to_string()).unwrap();
        environment.push(("MUSTER_OIDC_CONFIG", file.display().to_string()));
        server.started(environment).await
    }

    /// The same, where the program makes up the first administrator's password.
    pub async fn start_making_up_a_password() -> Self {
        Self::to_start_making_up_a_password().started(Vec::new()).await
    }

    /// The same, and nothing started.
    pub fn to_start_making_up_a_password() -> Self {
        let mut server = Self::to_start();
        server.makes_up_password = true;
        server
    }

    async fn started(mut self, environment: Vec<(&'static str, String)>) -> Self {
        self.environment = environment;
        self.start_again().await;
        let shown = self.shown().await;
        assert!(self.take_sign_in(&shown), "a sign-in: {shown}");
        self
    }

    /// A directory for a store, and nothing started.
    pub fn to_start() -> Self {
        let dir = tempfile::Builder::new().prefix("muster-server-").tempdir().unwrap();
        let none = String::new;
        let environment = Vec::new();
        Self {
            base_url: none(),
            admin_email: none(),
            admin_password: none(),
            environment,
            makes_up_password: false,
            running: None,
            dir,
        }
    }

    /// Keeps the sign-in that is in this output. Whether there is one.
    pub fn take_sign_in(&mut self, shown: &str) -> bool {
        let (Some(email), Some(password)) = (after(shown, "  e-mail    "), after(shown, "  password  ")) else {
            return false;
        };
        email.clone_into(&mut self.admin_email);
        let password = if password == "(the one you gave)" { GIVEN } else { password };
        password.clone_into(&mut self.admin_password);
        true
    }

    /// Changes a variable of its environment, for the next start.
    pub fn set(&mut self, name: &'static str, value: &str) {
        self.environment.retain(|(other, _)| *other != name);
        self.environment.push((name, value.to_owned()));
    }

    /// Starts it on the same data after it ended, and waits until it is ready.
    pub async fn start_again(&mut self) {
        self.launch();
        self.until_listening().await;
        self.ready().await;
    }

    /// Starts it and waits for nothing.
    pub fn launch(&mut self) {
        assert!(self.running.is_none(), "it runs");
        let child = command(&["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(self.data())
            .envs(NO_LIMITS)
            .envs((!self.makes_up_password).then_some(("MUSTER_ADMIN_PASSWORD", GIVEN)))
            .envs(self.environment.iter().cloned())
            .stdout(Stdio::piped())
            .stderr(File::options().create(true).append(true).open(self.log()).unwrap())
            .spawn();
        let mut child = child.expect("the program to start");
        let guard = guard(child.id(), self.dir.path());
        let (output, collector) = collect(child.stdout.take().unwrap());
        self.running = Some(Running { child, guard, output, collector });
    }

    /// Returns when it has printed its address.
    pub async fn until_listening(&mut self) {
        self.base_url = self.address().await;
    }

    /// Its data directory.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// What it has written to the standard output since it was started.
    pub fn output(&self) -> String {
        self.running.as_ref().map(|running| running.output.lock().unwrap().clone()).unwrap_or_default()
    }

    /// What it has logged, over all starts.
    pub fn logged(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// Returns when this is in its log.
    pub async fn until_logged(&mut self, text: &str) {
        let begun = Instant::now();
        while !self.logged().contains(text) {
            self.lives(begun);
            sleep(PAUSE).await;
        }
    }

    /// Kills it without a warning (SIGKILL), if it runs. What it had written to the standard output.
    pub fn kill(&mut self) -> String {
        let Some(mut running) = self.running.take() else { return String::new() };
        running.stop_guard();
        running.child.kill().unwrap();
        running.child.wait().unwrap();
        running.collector.join().unwrap();
        running.output.lock().unwrap().clone()
    }

    /// Sends it a signal, such as `INT`.
    pub fn signal(&self, signal: &str) {
        let pid = self.running.as_ref().expect("it runs").child.id();
        let sent = Command::new("kill").args([format!("-{signal}"), pid.to_string()]).status();
        assert!(sent.unwrap().success(), "the signal was not sent");
    }

    /// Sends it a signal, and waits for its end.
    pub async fn end(&mut self, signal: &str) -> ExitStatus {
        self.signal(signal);
        self.ended().await
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut running = self.running.take().expect("it runs");
        running.stop_guard();
        let begun = Instant::now();
        loop {
            if let Some(status) = running.child.try_wait().unwrap() {
                return status;
            }
            if begun.elapsed() > PATIENCE {
                running.child.kill().unwrap();
                panic!("it did not end: {}", self.logged());
            }
            sleep(PAUSE).await;
        }
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("server.log")
    }

    /// The address that it prints.
    async fn address(&mut self) -> String {
        let begun = Instant::now();
        loop {
            if let Some(address) = after(&self.output(), "Muster is at ").and_then(|rest| rest.split(',').next()) {
                return address.to_owned();
            }
            self.lives(begun);
            sleep(PAUSE).await;
        }
    }

    async fn ready(&mut self) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let begun = Instant::now();
        loop {
            let answer = client.get(format!("{}/readyz", self.base_url)).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            self.lives(begun);
            sleep(PAUSE).await;
        }
    }

    /// The standard output once the first sign-in is in it.
    async fn shown(&mut self) -> String {
        let begun = Instant::now();
        loop {
            let output = self.output();
            if output.lines().any(|line| line.starts_with("  password  ")) {
                return output;
            }
            self.lives(begun);
            sleep(PAUSE).await;
        }
    }

    fn lives(&mut self, begun: Instant) {
        let ended = self.running.as_mut().unwrap().child.try_wait().unwrap();
        assert!(ended.is_none(), "it ended: {ended:?}: {}", self.logged());
        assert!(begun.elapsed() < PATIENCE, "it is not ready: {}", self.logged());
    }
}

/// It is told to end, so that it may still write what is measured of it; one that does not is killed.
impl Drop for Server {
    fn drop(&mut self) {
        if let Some(running) = &mut self.running {
            let _ = Command::new("kill").arg(running.child.id().to_string()).status();
            let begun = Instant::now();
            while matches!(running.child.try_wait(), Ok(None)) && begun.elapsed() < END_WITHIN {
                std::thread::sleep(PAUSE);
            }
        }
        self.kill();
    }
}

impl Running {
    /// Before the process itself: its number may be somebody else's afterwards.
    fn stop_guard(&mut self) {
        self.guard.kill().unwrap();
        self.guard.wait().unwrap();
    }
}

/// Ends the process, by force after ten seconds, and removes its directory when this test program ends in whatever way: its
/// end of the pipe closes.
fn guard(pid: u32, dir: &Path) -> Child {
    Command::new("sh")
        .args(["-c", END, "guard", &pid.to_string()])
        .arg(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell")
}

/// Everything that the program prints, line by line.
fn collect(stdout: ChildStdout) -> (Arc<Mutex<String>>, JoinHandle<()>) {
    let output = Arc::new(Mutex::new(String::new()));
    let collected = Arc::clone(&output);
    let collector = thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let mut output = collected.lock().unwrap();
            output.push_str(&line);
            output.push('\n');
        }
    });
    (output, collector)
}

/// What follows `prefix` on the first line that begins with it.
fn after<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(prefix))
}
