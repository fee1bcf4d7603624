//! Faults: what is taken away from the deployment for as long as something is tried without it, and given back after that.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

use futures::FutureExt as _;
use serde_json::{Value, json};

use crate::deployment::{ACCOUNT, Deployment, PREFIX, until};

/// How long a message that failed waits before it comes again, in seconds: the projectors' time limit, below which two may have it.
const SOON: &str = "5";
/// Tries that no test uses up.
const TRIES: u32 = 1000;

/// Does the work, and gives back what was taken for it, also when an assertion in it fails.
pub(crate) async fn giving_back<T>(work: impl Future<Output = T>, give_back: impl AsyncFnOnce()) -> T {
    // In a box, as faults are put into each other, and a test's stack is small.
    let done = AssertUnwindSafe(Box::pin(work)).catch_unwind().await;
    give_back().await;
    done.unwrap_or_else(|panic| resume_unwind(panic))
}

impl Deployment {
    /// The configuration of a function.
    pub(crate) async fn function(&self, name: &str) -> Value {
        self.lambda("GET", &format!("2015-03-31/functions/{PREFIX}{name}/configuration"), &Value::Null).await
    }

    /// What hands a function its messages or records.
    pub(crate) async fn mapping(&self, function: &str) -> Value {
        let path = format!("2015-03-31/event-source-mappings/?FunctionName={PREFIX}{function}");
        self.lambda("GET", &path, &Value::Null).await["EventSourceMappings"][0].clone()
    }

    /// Calls Lambda.
    pub(crate) async fn lambda(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let headers = [("content-type", "application/json")];
        let text = self.call("lambda", method, &format!("/{path}"), &headers, &body).await;
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// Changes a function's code (`code`) or settings (`configuration`), and waits until it has them.
    pub(crate) async fn update_function(&self, name: &str, what: &str, change: &Value) {
        self.lambda("PUT", &format!("2015-03-31/functions/{PREFIX}{name}/{what}"), change).await;
        let done = async || (self.function(name).await["LastUpdateStatus"] == "Successful").then_some(());
        until("the function's update", done).await;
    }

    /// Gives a function new instances, which remember nothing.
    pub(crate) async fn renew(&self, function: &str, description: &str) {
        // The emulator takes no notice of a description alone.
        let timeout = &self.function(function).await["Timeout"];
        let change = json!({ "Description": description, "Timeout": timeout });
        self.update_function(function, "configuration", &change).await;
    }

    /// Does the work while a function has these environment variables beside its others, or in place of them.
    pub(crate) async fn with_variables<T>(
        &self,
        function: &str,
        variables: &Value,
        work: impl Future<Output = T>,
    ) -> T {
        let before = self.function(function).await["Environment"]["Variables"].clone();
        let mut changed = before.clone();
        changed.as_object_mut().unwrap().extend(variables.as_object().unwrap().clone());
        let set = async |variables: &Value| {
            let change = json!({ "Environment": { "Variables": variables } });
            self.update_function(function, "configuration", &change).await;
        };
        set(&changed).await;
        giving_back(work, async || set(&before).await).await
    }

    /// Does the work while Lambda starts a function never.
    pub(crate) async fn throttled<T>(&self, function: &str, work: impl Future<Output = T>) -> T {
        let concurrency = format!("2017-10-31/functions/{PREFIX}{function}/concurrency");
        self.lambda("PUT", &concurrency, &json!({ "ReservedConcurrentExecutions": 0 })).await;
        giving_back(work, async || drop(self.lambda("DELETE", &concurrency, &Value::Null).await)).await
    }

    /// Does the work while a service's answers come later, by this.
    pub(crate) async fn slow<T>(&self, service: &str, by: Duration, work: impl Future<Output = T>) -> T {
        let set = async |by: Duration| {
            let query = format!("service={service}&milliseconds={}", by.as_millis());
            let url = format!("{}/_emulator/latency?{query}", self.endpoint);
            reqwest::Client::new().post(url).send().await.unwrap().error_for_status().unwrap();
        };
        set(by).await;
        giving_back(work, async || set(Duration::ZERO).await).await
    }

    /// Does the work while nobody reads a function's queue.
    pub(crate) async fn unread<T>(&self, function: &str, work: impl Future<Output = T>) -> T {
        let mapping = self.mapping(function).await;
        let id = mapping["UUID"].as_str().unwrap();
        let set = async |enabled: bool| {
            let path = format!("2015-03-31/event-source-mappings/{id}");
            self.lambda("PUT", &path, &json!({ "Enabled": enabled })).await;
            let state = if enabled { "Enabled" } else { "Disabled" };
            let done = async || (self.lambda("GET", &path, &Value::Null).await["State"] == state).then_some(());
            until("the mapping's state", done).await;
        };
        set(false).await;
        giving_back(work, async || set(true).await).await
    }

    /// Does the work while a queue has these attributes.
    pub(crate) async fn with_queue<T>(
        &self,
        queue: &str,
        attributes: &[(&str, &str)],
        work: impl Future<Output = T>,
    ) -> T {
        let url = self.queue(queue);
        let names: Vec<_> = attributes.iter().map(|(name, _)| *name).collect();
        let asked = json!({ "QueueUrl": url, "AttributeNames": names });
        let before = self.json("sqs", "AmazonSQS.GetQueueAttributes", &asked).await["Attributes"].clone();
        let set = async |attributes: Value| {
            let change = json!({ "QueueUrl": url, "Attributes": attributes });
            self.json("sqs", "AmazonSQS.SetQueueAttributes", &change).await;
        };
        set(attributes.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect()).await;
        giving_back(work, async || set(before).await).await
    }

    /// Does the work while a message that fails comes again soon, and as often as it takes: the stage of these tests gives one up
    /// at its second failure, the others at the fifth.
    pub(crate) async fn patient<T>(&self, queue: &str, work: impl Future<Output = T>) -> T {
        let dead_letters = format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{PREFIX}{queue}-dead-letters");
        let redrive = json!({ "deadLetterTargetArn": dead_letters, "maxReceiveCount": TRIES }).to_string();
        self.with_queue(queue, &[("VisibilityTimeout", SOON), ("RedrivePolicy", &redrive)], work).await
    }

    /// The URL of a queue.
    pub(crate) fn queue(&self, name: &str) -> String {
        format!("{}/{ACCOUNT}/{PREFIX}{name}", self.endpoint)
    }
}
