//! What it costs to know who calls: with each read, when they sign in, and to stay signed in.
//!
//! | measure | what | unit |
//! |---|---|---|
//! | `auth.reads.{1,8}` | `GET /api/v1/tasks/{id}` with a bearer token: the token, the session, the account, the policy, and the task | reads/s |
//! | `auth.logins.{1,8}` | `POST /api/v1/users/login` with the right password: one argon2id as `identity/src/hasher.rs` sets it, and a new session | logins/s |
//! | `auth.refreshes.{1,8}` | `POST /api/v1/users/refresh`, each client with a session of its own, each token once | refreshes/s |
//!
//! Through `muster serve` (a process of its own, a store on a file), by so many clients, each on its own connection and
//! waiting for the answer to its last request.

use std::time::{Duration, Instant};

use futures::future::try_join_all;
use http::Method;
use muster_cli::report::{Failure, failed};
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::http::Connection;
use crate::measure::Measure;
use crate::server::Server;
use crate::stats::number;

/// How the names of this group begin.
pub(crate) const NAMES: &[&str] = &["auth.reads", "auth.logins", "auth.refreshes"];

/// How many clients there are.
const CLIENTS: [usize; 2] = [1, 8];
const DOING: &str = "measuring who calls";

/// What a client asks again and again.
#[derive(Clone, Copy)]
enum Asks {
    Read,
    LogIn,
    Refresh,
}

impl Asks {
    const ALL: [Self; 3] = [Self::Read, Self::LogIn, Self::Refresh];

    /// How the measure begins, and its unit.
    const fn named(self) -> (&'static str, &'static str) {
        match self {
            Self::Read => ("auth.reads", "reads/s"),
            Self::LogIn => ("auth.logins", "logins/s"),
            Self::Refresh => ("auth.refreshes", "refreshes/s"),
        }
    }
}

pub(crate) async fn run(bench: &Bench) -> Result<(), Failure> {
    let dir = bench.store()?;
    let server = Server::start(bench, &dir.path().join("data")).await?;
    for asks in Asks::ALL {
        let (name, unit) = asks.named();
        if !bench.wants_any(&[name]) {
            continue;
        }
        for clients in CLIENTS {
            let mut rates = Vec::new();
            // The first run warms up.
            for run in 0..=bench.runs {
                bench.doing(&format!("{name} of {clients} clients, run {run} of {}", bench.runs));
                let rate = rate(&server, asks, clients, bench.run_time()).await?;
                rates.extend((run > 0).then_some(rate));
            }
            bench.tell(&Measure::of(format!("{name}.{clients}"), unit, rates))?;
        }
    }
    server.stop().await
}

/// Answers a second.
async fn rate(server: &Server, asks: Asks, clients: usize, time: Duration) -> Result<f64, Failure> {
    let mut all = Vec::new();
    for _ in 0..clients {
        all.push(Client::new(server, asks).await?);
    }
    let begun = Instant::now();
    let work = all.into_iter().map(|mut client| {
        tokio::spawn(async move {
            let mut answers = 0_u64;
            while begun.elapsed() < time {
                client.ask().await?;
                answers += 1;
            }
            Ok::<_, Failure>(answers)
        })
    });
    let answers = try_join_all(work).await.map_err(failed(DOING))?.into_iter().sum::<Result<u64, Failure>>()?;
    Ok(number(answers) / begun.elapsed().as_secs_f64())
}

/// Somebody on a connection of their own, and what they ask.
struct Client {
    connection: Connection,
    asks: Asks,
    path: String,
    body: Option<Value>,
}

impl Client {
    async fn new(server: &Server, asks: Asks) -> Result<Self, Failure> {
        let mut nobody = Connection::open(server.address, None).await?;
        Ok(match asks {
            Asks::Read => {
                let mut connection = Connection::open(server.address, Some(&server.token().await?)).await?;
                let task = json!({ "title": "Replace the pump" });
                let made = connection.call(Method::POST, "/api/v1/tasks", Some(&task)).await?;
                let path = made.location.ok_or_else(|| Failure::Refused("the task has no address".to_owned()))?;
                Self { connection, asks, path, body: None }
            }
            Asks::LogIn => {
                let (path, body) = ("/api/v1/users/login".to_owned(), Some(Server::credentials()));
                Self { connection: nobody, asks, path, body }
            }
            Asks::Refresh => {
                let tokens = nobody.call(Method::POST, "/api/v1/users/login", Some(&Server::credentials())).await?;
                let path = "/api/v1/users/refresh".to_owned();
                Self { connection: nobody, asks, path, body: Some(next(&tokens.body)?) }
            }
        })
    }

    async fn ask(&mut self) -> Result<(), Failure> {
        let method = if matches!(self.asks, Asks::Read) { Method::GET } else { Method::POST };
        let answer = self.connection.call(method, &self.path, self.body.as_ref()).await?;
        if matches!(self.asks, Asks::Refresh) {
            self.body = Some(next(&answer.body)?);
        }
        Ok(())
    }
}

/// The refresh that these tokens are good for.
fn next(tokens: &[u8]) -> Result<Value, Failure> {
    let tokens: Value = serde_json::from_slice(tokens).map_err(failed(DOING))?;
    Ok(json!({ "refresh_token": tokens["refresh_token"] }))
}
