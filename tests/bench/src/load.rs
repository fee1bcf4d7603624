//! The load: people who report, change and discuss tasks, each on a connection of their own.
//!
//! Of four commands one reports a task, two give one another title, and one comments on one. A client changes tasks of its
//! own, picked at random from all that it has, so that no task is hot and no two clients meet; tasks have four commits on
//! average, however long the load lasts.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use http::Method;
use muster_cli::report::{Failure, failed};
use serde_json::json;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::sleep_until;
use uuid::Uuid;

use crate::fill::DESCRIPTION;
use crate::http::Connection;
use crate::server::Server;
use crate::stats::number;

/// How many tasks there are before the first command that counts.
const FIRST_TASKS: usize = 1_024;
/// How many connections make them.
const FIRST_CLIENTS: usize = 16;
const DOING: &str = "putting load on the API";

/// A command that was acknowledged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acknowledged {
    pub(crate) task: Uuid,
    /// The task's version after it.
    pub(crate) version: u64,
    /// When its answer was there.
    pub(crate) at: Instant,
}

/// A server and the tasks that are on it.
pub(crate) struct Load<'a> {
    server: &'a Server,
    tasks: Vec<Uuid>,
}

/// What a load did.
pub(crate) struct Done {
    /// How many commands were acknowledged.
    pub(crate) commands: u64,
    /// In which time, in seconds.
    pub(crate) seconds: f64,
    /// The version of each task that was changed.
    pub(crate) versions: HashMap<Uuid, u64>,
    /// What was changed last.
    pub(crate) last: Vec<(Uuid, u64)>,
}

impl Done {
    /// Commands a second.
    pub(crate) fn rate(&self) -> f64 {
        number(self.commands) / self.seconds
    }
}

impl<'a> Load<'a> {
    /// Reports the first tasks.
    pub(crate) async fn new(server: &'a Server) -> Result<Self, Failure> {
        let token = server.token().await?;
        let work = (0..FIRST_CLIENTS).map(|_| async {
            let mut client = Client::new(server, &token, Vec::new()).await?;
            for _ in 0..FIRST_TASKS / FIRST_CLIENTS {
                client.create().await?;
            }
            Ok::<_, Failure>(client.tasks)
        });
        let tasks = try_join_all(work).await?.concat();
        Ok(Self { server, tasks })
    }

    /// As many commands as so many clients can send in this time, each waiting for the answer to its last one.
    pub(crate) async fn closed(&mut self, clients: usize, time: Duration) -> Result<Done, Failure> {
        let clients = self.clients(clients).await?;
        let begun = Instant::now();
        let work = clients.into_iter().map(|mut client| {
            tokio::spawn(async move {
                while begun.elapsed() < time {
                    client.step().await?;
                }
                Ok::<_, Failure>(client)
            })
        });
        self.finish(begun, try_join_all(work).await.map_err(failed(DOING))?)
    }

    /// Commands at this rate, in commands a second, whatever the answers take. Each is told when it is acknowledged.
    pub(crate) async fn paced(
        &mut self,
        clients: u32,
        rate: f64,
        time: Duration,
        told: &UnboundedSender<Acknowledged>,
    ) -> Result<Done, Failure> {
        let begun = Instant::now();
        let step = Duration::from_secs_f64(f64::from(clients) / rate);
        let work = self.clients(clients as usize).await?.into_iter().zip(0_u32..).map(|(mut client, place)| {
            let told = told.clone();
            tokio::spawn(async move {
                let mut due = begun + step * place / clients;
                while due < begun + time {
                    sleep_until(due.into()).await;
                    // Nobody listens: then nobody wants to know.
                    let _ = told.send(client.step().await?);
                    due += step;
                }
                Ok::<_, Failure>(client)
            })
        });
        let work: Vec<_> = work.collect();
        self.finish(begun, try_join_all(work).await.map_err(failed(DOING))?)
    }

    async fn clients(&mut self, count: usize) -> Result<Vec<Client>, Failure> {
        let token = self.server.token().await?;
        let share = self.tasks.len().div_ceil(count).max(1);
        let shares: Vec<Vec<Uuid>> = self.tasks.chunks(share).map(<[Uuid]>::to_vec).collect();
        try_join_all(shares.into_iter().map(|tasks| Client::new(self.server, &token, tasks))).await
    }

    fn finish(&mut self, begun: Instant, clients: Vec<Result<Client, Failure>>) -> Result<Done, Failure> {
        let mut done =
            Done { commands: 0, seconds: begun.elapsed().as_secs_f64(), versions: HashMap::new(), last: Vec::new() };
        self.tasks.clear();
        for client in clients {
            let client = client?;
            done.commands += client.commands;
            done.last.extend(client.last);
            done.versions.extend(client.versions);
            self.tasks.extend(client.tasks);
        }
        Ok(done)
    }
}

struct Client {
    connection: Connection,
    tasks: Vec<Uuid>,
    versions: HashMap<Uuid, u64>,
    last: Option<(Uuid, u64)>,
    commands: u64,
}

impl Client {
    async fn new(server: &Server, token: &str, tasks: Vec<Uuid>) -> Result<Self, Failure> {
        let connection = Connection::open(server.address, Some(token)).await?;
        Ok(Self { connection, tasks, versions: HashMap::new(), last: None, commands: 0 })
    }

    async fn step(&mut self) -> Result<Acknowledged, Failure> {
        match (self.commands % 4, fastrand::choice(&self.tasks).copied()) {
            (0, _) | (_, None) => self.create().await,
            (2, Some(task)) => {
                let body = json!({ "text": "The part is there. I begin tomorrow morning, before the shift." });
                self.send(Method::POST, &format!("/api/v1/tasks/{task}/comments"), &body, Some(task)).await
            }
            (_, Some(task)) => {
                let body = json!({ "title": format!("Replace the pump of line {}", fastrand::u64(..)) });
                self.send(Method::PUT, &format!("/api/v1/tasks/{task}"), &body, Some(task)).await
            }
        }
    }

    async fn create(&mut self) -> Result<Acknowledged, Failure> {
        let day = fastrand::u8(1..=28);
        let body = json!({
            "title": format!("Replace the pump of line {}", fastrand::u32(..)),
            "description": DESCRIPTION,
            "priority": "high",
            "labels": ["pump", "north"],
            "deadline": format!("2031-05-{day:02}T08:00:00Z"),
        });
        let created = self.send(Method::POST, "/api/v1/tasks", &body, None).await?;
        self.tasks.push(created.task);
        Ok(created)
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: &serde_json::Value,
        task: Option<Uuid>,
    ) -> Result<Acknowledged, Failure> {
        let answer = self.connection.call(method, path, Some(body)).await?;
        let at = Instant::now();
        let location = answer.location.as_deref().and_then(|location| location.rsplit('/').next());
        let made = location.and_then(|id| id.parse().ok());
        let unnamed = || Failure::Refused(format!("the answer to {path} names no task or no version"));
        let task = task.or(made).ok_or_else(unnamed)?;
        let version = answer.version.ok_or_else(unnamed)?;
        self.versions.insert(task, version);
        self.last = Some((task, version));
        self.commands += 1;
        Ok(Acknowledged { task, version, at })
    }
}
