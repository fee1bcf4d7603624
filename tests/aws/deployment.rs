//! The deployment under test: its API, its tables, the operator's command line, and what AWS says of it.

use std::collections::BTreeMap;
use std::env;
use std::process::Output;
use std::time::{Duration, Instant};

use aws_config::BehaviorVersion;
use muster_domain::user::Role;
use muster_domain::{TaskId, UserId};
use muster_tests::client::Client;
use muster_tests::server::command;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use uuid::Uuid;

/// The stage, as `xtask/src/aws` deploys it.
pub(crate) const STAGE: &str = "e2e";
/// What stands before the name of everything of the stage.
pub(crate) const PREFIX: &str = "muster-e2e-";
/// Whose the stage is.
pub(crate) const ACCOUNT: &str = "000000000000";
/// How long something that is sure to come may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long between two looks.
const PAUSE: Duration = Duration::from_millis(200);
/// Everybody's password.
const PASSWORD: &str = "a passphrase for tests";

/// The deployment.
pub(crate) struct Deployment {
    pub(crate) endpoint: String,
    outputs: BTreeMap<String, String>,
}

/// Somebody with an account, signed in.
pub(crate) struct Person {
    pub(crate) id: UserId,
    pub(crate) email: String,
    pub(crate) client: Client,
}

impl Deployment {
    /// That which the environment names.
    pub(crate) fn here() -> Self {
        let variable =
            |name: &str| env::var(name).unwrap_or_else(|_| panic!("{name} is not set: use `cargo xtask e2e`"));
        let outputs = std::fs::read_to_string(variable("MUSTER_E2E_OUTPUTS")).unwrap();
        let stacks: BTreeMap<String, BTreeMap<String, String>> = serde_json::from_str(&outputs).unwrap();
        Self { endpoint: variable("AWS_ENDPOINT_URL"), outputs: stacks.into_values().flatten().collect() }
    }

    /// What a stack says of itself.
    pub(crate) fn output(&self, name: &str) -> &str {
        self.outputs.get(name).unwrap_or_else(|| panic!("no stack says {name}: {:?}", self.outputs))
    }

    /// The API, with nobody signed in.
    pub(crate) fn api(&self) -> Client {
        Client::new(&format!("{}/_aws/execute-api/{}/$default", self.endpoint, self.output("ApiId")))
    }

    /// Opens an account as an operator does, and signs in.
    pub(crate) async fn person(&self, role: Role) -> Person {
        let email = new_email();
        let arguments =
            ["user", "create", "--email", &email, "--name", "Somebody", "--role", &role.to_string(), "--json"];
        let opened = muster_with(&arguments, &[("MUSTER_PASSWORD", PASSWORD)]);
        assert!(opened.status.success(), "{}", String::from_utf8_lossy(&opened.stderr));
        let opened: Value = serde_json::from_slice(&opened.stdout).unwrap();
        let client = self.sign_in(&email).await;
        Person { id: serde_json::from_value(opened["id"].clone()).unwrap(), email, client }
    }

    /// Signs up, as anybody can, and signs in. Whoever did so before there was an administrator would be it.
    pub(crate) async fn member(&self) -> Person {
        static FOUNDED: OnceCell<()> = OnceCell::const_new();
        FOUNDED.get_or_init(async || drop(self.person(Role::Admin).await)).await;
        let email = new_email();
        let body = json!({ "name": "Ada", "email": email, "password": PASSWORD });
        let account = self.api().post("/users/signup").json(&body).send().await.is(201).value();
        let client = self.sign_in(&email).await;
        Person { id: serde_json::from_value(account["id"].clone()).unwrap(), email, client }
    }

    async fn sign_in(&self, email: &str) -> Client {
        self.signed_in(&self.tokens(email).await)
    }

    /// What somebody gets who signs in.
    pub(crate) async fn tokens(&self, email: &str) -> Value {
        let body = json!({ "email": email, "password": PASSWORD });
        self.api().post("/users/login").json(&body).send().await.is(200).value()
    }

    /// The API, for whoever has these tokens.
    pub(crate) fn signed_in(&self, tokens: &Value) -> Client {
        self.api().with_token(tokens["access_token"].as_str().unwrap())
    }

