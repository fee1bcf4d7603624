//! What a process killed without a warning leaves behind, under write load, several times in a row.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic, in its helpers too")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use muster_domain::event::decode_as;
use muster_domain::task::{Task, TaskEvent};
use muster_domain::{AggregateType, Commit, Decider as _, TaskId};
use muster_projections::TaskDocument;
use muster_tests::client::Client;
use muster_tests::server::{Server, output};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

/// How often the server is killed.
const CYCLES: usize = 5;
/// How many clients write at the same time.
const CLIENTS: usize = 6;
/// How many answers there must be before the server is killed.
const ANSWERS: usize = 120;
/// How long the read models may take to catch up on a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(2);

/// A request that is sent until it is answered, under one idempotency key.
#[derive(Clone, Debug)]
struct Pending {
    method: Method,
    path: String,
    key: String,
    body: Value,
}

/// One client: what it was told, and what it does not know the outcome of.
#[derive(Debug)]
struct Writer {
    number: usize,
    sent: usize,
    http: reqwest::Client,
    tasks: Vec<TaskId>,
    acknowledged: Vec<Value>,
    pending: Option<Pending>,
}

impl Writer {
    fn new(number: usize) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { number, sent: 0, http, tasks: Vec::new(), acknowledged: Vec::new(), pending: None }
    }

    /// Every fourth request makes a task, the others change one of its own.
    fn next(&mut self) -> Pending {
        self.sent += 1;
        let (number, sent) = (self.number, self.sent);
        let key = format!("writer-{number}-{sent}");
        let text = format!("written by {number} as its request {sent}");
        let Some(task) = self.tasks.get(sent * 7 % self.tasks.len().max(1)).filter(|_| sent % 4 != 0) else {
            return Pending { method: Method::POST, path: "/tasks".to_owned(), key, body: json!({ "title": text }) };
        };
        let (method, path, body) = match sent % 3 {
            0 => (Method::POST, format!("/tasks/{task}/comments"), json!({ "text": text })),
            1 => (Method::PUT, format!("/tasks/{task}"), json!({ "title": text, "description": text })),
            _ => (Method::PUT, format!("/tasks/{task}"), json!({ "labels": [format!("request-{sent}")] })),
        };
        Pending { method, path, key, body }
    }

    /// Sends the request that is pending, or the next one. Whether it was answered.
    async fn send(&mut self, server: &str, token: &str) -> bool {
        let request = match self.pending.clone() {
            Some(pending) => pending,
            None => self.next(),
        };
        self.pending = Some(request.clone());
        let Pending { method, path, key, body } = request;
        let url = format!("{server}/api/v1{path}");
        let call = self.http.request(method, url).bearer_auth(token).header("idempotency-key", key).json(&body);
        let Ok(answer) = call.send().await else { return false };
        let status = answer.status();
        let Ok(text) = answer.text().await else { return false };
        assert!(status.is_success(), "{path}: {status}: {text}");
        let task: Value = serde_json::from_str(&text).unwrap();
        if path == "/tasks" {
            self.tasks.push(task["id"].as_str().unwrap().parse().unwrap());
        }
        self.acknowledged.push(task);
        self.pending = None;
        true
    }
}

/// Everything that was exported, by task.
fn exported(server: &Server) -> BTreeMap<TaskId, Vec<Commit>> {
    let mut tasks: BTreeMap<TaskId, Vec<Commit>> = BTreeMap::new();
    for line in output(&server.data(), &["export"]).lines() {
        let commit: Commit = serde_json::from_str(line).unwrap();
        if commit.stream.aggregate == AggregateType::Task {
            tasks.entry(TaskId(commit.stream.id)).or_default().push(commit);
        }
    }
    tasks
}

/// The task after each of its commits, by version: a fold of the log that uses no read model.
fn fold(id: TaskId, commits: &[Commit]) -> BTreeMap<u64, Value> {
    let mut task = Task::default();
    let mut documents = BTreeMap::new();
    let mut version = 0;
    for commit in commits {
        assert_eq!(commit.version, version + 1, "{id}: versions are without gaps");
        version = commit.last_version();
        for event in &commit.events {
            let event: TaskEvent =
                decode_as(AggregateType::Task, &event.event_type, event.schema, event.data.clone()).unwrap();
            task.evolve(&event);
        }
        let state = task.state.as_ref().unwrap();
        let document = TaskDocument::new(id, state, version, commit.recorded_at, commit.actor.clone());
        documents.insert(version, serde_json::to_value(document).unwrap());
    }
    documents
}

