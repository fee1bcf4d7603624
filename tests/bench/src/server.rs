//! The release build of `muster serve` in a process of its own, as its users run it.

use std::env;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use http::Method;
use muster_cli::report::{Failure, failed};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use crate::bench::Bench;
use crate::http::{Connection, sign_in};

/// The first administrator of every store.
const EMAIL: &str = "bench@muster.example";
const PASSWORD: &str = "a passphrase for benchmarks";
/// How long a start may take.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long between two looks whether it is ready.
const PAUSE: Duration = Duration::from_millis(2);
const DOING: &str = "running muster serve";

/// A server that runs. It is killed when this is dropped, or when this program ends without dropping it.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// From the start of the process until it said that it is ready.
    pub(crate) started_in: Duration,
    data: PathBuf,
    child: Child,
    guard: Child,
}

impl Server {
    /// Starts it on a data directory, and waits until it is ready.
    pub(crate) async fn start(bench: &Bench, data: &Path) -> Result<Self, Failure> {
        let log = data.with_extension("log");
        let log = File::options().create(true).append(true).open(log).map_err(failed(DOING))?;
        let mut command = Command::new(&bench.muster);
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("MUSTER_")) {
            command.env_remove(name);
        }
        // What is measured is what the program can do, not what one caller may ask of it.
        for limit in ["CALLER", "ADDRESS", "ATTEMPTS", "ATTEMPTS_FROM_ADDRESS", "ATTEMPTS_AT_ACCOUNT"] {
            command.env(format!("MUSTER_RATE_LIMIT_{limit}"), "0");
        }
        command.env("MUSTER_ADMIN_PASSWORD", PASSWORD).args(["serve", "--listen", "127.0.0.1:0"]);
        command.args(["--admin-email", EMAIL, "--data"]).arg(data);
        let begun = Instant::now();
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn().map_err(failed(DOING))?;
        let guard = guard(child.id())?;
        let placeholder = SocketAddr::from(([127, 0, 0, 1], 0));
        // From here on it is ended, whatever happens.
        let mut server = Self { address: placeholder, started_in: Duration::ZERO, data: data.to_owned(), child, guard };
        let stdout = server.child.stdout.take();
        let found = timeout(PATIENCE, spawn_blocking(move || stdout.and_then(address)));
        let found = found.await.map_err(failed(DOING))?.map_err(failed(DOING))?;
        server.address =
            found.ok_or_else(|| Failure::Refused(format!("muster serve did not start: {}", server.log())))?;
        server.ready().await?;
        server.started_in = begun.elapsed();
        Ok(server)
    }

    /// An access token of the first administrator, good for a quarter of an hour.
    pub(crate) async fn token(&self) -> Result<String, Failure> {
        let mut connection = Connection::open(self.address, None).await?;
        sign_in(&mut connection, "/api/v1/users/login", EMAIL, PASSWORD).await
    }

    /// The body with which the first administrator signs in.
    pub(crate) fn credentials() -> Value {
        json!({ "email": EMAIL, "password": PASSWORD })
    }

    /// Its data directory.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// Its resident memory in bytes, where the system tells (Linux).
    pub(crate) fn resident_bytes(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix(" kB")?;
        kibibytes.trim().parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
    }

    /// Ends it as an operator would (SIGTERM), and waits for its end: its store can be opened then.
    pub(crate) async fn stop(mut self) -> Result<(), Failure> {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().map_err(failed(DOING))?;
        let begun = Instant::now();
        while self.child.try_wait().map_err(failed(DOING))?.is_none() {
            if begun.elapsed() > PATIENCE {
                return Err(Failure::Refused("muster serve did not end".to_owned()));
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }

    async fn ready(&mut self) -> Result<(), Failure> {
        let begun = Instant::now();
        loop {
            if let Ok(mut connection) = Connection::open(self.address, None).await
                && connection.call(Method::GET, "/readyz", None).await.is_ok()
            {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE || self.child.try_wait().map_err(failed(DOING))?.is_some() {
                return Err(Failure::Refused(format!("muster serve is not ready: {}", self.log())));
            }
            sleep(PAUSE).await;
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.data.with_extension("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The guard first: once the process has ended, its number may be somebody else's.
        let _ = self.guard.kill().and_then(|()| self.guard.wait());
        let _ = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// Kills the process when this program ends in whatever way: its end of the pipe closes.
fn guard(pid: u32) -> Result<Child, Failure> {
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"read -r _; kill -9 "$1""#, "guard", &pid.to_string()]);
    shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map_err(failed(DOING))
}

/// The address that it prints. What else it prints is read, so that it never waits for a reader.
fn address(stdout: std::process::ChildStdout) -> Option<SocketAddr> {
    let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
    let found = lines.find_map(|line| {
        let address = line.strip_prefix("Muster is at http://")?.split(',').next()?;
        address.parse().ok()
    });
    std::thread::spawn(move || lines.for_each(drop));
    found
}
