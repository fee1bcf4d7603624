//! What the Lambdas need: how large they are, how quickly they start, how much memory they take.
//!
//! They are as shipped (the profile `lambda`, but for this machine's processor), deployed by the real stacks into
//! the emulator of AWS, which runs each as a process against its Runtime API and tells what it saw (`tests/aws/emulator`).
//!
//! | measure | what | unit |
//! |---|---|---|
//! | `lambda.size.<program>` | the program, without symbols, as it is zipped | MB |
//! | `lambda.start.<function>` | from the start of its process until it asks for its first invocation; what it asks of other services until then counts, and the emulator answers for them | ms |
//! | `lambda.memory.<function>` | the most memory that any of its processes had resident | MB |
//! | `lambda.duration.<function>` | an invocation of a process that had one before | ms |
//!
//! In each run every function is started anew, and has a few dozen commands or what follows from them. The goals are those of a
//! cold start that nobody notices, and of the smallest Lambda there is, half empty.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use http::Method;
use muster_cli::report::{Failure, failed};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::sleep;
use uuid::Uuid;

use crate::bench::Bench;
use crate::http::{Connection, sign_in};
use crate::measure::{Goal, Measure};
use crate::stats::number;

/// How the names of this group begin.
pub(crate) const NAMES: &[&str] = &["lambda"];

/// How many commands a run has.
const COMMANDS: u32 = 30;
/// How long the read models may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long between two looks.
const PAUSE: Duration = Duration::from_millis(50);
/// Lambda's megabyte, in which its zips are measured: 10⁶ bytes.
const MEGABYTE: f64 = 1e6;
const PASSWORD: &str = "a passphrase for benchmarks";
/// Who calls AWS. The emulator reads the key, and does not check the signature.
const SIGNED: &str =
    "AWS4-HMAC-SHA256 Credential=test/20260302/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0";
const DOING: &str = "measuring the Lambdas";

/// Where the stacks are deployed.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    /// The emulator.
    pub(crate) emulator: SocketAddr,
    /// What the stacks say of themselves, as `cdk deploy --outputs-file` writes it.
    pub(crate) outputs: PathBuf,
    /// The directory that has `<program>/bootstrap` for each Lambda.
    pub(crate) programs: PathBuf,
}

/// What the emulator saw of one process.
#[derive(Deserialize)]
struct Process {
    function: String,
    start_to_ready_ms: Option<f64>,
    peak_kib: Option<f64>,
    running: bool,
}

/// What the emulator saw of one invocation.
#[derive(Deserialize)]
struct Invocation {
    function: String,
    milliseconds: Option<f64>,
    cold: bool,
}

pub(crate) async fn run(bench: &Bench, stage: &Stage) -> Result<(), Failure> {
    sizes(bench, stage)?;
    let outputs = outputs(stage)?;
    let output = |name: &str| {
        outputs.get(name).cloned().ok_or_else(|| Failure::Refused(format!("no stack says what {name} is")))
    };
    let sweeper = output("SweeperName")?;
    let api = format!("/_aws/execute-api/{}/$default/api/v1", output("ApiId")?);
    let token = somebody(stage, &api).await?;
    let mut emulator = Connection::open(stage.emulator, None).await?;
    let mut aws = Connection::authorized(stage.emulator, Some(SIGNED.to_owned())).await?;
    end_processes(&mut emulator).await?;
    for path in ["processes", "invocations"] {
        emulator.call(Method::DELETE, &format!("/_emulator/{path}"), None).await?;
    }
    for run in 1..=bench.runs {
        bench.doing(&format!("the Lambdas, run {run} of {}", bench.runs));
        // While nothing is on its way, for which it would wait.
        aws.call(Method::POST, &format!("/2015-03-31/functions/{sweeper}/invocations"), Some(&json!({}))).await?;
        work(stage, &api, &token).await?;
        end_processes(&mut emulator).await?;
    }
    tell(bench, &read(&mut emulator, "processes").await?, &read(&mut emulator, "invocations").await?)
}

fn sizes(bench: &Bench, stage: &Stage) -> Result<(), Failure> {
    for program in std::fs::read_dir(&stage.programs).map_err(failed(DOING))? {
        let program = program.map_err(failed(DOING))?;
        // cargo-lambda keeps more there.
        let Ok(bootstrap) = std::fs::metadata(program.path().join("bootstrap")) else { continue };
        let (name, bytes) = (format!("lambda.size.{}", program.file_name().display()), bootstrap.len());
        bench.tell(&Measure::exact(name, "MB", number(bytes) / MEGABYTE).goal(Goal::AtMost(8.0)))?;
    }
    Ok(())
}

