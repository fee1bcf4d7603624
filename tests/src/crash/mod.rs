//! A server killed without a warning, again and again, while clients write: what must be left of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a helper of a test fails the test")]

mod check;
mod writer;

use std::collections::BTreeSet;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use fastrand::Rng;
use futures::future::join_all;
use muster_domain::TaskId;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::client::Client;
use crate::server::{Server, command, output};
use check::{caught_up, check_answers, check_everything};
use writer::Writer;

/// How many clients write at the same time.
const CLIENTS: usize = 6;
/// How many answers there are before the server is killed: as many as a random number of these says.
const ANSWERS: std::ops::RangeInclusive<usize> = 6..=30;
/// How long the server may live on after that, so that it is not always killed just after an answer.
const REPRIEVE: Duration = Duration::from_millis(20);
/// How long something that is sure to happen may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often everything is checked over a whole run; between these, what was answered since the last time.
const FULL_CHECKS: usize = 10;

/// What is under way when the server is killed, besides the clients' writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum During {
    /// Nothing else.
    Writing,
    /// The next start, too, which is killed at a random moment before it is ready.
    StartUp,
    /// The next start, too, which is killed when it has its port and takes up what the read models lack.
    Recovery,
    /// A rebuild of a read model, which is killed with the server.
    Rebuild,
    /// A reconciliation of the read models, which is killed with the server.
    Reconcile,
}

impl During {
    const ALL: [Self; 5] = [Self::Writing, Self::StartUp, Self::Rebuild, Self::Recovery, Self::Reconcile];

    /// One after the other; but the commands, which go through the whole store, at most five times each in a run.
    fn of(number: usize, cycles: usize) -> Self {
        let during = Self::ALL[number % Self::ALL.len()];
        let round = number / Self::ALL.len();
        let rounds = cycles / Self::ALL.len();
        let takes_part = during.command().is_none() || round.is_multiple_of(rounds.div_ceil(5).max(1));
        if takes_part { during } else { Self::Writing }
    }

    /// The command of the program that runs meanwhile.
    const fn command(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Rebuild => Some(&["rebuild", "task-list"]),
            Self::Reconcile => Some(&["reconcile"]),
            Self::Writing | Self::StartUp | Self::Recovery => None,
        }
    }
}

/// One kill and what came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Cycle {
    /// Counted from 1.
    pub number: usize,
    /// What was under way besides.
    pub during: During,
    /// How many requests were answered.
    pub answered: usize,
    /// How many requests were under way when the server was killed.
    pub cut_off: usize,
    /// How many of these had taken effect.
    pub took_effect: usize,
    /// Whether what was under way besides the writing was cut off, too.
    pub besides: bool,
    /// Whether everything was checked, and not only what was answered in this cycle.
    pub full_check: bool,
    /// How long it took, the checks included.
    pub seconds: f64,
}

/// A whole run.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    /// What its random choices follow from.
    pub seed: u64,
    /// How many cycles there were.
    pub cycles: usize,
    /// How many processes were killed.
    pub kills: usize,
    /// How many requests were answered, those that were sent again included.
    pub acknowledged: usize,
    /// How many requests were under way when the server was killed.
    pub cut_off: usize,
    /// How many of these had taken effect.
    pub took_effect: usize,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// Kills a server so many times, and tells of each. Panics when a promise is broken, or when a cycle had nothing to