/// Every acknowledged version is in the log, with the content that was acknowledged, and nothing else is but what
/// is still without an answer.
fn check_log(server: &Server, writers: &[Writer]) {
    output(&server.data(), &["verify"]);
    let tasks = exported(server);
    let folds: BTreeMap<_, _> = tasks.iter().map(|(id, commits)| (*id, fold(*id, commits))).collect();
    for acknowledged in writers.iter().flat_map(|writer| &writer.acknowledged) {
        let id: TaskId = acknowledged["id"].as_str().unwrap().parse().unwrap();
        let at = &folds.get(&id).expect("an acknowledged task")[&acknowledged["version"].as_u64().unwrap()];
        assert_eq!(at, acknowledged, "the log has what was acknowledged");
    }
    let commits: usize = tasks.values().map(Vec::len).sum();
    let acknowledged: usize = writers.iter().map(|writer| writer.acknowledged.len()).sum();
    let pending = writers.iter().filter(|writer| writer.pending.is_some()).count();
    assert!((acknowledged..=acknowledged + pending).contains(&commits), "each command took effect at most once");
}

async fn log_in(server: &Server) -> Client {
    let client = Client::new(&server.base_url);
    let body = json!({ "email": server.admin_email, "password": server.admin_password });
    let tokens = client.post("/users/login").json(&body).send().await.is(200).value();
    client.with_token(tokens["access_token"].as_str().unwrap())
}

/// Writes from all clients at once, and kills the server when enough was answered.
async fn write_and_kill(server: &mut Server, writers: Vec<Writer>) -> Vec<Writer> {
    let token = log_in(server).await.token().to_owned();
    let answered = Arc::new(AtomicUsize::new(0));
    let running: Vec<_> = writers
        .into_iter()
        .map(|mut writer| {
            let (url, token, answered) = (server.base_url.clone(), token.clone(), Arc::clone(&answered));
            tokio::spawn(async move {
                while writer.send(&url, &token).await {
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                writer
            })
        })
        .collect();
    let begun = Instant::now();
    while answered.load(Ordering::Relaxed) < ANSWERS {
        assert!(begun.elapsed() < PATIENCE, "too few answers: {}", server.logged());
        sleep(Duration::from_millis(5)).await;
    }
    server.kill();
    join_all(running).await.into_iter().map(Result::unwrap).collect()
}

/// Returns when no read model is behind.
async fn caught_up(server: &Server) {
    let begun = Instant::now();
    loop {
        let status: Value = serde_json::from_str(&output(&server.data(), &["status", "--json"])).unwrap();
        let projections = status["projections"].as_array().unwrap();
        if projections.iter().all(|projection| projection["lag"] == 0) {
            assert!(projections.iter().all(|projection| projection["parked"] == json!([])), "{status}");
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "the read models do not catch up: {status}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Every item of a list, page by page.
async fn all(client: &Client, path: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = client.get(&format!("{path}?limit=200{cursor}")).send().await.is(200).value();
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

/// The read models are what the log says.
async fn check_read_models(server: &Server) {
    let client = log_in(server).await;
    let mut expected = BTreeMap::new();
    for (id, commits) in exported(server) {
        let last = fold(id, &commits).pop_last().expect("a version").1;
        let logs = all(&client, &format!("/tasks/{id}/logs")).await;
        let logged: Vec<_> = logs.iter().rev().map(|entry| entry["version"].as_u64().unwrap()).collect();
        assert_eq!(logged, (1..=last["version"].as_u64().unwrap()).collect::<Vec<_>>(), "the log of {id}");
        expected.insert(id.to_string(), last);
    }
    let listed = all(&client, "/tasks").await;
    let listed: BTreeMap<_, _> =
        listed.into_iter().map(|task| (task["id"].as_str().unwrap().to_owned(), task)).collect();
    assert_eq!(listed, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_under_load_loses_nothing_that_it_acknowledged_and_its_read_models_catch_up() {
    let mut server = Server::start().await;
    let mut writers: Vec<_> = (0..CLIENTS).map(Writer::new).collect();
    for _ in 0..CYCLES {
        writers = write_and_kill(&mut server, writers).await;
        server.start_again().await;
        check_log(&server, &writers);
        // What had no answer is sent again, and takes effect once.
        let token = log_in(&server).await.token().to_owned();
        for writer in &mut writers {
            assert!(writer.send(&server.base_url, &token).await, "{}", server.logged());
        }
    }
    check_log(&server, &writers);
    caught_up(&server).await;
    check_read_models(&server).await;
}