    /// A client of the tables, with every right.
    pub(crate) async fn tables(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&aws_config::load_defaults(BehaviorVersion::latest()).await)
    }

    /// The letters that SES has sent to this address, as JSON.
    pub(crate) async fn letters_to(&self, address: &str) -> Vec<String> {
        let answer = reqwest::get(format!("{}/_ministack/ses/messages", self.endpoint)).await.unwrap();
        let messages: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        // There is no list before the first letter.
        let messages = messages["messages"][ACCOUNT].as_array().cloned().unwrap_or_default();
        let to = |message: &Value| message.to_string().contains(address);
        messages.iter().filter(|message| to(message)).map(ToString::to_string).collect()
    }

    /// The letter with this subject to this address, when it is there.
    pub(crate) async fn letter_to(&self, address: &str, subject: &str) -> String {
        until(subject, async || self.letters_to(address).await.into_iter().find(|letter| letter.contains(subject)))
            .await
    }

    /// What X-Ray was told.
    pub(crate) async fn segments(&self) -> Vec<Value> {
        let answer = reqwest::get(format!("{}/_emulator/xray/segments", self.endpoint)).await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    /// What a function has logged that has this text in it.
    pub(crate) async fn logged(&self, function: &str, text: &str) -> Vec<String> {
        let group = format!("/aws/lambda/{PREFIX}{function}");
        let found = self.json("logs", "Logs_20140328.FilterLogEvents", &json!({ "logGroupName": group })).await;
        let lines = found["events"].as_array().cloned().unwrap_or_default();
        let lines = lines.iter().filter_map(|line| line["message"].as_str());
        lines.filter(|line| line.contains(text)).map(str::to_owned).collect()
    }

    /// How many messages wait in a queue.
    pub(crate) async fn waiting(&self, queue: &str) -> u64 {
        let asked = json!({ "QueueUrl": self.queue(queue), "AttributeNames": ["ApproximateNumberOfMessages"] });
        let answer = self.json("sqs", "AmazonSQS.GetQueueAttributes", &asked).await;
        answer["Attributes"]["ApproximateNumberOfMessages"].as_str().unwrap().parse().unwrap()
    }

    /// Empties a queue, as an operator does who has seen to what was in it.
    pub(crate) async fn empty(&self, queue: &str) {
        self.json("sqs", "AmazonSQS.PurgeQueue", &json!({ "QueueUrl": self.queue(queue) })).await;
        until("the empty queue", async || (self.waiting(queue).await == 0).then_some(())).await;
    }
}

/// The operator's command line, on this stage.
pub(crate) fn muster(arguments: &[&str]) -> Output {
    muster_with(arguments, &[])
}

fn muster_with(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = command(arguments);
    command.args(["--stage", STAGE]).envs(environment.iter().copied());
    command.output().unwrap()
}

/// What a command that ends well prints, as JSON.
#[track_caller]
pub(crate) fn told(arguments: &[&str]) -> Value {
    let Output { status, stdout, stderr } = muster(arguments);
    assert!(status.success(), "muster {arguments:?}: {status}: {}", String::from_utf8_lossy(&stderr));
    serde_json::from_slice(&stdout).unwrap()
}

/// Looks until there is what is sure to come.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(what: &str, look: impl Fn() -> F) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: it does not come");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Waits until a task is in somebody's list, as this title.
pub(crate) async fn listed(client: &Client, task: TaskId) -> Value {
    until("the task in the list", async || {
        let list = client.get("/tasks?limit=100").send().await.is(200).value();
        let items = list["items"].as_array().unwrap().clone();
        items.into_iter().find(|item| item["id"] == json!(task))
    })
    .await
}

/// Waits until every read model has taken in all that was done.
pub(crate) async fn settled() -> Value {
    until("no lag", async || {
        let status = told(&["status", "--json"]);
        let behind = |model: &Value| model["lag"] != 0;
        (!status["projections"].as_array().unwrap().iter().any(behind)).then_some(status)
    })
    .await
}

/// The read models, as the runbook builds them anew.
pub(crate) const READ_MODELS: [&str; 5] = ["directory", "task-list", "audit-log", "task-past", "feed"];

/// Builds every read model anew of the restored events, and takes in what was parked.
pub(crate) fn build_anew() {
    for projection in READ_MODELS {
        told(&["rebuild", projection, "--json"]);
    }
    told(&["reconcile", "--json"]);
    told(&["redrive", "--json"]);
}

/// Reports a task.
pub(crate) async fn report(client: &Client, body: &Value) -> TaskId {
    let made = client.post("/tasks").json(body).send().await.is(201).value();
    serde_json::from_value(made["id"].clone()).unwrap()
}

pub(crate) fn new_email() -> String {
    format!("person-{}@example.com", Uuid::new_v4().simple())
}