/// break.
pub async fn run(cycles: usize, seed: u64, mut told: impl FnMut(&Cycle)) -> Run {
    let mut random = Rng::with_seed(seed);
    let mut server = Server::start().await;
    let begun = Instant::now();
    let mut client = log_in(&server).await;
    let mut writers: Vec<_> = (0..CLIENTS).map(Writer::new).collect();
    let mut total = Run { seed, cycles, kills: 0, acknowledged: 0, cut_off: 0, took_effect: 0, seconds: 0.0 };
    let mut usual_start = Duration::from_millis(200);
    let mut touched = BTreeSet::new();
    for number in 1..=cycles {
        let cycle_begun = Instant::now();
        let during = During::of(number, cycles);
        let known: usize = writers.iter().map(|writer| writer.acknowledged.len()).sum();
        let beside = during.command().map(|arguments| beside(&server, arguments));
        let killed;
        let mut besides = false;
        (writers, killed) = write_and_kill(&mut server, &client, writers, &mut random).await;
        if let Some(mut beside) = beside {
            besides = beside.try_wait().unwrap().is_none();
            beside.kill().unwrap();
            beside.wait().unwrap();
        }
        let answered = writers.iter().map(|writer| writer.acknowledged.len()).sum::<usize>() - known;
        let cut_off = writers.iter().filter(|writer| writer.was_sending_at(killed.instant)).count();
        assert!(answered >= *ANSWERS.start() && cut_off > 0, "cycle {number} proves nothing: {answered}, {cut_off}");

        match during {
            During::StartUp => {
                server.launch();
                sleep(usual_start.mul_f64(random.f64())).await;
                besides = !server.output().contains("Muster is at");
                server.kill();
            }
            During::Recovery => {
                server.launch();
                server.until_listening().await;
                server.kill();
                besides = true;
            }
            During::Writing | During::Rebuild | During::Reconcile => {}
        }
        total.kills += 1 + usize::from(during != During::Writing);

        let start_begun = Instant::now();
        server.start_again().await;
        usual_start = start_begun.elapsed();
        client = log_in(&server).await;
        // What had no answer is sent again, and takes effect once.
        let again = join_all(writers.iter_mut().map(|writer| writer.send(&server.base_url, client.token())));
        assert!(again.await.into_iter().all(|answered| answered), "{}", server.logged());
        let took_effect = writers.iter().filter(|writer| writer.last_change() <= killed.at).count();
        if let Some(arguments) = during.command() {
            output(&server.data(), arguments);
        }

        let answers: Vec<_> = writers.iter().flat_map(|writer| &writer.acknowledged[writer.checked..]).collect();
        touched.extend(answers.iter().map(|answer| id_of(answer)));
        check_answers(&client, &answers).await;
        let full_check = number.is_multiple_of(cycles.div_ceil(FULL_CHECKS));
        if full_check {
            caught_up(&server).await;
            check_everything(&server, &client, &writers, &std::mem::take(&mut touched)).await;
        }
        for writer in &mut writers {
            writer.checked = writer.acknowledged.len();
        }
        total.cut_off += cut_off;
        total.took_effect += took_effect;
        let seconds = cycle_begun.elapsed().as_secs_f64();
        told(&Cycle { number, during, answered, cut_off, took_effect, besides, full_check, seconds });
    }
    caught_up(&server).await;
    let all = writers.iter().flat_map(|writer| writer.acknowledged.iter().map(id_of)).collect();
    check_everything(&server, &client, &writers, &all).await;
    total.acknowledged = writers.iter().map(|writer| writer.acknowledged.len()).sum();
    total.seconds = begun.elapsed().as_secs_f64();
    total
}

/// Signs the administrator in.
pub async fn log_in(server: &Server) -> Client {
    let client = Client::new(&server.base_url);
    let body = json!({ "email": server.admin_email, "password": server.admin_password });
    let tokens = client.post("/users/login").json(&body).send().await.is(200).value();
    client.with_token(tokens["access_token"].as_str().unwrap())
}

/// When the server was killed: no request was sent to it after `instant`, and it wrote nothing after `at`.
struct Killed {
    instant: Instant,
    at: DateTime<Utc>,
}

/// Writes from all clients at once, and kills the server when enough was answered.
async fn write_and_kill(
    server: &mut Server,
    client: &Client,
    writers: Vec<Writer>,
    random: &mut Rng,
) -> (Vec<Writer>, Killed) {
    let enough = random.usize(ANSWERS);
    let reprieve = REPRIEVE.mul_f64(random.f64());
    let answered = Arc::new(AtomicUsize::new(0));
    let running: Vec<_> = writers
        .into_iter()
        .map(|mut writer| {
            let (url, token) = (server.base_url.clone(), client.token().to_owned());
            let answered = Arc::clone(&answered);
            tokio::spawn(async move {
                while writer.send(&url, &token).await {
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                writer
            })
        })
        .collect();
    let begun = Instant::now();
    while answered.load(Ordering::Relaxed) < enough {
        assert!(begun.elapsed() < PATIENCE, "too few answers: {}", server.logged());
        sleep(Duration::from_millis(1)).await;
    }
    sleep(reprieve).await;
    let instant = Instant::now();
    server.kill();
    let killed = Killed { instant, at: Utc::now() };
    (join_all(running).await.into_iter().map(Result::unwrap).collect(), killed)
}

/// Starts a command of the program on the server's store.
fn beside(server: &Server, arguments: &[&str]) -> Child {
    let mut command = command(arguments);
    command.arg("--data").arg(server.data()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the program to start")
}

fn id_of(task: &Value) -> TaskId {
    task["id"].as_str().unwrap().parse().unwrap()
}