/// Everything that the stacks say of themselves.
fn outputs(stage: &Stage) -> Result<BTreeMap<String, String>, Failure> {
    let text = std::fs::read_to_string(&stage.outputs).map_err(failed(DOING))?;
    let stacks: BTreeMap<String, BTreeMap<String, String>> = serde_json::from_str(&text).map_err(failed(DOING))?;
    Ok(stacks.into_values().flatten().collect())
}

/// Ends every process that waits, so that the next invocation of its function starts another.
async fn end_processes(emulator: &mut Connection) -> Result<(), Failure> {
    let processes: Vec<Process> = read(emulator, "processes").await?;
    let running = processes.into_iter().filter(|process| process.running).map(|process| process.function);
    for function in running.collect::<BTreeSet<_>>() {
        emulator.call(Method::POST, &format!("/_emulator/processes/end?function={function}"), None).await?;
    }
    Ok(())
}

/// A new member, signed in: their access token. Whoever signs up before them may be the administrator.
async fn somebody(stage: &Stage, api: &str) -> Result<String, Failure> {
    let [owner, email] = [(); 2].map(|()| format!("bench-{}@example.com", Uuid::new_v4().simple()));
    let mut connection = Connection::open(stage.emulator, None).await?;
    for email in [&owner, &email] {
        let account = json!({ "name": "Bench", "email": email, "password": PASSWORD });
        connection.call(Method::POST, &format!("{api}/users/signup"), Some(&account)).await?;
    }
    sign_in(&mut connection, &format!("{api}/users/login"), &email, PASSWORD).await
}

/// Reports a task and changes it, until the list shows the last change.
async fn work(stage: &Stage, api: &str, token: &str) -> Result<(), Failure> {
    let mut connection = Connection::open(stage.emulator, Some(token)).await?;
    let body = json!({ "title": "Replace the pump", "priority": "high", "labels": ["pump"] });
    let made = connection.call(Method::POST, &format!("{api}/tasks"), Some(&body)).await?;
    let made: Value = serde_json::from_slice(&made.body).map_err(failed(DOING))?;
    let path = format!("{api}/tasks/{}", made["id"].as_str().unwrap_or_default());
    for command in 2..=COMMANDS {
        let body = json!({ "title": format!("Replace pump {command}") });
        connection.call(Method::PUT, &path, Some(&body)).await?;
    }
    let (title, begun) = (json!(format!("Replace pump {COMMANDS}")), Instant::now());
    loop {
        let list = connection.call(Method::GET, &format!("{api}/tasks?limit=100"), None).await?;
        let list: Value = serde_json::from_slice(&list.body).map_err(failed(DOING))?;
        let mut items = list["items"].as_array().into_iter().flatten();
        if items.any(|item| item["id"] == made["id"] && item["title"] == title) {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            return Err(Failure::Refused("the task list does not show the last change".to_owned()));
        }
        sleep(PAUSE).await;
    }
}

async fn read<T: DeserializeOwned>(emulator: &mut Connection, what: &str) -> Result<Vec<T>, Failure> {
    let answer = emulator.call(Method::GET, &format!("/_emulator/{what}"), None).await?;
    serde_json::from_slice(&answer.body).map_err(failed(DOING))
}

fn tell(bench: &Bench, processes: &[Process], invocations: &[Invocation]) -> Result<(), Failure> {
    let (mut starts, mut peaks, mut durations) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for process in processes {
        starts.entry(&process.function).or_insert_with(Vec::new).extend(process.start_to_ready_ms);
        let peak = process.peak_kib.map(|kib| kib * 1024.0 / MEGABYTE);
        let most = peaks.entry(&process.function).or_insert(0.0_f64);
        *most = most.max(peak.unwrap_or_default());
    }
    for invocation in invocations.iter().filter(|invocation| !invocation.cold) {
        durations.entry(&invocation.function).or_insert_with(Vec::new).extend(invocation.milliseconds);
    }
    for (function, starts) in starts {
        bench.tell(&Measure::of(format!("lambda.start.{function}"), "ms", starts).goal(Goal::AtMost(20.0)))?;
    }
    for (function, peak) in peaks {
        bench.tell(&Measure::exact(format!("lambda.memory.{function}"), "MB", peak).goal(Goal::AtMost(64.0)))?;
    }
    for (function, durations) in durations {
        bench.tell(&Measure::of(format!("lambda.duration.{function}"), "ms", durations))?;
    }
    Ok(())
}
