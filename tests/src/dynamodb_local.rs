//! AWS's own DynamoDB for one machine, in memory. `cargo xtask test` sets it up and says where it is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a helper of a test fails the test")]

use std::env;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};

/// Names the directory where it is.
pub const DIRECTORY: &str = "MUSTER_DYNAMODB_LOCAL";
/// How long its start may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(2);
/// What it prints before its port.
const LISTENING: &str = "listening on port ";

/// A client of the one that runs for this test program. It is started by the first caller, listens on this machine
/// only, and ends with the program: its standard input closes then.
pub fn client() -> Client {
    static RUNNING: OnceLock<(Child, u16)> = OnceLock::new();
    let (_, port) = RUNNING.get_or_init(start);
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("local"))
        .endpoint_url(format!("http://127.0.0.1:{port}"))
        // It takes whatever credentials it is given.
        .credentials_provider(Credentials::new("nobody", "nothing", None, None, "test"))
        .build();
    Client::from_conf(config)
}

fn start() -> (Child, u16) {
    let dir = env::var_os(DIRECTORY).unwrap_or_else(|| panic!("{DIRECTORY} is not set; `cargo xtask test` sets it"));
    let dir = PathBuf::from(dir);
    let mut classes = dir.clone().into_os_string();
    classes.push(":");
    classes.push(dir.join("lib/*"));
    let mut child = Command::new("java")
        // One short run: what compiles little starts fast and leaves the processors to the tests.
        .args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx1g", "-Dsqlite4java.library.path=lib", "-cp"])
        .arg(classes)
        .arg("Local")
        .current_dir(&dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Java to start");
    let (sender, port) = mpsc::channel();
    let output = BufReader::new(child.stdout.take().unwrap());
    thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            if let Some(port) = line.strip_prefix(LISTENING) {
                // Whoever waited may have given up.
                let _ = sender.send(port.parse::<u16>().unwrap());
            }
        }
    });
    let port = port.recv_timeout(PATIENCE).expect("DynamoDB Local to say where it listens");
    (child, port)
}
