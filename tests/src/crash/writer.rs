//! A client that writes to its own tasks, and remembers what it was told.

use std::time::Instant;

use chrono::{DateTime, Utc};
use muster_domain::TaskId;
use reqwest::Method;
use serde_json::{Value, json};

use super::id_of;

/// A request that is sent until it is answered, under one idempotency key.
#[derive(Clone, Debug)]
struct Pending {
    method: Method,
    path: String,
    key: String,
    body: Value,
    sent_at: Instant,
}

/// One client: what it was told, and what it does not know the outcome of.
#[derive(Debug)]
pub(super) struct Writer {
    number: usize,
    sent: usize,
    http: reqwest::Client,
    tasks: Vec<TaskId>,
    /// Every answer, in order.
    pub(super) acknowledged: Vec<Value>,
    /// How many of the answers were checked.
    pub(super) checked: usize,
    pending: Option<Pending>,
}

impl Writer {
    pub(super) fn new(number: usize) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { number, sent: 0, http, tasks: Vec::new(), acknowledged: Vec::new(), checked: 0, pending: None }
    }

    /// Whether it waits for an answer to a request that was sent before this.
    pub(super) fn was_sending_at(&self, instant: Instant) -> bool {
        self.pending.as_ref().is_some_and(|pending| pending.sent_at < instant)
    }

    /// When that was recorded which the last answer tells of.
    pub(super) fn last_change(&self) -> DateTime<Utc> {
        self.acknowledged.last().unwrap()["updated_at"].as_str().unwrap().parse().unwrap()
    }

    /// Every fourth request makes a task, the others change one of its own.
    fn next(&mut self) -> Pending {
        self.sent += 1;
        let (number, sent) = (self.number, self.sent);
        let key = format!("writer-{number}-{sent}");
        let sent_at = Instant::now();
        let text = format!("written by {number} as its request {sent}");
        let Some(task) = self.tasks.get(sent * 7 % self.tasks.len().max(1)).filter(|_| sent % 4 != 0) else {
            let body = json!({ "title": text });
            return Pending { method: Method::POST, path: "/tasks".to_owned(), key, body, sent_at };
        };
        let (method, path, body) = match sent % 3 {
            0 => (Method::POST, format!("/tasks/{task}/comments"), json!({ "text": text })),
            1 => (Method::PUT, format!("/tasks/{task}"), json!({ "title": text, "description": text })),
            _ => (Method::PUT, format!("/tasks/{task}"), json!({ "labels": [format!("request-{sent}")] })),
        };
        Pending { method, path, key, body, sent_at }
    }

    /// Sends the request that is pending, or the next one. Whether it was answered.
    pub(super) async fn send(&mut self, server: &str, token: &str) -> bool {
        let request = match self.pending.take() {
            Some(pending) => pending,
            None => self.next(),
        };
        let Pending { method, path, key, body, .. } = self.pending.insert(request).clone();
        let url = format!("{server}/api/v1{path}");
        let call = self.http.request(method, url).bearer_auth(token).header("idempotency-key", key).json(&body);
        let Ok(answer) = call.send().await else { return false };
        let status = answer.status();
        let Ok(text) = answer.text().await else { return false };
        assert!(status.is_success(), "{path}: {status}: {text}");
        let task: Value = serde_json::from_str(&text).unwrap();
        if path == "/tasks" {
            self.tasks.push(id_of(&task));
        }
        self.acknowledged.push(task);
        self.pending = None;
        true
    }

    /// How many requests it does not know the outcome of: one or none.
    pub(super) fn unknown(&self) -> usize {
        usize::from(self.pending.is_some())
    }
}
